/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/query/query.h"

/* The log plugin's formats: a text with {fields}, read once into a list of steps. */

struct log_step;

struct log_format {
	const struct log_step *steps;
	size_t count;
};

/* The format lives in the arena; "{common}" and "{combined}" stand for whole formats,
 * what else is no field stays as it is. ERR_NOMEM. */
enum err log_format_parse(
	const char *text, struct arena *arena, struct log_format *out) MUST_CHECK;

/* The first "{...}" of the text that is no field, and its length; NULL: none. */
const char *log_format_find_unknown(const char *text, size_t *length);

/* The line for a finished query, cut at `size`, with a NUL. Worker threads. */
void log_format_write(const struct log_format *format, const struct query *query,
	char *out, size_t size);
