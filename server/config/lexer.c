/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/lexer.h"

#include <stdlib.h>
#include <string.h>

#include "server/config/report.h"

enum { LEXER_ENV_NAME_MAX = 255 };

struct lexer {
	const char *at, *end;
	struct corefile_place place; /* of `at` */
	bool starts_line;            /* no word on this line yet */
	struct arena *arena;
	size_t *budget;
	struct lexer_tokens tokens;
	struct diag_list *problems;
};

void lexer_tokens_deinit(struct lexer_tokens *tokens)
{
	free(tokens->items);
	*tokens = (struct lexer_tokens){0};
}

bool lexer_token_is(const struct lexer_token *token, const char *text)
{
	return !token->is_literal && strcmp(token->word.text, text) == 0;
}

/* Bytes of the white space at `at`, 0 for none: what Unicode calls so, as texts copied
 * from web pages bring no-break spaces that nobody sees. */
static size_t lexer_space_length(const char *at, const char *end)
{
	const unsigned char *c = (const unsigned char *)at;
	if (c[0] == ' ' || (c[0] >= '\t' && c[0] <= '\r'))
		return 1;
	if (c[0] < 0xc2)
		return 0;
	if (end - at >= 2 && c[0] == 0xc2)
		return c[1] == 0x85 || c[1] == 0xa0 ? 2 : 0;
	if (end - at < 3)
		return 0;
	unsigned point = (unsigned)(c[0] & 0x0f) << 12 | (unsigned)(c[1] & 0x3f) << 6 |
			 (c[2] & 0x3f);
	if ((c[0] & 0xf0) != 0xe0)
		return 0;
	bool is_space = point == 0x1680 || (point >= 0x2000 && point <= 0x200a) ||
			point == 0x2028 || point == 0x2029 || point == 0x202f ||
			point == 0x205f || point == 0x3000;
	return is_space ? 3 : 0;
}

static void lexer_advance(struct lexer *lexer, size_t count)
{
	for (; count; count--, lexer->at++) {
		if (*lexer->at == '\n') {
			lexer->place.line++;
			lexer->place.column = 1;
		} else {
			lexer->place.column++;
		}
	}
}

/* Bytes of a line's end at `at`, behind a backslash or in a quoted word. */
static size_t lexer_newline_length(const char *at, const char *end)
{
	if (at < end && *at == '\n')
		return 1;
	if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
		return 2;
	return 0;
}

static size_t lexer_joint_length(const char *at, const char *end)
{
	if (*at != '\\')
		return 0;
	size_t newline = lexer_newline_length(at + 1, end);
	return newline ? newline + 1 : 0;
}

static void lexer_skip_space(struct lexer *lexer)
{
	while (lexer->at < lexer->end) {
		size_t joint = lexer_joint_length(lexer->at, lexer->end);
		size_t space = lexer_space_length(lexer->at, lexer->end);
		if (joint) {
			lexer_advance(lexer, joint);
		} else if (space) {
			if (*lexer->at == '\n')
				lexer->starts_line = true;
			lexer_advance(lexer, space);
		} else if (*lexer->at == '#') {
			const char *stop =
				memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));
			stop = stop ? stop : lexer->end;
			lexer_advance(lexer, (size_t)(stop - lexer->at));
		} else {
			break;
		}
	}
}

/* A reference at `text`: its length and name, or 0. The search is bounded, else a file
 * of nothing but "{$" would take a time that grows with its square. */
static size_t lexer_reference(const char *text, const char **name, size_t *name_length)
{
	if (text[0] != '{' || (text[1] != '$' && text[1] != '%'))
		return 0;
	const char *mark = text[1] == '$' ? "}" : "%}";
	size_t reach = strnlen(text + 2, LEXER_ENV_NAME_MAX + 2);
	const char *close = memmem(text + 2, reach, mark, strlen(mark));
	if (!close || close == text + 2 || close - text - 2 > LEXER_ENV_NAME_MAX)
		return 0;
	*name = text + 2;
	*name_length = (size_t)(close - *name);
	return (size_t)(close - text) + strlen(mark);
}

static const char *lexer_environment(const char *name, size_t length)
{
	char copy[LEXER_ENV_NAME_MAX + 1];
	memcpy(copy, name, length);
	copy[length] = '\0';
	const char *value = getenv(copy);
	return value ? value : "";
}

/* Writes `text` with its references replaced to `out`, unless NULL. The size, or one
 * above `limit`. */
static size_t lexer_expand(const char *text, char *out, size_t limit)
{
	size_t size = 0;
	while (*text && size <= limit) {
		const char *name, *piece = text;
		size_t name_length, piece_length = 1;
		size_t reference = lexer_reference(text, &name, &name_length);
		if (reference) {
			piece = lexer_environment(name, name_length);
			piece_length = strlen(piece);
		}
		if (out)
			memcpy(out + size, piece, piece_length);
		size += piece_length;
		text += reference ? reference : 1;
	}
	return size;
}

static bool text_has_reference(const char *text)
{
	return strstr(text, "{$") || strstr(text, "{%");
}

