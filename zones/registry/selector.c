/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 63, SUBDOMAIN_MAX_LENGTH = 253 };

struct slice {
	const char *start;
	size_t length;
};

enum operation {
	OPERATOR_EXISTS,
	OPERATOR_ABSENT,
	OPERATOR_IN,
	OPERATOR_NOT_IN,
	OPERATOR_GREATER,
	OPERATOR_LESS,
};

struct requirement {
	struct slice key;
	enum operation op;
	bool takes_empty; /* "" is one of the values */
	struct slice *values;
	size_t value_count;
	int64_t number; /* of > and < */
};

struct selector {
	char *text; /* what keys and values point into */
	struct slice *values;
	size_t requirement_count;
	struct requirement requirements[];
};

enum token {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_COMMA,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_NOT,
	TOKEN_EQUALS, /* = and == */
	TOKEN_NOT_EQUALS,
	TOKEN_GREATER,
	TOKEN_LESS,
};

struct parser {
	const char *text, *next;
	enum token token; /* the current one, its text and place */
	struct slice word;
	struct slice *free_value;
	const char *reason; /* the first error, at `problem` */
	const char *problem;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void parser_advance(struct parser *parser)
{
	static const struct {
		const char *text;
		enum token token;
	} symbols[] = {
		{"==", TOKEN_EQUALS},
		{"!=", TOKEN_NOT_EQUALS},
		{"=", TOKEN_EQUALS},
		{"!", TOKEN_NOT},
		{",", TOKEN_COMMA},
		{"(", TOKEN_OPEN},
		{")", TOKEN_CLOSE},
		{">", TOKEN_GREATER},
		{"<", TOKEN_LESS},
	};
	while (is_space(*parser->next))
		parser->next++;
	parser->word.start = parser->next;
	parser->word.length = 0;
	parser->token = TOKEN_END;
	if (!*parser->next)
		return;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		size_t length = strlen(symbols[i].text);
		if (strncmp(parser->next, symbols[i].text, length) != 0)
			continue;
		parser->token = symbols[i].token;
		parser->word.length = length;
		parser->next += length;
		return;
	}
	parser->token = TOKEN_WORD;
	parser->word.length = strcspn(parser->next, " \t\r\n=!(),><");
	parser->next += parser->word.length;
}

static bool parser_fail(struct parser *parser, const char *where, const char *reason)
{
	parser->problem = where;
	parser->reason = reason;
	return false;
}

static bool parser_expect(struct parser *parser, const char *reason)
{
	return parser_fail(parser, parser->word.start, reason);
}

static bool slice_equals(const struct slice *slice, const char *text)
{
	return strlen(text) == slice->length &&
	       memcmp(slice->start, text, slice->length) == 0;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]; NULL or what is wrong at *at. */
static const char *check_name(const struct slice *name, size_t *at)
{
	for (size_t i = 0; i < name->length; i++) {
		unsigned char c = (unsigned char)name->start[i];
		*at = i;
		if (c >= 0x80 || (!isalnum(c) && !strchr("-_.", c)))
			return "only letters, digits, '-', '_' and '.' can stand here";
		bool is_edge = i == 0 || i == name->length - 1;
		if (is_edge && !isalnum(c))
			return "a name or value begins and ends with a letter or digit";
	}
	return NULL;
}

/* RFC 1123 in lower case; its labels may be longer than 63, as in Kubernetes. */
static const char *check_subdomain(const struct slice *name, size_t *at)
{
	for (size_t i = 0; i < name->length; i++) {
		char c = name->start[i];
		*at = i;
		bool is_edge = i == 0 || i == name->length - 1 ||
			       name->start[i - 1] == '.' || name->start[i + 1] == '.';
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			continue;
		if ((c != '-' && c != '.') || (c == '-' && is_edge))
			return "a key's prefix is a DNS name in lower case";
		if (c == '.' &&
			(i == 0 || i == name->length - 1 || name->start[i - 1] == '.'))
			return "a key's prefix has an empty label";
	}
	return NULL;
}

static bool parser_check_key(struct parser *parser)
{
	struct slice name = parser->word;
	const char *reason = NULL;
	size_t at = 0;
	const char *slash = memchr(name.start, '/', name.length);
	if (slash) {
		struct slice prefix = {name.start, (size_t)(slash - name.start)};
		if (!prefix.length)
			return parser_fail(parser, slash, "a key's prefix is empty");
		if (prefix.length > SUBDOMAIN_MAX_LENGTH)
			return parser_fail(parser, prefix.start + SUBDOMAIN_MAX_LENGTH,
				"a key's prefix has more than 253 characters");
		reason = check_subdomain(&prefix, &at);
		if (reason)
			return parser_fail(parser, prefix.start + at, reason);
		name.start = slash + 1;
		name.length -= prefix.length + 1;
	}
	if (!name.length)
		return parser_fail(parser, name.start, "a key's name is empty");
	if (name.length > NAME_MAX_LENGTH)
		return parser_fail(parser, name.start + NAME_MAX_LENGTH,
			"a key's name has more than 63 characters");
	reason = check_name(&name, &at);
	return reason ? parser_fail(parser, name.start + at, reason) : true;
}

