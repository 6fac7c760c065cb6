/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/validate.h"

#include <string.h>

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253, PORT_NAME_MAX = 15 };

static bool validate_is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool validate_is_label_of(const char *label, size_t length)
{
	if (!length || !validate_is_alphanumeric(label[0]) ||
		!validate_is_alphanumeric(label[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!validate_is_alphanumeric(label[i]) && label[i] != '-')
			return false;
	return true;
}

/* Labels of up to `label_max` bytes in the first `length` bytes of the name. */
static bool validate_is_name_of(const char *name, size_t length, size_t label_max)
{
	const char *end = name + length;
	for (;;) {
		const char *dot = memchr(name, '.', (size_t)(end - name));
		size_t label = (size_t)((dot ? dot : end) - name);
		if (label > label_max || !validate_is_label_of(name, label))
			return false;
		if (!dot)
			return true;
		name = dot + 1;
	}
}

bool validate_is_label(const char *name)
{
	size_t length = strlen(name);
	return length <= LABEL_MAX && validate_is_label_of(name, length);
}

bool validate_is_subdomain(const char *name)
{
	size_t length = strlen(name);
	return length <= SUBDOMAIN_MAX &&
	       validate_is_name_of(name, length, SUBDOMAIN_MAX);
}

bool validate_is_external_name(const char *name)
{
	size_t length = strlen(name);
	if (length && name[length - 1] == '.')
		length--;
	return length <= SUBDOMAIN_MAX && validate_is_name_of(name, length, LABEL_MAX);
}

bool validate_is_port_name(const char *name)
{
	size_t length = strlen(name);
	return length <= PORT_NAME_MAX && validate_is_label_of(name, length) &&
	       !strstr(name, "--") && strspn(name, "0123456789-") < length;
}

bool validate_is_mapped(const struct ipaddr *address)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	return address->length == 16 &&
	       memcmp(address->bytes, prefix, sizeof(prefix)) == 0;
}

const char *validate_special_address(const struct ipaddr *address)
{
	const uint8_t *b = address->bytes;
	bool is_v4 = address->length == 4;
	if (ipaddr_is_unspecified(address))
		return "the unspecified address";
	if (ipaddr_is_loopback(address))
		return "a loopback address";
	/* RFC 3927, RFC 4291 2.5.6 */
	if (is_v4 ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		return "a link-local address";
	/* RFC 5771 4, RFC 4291 2.7 */
	if (is_v4 ? b[0] == 224 && !b[1] && !b[2] : b[0] == 0xff && (b[1] & 0x0f) == 2)
		return "a link-local multicast address";
	return NULL;
}
