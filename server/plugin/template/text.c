/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/template/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_SIZE = 64, DEPTH_MAX = 8 };

struct reader {
	const char *text, *at;
	const struct template_patterns *patterns;
	struct arena *arena;
	struct template_problem *problem;
	enum err err; /* the first one sticks */
	char word[WORD_SIZE];
};

static void fail(struct reader *reader, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct reader *reader, const char *at, const char *format, ...)
{
	if (reader->err)
		return;
	reader->err = ERR_SYNTAX;
	reader->problem->offset = (size_t)(at - reader->text);
	va_list args;
	va_start(args, format);
	vsnprintf(reader->problem->text, sizeof(reader->problem->text), format, args);
	va_end(args);
}

/* --- words of an action --- */

static void skip_blanks(struct reader *reader)
{
	while (isspace((unsigned char)*reader->at))
		reader->at++;
}

static bool ends_action(const struct reader *reader)
{
	const char *at = reader->at;
	at += *at == '-' && at > reader->text && isspace((unsigned char)at[-1]);
	return at[0] == '}' && at[1] == '}';
}

/* A word such as "index", ".Group.x" or "16"; empty: none stands here. */
static void read_word(struct reader *reader)
{
	size_t length = 0;
	skip_blanks(reader);
	const char *start = reader->at;
	while (isalnum((unsigned char)*reader->at) || *reader->at == '_' ||
		*reader->at == '.' || (unsigned char)*reader->at >= 0x80) {
		if (length < WORD_SIZE - 1)
			reader->word[length++] = *reader->at;
		else
			fail(reader, start, "this word is too long");
		reader->at++;
	}
	reader->word[length] = '\0';
}

/* "text" or `text`; escapes are not needed for what stands there. */
static void read_string(struct reader *reader)
{
	skip_blanks(reader);
	const char *start = reader->at;
	char quote = *start;
	if (quote != '"' && quote != '`') {
		fail(reader, start, "expected a text in quotes");
		return;
	}
	size_t length = strcspn(start + 1, quote == '"' ? "\"\\" : "`");
	if (start[1 + length] != quote || length >= WORD_SIZE) {
		fail(reader, start,
			"expected a text in quotes, without escapes, of less than %d "
			"characters",
			WORD_SIZE);
		return;
	}
	memcpy(reader->word, start + 1, length);
	reader->word[length] = '\0';
	reader->at = start + length + 2;
}

/* --- values --- */

static int group_of(const struct pattern *pattern, const char *name)
{
	if (!isdigit((unsigned char)name[0]))
		return pattern_group_number(pattern, name);
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	return !*end && number < pattern_group_count(pattern) ? (int)number : -1;
}

/* The group called or numbered `name`; one pattern must have it. */
static void use_group(struct reader *reader, const char *at, const char *name,
	struct template_part *out)
{
	size_t count = reader->patterns->count;
	int16_t *groups = arena_calloc(reader->arena, count, sizeof(*groups));
	if (!groups) {
		reader->err = reader->err ? reader->err : ERR_NOMEM;
		return;
	}
	bool is_known = false;
	for (size_t i = 0; i < count; i++) {
		groups[i] = (int16_t)group_of(reader->patterns->items[i], name);
		is_known |= groups[i] >= 0;
	}
	if (!is_known)
		fail(reader, at, "no \"match\" has a group \"%s\"", name);
	out->kind = TEMPLATE_GROUP;
	out->groups = groups;
}

static const struct {
	const char *name;
	enum template_part_kind kind;
} fields[] = {
	{".Zone", TEMPLATE_ZONE},
	{".Name", TEMPLATE_NAME},
	{".Class", TEMPLATE_CLASS},
	{".Type", TEMPLATE_TYPE},
	{".Remote", TEMPLATE_REMOTE},
	{".Question.Name", TEMPLATE_QUESTION_NAME},
	{".Question.Qtype", TEMPLATE_QUESTION_TYPE},
	{".Question.Qclass", TEMPLATE_QUESTION_CLASS},
	{".Message.Id", TEMPLATE_MESSAGE_ID},
};

static void read_field(
	struct reader *reader, const char *start, struct template_part *out)
{
	static const char group[] = ".Group.";
	if (strncmp(reader->word, group, sizeof(group) - 1) == 0) {
		use_group(reader, start, reader->word + sizeof(group) - 1, out);
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, reader->word) == 0) {
			out->kind = fields[i].kind;
			return;
		}
	if (strcmp(reader->word, ".Meta") == 0)
		fail(reader, start, "there is no metadata for \".Meta\" to give");
	else
		fail(reader, start,
			"unknown field \"%s\", expected .Name, .Zone, .Class, .Type, "
			".Remote, .Group.NAME or .Question.Name",
			reader->word);
}

