/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/parser.h"

#include <string.h>

#include "server/config/zonekey.h"

void parser_init(struct parser *parser, struct arena *arena,
	const struct corefile_options *options, struct diag_list *problems)
{
	*parser = (struct parser){
		.arena = arena,
		.options = options,
		.problems = problems,
		.errors_before = problems->errors,
		.text_budget = LEXER_TEXT_MAX,
	};
	sha512_init(&parser->contents);
	arena_init(&parser->scratch, 16384);
}

void parser_deinit(struct parser *parser)
{
	for (struct source *source = parser->sources; source; source = source->next)
		lexer_tokens_deinit(&source->tokens);
	arena_deinit(&parser->scratch);
}

void parser_stop(struct parser *parser, enum err err)
{
	if (parser->err != ERR_NOMEM)
		parser->err = err;
}

void parser_push(struct parser *parser, const struct frame *frame)
{
	struct frame *copy = arena_alloc(&parser->scratch, sizeof(*copy));
	if (!copy) {
		parser_stop(parser, ERR_NOMEM);
		return;
	}
	*copy = *frame;
	copy->up = parser->frame;
	parser->frame = copy;
}

void parser_push_source(struct parser *parser, const struct source *source)
{
	if (!source->tokens.count)
		return;
	struct frame frame = {
		.next = source->tokens.items,
		.end = source->tokens.items + source->tokens.count,
		.source = source,
	};
	parser_push(parser, &frame);
}

static void parser_check_limits(struct parser *parser)
{
	size_t errors = parser->problems->errors - parser->errors_before;
	if (parser->err || errors < PARSER_PROBLEMS_MAX)
		return;
	diag_add(parser->problems, SEVERITY_ERROR, NULL, 0, 0,
		"%d problems, the rest is not read", PARSER_PROBLEMS_MAX);
	parser_stop(parser, ERR_INVALID);
}

const struct lexer_token *parser_peek(struct parser *parser)
{
	parser_check_limits(parser);
	if (parser->err)
		return NULL;
	while (parser->frame && parser->frame->next == parser->frame->end)
		parser->frame = parser->frame->up;
	return parser->frame ? parser->frame->next : NULL;
}

const struct lexer_token *parser_peek_argument(struct parser *parser)
{
	const struct frame *frame = parser->frame;
	if (parser->err || !frame || frame->next == frame->end)
		return NULL;
	const struct lexer_token *token = frame->next;
	if (token->starts_line || lexer_token_is(token, "{") ||
		lexer_token_is(token, "}"))
		return NULL;
	return token;
}

void parser_advance(struct parser *parser)
{
	const struct lexer_token *token = parser->frame->next++;
	if (parser->words++ < PARSER_WORDS_MAX)
		return;
	report_error(parser->problems, &token->word.place,
		"more than %d words with those that are imported", PARSER_WORDS_MAX);
	parser_stop(parser, ERR_INVALID);
}

/* --- directives --- */

static bool token_is_import(const struct lexer_token *token)
{
	return lexer_token_is(token, "import");
}

/* The opening brace that follows on the line of the last word, passed over. */
static bool parser_accept_brace(struct parser *parser)
{
	const struct frame *frame = parser->frame;
	if (parser->err || !frame || frame->next == frame->end ||
		frame->next->starts_line || !lexer_token_is(frame->next, "{"))
		return false;
	parser_advance(parser);
	return true;
}

/* "health{": CoreDNS takes the brace for a part of the word and then stumbles over the
 * closing one, which says nothing of the cause. The brace is taken off *text. */
static bool parser_accept_glued_brace(
	struct parser *parser, const struct lexer_token *token, const char **text)
{
	size_t length = strlen(*text);
	if (token->is_literal || length < 2 || (*text)[length - 1] != '{')
		return false;
	const struct frame *frame = parser->frame;
	if (frame->next != frame->end && !frame->next->starts_line)
		return false;
	report_error(parser->problems, &token->word.place,
		"expected a space between \"%.*s\" and \"{\"",
		length > 100 ? 100 : (int)length - 1, *text);
	*text = arena_strndup(parser->arena, *text, length - 1);
	if (!*text)
		parser_stop(parser, ERR_NOMEM);
	return true;
}

static void parser_read_body(struct parser *parser, const struct corefile_word *owner,
	unsigned depth, struct chain *body);

static void parser_read_line_end(struct parser *parser)
{
	const struct lexer_token *extra = parser_peek_argument(parser);
	if (!extra)
		return;
	report_error(parser->problems, &extra->word.place,
		"\"%.100s\" behind \"}\", expected the end of the line",
		extra->word.text);
	while (parser_peek_argument(parser))
		parser_advance(parser);
}

