/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "tests/bench/question.h"

static uint16_t type_find(const char *text)
{
	static const struct {
		const char *text;
		uint16_t value;
	} types[] = {{"A", 1}, {"NS", 2}, {"SOA", 6}, {"PTR", 12}, {"TXT", 16},
		{"AAAA", 28}, {"SRV", 33}};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(types[i].text, text) == 0)
			return types[i].value;
	}
	return 0;
}

/* The length of the name on the wire, 0 when it has none. */
static size_t name_write(const char *name, uint8_t *out)
{
	size_t n = 0;
	while (*name) {
		size_t length = strcspn(name, ".");
		if (length == 0 || length > 63 || n + length + 2 > 255)
			return 0;
		out[n++] = (uint8_t)length;
		memcpy(out + n, name, length);
		n += length;
		name += length;
		name += *name == '.';
	}
	out[n++] = 0;
	return n;
}

size_t question_write(const char *name, const char *type, uint8_t *out)
{
	uint16_t value = type_find(type);
	memset(out, 0, 12);
	out[2] = 1; /* RD, as resolvers of programs set it */
	out[5] = 1;
	size_t length = name_write(name, out + 12);
	if (!length || !value)
		return 0;
	uint8_t *end = out + 12 + length;
	end[0] = (uint8_t)(value >> 8);
	end[1] = (uint8_t)value;
	end[2] = 0;
	end[3] = 1;
	return 12 + length + 4;
}