/* Takes the current word over as a value. */
static bool parser_take_value(struct parser *parser, struct requirement *requirement)
{
	size_t at = 0;
	if (parser->word.length > NAME_MAX_LENGTH)
		return parser_fail(parser, parser->word.start + NAME_MAX_LENGTH,
			"a value has more than 63 characters");
	const char *reason = check_name(&parser->word, &at);
	if (reason)
		return parser_fail(parser, parser->word.start + at, reason);
	*parser->free_value++ = parser->word;
	requirement->value_count++;
	parser_advance(parser);
	return true;
}

/* After "(": words and commas in any order but two words in a row, and but a list that
 * ends in two commas, which Kubernetes refuses while it takes them elsewhere. */
static bool parser_take_list(struct parser *parser, struct requirement *requirement)
{
	static const char expected[] = "expected a value, ',' or ')'";
	requirement->takes_empty = parser->token == TOKEN_CLOSE;
	while (parser->token != TOKEN_CLOSE) {
		if (parser->token == TOKEN_WORD) {
			if (!parser_take_value(parser, requirement))
				return false;
			if (parser->token == TOKEN_COMMA || parser->token == TOKEN_CLOSE)
				continue;
			return parser_expect(parser, "expected ',' or ')'");
		}
		if (parser->token != TOKEN_COMMA)
			return parser_expect(parser, expected);
		bool is_first = !requirement->value_count && !requirement->takes_empty;
		parser_advance(parser);
		if (parser->token == TOKEN_COMMA) {
			requirement->takes_empty = true;
			parser_advance(parser);
			if (parser->token == TOKEN_CLOSE)
				return parser_expect(parser, "expected a value or ','");
		}
		if (is_first || parser->token == TOKEN_CLOSE)
			requirement->takes_empty = true;
	}
	parser_advance(parser);
	return true;
}

/* strconv.ParseInt(text, 10, 64). */
static bool parse_number(const char *text, size_t length, int64_t *out)
{
	char digits[NAME_MAX_LENGTH + 1];
	if (length >= sizeof(digits))
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	const char *first = digits + (*digits == '-' || *digits == '+');
	if (!*first || strspn(first, "0123456789") != strlen(first))
		return false;
	errno = 0;
	*out = strtoll(digits, NULL, 10);
	return errno == 0;
}

static bool parser_take_number(struct parser *parser, struct requirement *requirement)
{
	struct slice word = parser->word;
	static const char expected[] = "expected a whole number of 64 bits";
	if (parser->token != TOKEN_WORD)
		return parser_expect(parser, expected);
	if (!parser_take_value(parser, requirement))
		return false;
	if (!parse_number(word.start, word.length, &requirement->number))
		return parser_fail(parser, word.start, expected);
	return true;
}

static bool parser_take_exact(struct parser *parser, struct requirement *requirement)
{
	if (parser->token == TOKEN_END || parser->token == TOKEN_COMMA) {
		requirement->takes_empty = true;
		return true;
	}
	if (parser->token != TOKEN_WORD)
		return parser_expect(parser, "expected a value");
	return parser_take_value(parser, requirement);
}

typedef bool (*values_parser)(struct parser *, struct requirement *);

/* The operator behind a key, then its values. */
static bool parser_take_operation(struct parser *parser, struct requirement *requirement)
{
	static const struct {
		enum token token;
		enum operation op;
		values_parser values;
		const char *word;
	} operations[] = {
		{TOKEN_EQUALS, OPERATOR_IN, parser_take_exact, NULL},
		{TOKEN_NOT_EQUALS, OPERATOR_NOT_IN, parser_take_exact, NULL},
		{TOKEN_GREATER, OPERATOR_GREATER, parser_take_number, NULL},
		{TOKEN_LESS, OPERATOR_LESS, parser_take_number, NULL},
		{TOKEN_WORD, OPERATOR_IN, parser_take_list, "in"},
		{TOKEN_WORD, OPERATOR_NOT_IN, parser_take_list, "notin"},
	};
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		const char *word = operations[i].word;
		if (parser->token != operations[i].token ||
			(word && !slice_equals(&parser->word, word)))
			continue;
		parser_advance(parser);
		if (word && parser->token != TOKEN_OPEN)
			return parser_expect(parser, "expected '('");
		if (word)
			parser_advance(parser);
		requirement->op = operations[i].op;
		return operations[i].values(parser, requirement);
	}
	return parser_expect(parser, "expected ',', =, ==, !=, in, notin, > or <");
}

