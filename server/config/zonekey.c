/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/zonekey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/ipaddr.h"

static enum err zonekey_fail(const char **problem, const char *text)
{
	*problem = text;
	return ERR_SYNTAX;
}

static enum err zonekey_skip_scheme(const char **text, const char **problem)
{
	const char *mark = strstr(*text, "://");
	if (!mark)
		return ERR_NONE;
	if (strncasecmp(*text, "dns://", 6) != 0)
		return zonekey_fail(problem,
			"of the transports only dns:// is served (UDP and TCP), not tls, "
			"https, grpc or quic");
	*text = mark + 3;
	return ERR_NONE;
}

/* The port behind the last colon, cut off *length. The colons of an IPv6 prefix are
 * told from it by the slash behind them. */
static enum err zonekey_read_port(
	const char *text, size_t *length, struct zonekey *out, const char **problem)
{
	const char *colon = strrchr(text, ':');
	if (!colon || strchr(colon, '/'))
		return ERR_NONE;
	const char *digits = colon + 1;
	size_t count = strspn(digits, "0123456789");
	if (!*digits)
		return zonekey_fail(problem, "expected a port behind the colon");
	long port = count <= 5 ? strtol(digits, NULL, 10) : UINT16_MAX + 1L;
	if (digits[count] || port > UINT16_MAX)
		return zonekey_fail(
			problem, "expected a port from 0 to 65535 behind the colon");
	out->has_port = true;
	out->port = (uint16_t)port;
	*length = (size_t)(colon - text);
	return ERR_NONE;
}

enum err zonekey_split(const char *text, struct zonekey *out, const char **problem)
{
	*out = (struct zonekey){0};
	enum err err = zonekey_skip_scheme(&text, problem);
	if (err)
		return err;
	struct ipaddr address;
	if (strchr(text, ':') && !ipaddr_parse(text, &address))
		return zonekey_fail(
			problem, "expected the length of a prefix, as in 2001:db8::/32");
	size_t length = strlen(text);
	err = zonekey_read_port(text, &length, out, problem);
	if (err)
		return err;
	if (!length)
		return zonekey_fail(problem, "expected a zone, \".\" for all names");
	if (length >= sizeof(out->zone))
		return zonekey_fail(problem, "expected a name of at most 255 octets");
	memcpy(out->zone, text, length);
	if (strchr(out->zone, ':') && !strchr(out->zone, '/'))
		return zonekey_fail(problem, "expected a single colon, before the port");
	return ERR_NONE;
}

/* "ADDRESS/BITS" with any host bits; *is_prefix false: it is a name, such as the
 * classless zones of RFC 2317, "0/25.2.0.192.in-addr.arpa". */
static enum err zonekey_read_prefix(
	const char *text, struct ipprefix *out, bool *is_prefix, const char **problem)
{
	char address[IPADDR_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	*is_prefix = false;
	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return ERR_NONE;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (ipaddr_parse(address, &out->address))
		return strchr(text, ':') ? zonekey_fail(problem,
						   "expected an address in front of the "
						   "length of its prefix")
					 : ERR_NONE;
	*is_prefix = true;
	size_t count = strspn(slash + 1, "0123456789");
	long bits = count && count <= 3 ? strtol(slash + 1, NULL, 10) : -1;
	if (slash[1 + count] || bits < 0 || bits > out->address.length * 8L)
		return zonekey_fail(
			problem, out->address.length == 4
					 ? "expected a prefix length from 0 to 32"
					 : "expected a prefix length from 0 to 128");
	out->bits = (uint8_t)bits;
	return ERR_NONE;
}

/* The digit of an address that becomes its label number `i`, from the left of the
 * address: an octet or a nibble. */
static unsigned prefix_digit(const struct ipprefix *prefix, unsigned i)
{
	if (prefix->address.length == 4)
		return prefix->address.bytes[i];
	uint8_t octet = prefix->address.bytes[i / 2];
	return i % 2 ? octet & 0x0f : octet >> 4;
}

static enum err prefix_prepend(struct dname *name, bool is_v4, unsigned digit)
{
	char label[4];
	int length = snprintf(label, sizeof(label), is_v4 ? "%u" : "%x", digit & 0xff);
	return dname_prepend(name, label, (size_t)length);
}

static enum err prefix_zones(const struct ipprefix *prefix,
	void (*each)(void *context, const struct dname *zone), void *context)
{
	bool is_v4 = prefix->address.length == 4;
	unsigned unit = is_v4 ? 8 : 4;
	unsigned labels = (prefix->bits + unit - 1) / unit;
	unsigned open = labels * unit - prefix->bits; /* bits of the last label */
	struct dname parent;
	enum err err = dname_from_text(is_v4 ? "in-addr.arpa" : "ip6.arpa", &parent);
	for (unsigned i = 0; i + 1 < labels && !err; i++)
		err = prefix_prepend(&parent, is_v4, prefix_digit(prefix, i));
	if (err)
		return err;
	if (!labels) {
		each(context, &parent);
		return ERR_NONE;
	}
	unsigned first = prefix_digit(prefix, labels - 1) >> open << open;
	for (unsigned i = 0; i < 1u << open; i++) {
		struct dname zone = parent;
		err = prefix_prepend(&zone, is_v4, first | i);
		if (err)
			return err;
		each(context, &zone);
	}
	return ERR_NONE;
}

enum err zonekey_zones(const char *zone,
	void (*each)(void *context, const struct dname *zone), void *context,
	const char **problem)
{
	struct ipprefix prefix = {0};
	bool is_prefix;
	*problem = "expected a zone";
	enum err err = zonekey_read_prefix(zone, &prefix, &is_prefix, problem);
	if (err)
		return err;
	if (is_prefix)
		return prefix_zones(&prefix, each, context);
	struct dname name;
	err = dname_from_text(zone, &name);
	if (err == ERR_RANGE)
		return zonekey_fail(
			problem, "expected labels of at most 63 octets, 255 in all");
	if (err)
		return zonekey_fail(problem, "expected a domain name");
	dname_lower(name.bytes, name.bytes, name.length);
	each(context, &name);
	return ERR_NONE;
}
