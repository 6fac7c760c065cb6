/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/kubernetes/pod_name.h"

#include <string.h>

/* Most of them. One pass over a copy that ends in a NUL, without a bound to look at: it
 * is done for each question for a pod. */
static bool parse_ipv4(const struct dname *name, struct ipaddr *out)
{
	enum { LENGTH_MAX = 15 };
	size_t length = name->bytes[0];
	uint8_t text[LENGTH_MAX + 1], bytes[4];
	const uint8_t *at = text;
	if (length > LENGTH_MAX)
		return false;
	memcpy(text, name->bytes + 1, sizeof(text));
	text[length] = '\0';
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = *at++ - (unsigned)'0', digit;
		if (value > 9)
			return false;
		/* Nothing may follow a zero. */
		if (value && (digit = *at - (unsigned)'0') <= 9) {
			value = value * 10 + digit;
			if ((digit = *++at - (unsigned)'0') <= 9) {
				value = value * 10 + digit;
				at++;
			}
		}
		if (value > UINT8_MAX || *at++ != (i < 3 ? '-' : '\0'))
			return false;
		bytes[i] = (uint8_t)value;
	}
	if (at != text + length + 1)
		return false;
	*out = (struct ipaddr){.length = sizeof(bytes)};
	memcpy(out->bytes, bytes, sizeof(bytes));
	return true;
}

enum err pod_name_parse(const struct dname *name, struct ipaddr *out)
{
	const uint8_t *label = name->bytes + 1;
	size_t length = name->bytes[0];
	char text[64];
	if (parse_ipv4(name, out))
		return ERR_NONE;
	if (length >= sizeof(text) || memchr(label, '\0', length))
		return ERR_SYNTAX;
	unsigned dashes = 0;
	bool has_pair = false;
	for (size_t i = 0; i < length; i++) {
		dashes += label[i] == '-';
		has_pair |= i && label[i] == '-' && label[i - 1] == '-';
	}
	char separator = dashes == 3 && !has_pair ? '.' : ':';
	for (size_t i = 0; i < length; i++) {
		/* Only the dashes stand for separators. */
		if (label[i] == '.' || label[i] == ':')
			return ERR_SYNTAX;
		text[i] = label[i] == '-' ? separator : (char)label[i];
	}
	text[length] = '\0';
	return ipaddr_parse(text, out);
}