static bool parser_take_requirement(
	struct parser *parser, struct requirement *requirement)
{
	requirement->op = OPERATOR_EXISTS;
	requirement->values = parser->free_value;
	if (parser->token == TOKEN_NOT) {
		requirement->op = OPERATOR_ABSENT;
		parser_advance(parser);
	}
	if (parser->token != TOKEN_WORD)
		return parser_expect(parser, "expected a key");
	if (!parser_check_key(parser))
		return false;
	requirement->key = parser->word;
	parser_advance(parser);
	if (requirement->op == OPERATOR_ABSENT || parser->token == TOKEN_END ||
		parser->token == TOKEN_COMMA)
		return true;
	return parser_take_operation(parser, requirement);
}

static bool parser_run(struct parser *parser, struct selector *selector)
{
	parser_advance(parser);
	while (parser->token != TOKEN_END) {
		if (!parser_take_requirement(
			    parser, &selector->requirements[selector->requirement_count]))
			return false;
		selector->requirement_count++;
		if (parser->token == TOKEN_END)
			break;
		if (parser->token != TOKEN_COMMA)
			return parser_expect(parser, "expected ',' or the end");
		parser_advance(parser);
		if (parser->token != TOKEN_WORD && parser->token != TOKEN_NOT)
			return parser_expect(parser, "expected a key after ','");
	}
	return true;
}

/* Two words of one kind never meet without a comma between them, so that commas bound
 * the requirements and the values. */
static struct selector *selector_new(const char *text)
{
	size_t parts = 1;
	for (const char *p = text; *p; p++)
		parts += *p == ',';
	struct selector *selector =
		calloc(1, sizeof(*selector) + parts * sizeof(selector->requirements[0]));
	if (!selector)
		return NULL;
	selector->text = strdup(text);
	selector->values = calloc(parts, sizeof(*selector->values));
	if (!selector->text || !selector->values) {
		selector_free(selector);
		return NULL;
	}
	return selector;
}

enum err selector_parse(const char *text, struct selector **out, unsigned *error_offset,
	const char **reason)
{
	struct selector *selector = selector_new(text);
	if (!selector)
		return ERR_NOMEM;
	struct parser parser = {
		.text = selector->text,
		.next = selector->text,
		.free_value = selector->values,
	};
	if (!parser_run(&parser, selector)) {
		*error_offset = (unsigned)(parser.problem - parser.text);
		*reason = parser.reason;
		selector_free(selector);
		return ERR_SYNTAX;
	}
	*out = selector;
	return ERR_NONE;
}

void selector_free(struct selector *selector)
{
	if (!selector)
		return;
	free(selector->text);
	free(selector->values);
	free(selector);
}

static bool requirement_has_value(
	const struct requirement *requirement, const char *value)
{
	if (!*value)
		return requirement->takes_empty;
	for (size_t i = 0; i < requirement->value_count; i++) {
		if (slice_equals(&requirement->values[i], value))
			return true;
	}
	return false;
}

/* `value` is NULL where the key is absent. */
static bool requirement_holds(const struct requirement *requirement, const char *value)
{
	int64_t number;
	switch (requirement->op) {
	case OPERATOR_EXISTS:
		return value != NULL;
	case OPERATOR_ABSENT:
		return value == NULL;
	case OPERATOR_IN:
		return value && requirement_has_value(requirement, value);
	case OPERATOR_NOT_IN:
		return !value || !requirement_has_value(requirement, value);
	case OPERATOR_GREATER:
	case OPERATOR_LESS:
		if (!value || !parse_number(value, strlen(value), &number))
			return false;
		return requirement->op == OPERATOR_GREATER ? number > requirement->number
							   : number < requirement->number;
	}
	return false;
}

bool selector_matches(
	const struct selector *selector, const struct object_label *labels, size_t count)
{
	for (size_t i = 0; i < selector->requirement_count; i++) {
		const struct requirement *requirement = &selector->requirements[i];
		const char *value = NULL;
		for (size_t j = 0; j < count && !value; j++) {
			if (slice_equals(&requirement->key, labels[j].key))
				value = labels[j].value;
		}
		if (!requirement_holds(requirement, value))
			return false;
	}
	return true;
}

bool selector_matches_all(const struct object_label *wanted, size_t wanted_count,
	const struct object_label *have, size_t have_count)
{
	for (size_t i = 0; i < wanted_count; i++) {
		size_t j = 0;
		while (j < have_count && strcmp(wanted[i].key, have[j].key) != 0)
			j++;
		if (j == have_count || strcmp(wanted[i].value, have[j].value) != 0)
			return false;
	}
	return true;
}
