/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/kubernetes/pod_name.h"

#include <string.h>

enum err pod_name_parse(const uint8_t *label, size_t length, struct ipaddr *out)
{
	char text[64];
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
