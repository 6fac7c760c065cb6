/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/ipaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum err ipaddr_parse(const char *text, struct ipaddr *out)
{
	struct ipaddr address = {0};
	if (inet_pton(AF_INET, text, address.bytes) == 1)
		address.length = 4;
	else if (inet_pton(AF_INET6, text, address.bytes) == 1)
		address.length = 16;
	else
		return ERR_SYNTAX;
	*out = address;
	return ERR_NONE;
}

unsigned ipaddr_put_octet(uint8_t octet, char *out)
{
	unsigned length = 0;
	if (octet >= 100)
		out[length++] = (char)('0' + octet / 100);
	if (octet >= 10)
		out[length++] = (char)('0' + octet / 10 % 10);
	out[length++] = (char)('0' + octet % 10);
	return length;
}

/* Each change of an endpoint writes addresses a dozen times: inet_ntop, which is an
 * sprintf, was a sixth of all that it cost. */
static unsigned format_ipv4(const struct ipaddr *address, char separator, char *out)
{
	unsigned length = 0;
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			out[length++] = separator;
		length += ipaddr_put_octet(address->bytes[i], out + length);
	}
	out[length] = '\0';
	return length;
}

const char *ipaddr_format(const struct ipaddr *address, char *out)
{
	if (address->length == 4)
		format_ipv4(address, '.', out);
	else if (!inet_ntop(AF_INET6, address->bytes, out, IPADDR_TEXT_SIZE))
		out[0] = '\0';
	return out;
}

unsigned ipaddr_format_dashed(const struct ipaddr *address, char *out)
{
	char text[IPADDR_TEXT_SIZE];
	unsigned length = 0;
	if (address->length == 4)
		return format_ipv4(address, '-', out);
	ipaddr_format(address, text);
	for (; text[length]; length++) {
		bool is_separator = text[length] == '.' || text[length] == ':';
		out[length] = is_separator ? '-' : text[length];
	}
	out[length] = '\0';
	return length;
}

int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->length);
}

bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool ipaddr_is_among(
	const struct ipaddr *address, const struct ipaddr *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ipaddr_equal(&items[i], address))
			return true;
	return false;
}

bool ipaddr_is_loopback(const struct ipaddr *address)
{
	static const uint8_t one[16] = {[15] = 1};
	if (address->length == 4)
		return address->bytes[0] == 127;
	return address->length == 16 && memcmp(address->bytes, one, 16) == 0;
}

bool ipaddr_is_unspecified(const struct ipaddr *address)
{
	static const uint8_t zero[16];
	return memcmp(address->bytes, zero, address->length) == 0;
}

struct ipaddr ipaddr_from_sockaddr(const struct sockaddr *address)
{
	struct ipaddr out = {0};
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		out.length = 4;
		memcpy(out.bytes, &in.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof(in6));
		out.length = 16;
		memcpy(out.bytes, &in6.sin6_addr, 16);
	}
	return out;
}

uint16_t ipaddr_port(const struct sockaddr *address)
{
	/* The port stands at the same place in both. */
	struct sockaddr_in in;
	if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
		return 0;
	memcpy(&in, address, sizeof(in));
	return ntohs(in.sin_port);
}

static bool ipprefix_equal_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	unsigned rest = bits % 8;
	if (!rest)
		return true;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));
	return ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

static void ipprefix_clear_host_bits(struct ipprefix *prefix)
{
	uint8_t masked[16] = {0};
	memcpy(masked, prefix->address.bytes, prefix->bits / 8);
	if (prefix->bits % 8) {
		uint8_t mask = (uint8_t)(0xff << (8 - prefix->bits % 8));
		masked[prefix->bits / 8] = prefix->address.bytes[prefix->bits / 8] & mask;
	}
	memcpy(prefix->address.bytes, masked, sizeof(masked));
}

static enum err ipprefix_parse_bits(const char *digits, struct ipprefix *prefix)
{
	if (strspn(digits, "0123456789") != strlen(digits) || !*digits ||
		strlen(digits) > 3)
		return ERR_SYNTAX;
	long bits = strtol(digits, NULL, 10);
	if (bits > prefix->address.length * 8)
		return ERR_RANGE;
	prefix->bits = (uint8_t)bits;
	return ERR_NONE;
}

enum err ipprefix_parse_host(const char *text, struct ipprefix *out)
{
	char address[IPADDR_TEXT_SIZE];
	size_t length = strcspn(text, "/");
	if (length >= sizeof(address))
		return ERR_SYNTAX;
	memcpy(address, text, length);
	address[length] = '\0';
	struct ipprefix prefix = {0};
	if (ipaddr_parse(address, &prefix.address))
		return ERR_SYNTAX;
	prefix.bits = (uint8_t)(prefix.address.length * 8);
	enum err err = ERR_NONE;
	if (text[length])
		err = ipprefix_parse_bits(text + length + 1, &prefix);
	if (err)
		return err;
	ipprefix_clear_host_bits(&prefix);
	*out = prefix;
	return ERR_NONE;
}

enum err ipprefix_parse(const char *text, struct ipprefix *out)
{
	struct ipprefix prefix;
	char address[IPADDR_TEXT_SIZE];
	struct ipaddr written;
	if (!strchr(text, '/'))
		return ERR_SYNTAX;
	enum err err = ipprefix_parse_host(text, &prefix);
	if (err)
		return err;
	size_t length = strcspn(text, "/");
	memcpy(address, text, length);
	address[length] = '\0';
	if (ipaddr_parse(address, &written) || !ipaddr_equal(&written, &prefix.address))
		return ERR_RANGE;
	*out = prefix;
	return ERR_NONE;
}

bool ipprefix_contains(const struct ipprefix *prefix, const struct ipaddr *address)
{
	return prefix->address.length == address->length &&
	       ipprefix_equal_bits(prefix->address.bytes, address->bytes, prefix->bits);
}

void ipaddr_to_sockaddr(
	const struct ipaddr *address, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (address->length == 16) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, address->bytes, 16);
	} else {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, address->bytes, 4);
	}
}
