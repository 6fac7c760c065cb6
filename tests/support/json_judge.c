/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/json_judge.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is parsed ------------------------------------------------------------------
 */

void parsed_init(struct parsed *parsed, const char *text, size_t length)
{
	*parsed = (struct parsed){.text = malloc(length + 1)};
	assert_non_null(parsed->text);
	memcpy(parsed->text, text, length);
	parsed->text[length] = '\0';
	arena_init(&parsed->arena, 4096);
	parsed->err = document_parse_json(
		&parsed->arena, parsed->text, length, &parsed->documents, &parsed->error);
}

void parsed_deinit(struct parsed *parsed)
{
	arena_deinit(&parsed->arena);
	free(parsed->text);
}

/* Where lines and columns lead in the text as it was written. Lines only ever grow. */
struct place {
	const char *text;
	size_t length;
	size_t line_start;
	unsigned line;
};

static void place_init(struct place *place, const char *text, size_t length)
{
	size_t mark = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	*place = (struct place){text, length, mark, 1};
}

/* NULL: not in the text. */
static const char *place_find(struct place *place, unsigned line, unsigned column)
{
	while (place->line < line) {
		const char *end = memchr(place->text + place->line_start, '\n',
			place->length - place->line_start);
		if (!end)
			return NULL;
		place->line_start = (size_t)(end - place->text) + 1;
		place->line++;
	}
	if (line != place->line || !column ||
		column - 1 > place->length - place->line_start)
		return NULL;
	return place->text + place->line_start + column - 1;
}

/* --- jansson -------------------------------------------------------------------------
 */

static size_t number_length(const char *text)
{
	static const char digits[] = "0123456789";
	size_t length = text[0] == '-';
	size_t whole = text[length] == '0' ? 1 : strspn(text + length, digits);
	if (!whole)
		return 0;
	length += whole;
	size_t fraction = text[length] == '.' ? strspn(text + length + 1, digits) : 0;
	if (fraction)
		length += 1 + fraction;
	if (text[length] == 'e' || text[length] == 'E') {
		size_t sign = text[length + 1] == '+' || text[length + 1] == '-';
		size_t exponent = strspn(text + length + 1 + sign, digits);
		if (exponent)
			length += 1 + sign + exponent;
	}
	return length;
}

/* Beyond a 64 bit integer, or a fraction or power beyond a double. */
static bool number_overflows(const char *text, size_t length)
{
	errno = 0;
	if (strcspn(text, ".eE") >= length) {
		strtoll(text, NULL, 10);
		return errno == ERANGE;
	}
	return isinf(strtod(text, NULL));
}

/* The number at `text` becomes 0, of the same sign and length, if jansson cannot hold it.
 * How many bytes to go on behind. */
static size_t judge_prepare_number(char *text)
{
	size_t length = number_length(text);
	if (!length)
		return 1;
	if (number_overflows(text, length)) {
		size_t sign = text[0] == '-';
		memset(text + sign, ' ', length - sign);
		text[sign] = '0';
	}
	return length;
}

/* The 16 bits of "\uXXXX", or -1. */
static long judge_unit(const char *text)
{
	char digits[5] = "";
	if (text[0] != '\\' || text[1] != 'u' ||
		strspn(text + 2, "0123456789abcdefABCDEF") < 4)
		return -1;
	memcpy(digits, text + 2, 4);
	return strtol(digits, NULL, 16);
}

/* The same for the escape at `text`: a lone surrogate becomes U+FFFD. */
static size_t judge_prepare_escape(char *text)
{
	long unit = judge_unit(text);
	if (unit < 0)
		return 2;
	if (unit >= 0xd800 && unit <= 0xdbff) {
		long low = judge_unit(text + 6);
		if (low >= 0xdc00 && low <= 0xdfff)
			return 12;
	}
	if (unit >= 0xd800 && unit <= 0xdfff)
		memcpy(text + 2, "FFFD", 4);
	return 6;
}

/* Without the differences that are on purpose. What jansson refuses for another reason
 * it still refuses. How many bytes to skip. */
static size_t judge_prepare(char *text, size_t length)
{
	bool is_string = false;
	size_t mark = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	for (size_t at = mark; at < length;) {
		if (text[at] == '\\') {
			at += judge_prepare_escape(text + at);
		} else if (!is_string && text[at] && strchr("-0123456789", text[at])) {
			at += judge_prepare_number(text + at);
		} else {
			is_string ^= text[at] == '"';
			at++;
		}
	}
	return mark;
}

/* The documents as a list, NULL for what is refused. */
static json_t *judge_parse(const char *text, size_t length)
{
	const size_t flags =
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK;
	char *copy = malloc(length + 1);
	json_t *documents = json_array(), *document = documents;
	assert_non_null(copy);
	assert_non_null(documents);
	memcpy(copy, text, length);
	copy[length] = '\0';
	size_t at = judge_prepare(copy, length);
	for (;;) {
		json_error_t error;
		at += strspn(copy + at, " \t\r\n");
		if (at >= length)
			break;
		document = json_loadb(copy + at, length - at, flags, &error);
		if (!document || json_array_append_new(documents, document))
			break;
		at += (size_t)error.position;
	}
	free(copy);
	if (document)
		return documents;
	json_decref(documents);
	return NULL;
}