/* index .Match 1, index .Group "name" */
static void read_index(struct reader *reader, struct template_part *out)
{
	read_word(reader);
	const char *start = reader->at - strlen(reader->word);
	bool is_match = strcmp(reader->word, ".Match") == 0;
	if (!is_match && strcmp(reader->word, ".Group") != 0) {
		fail(reader, start, "expected .Match or .Group behind \"index\"");
		return;
	}
	skip_blanks(reader);
	start = reader->at;
	if (is_match)
		read_word(reader);
	else
		read_string(reader);
	if (is_match && !isdigit((unsigned char)reader->word[0]))
		fail(reader, start, "expected a number behind \".Match\"");
	if (!reader->err)
		use_group(reader, start, reader->word, out);
}

static unsigned read_limited(struct reader *reader, unsigned max, const char *what)
{
	read_word(reader);
	const char *start = reader->at - strlen(reader->word);
	char *end = NULL;
	unsigned long value = strtoul(reader->word, &end, 10);
	if (!isdigit((unsigned char)reader->word[0]) || *end || value > max)
		fail(reader, start, "expected %s from 0 to %u", what, max);
	return (unsigned)value;
}

static void read_value(struct reader *reader, struct template_part *out, unsigned depth);

/* parseInt .Group.x 16 8 */
static void read_number(struct reader *reader, struct template_part *out, unsigned depth)
{
	skip_blanks(reader);
	const char *start = reader->at;
	read_word(reader);
	reader->at = start;
	if (*start != '(' && *start != '.') {
		fail(reader, start, "expected a field behind \"parseInt\"");
		return;
	}
	if (*start == '(') {
		read_value(reader, out, depth + 1);
	} else {
		read_word(reader);
		read_field(reader, start, out);
	}
	if (!reader->err && out->kind != TEMPLATE_GROUP)
		fail(reader, start, "expected a group behind \"parseInt\"");
	unsigned base = read_limited(reader, 36, "a base");
	unsigned bits = read_limited(reader, 64, "a number of bits");
	if (base == 1)
		fail(reader, start, "expected a base other than 1");
	out->kind = TEMPLATE_NUMBER;
	out->base = (uint8_t)base;
	out->bits = (uint8_t)bits;
}

/* A field, a function with its arguments, or one of them in parentheses. */
static void read_value(struct reader *reader, struct template_part *out, unsigned depth)
{
	skip_blanks(reader);
	const char *start = reader->at;
	if (depth == DEPTH_MAX) {
		fail(reader, start, "too many parentheses");
		return;
	}
	if (*start == '(') {
		reader->at++;
		read_value(reader, out, depth + 1);
		skip_blanks(reader);
		if (*reader->at != ')')
			fail(reader, reader->at, "expected \")\"");
		reader->at += *reader->at == ')';
		return;
	}
	read_word(reader);
	if (strcmp(reader->word, "index") == 0)
		read_index(reader, out);
	else if (strcmp(reader->word, "parseInt") == 0)
		read_number(reader, out, depth);
	else if (reader->word[0] == '.')
		read_field(reader, start, out);
	else
		fail(reader, start,
			"\"%.40s\" is not known here, expected a field such as .Name, "
			"index or parseInt",
			reader->word[0] ? reader->word : start);
}

/* --- parts --- */

struct part_list {
	struct template_part *items;
	size_t count;
};

/* From behind "{{" to behind "}}". */
static void read_action(struct reader *reader, struct part_list *list)
{
	if (*reader->at == '-' && isspace((unsigned char)reader->at[1]))
		reader->at++;
	skip_blanks(reader);
	if (strncmp(reader->at, "/*", 2) == 0) {
		const char *end = strstr(reader->at + 2, "*/");
		if (!end)
			fail(reader, reader->at, "expected \"*/\" at the comment's end");
		reader->at = end ? end + 2 : reader->at;
	} else {
		read_value(reader, &list->items[list->count++], 0);
	}
	skip_blanks(reader);
	if (!ends_action(reader))
		fail(reader, reader->at, "expected \"}}\"");
	if (!reader->err)
		reader->at += 2 + (*reader->at == '-');
}

/* "{{- " takes the blanks in front of it, " -}}" those behind. */
static void read_literal(struct reader *reader, struct part_list *list)
{
	const char *start = reader->at;
	const char *end = strstr(start, "{{");
	reader->at = end ? end : start + strlen(start);
	bool trims_start = start - reader->text >= 3 && start[-3] == '-';
	bool trims_end = end && end[2] == '-' && isspace((unsigned char)end[3]);
	const char *stop = reader->at;
	while (trims_start && start < stop && isspace((unsigned char)*start))
		start++;
	while (trims_end && stop > start && isspace((unsigned char)stop[-1]))
		stop--;
	if (start < stop)
		list->items[list->count++] = (struct template_part){
			.kind = TEMPLATE_LITERAL,
			.literal = start,
			.length = (size_t)(stop - start),
		};
}