static void parser_read_directive(
	struct parser *parser, unsigned depth, struct chain *directives)
{
	struct corefile_directive *directive =
		chain_add(parser, directives, sizeof(*directive));
	const struct lexer_token *token = parser_peek(parser);
	if (!directive || !token)
		return;
	directive->name = token->word;
	parser_advance(parser);
	struct chain arguments = {0}, body = {0};
	bool is_glued = parser_accept_glued_brace(parser, token, &directive->name.text);
	while (!is_glued && (token = parser_peek_argument(parser))) {
		struct corefile_word *word = chain_add(parser, &arguments, sizeof(*word));
		if (!word)
			return;
		*word = token->word;
		parser_advance(parser);
		is_glued = parser_accept_glued_brace(parser, token, &word->text);
	}
	directive->arguments =
		chain_array(parser, &arguments, sizeof(*directive->arguments));
	directive->argument_count = arguments.count;
	directive->has_body = is_glued || parser_accept_brace(parser);
	if (!directive->has_body)
		return;
	parser_read_body(parser, &directive->name, depth + 1, &body);
	directive->body = chain_array(parser, &body, sizeof(*directive->body));
	directive->body_count = body.count;
	parser_read_line_end(parser);
}

/* A brace at the start of a line, of no directive: its words are passed over. */
static void parser_skip_body(struct parser *parser)
{
	const struct lexer_token *token = parser_peek(parser);
	report_error(parser->problems, &token->word.place,
		"unexpected \"{\", expected it at the end of the line it belongs to");
	size_t depth = 0;
	do {
		depth += lexer_token_is(token, "{");
		depth -= lexer_token_is(token, "}");
		parser_advance(parser);
	} while (depth && (token = parser_peek(parser)));
}

/* One line of a body. False: the body has ended, `}` or no more words. */
static bool parser_read_line(struct parser *parser, unsigned depth, struct chain *body)
{
	const struct lexer_token *token = parser_peek(parser);
	if (!token || lexer_token_is(token, "}"))
		return false;
	if (lexer_token_is(token, "{"))
		parser_skip_body(parser);
	else if (token_is_import(token))
		parser_read_import(parser);
	else
		parser_read_directive(parser, depth, body);
	return true;
}

static void parser_read_body(struct parser *parser, const struct corefile_word *owner,
	unsigned depth, struct chain *body)
{
	if (depth > PARSER_BODY_DEPTH_MAX) {
		report_error(parser->problems, &owner->place,
			"braces are nested more than %d deep", PARSER_BODY_DEPTH_MAX);
		parser_stop(parser, ERR_INVALID);
		return;
	}
	while (parser_read_line(parser, depth, body))
		;
	if (parser_peek(parser))
		parser_advance(parser);
	else if (!parser->err)
		report_error(parser->problems, &owner->place,
			"expected a \"}\" for the \"{\" of \"%.100s\"", owner->text);
}

/* --- blocks --- */

struct block_head {
	struct chain names;        /* of struct corefile_word */
	struct corefile_word word; /* the first as written, for messages */
	bool has_brace;
};

static void parser_add_name(struct parser *parser, struct block_head *head,
	const struct corefile_word *word, size_t start, size_t length)
{
	struct corefile_word *name = chain_add(parser, &head->names, sizeof(*name));
	char *text = arena_strndup(parser->arena, word->text + start, length);
	if (!name || !text) {
		parser_stop(parser, ERR_NOMEM);
		return;
	}
	*name = (struct corefile_word){text, word->place};
	name->place.column += (unsigned)start;
}

/* The zones in a word, separated by commas. True: it ends in one, another follows. */
static bool parser_split_names(
	struct parser *parser, struct block_head *head, const struct corefile_word *word)
{
	size_t start = 0, at = 0;
	for (; word->text[at]; at++) {
		if (word->text[at] == '\\' && word->text[at + 1]) {
			at++;
		} else if (word->text[at] == ',') {
			if (at > start)
				parser_add_name(parser, head, word, start, at - start);
			start = at + 1;
		}
	}
	if (at > start)
		parser_add_name(parser, head, word, start, at - start);
	return at && start == at;
}

/* The zones in front of a block: to the end of the line or, behind a comma, over
 * several. */
static void parser_read_head(struct parser *parser, struct block_head *head)
{
	bool is_open = true; /* more must come */
	const struct lexer_token *token;
	while (!head->has_brace && (token = parser_peek(parser))) {
		if (lexer_token_is(token, "{") || lexer_token_is(token, "}") ||
			(!is_open && token->starts_line))
			break;
		if (token->starts_line && token_is_import(token)) {
			parser_read_import(parser);
			continue;
		}
		struct corefile_word word = token->word;
		parser_advance(parser);
		head->has_brace = parser_accept_glued_brace(parser, token, &word.text);
		if (!word.text)
			return;
		if (!head->word.text)
			head->word = word;
		is_open = parser_split_names(parser, head, &word);
	}
	token = parser_peek(parser);
	if (is_open && head->word.text && !parser->err)
		report_error(parser->problems, &head->word.place,
			"expected another zone behind the last comma");
	if (head->has_brace || !token || !lexer_token_is(token, "{"))
		return;
	if (!head->word.text)
		head->word = token->word;
	head->has_brace = true;
	parser_advance(parser);
}

struct key_reader {
	struct parser *parser;
	struct chain *keys;
	struct corefile_key key;
};

