/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/scan.h"
#include "zones/source/document.h"

/*
 * RFC 8259, read in place: a string ends where it stands in the text, its closing quote
 * replaced by NUL, so that nothing is copied and no line is walked twice. The NUL behind
 * the text ends every loop, since no token holds one.
 */

struct json {
	struct arena *arena;
	char *at;
	char *end;
	char *line_start;
	unsigned line;
	unsigned depth;
	struct document_error *error;
};

static enum err json_value(struct json *json, struct node *node);

__attribute__((format(printf, 3, 4))) static enum err json_fail(
	struct json *json, const char *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(json->error->text, sizeof(json->error->text), format, args);
	va_end(args);
	/* A key can hold anything, and the text ends up in a log and on a terminal. */
	for (char *c = json->error->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	json->error->line = json->line;
	json->error->column = (unsigned)(at - json->line_start) + 1;
	return ERR_SYNTAX;
}

static enum err json_fail_expected(struct json *json, const char *what)
{
	unsigned char c = (unsigned char)*json->at;
	if (json->at >= json->end)
		return json_fail(
			json, json->at, "the text ends where %s should follow", what);
	if (c > ' ' && c < 0x7f)
		return json_fail(json, json->at, "'%c' where %s should follow", c, what);
	return json_fail(json, json->at, "byte 0x%02x where %s should follow", c, what);
}

static void json_skip_space(struct json *json)
{
	for (;; json->at++) {
		if (*json->at == '\n') {
			json->line++;
			json->line_start = json->at + 1;
		} else if (*json->at != ' ' && *json->at != '\t' && *json->at != '\r') {
			return;
		}
	}
}

/* The length of the RFC 3629 sequence at `at`, 0 when it is none. */
static size_t json_utf8_length(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t length = at[0] < 0xc2   ? 0
			: at[0] < 0xe0 ? 2
			: at[0] < 0xf0 ? 3
			: at[0] < 0xf5 ? 4
				       : 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	bool is_overlong =
		(at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
	bool is_outside =
		(at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf4 && at[1] >= 0x90);
	return is_overlong || is_outside ? 0 : length;
}

static size_t json_utf8_write(uint32_t code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Four hexadecimal digits at `at`, or a value above 0xffff. */
static uint32_t json_hex(const char *at)
{
	uint32_t code = 0;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return UINT32_MAX;
		code = code << 4 | digit;
	}
	return code;
}

/* "\uXXXX" at json->at. A surrogate without its other half becomes U+FFFD, as Go reads
 * it. NUL has no place in what is kept as a C string. */
static enum err json_unicode(struct json *json, char **out)
{
	uint32_t code = json_hex(json->at + 2);
	if (code > 0xffff)
		return json_fail(json, json->at, "\\u without four hexadecimal digits");
	if (code == 0)
		return json_fail(json, json->at, "\\u0000 in a string");
	json->at += 6;
	if (code >= 0xd800 && code < 0xdc00 && json->at[0] == '\\' &&
		json->at[1] == 'u') {
		uint32_t low = json_hex(json->at + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			json->at += 6;
		}
	}
	if (code >= 0xd800 && code < 0xe000)
		code = 0xfffd;
	*out += json_utf8_write(code, *out);
	return ERR_NONE;
}

static enum err json_escape(struct json *json, char **out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	char name = json->at[1];
	if (name == 'u')
		return json_unicode(json, out);
	const char *found = name ? strchr(names, name) : NULL;
	if (!found)
		return json_fail(json, json->at, "unknown escape in a string");
	*(*out)++ = values[found - names];
	json->at += 2;
	return ERR_NONE;
}

/* From the opening quote on. What an escape stands for is never longer than the escape,
 * so the string can be written over itself. */
static enum err json_string(struct json *json, const char **text, uint32_t *length)
{
	char *start = ++json->at;
	json->at += scan_plain(start, json->end) - start;
	char *out = json->at;
	while (*json->at != '"') {
		enum err err = ERR_NONE;
		size_t bytes = 0;
		if (*json->at == '\\') {
			err = json_escape(json, &out);
		} else if ((unsigned char)*json->at >= 0x80) {
			bytes = json_utf8_length(json->at);
			if (!bytes)
				err = json_fail(json, json->at, "malformed UTF-8");
		} else if ((unsigned char)*json->at < 0x20) {
			err = json_fail_expected(json, "the end of the string");
		} else {
			bytes = (size_t)(scan_plain(json->at, json->end) - json->at);
		}
		if (err)
			return err;
		memmove(out, json->at, bytes);
		out += bytes;
		json->at += bytes;
	}
	*out = '\0';
	json->at++;
	*text = start;
	*length = (uint32_t)(out - start);
	return ERR_NONE;
}

static bool json_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits' value, or false when 64 bits do not hold it. */
static bool json_integer(const char *digits, size_t count, bool is_negative, int64_t *out)
{
	uint64_t value = 0;
	for (size_t i = 0; i < count; i++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(
				value, (uint64_t)(digits[i] - '0'), &value))
			return false;
	if (value > (uint64_t)INT64_MAX + is_negative)
		return false;
	*out = (int64_t)(is_negative ? 0 - value : value);
	return true;
}

static enum err json_number(struct json *json, struct node *node)
{
	const char *start = json->at;
	bool is_negative = *json->at == '-';
	if (is_negative)
		json->at++;
	const char *digits = json->at;
	while (json_is_digit(*json->at))
		json->at++;
	size_t count = (size_t)(json->at - digits);
	if (count == 0 || (count > 1 && *digits == '0'))
		return json_fail(json, start, "malformed number");
	bool is_whole = *json->at != '.' && (*json->at | 0x20) != 'e';
	if (*json->at == '.') {
		if (!json_is_digit(*++json->at))
			return json_fail(json, start, "malformed number");
		while (json_is_digit(*json->at))
			json->at++;
	}
	if ((*json->at | 0x20) == 'e') {
		json->at++;
		if (*json->at == '+' || *json->at == '-')
			json->at++;
		if (!json_is_digit(*json->at))
			return json_fail(json, start, "malformed number");
		while (json_is_digit(*json->at))
			json->at++;
	}
	int64_t integer;
	if (is_whole && json_integer(digits, count, is_negative, &integer)) {
		node->type = NODE_INT;
		node->integer = integer;
		return ERR_NONE;
	}
	node->type = NODE_FLOAT;
	node->text = start;
	node->length = (uint32_t)(json->at - start);
	return ERR_NONE;
}

static bool json_is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static enum err json_word(struct json *json, struct node *node)
{
	static const struct {
		const char *text;
		enum node_type type;
		bool boolean;
	} words[] = {
		{"null", NODE_NULL, false},
		{"true", NODE_BOOL, true},
		{"false", NODE_BOOL, false},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].text);
		if (strncmp(json->at, words[i].text, length) == 0 &&
			!json_is_letter(json->at[length])) {
			json->at += length;
			node->type = words[i].type;
			node->boolean = words[i].boolean;
			return ERR_NONE;
		}
	}
	return json_fail_expected(json, "a value");
}

