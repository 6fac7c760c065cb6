/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/corefile.h"

/*
 * The words of a Corefile, as CoreDNS splits it: separated by white space (Unicode's
 * too), `"..."` may span lines and knows \" as its only escape, `#` at the start of a
 * word begins a comment, a backslash at the end of a line joins the next one to it.
 * {$NAME} and {%NAME%} are replaced by the environment (unset: nothing), once, and what
 * they bring is never split.
 */

enum {
	LEXER_FILE_MAX = 1 << 20,  /* bytes of one file, those a ConfigMap may have */
	LEXER_TEXT_MAX = 16 << 20, /* bytes of all words of a Corefile and its imports */
};

struct lexer_token {
	struct corefile_word word;
	bool starts_line;
	bool is_literal; /* quoted or from the environment: never a brace or keyword */
};

struct lexer_tokens {
	struct lexer_token *items;
	size_t count;
	size_t capacity;
};

struct lexer_input {
	const char *file; /* lives as long as the words */
	const char *text;
	size_t length;
};

/* Texts go into `arena`; *budget is what is left of LEXER_TEXT_MAX. Adds what is wrong
 * to `problems`. ERR_INVALID, ERR_NOMEM; then `out` is empty. */
enum err lexer_read(const struct lexer_input *input, struct arena *arena, size_t *budget,
	struct lexer_tokens *out, struct diag_list *problems) MUST_CHECK;

void lexer_tokens_deinit(struct lexer_tokens *tokens);

/* Is it this brace or keyword? */
bool lexer_token_is(const struct lexer_token *token, const char *text);