static void key_add(void *context, const struct dname *zone)
{
	struct key_reader *reader = context;
	struct parser *parser = reader->parser;
	if (parser->err)
		return;
	if (parser->keys++ == PARSER_KEYS_MAX) {
		report_error(parser->problems, &reader->key.word.place,
			"more than %d zones in all blocks", PARSER_KEYS_MAX);
		parser_stop(parser, ERR_INVALID);
		return;
	}
	struct corefile_key *key = chain_add(parser, reader->keys, sizeof(*key));
	if (!key)
		return;
	*key = reader->key;
	key->zone = *zone;
}

static void parser_read_key(
	struct parser *parser, const struct corefile_word *word, struct chain *keys)
{
	struct key_reader reader = {.parser = parser, .keys = keys, .key.word = *word};
	struct zonekey split;
	const char *problem;
	enum err err = zonekey_split(word->text, &split, &problem);
	if (!err) {
		reader.key.port = split.has_port          ? split.port
				  : parser->options->port ? parser->options->port
							  : 53;
		err = zonekey_zones(split.zone, key_add, &reader, &problem);
	}
	if (err)
		report_error(parser->problems, &word->place, "\"%.100s\": %s", word->text,
			problem);
}

static void parser_read_block(struct parser *parser, const struct block_head *head)
{
	struct chain keys = {0}, directives = {0};
	struct corefile_block *block = chain_add(parser, &parser->blocks, sizeof(*block));
	const struct corefile_word *names =
		chain_array(parser, &head->names, sizeof(*names));
	if (!block || !names)
		return;
	for (size_t i = 0; i < head->names.count && !parser->err; i++) {
		parser_read_key(parser, &names[i], &keys);
		parser_check_limits(parser);
	}
	if (!head->names.count)
		report_error(parser->problems, &head->word.place,
			"a block without a zone, expected one such as \".\" or "
			"\"example.org:53\"");
	if (head->has_brace) {
		parser_read_body(parser, &head->word, 0, &directives);
		parser_read_line_end(parser);
	} else {
		while (parser_read_line(parser, 0, &directives))
			;
	}
	block->place = head->word.place;
	block->keys = chain_array(parser, &keys, sizeof(*block->keys));
	block->key_count = keys.count;
	block->directives = chain_array(parser, &directives, sizeof(*block->directives));
	block->directive_count = directives.count;
}

/* --- snippets --- */

static bool word_is_snippet(const char *text)
{
	size_t length = strlen(text);
	return length > 2 && text[0] == '(' && text[length - 1] == ')';
}

/* Keeps the words up to the closing brace as they are; imports in them are followed
 * where the snippet is used. */
static void parser_read_snippet(struct parser *parser, const struct corefile_word *name)
{
	struct snippet *snippet = parser_alloc(parser, 1, sizeof(*snippet));
	if (!snippet || !parser->frame)
		return;
	snippet->tokens = parser->frame->next;
	size_t depth = 1;
	while (parser->frame->next != parser->frame->end && !parser->err) {
		const struct lexer_token *token = parser->frame->next;
		depth += lexer_token_is(token, "{");
		depth -= lexer_token_is(token, "}");
		parser_advance(parser);
		if (!depth)
			break;
		snippet->count++;
	}
	if (depth && !parser->err)
		report_error(parser->problems, &name->place,
			"expected a \"}\" for the \"{\" of \"%.100s\"", name->text);
	snippet->name.text =
		arena_strndup(parser->arena, name->text + 1, strlen(name->text) - 2);
	snippet->name.place = name->place;
	if (!snippet->name.text)
		parser_stop(parser, ERR_NOMEM);
	snippet->next = parser->snippets;
	parser->snippets = snippet;
}

static void parser_check_snippet(struct parser *parser, const struct block_head *head)
{
	size_t length = strlen(head->word.text) - 2;
	for (const struct snippet *s = parser->snippets; s; s = s->next)
		if (strncmp(s->name.text, head->word.text + 1, length) == 0 &&
			!s->name.text[length])
			report_error(parser->problems, &head->word.place,
				"snippet \"%.100s\" is defined a second time, first at "
				"%s:%u",
				s->name.text, s->name.place.file, s->name.place.line);
	if (!head->has_brace)
		report_error(parser->problems, &head->word.place,
			"expected a \"{\" behind \"%.100s\"", head->word.text);
}

void parser_run(struct parser *parser)
{
	const struct lexer_token *token;
	while ((token = parser_peek(parser))) {
		if (lexer_token_is(token, "}")) {
			report_error(parser->problems, &token->word.place,
				"unexpected \"}\", no \"{\" is open");
			parser_advance(parser);
			continue;
		}
		if (token_is_import(token)) {
			parser_read_import(parser);
			continue;
		}
		struct block_head head = {0};
		parser_read_head(parser, &head);
		if (parser->err)
			break;
		if (head.names.count == 1 && word_is_snippet(head.word.text)) {
			parser_check_snippet(parser, &head);
			if (head.has_brace)
				parser_read_snippet(parser, &head.word);
		} else {
			parser_read_block(parser, &head);
		}
	}
}
