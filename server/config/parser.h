/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "server/config/lexer.h"
#include "server/config/report.h"

/*
 * Inside server/config: the state of one corefile_parse. What is read comes from a stack
 * of frames, as an import puts its words in the place where it stands, half a block or
 * several blocks alike. The first error that ends the reading sticks in `err`; from then
 * on there are no more words.
 */

enum {
	PARSER_WORDS_MAX = 1 << 18, /* with those that imports repeat */
	PARSER_KEYS_MAX =
		1 << 14, /* zones of all blocks; a prefix stands for up to 128 */
	PARSER_BODY_DEPTH_MAX = 16,
	PARSER_PROBLEMS_MAX = 100,
};

/* The words of a file. */
struct source {
	struct source *next;
	const char *name;
	struct lexer_tokens tokens;
	bool has_identity; /* it is a file, not memory */
	dev_t device;
	ino_t inode;
};

struct snippet {
	struct snippet *next;
	struct corefile_word name;
	const struct lexer_token *tokens;
	size_t count;
};

struct frame {
	struct frame *up;
	const struct lexer_token *next, *end;
	const struct source *source;   /* NULL: of a snippet */
	const struct snippet *snippet; /* NULL: of a file */
};

/* Items of one size that become an array. */
struct chain {
	struct chain_link *first, *last;
	size_t count;
};

struct parser {
	struct arena *arena;  /* of the corefile */
	struct arena scratch; /* gone with the parser */
	const struct corefile_options *options;
	struct diag_list *problems;
	size_t errors_before; /* in `problems` */
	struct frame *frame;  /* innermost; NULL: the end */
	struct source *sources;
	struct snippet *snippets;
	struct chain blocks;
	size_t words, keys, imports, files, text_budget;
	uint64_t digest;
	struct sha512 contents;
	enum err err;
};

void parser_init(struct parser *parser, struct arena *arena,
	const struct corefile_options *options, struct diag_list *problems);
void parser_deinit(struct parser *parser);

/* Reads all blocks of the frames that were pushed. */
void parser_run(struct parser *parser);

/* The word to come, from the frame around when one ends. NULL: the end. */
const struct lexer_token *parser_peek(struct parser *parser);

/* The word to come if it stands on the line of the last one and is no brace. Never
 * leaves the frame: a line ends with its file or snippet. */
const struct lexer_token *parser_peek_argument(struct parser *parser);

void parser_advance(struct parser *parser);
void parser_push(struct parser *parser, const struct frame *frame);

/* Ends the reading. */
void parser_stop(struct parser *parser, enum err err);

/* Reads and splits a file; an imported one must be a regular file, as a pipe might
 * never end. NULL: that failed and has been reported, or the parser has stopped. */
struct source *parser_load(
	struct parser *parser, const char *path, const struct corefile_place *import);

/* Splits text from memory. NULL as above. */
struct source *parser_add_source(
	struct parser *parser, const char *name, const char *text, size_t length);

/* Its words come next. */
void parser_push_source(struct parser *parser, const struct source *source);

/* import.c: does what an `import` asks for, the word to come being it. */
void parser_read_import(struct parser *parser);

/* NULL stops the parser: no memory. */
void *parser_alloc(struct parser *parser, size_t count, size_t size);

/* chain.c: room for an item of `size` bytes, cleared. NULL stops the parser. */
void *chain_add(struct parser *parser, struct chain *chain, size_t size);

/* The items in order as an array in the corefile, one element long at least. NULL: no
 * memory. */
void *chain_array(struct parser *parser, const struct chain *chain, size_t size);
