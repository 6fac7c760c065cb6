/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/corefile.h"

/*
 * Directive tables: a row for each plugin, a row for each of its options. Parsing,
 * checks, `waymark check`, `waymark plugins` and the manual come from the same rows.
 */

enum argument_type {
	ARGUMENT_WORD,     /* any text */
	ARGUMENT_ONE_OF,   /* one of `choices`, separated by '|' */
	ARGUMENT_NUMBER,   /* an integer from min to max */
	ARGUMENT_DURATION, /* Go's syntax, 1m30s, or a bare number of seconds; min, max in
			      ms */
	ARGUMENT_BYTES,    /* 65536, 64Ki, 64MiB; min, max in octets */
	ARGUMENT_ADDRESS,  /* an IP address */
	ARGUMENT_CIDR,     /* an IP prefix */
	ARGUMENT_ZONE,   /* a domain name, or a prefix that stands for its reverse zone */
	ARGUMENT_FOLDER, /* a path, relative to the Corefile */
	ARGUMENT_FILE,   /* a path, relative to the Corefile */
	ARGUMENT_LISTEN, /* an IP address or an interface name */
};

struct directive_row {
	const char *name;                     /* of the plugin or option */
	enum argument_type type;              /* of its arguments */
	uint8_t min_arguments, max_arguments; /* 255: any number */
	int64_t min, max;                     /* of a number or duration; both 0: none */
	const char *choices;
	const char *value; /* the default as text; NULL: none */
	const char *help;  /* one line */
	bool may_repeat;
	bool is_ignored; /* CoreDNS once had it: read over, with a warning */
	/* An option without a name of its own, which `name` only stands for in help: is
	 * this word one? */
	bool (*matches)(const char *word);
	const struct directive_row *options; /* rows, ended by a NULL name; NULL: none */
	/* A further rule on the arguments that no type states, asked only where the types
	 * are right; adds to `problems`. */
	void (*check)(
		const struct corefile_directive *directive, struct diag_list *problems);
};

/* The row called `name` in a table ended by a NULL name; NULL: none. */
const struct directive_row *directive_find(
	const struct directive_row *table, const char *name);

/* Checks one directive, its arguments, options and their arguments against its row. Adds
 * every problem, a misspelt name with what is near. */
void directive_check(const struct directive_row *row,
	const struct corefile_directive *directive, struct diag_list *problems);

/* Checks a whole Corefile: each plugin against its row, unknown and repeated ones, blocks
 * that collide. ERR_INVALID when problems were added, ERR_NOMEM. */
enum err config_check(const struct corefile *corefile,
	const struct directive_row *plugins, struct diag_list *problems) MUST_CHECK;

/* --- reading values that directive_check has accepted --- */

/* The first directive called `name` in a block, or NULL. */
const struct corefile_directive *directive_in_block(
	const struct corefile_block *block, const char *name);

/* The last directive called `name` in a body, or NULL. */
const struct corefile_directive *directive_option(
	const struct corefile_directive *directive, const char *name);

/* ERR_SYNTAX, ERR_RANGE */
enum err argument_number(const struct corefile_word *word, int64_t *out) MUST_CHECK;
enum err argument_duration_ms(const struct corefile_word *word, int64_t *out) MUST_CHECK;
/* A number with a unit of 1024s, or none. ERR_SYNTAX, ERR_RANGE */
enum err argument_bytes(const struct corefile_word *word, int64_t *out) MUST_CHECK;
/* "64MiB": what argument_bytes reads. Returns `out`. */
const char *argument_bytes_text(int64_t bytes, char *out, size_t size);
/* "1m", "500ms": what argument_duration_ms reads. Returns `out`. */
const char *argument_duration_text(int64_t ms, char *out, size_t size);

/* A zone argument as its zones, in lower case: one, or those that a prefix stands for
 * (split at octets or nibbles, host bits cleared). A port or "dns://" is read over, as
 * CoreDNS does. Calls `each` for every one. ERR_SYNTAX. */
enum err argument_zones(const char *text,
	void (*each)(void *context, const struct dname *zone), void *context) MUST_CHECK;

/* A path relative to the folder of the Corefile it stands in; malloc'ed. NULL: no memory.
 */
char *argument_path(const struct corefile_word *word);