/* A new child behind `*link`, placed where the text is now. */
static struct node *json_child(
	struct json *json, struct node *parent, struct node ***link)
{
	struct node *node = arena_alloc(json->arena, sizeof(*node));
	if (!node)
		return NULL;
	node->next = NULL;
	node->key = NULL;
	node->line = json->line;
	node->column = (uint32_t)(json->at - json->line_start) + 1;
	**link = node;
	*link = &node->next;
	parent->length++;
	return node;
}

/* Behind a child: true when another one follows. */
static enum err json_separator(struct json *json, char close, bool *has_more)
{
	json_skip_space(json);
	*has_more = *json->at == ',';
	if (!*has_more && *json->at != close)
		return json_fail_expected(
			json, close == ']' ? "',' or ']'" : "',' or '}'");
	json->at++;
	json_skip_space(json);
	return ERR_NONE;
}

static enum err json_list(struct json *json, struct node *list)
{
	struct node **link = &list->first;
	bool has_more = true;
	list->type = NODE_LIST;
	json->at++;
	json_skip_space(json);
	if (*json->at == ']') {
		json->at++;
		return ERR_NONE;
	}
	while (has_more) {
		struct node *node = json_child(json, list, &link);
		if (!node)
			return ERR_NOMEM;
		enum err err = json_value(json, node);
		if (!err)
			err = json_separator(json, ']', &has_more);
		if (err)
			return err;
	}
	return ERR_NONE;
}

static enum err json_member(struct json *json, struct node *map, struct node ***link)
{
	if (*json->at != '"')
		return json_fail_expected(json, "a key in double quotes");
	struct node *node = json_child(json, map, link);
	if (!node)
		return ERR_NOMEM;
	uint32_t key_length;
	enum err err = json_string(json, &node->key, &key_length);
	if (err)
		return err;
	json_skip_space(json);
	if (*json->at != ':')
		return json_fail_expected(json, "':'");
	json->at++;
	json_skip_space(json);
	node->line = json->line;
	node->column = (uint32_t)(json->at - json->line_start) + 1;
	return json_value(json, node);
}

static enum err json_map(struct json *json, struct node *map)
{
	struct node **link = &map->first;
	bool has_more = true;
	map->type = NODE_MAP;
	json->at++;
	json_skip_space(json);
	if (*json->at == '}') {
		json->at++;
		return ERR_NONE;
	}
	while (has_more) {
		enum err err = json_member(json, map, &link);
		if (!err)
			err = json_separator(json, '}', &has_more);
		if (err)
			return err;
	}
	const struct node *twice;
	enum err err = node_find_duplicate(json->arena, map, &twice);
	if (err || !twice)
		return err;
	err = json_fail(json, json->at, "the key \"%.64s\" appears twice", twice->key);
	json->error->line = twice->line;
	json->error->column = twice->column;
	return err;
}

static enum err json_value(struct json *json, struct node *node)
{
	node->first = NULL;
	node->length = 0;
	switch (*json->at) {
	case '"':
		node->type = NODE_STRING;
		return json_string(json, &node->text, &node->length);
	case '{':
	case '[':
		break;
	default:
		if (*json->at == '-' || json_is_digit(*json->at))
			return json_number(json, node);
		return json_word(json, node);
	}
	if (++json->depth > DOCUMENT_DEPTH_MAX)
		return json_fail(json, json->at, "nested deeper than %d levels",
			DOCUMENT_DEPTH_MAX);
	enum err err = *json->at == '{' ? json_map(json, node) : json_list(json, node);
	json->depth--;
	return err;
}

enum err document_parse_json(struct arena *arena, char *text, size_t length,
	struct node **documents, struct document_error *error)
{
	struct json json = {
		.arena = arena,
		.at = text,
		.end = text + length,
		.line_start = text,
		.line = 1,
		.error = error,
	};
	struct node *list = arena_calloc(arena, 1, sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	list->type = NODE_LIST;
	struct node **link = &list->first;
	/* A byte order mark is no column. */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		json.at = json.line_start = text + 3;
	for (json_skip_space(&json); json.at < json.end; json_skip_space(&json)) {
		struct node *node = json_child(&json, list, &link);
		if (!node)
			return ERR_NOMEM;
		enum err err = json_value(&json, node);
		if (err)
			return err;
	}
	*documents = list;
	return ERR_NONE;
}