static unsigned judged_depth(json_t *value)
{
	unsigned deepest = 0;
	size_t index;
	const char *key;
	json_t *child;
	json_array_foreach(value, index, child)
	{
		unsigned depth = judged_depth(child);
		deepest = depth > deepest ? depth : deepest;
	}
	json_object_foreach(value, key, child)
	{
		unsigned depth = judged_depth(child);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + (json_is_array(value) || json_is_object(value));
}

/* --- the comparison ------------------------------------------------------------------
 */

static bool number_is_equal(const struct node *node, json_t *judged, const char *at)
{
	size_t length = number_length(at);
	if (node->type == NODE_INT)
		return json_is_integer(judged) &&
		       strtoll(at, NULL, 10) == node->integer &&
		       json_integer_value(judged) == node->integer;
	if (node->length != length || memcmp(node->text, at, length) != 0)
		return false;
	if (number_overflows(at, length))
		return json_is_integer(judged) && !json_integer_value(judged);
	return json_is_real(judged) && json_real_value(judged) == strtod(at, NULL);
}

static bool string_is_equal(const struct node *node, json_t *judged)
{
	return json_is_string(judged) && json_string_length(judged) == node->length &&
	       memcmp(json_string_value(judged), node->text, node->length + 1) == 0;
}

static bool node_is_equal(const struct node *node, json_t *judged, struct place *place);

static bool children_are_equal(
	const struct node *node, json_t *judged, struct place *place)
{
	size_t count = 0;
	for (const struct node *child = node->first; child; child = child->next) {
		if (!child->key != (node->type == NODE_LIST))
			return false;
		json_t *other = child->key ? json_object_get(judged, child->key)
					   : json_array_get(judged, count);
		if (!other || !node_is_equal(child, other, place))
			return false;
		count++;
	}
	return count == node->length &&
	       count == (node->type == NODE_LIST ? json_array_size(judged)
						 : json_object_size(judged));
}

/* Also: the value stands where the node says. */
static bool node_is_equal(const struct node *node, json_t *judged, struct place *place)
{
	const char *at = place_find(place, node->line, node->column);
	if (!at)
		return false;
	switch (node->type) {
	case NODE_NULL:
		return *at == 'n' && json_is_null(judged);
	case NODE_BOOL:
		return *at == (node->boolean ? 't' : 'f') && json_is_boolean(judged) &&
		       json_is_true(judged) == node->boolean;
	case NODE_INT:
	case NODE_FLOAT:
		return number_is_equal(node, judged, at);
	case NODE_STRING:
		return *at == '"' && string_is_equal(node, judged);
	case NODE_LIST:
		return *at == '[' && json_is_array(judged) &&
		       children_are_equal(node, judged, place);
	case NODE_MAP:
		return *at == '{' && json_is_object(judged) &&
		       children_are_equal(node, judged, place);
	}
	return false;
}

static bool refusal_is_sound(
	const struct document_error *error, const char *text, size_t length)
{
	struct place place;
	place_init(&place, text, length);
	if (!place_find(&place, error->line, error->column) || !*error->text)
		return false;
	for (const char *at = error->text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	return true;
}

/* What is wrong, or NULL. */
static const char *parsed_judge(
	const struct parsed *parsed, const char *text, size_t length, json_t *judged)
{
	bool is_too_deep = judged && judged_depth(judged) > DOCUMENT_DEPTH_MAX + 1;
	if (parsed->err) {
		if (parsed->err != ERR_SYNTAX)
			return "neither accepted nor refused";
		if (judged && !is_too_deep)
			return "jansson accepts it";
		return refusal_is_sound(&parsed->error, text, length)
			       ? NULL
			       : "the refusal is not sound";
	}
	if (!judged)
		return "jansson refuses it";
	if (is_too_deep)
		return "deeper than the limit";
	struct place place;
	place_init(&place, text, length);
	/* The list of the documents stands nowhere. */
	return children_are_equal(parsed->documents, judged, &place)
		       ? NULL
		       : "jansson reads other values";
}

void json_judge_print(const char *text, size_t length)
{
	for (size_t i = 0; i < length && i < 4000; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '\n' || (c >= ' ' && c < 0x7f))
			putc(c, stderr);
		else
			fprintf(stderr, "<%02x>", c);
	}
	putc('\n', stderr);
}

/* True if the text is accepted, by both. */
bool json_judge_check(const char *name, const char *text, size_t length)
{
	struct parsed parsed;
	parsed_init(&parsed, text, length);
	json_t *judged = judge_parse(text, length);
	const char *wrong = parsed_judge(&parsed, text, length, judged);
	if (wrong) {
		if (parsed.err)
			fprintf(stderr, "%u:%u: %s\n", parsed.error.line,
				parsed.error.column, parsed.error.text);
		json_judge_print(text, length);
		fail_msg("%s: %s", name, wrong);
	}
	bool is_accepted = !parsed.err;
	json_decref(judged);
	parsed_deinit(&parsed);
	return is_accepted;
}