enum err template_text_parse(const char *text, const struct template_patterns *patterns,
	struct arena *arena, struct template_text *out, struct template_problem *problem)
{
	size_t actions = 0;
	for (const char *at = text; (at = strstr(at, "{{")); at += 2)
		actions++;
	struct part_list list = {
		.items = arena_calloc(arena, 2 * actions + 1, sizeof(*list.items))};
	char *copy = arena_strndup(arena, text, strlen(text));
	if (!list.items || !copy)
		return ERR_NOMEM;
	struct reader reader = {.text = copy,
		.at = copy,
		.patterns = patterns,
		.arena = arena,
		.problem = problem};
	while (*reader.at && !reader.err) {
		read_literal(&reader, &list);
		if (!*reader.at)
			break;
		reader.at += 2;
		read_action(&reader, &list);
	}
	*out = (struct template_text){list.items, list.count};
	return reader.err;
}

bool template_text_is_fixed(const struct template_text *text)
{
	for (size_t i = 0; i < text->count; i++)
		if (text->parts[i].kind != TEMPLATE_LITERAL)
			return false;
	return true;
}

/* --- writing --- */

struct writer {
	char *at, *end;
	bool has_failed;
};

static void put(struct writer *writer, const char *text, size_t length)
{
	if (length >= (size_t)(writer->end - writer->at)) {
		writer->has_failed = true;
		return;
	}
	memcpy(writer->at, text, length);
	writer->at += length;
}

static void put_number(struct writer *writer, uint64_t number)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%" PRIu64, number);
	put(writer, text, (size_t)length);
}

/* The group's text; false: this pattern has none such. Go gives "" where it took no part
 * in the match. */
static bool group_text(const struct template_part *part,
	const struct template_values *values, const char **text, size_t *length)
{
	int number = part->groups[values->pattern];
	if (number < 0)
		return false;
	const struct pattern_group *group = &values->match->groups[number];
	*text = group->start == PATTERN_UNSET ? "" : values->name + group->start;
	*length = group->start == PATTERN_UNSET ? 0 : group->end - group->start;
	return true;
}

static void write_group(struct writer *writer, const struct template_part *part,
	const struct template_values *values)
{
	const char *text;
	size_t length;
	if (!group_text(part, values, &text, &length)) {
		writer->has_failed = true;
		return;
	}
	if (part->kind == TEMPLATE_GROUP) {
		put(writer, text, length);
		return;
	}
	char digits[80], *end;
	bool is_number =
		length && length < sizeof(digits) && isalnum((unsigned char)text[0]);
	uint64_t number = 0;
	if (is_number) {
		memcpy(digits, text, length);
		digits[length] = '\0';
		errno = 0;
		number = strtoumax(digits, &end, part->base);
		unsigned bits = part->bits ? part->bits : 64;
		is_number = !*end && !errno && (bits == 64 || number >> bits == 0);
	}
	writer->has_failed |= !is_number;
	put_number(writer, number);
}

static void write_part(struct writer *writer, const struct template_part *part,
	const struct template_values *values)
{
	const char *texts[] = {
		[TEMPLATE_ZONE] = values->zone,
		[TEMPLATE_NAME] = values->name,
		[TEMPLATE_CLASS] = values->class,
		[TEMPLATE_TYPE] = values->type,
		[TEMPLATE_REMOTE] = values->remote,
	};
	char name[DNAME_TEXT_SIZE];
	switch (part->kind) {
	case TEMPLATE_LITERAL:
		put(writer, part->literal, part->length);
		break;
	case TEMPLATE_GROUP:
	case TEMPLATE_NUMBER:
		write_group(writer, part, values);
		break;
	case TEMPLATE_QUESTION_NAME:
		dname_to_text(values->request->message + DNS_HEADER_SIZE, name);
		put(writer, name, strlen(name));
		break;
	case TEMPLATE_QUESTION_TYPE:
		put_number(writer, values->request->qtype);
		break;
	case TEMPLATE_QUESTION_CLASS:
		put_number(writer, values->request->qclass);
		break;
	case TEMPLATE_MESSAGE_ID:
		put_number(writer, values->request->id);
		break;
	default:
		put(writer, texts[part->kind], strlen(texts[part->kind]));
		break;
	}
}

bool template_text_write(const struct template_text *text,
	const struct template_values *values, char *out, size_t size)
{
	struct writer writer = {.at = out, .end = out + size};
	for (size_t i = 0; i < text->count && !writer.has_failed; i++)
		write_part(&writer, &text->parts[i], values);
	if (!writer.has_failed)
		*writer.at = '\0';
	return !writer.has_failed;
}