static enum err lexer_finish_text(struct lexer *lexer, const char **text)
{
	size_t length = strlen(*text);
	bool has_reference = text_has_reference(*text);
	if (has_reference)
		length = lexer_expand(*text, NULL, *lexer->budget);
	if (length >= *lexer->budget) {
		report_error(lexer->problems, &lexer->place,
			"the words of all files are longer than %d bytes, the most there "
			"may be",
			LEXER_TEXT_MAX);
		return ERR_INVALID;
	}
	*lexer->budget -= length + 1;
	if (!has_reference)
		return ERR_NONE;
	char *expanded = arena_alloc(lexer->arena, length + 1);
	if (!expanded)
		return ERR_NOMEM;
	lexer_expand(*text, expanded, length);
	expanded[length] = '\0';
	*text = expanded;
	return ERR_NONE;
}

static enum err lexer_add(struct lexer *lexer, const struct corefile_place *place,
	const char *text, bool quoted)
{
	bool is_literal = quoted || text_has_reference(text);
	enum err err = lexer_finish_text(lexer, &text);
	if (err)
		return err;
	struct lexer_tokens *tokens = &lexer->tokens;
	if (tokens->count == tokens->capacity) {
		size_t capacity = tokens->capacity ? tokens->capacity * 2 : 64;
		struct lexer_token *items =
			realloc(tokens->items, capacity * sizeof(*items));
		if (!items)
			return ERR_NOMEM;
		tokens->items = items;
		tokens->capacity = capacity;
	}
	tokens->items[tokens->count++] = (struct lexer_token){
		.word = {text, *place},
		.starts_line = lexer->starts_line,
		.is_literal = is_literal,
	};
	lexer->starts_line = false;
	return ERR_NONE;
}

static enum err lexer_read_word(struct lexer *lexer)
{
	struct corefile_place place = lexer->place;
	const char *start = lexer->at;
	const char *stop = start;
	while (stop < lexer->end && !lexer_space_length(stop, lexer->end) &&
		!lexer_joint_length(stop, lexer->end))
		stop++;
	lexer_advance(lexer, (size_t)(stop - start));
	char *text = arena_strndup(lexer->arena, start, (size_t)(stop - start));
	return text ? lexer_add(lexer, &place, text, false) : ERR_NOMEM;
}

/* The closing quote of a word that begins at `start`, or NULL. */
static const char *lexer_closing_quote(const char *start, const char *end)
{
	for (const char *at = start; at < end; at++) {
		if (*at == '"')
			return at;
		if (*at == '\\' && at + 1 < end)
			at++;
	}
	return NULL;
}

static enum err lexer_read_quoted(struct lexer *lexer)
{
	struct corefile_place place = lexer->place;
	const char *at = lexer->at + 1;
	const char *close = lexer_closing_quote(at, lexer->end);
	if (!close) {
		report_error(lexer->problems, &place,
			"expected a closing quote for the one that begins here");
		return ERR_INVALID;
	}
	char *text = arena_alloc(lexer->arena, (size_t)(close - at) + 1);
	if (!text)
		return ERR_NOMEM;
	size_t length = 0;
	while (at < close) {
		if (at[0] == '\\' && at[1] == '"') {
			at++;
		} else if (at[0] == '\\') {
			text[length++] = *at++;
		} else if (*at == '\r' && lexer_newline_length(at, close)) {
			at++;
			continue;
		}
		text[length++] = *at++;
	}
	text[length] = '\0';
	lexer_advance(lexer, (size_t)(close - lexer->at) + 1);
	return lexer_add(lexer, &place, text, true);
}

static enum err lexer_check_bytes(struct lexer *lexer)
{
	const char *zero = memchr(lexer->at, '\0', (size_t)(lexer->end - lexer->at));
	if (!zero)
		return ERR_NONE;
	lexer_advance(lexer, (size_t)(zero - lexer->at));
	report_error(lexer->problems, &lexer->place, "a zero byte, expected text");
	return ERR_INVALID;
}

static enum err lexer_read_all(struct lexer *lexer)
{
	enum err err = lexer_check_bytes(lexer);
	while (!err) {
		lexer_skip_space(lexer);
		if (lexer->at == lexer->end)
			break;
		err = *lexer->at == '"' ? lexer_read_quoted(lexer)
					: lexer_read_word(lexer);
	}
	return err;
}

enum err lexer_read(const struct lexer_input *input, struct arena *arena, size_t *budget,
	struct lexer_tokens *out, struct diag_list *problems)
{
	struct lexer lexer = {
		.at = input->text,
		.end = input->text + input->length,
		.place = {input->file, 1, 1},
		.starts_line = true,
		.arena = arena,
		.budget = budget,
		.problems = problems,
	};
	static const char mark[] = "\xef\xbb\xbf"; /* U+FEFF, which some editors write */
	if (input->length >= 3 && memcmp(input->text, mark, 3) == 0)
		lexer.at += 3;
	enum err err = ERR_NONE;
	if (input->length)
		err = lexer_read_all(&lexer);
	if (err)
		lexer_tokens_deinit(&lexer.tokens);
	*out = lexer.tokens;
	return err;
}
