/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/dname.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Reads one character of a label at *text, an escape resolved. False: a bad escape. */
static bool label_char(const char **text, uint8_t *out)
{
	const unsigned char *p = (const unsigned char *)*text;
	if (*p != '\\') {
		*out = *p;
		*text += 1;
		return true;
	}
	if (isdigit(p[1]) && isdigit(p[2]) && isdigit(p[3])) {
		int value = (p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0');
		*out = (uint8_t)value;
		*text += 4;
		return value <= 255;
	}
	if (!p[1] || isdigit(p[1]))
		return false;
	*out = p[1];
	*text += 2;
	return true;
}

enum err dname_from_text(const char *text, struct dname *out)
{
	uint8_t bytes[DNAME_MAX];
	size_t label = 0,
	       end = 1; /* where the label's length goes; where the next octet goes */
	if (strcmp(text, ".") == 0)
		text = "";
	else if (!*text)
		return ERR_SYNTAX;
	while (*text) {
		if (*text == '.') {
			if (end == label + 1)
				return ERR_SYNTAX;
			bytes[label] = (uint8_t)(end - label - 1);
			label = end++;
			text++;
			continue;
		}
		uint8_t octet;
		if (!label_char(&text, &octet))
			return ERR_SYNTAX;
		if (end - label > DNAME_LABEL_MAX || end >= DNAME_MAX)
			return ERR_RANGE;
		bytes[end++] = octet;
	}
	if (end > label + 1) {
		bytes[label] = (uint8_t)(end - label - 1);
		label = end++;
	}
	if (end > DNAME_MAX)
		return ERR_RANGE;
	bytes[label] = 0;
	out->length = (uint8_t)end;
	memcpy(out->bytes, bytes, end);
	return ERR_NONE;
}

static char *text_octet(char *out, uint8_t octet)
{
	if (octet <= ' ' || octet >= 127)
		return out + sprintf(out, "\\%03u", octet);
	if (strchr(".\\\"();@$", octet))
		*out++ = '\\';
	*out++ = (char)octet;
	return out;
}

const char *dname_to_text(const uint8_t *name, char *out)
{
	char *p = out;
	if (!*name)
		*p++ = '.';
	for (; *name; name += *name + 1) {
		for (unsigned i = 1; i <= *name; i++)
			p = text_octet(p, name[i]);
		*p++ = '.';
	}
	*p = '\0';
	return out;
}

size_t dname_length(const uint8_t *name)
{
	size_t length = 0;
	while (name[length])
		length += name[length] + 1u;
	return length + 1;
}

unsigned dname_labels(const uint8_t *name, uint8_t *offsets)
{
	unsigned count = 0;
	for (size_t at = 0; name[at] && count < DNAME_LABELS_MAX; at += name[at] + 1u) {
		if (offsets)
			offsets[count] = (uint8_t)at;
		count++;
	}
	return count;
}

/* Sixteen octets at once, by the instructions that the machine has for it. */
typedef uint8_t octets16 __attribute__((vector_size(16)));

static inline void lower_vector(uint8_t *out, const uint8_t *name)
{
	octets16 octets;
	memcpy(&octets, name, sizeof(octets));
	octets16 is_upper = (octets16)(octets - 'A' < 26);
	octets |= is_upper & 0x20;
	memcpy(out, &octets, sizeof(octets));
}

/* The last step overlaps those before it: lower case stays lower case. */
void dname_lower(uint8_t *out, const uint8_t *name, size_t length)
{
	enum { STEP = sizeof(octets16) };
	if (length < STEP) {
		for (size_t i = 0; i < length; i++)
			out[i] =
				(uint8_t)(name[i] | ((uint8_t)(name[i] - 'A') < 26) << 5);
		return;
	}
	size_t last = length - STEP;
	for (size_t at = 0; at < last; at += STEP)
		lower_vector(out + at, name + at);
	lower_vector(out + last, name + last);
}

bool dname_equal(const struct dname *a, const struct dname *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

enum err dname_prepend(struct dname *name, const void *label, size_t length)
{
	if (length < 1 || length > DNAME_LABEL_MAX ||
		name->length + length + 1 > DNAME_MAX)
		return ERR_RANGE;
	memmove(name->bytes + length + 1, name->bytes, name->length);
	name->bytes[0] = (uint8_t)length;
	memcpy(name->bytes + 1, label, length);
	name->length = (uint8_t)(name->length + length + 1);
	return ERR_NONE;
}

bool dname_is_within(const struct dname *name, const struct dname *zone)
{
	if (name->length < zone->length)
		return false;
	if (zone->length == 1)
		return true;
	size_t start = name->length - zone->length;
	if (memcmp(name->bytes + start, zone->bytes, zone->length) != 0)
		return false;
	/* The octets agree; now they must begin where a label begins. */
	size_t at = 0;
	while (at < start)
		at += name->bytes[at] + 1u;
	return at == start;
}
