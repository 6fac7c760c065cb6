/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"

/*
 * Diagnostics: what a person must be told about a file that they wrote. Parsers add to
 * a caller's list and go on to the next problem where they can; whoever stops prints
 * the list once. One list belongs to one thread.
 */

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct diag {
	enum severity severity;
	char *file;      /* as the user named it; NULL: no file */
	unsigned line;   /* from 1; 0: the file as a whole */
	unsigned column; /* from 1, in bytes; 0: the line as a whole */
	char *text;      /* lower case, no full stop */
};

struct diag_list {
	struct diag *items;
	size_t count;
	size_t capacity;
	size_t errors;   /* how many of the items are errors */
	size_t unstored; /* problems that found no memory to be kept in, also counted in
			    errors */
};

void diag_list_init(struct diag_list *list);
void diag_list_deinit(struct diag_list *list);

/* Copies everything in. Never fails: without memory the problem is still counted. */
void diag_add(struct diag_list *list, enum severity severity, const char *file,
	unsigned line, unsigned column, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* "file:line:column: ", as much of it as is known, into `out`, cut at `size`. */
void diag_format_place(const struct diag *diag, char *out, size_t size);

/* "file:line:column: error: text" without a newline into `out`, cut at `size`. */
void diag_format(const struct diag *diag, char *out, size_t size);

/* Logs every item (error or warning level), in order. */
void diag_list_log(const struct diag_list *list);
