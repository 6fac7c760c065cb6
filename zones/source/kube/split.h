/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"

/*
 * Cuts the body of a reply into its objects while it arrives, in pieces of any size, so
 * that no more than one object is held at a time. Looks at strings and nesting alone:
 * what is inside an object is for the JSON parser to judge.
 */

enum {
	SPLIT_OBJECT_MAX = 8 << 20, /* an API server takes objects of 3 MB at most */
	SPLIT_KEEP = 64 << 10,      /* a larger buffer is given back after its object */
};

struct split_sink {
	void *context;
	/* An object with a NUL behind it, the callee's to overwrite until it returns.
	 * What it returns other than ERR_NONE ends the splitting. */
	enum err (*object)(void *context, char *text, size_t length);
	/* A list's end: the list with "items":[]. */
	enum err (*envelope)(void *context, char *text, size_t length);
};

struct split_buffer {
	char *text;
	size_t used, capacity;
};

enum split_place { SPLIT_BETWEEN, SPLIT_OBJECT, SPLIT_ENVELOPE, SPLIT_BEFORE };

struct split {
	struct split_sink sink;
	bool is_list;
	enum split_place place;
	unsigned depth;
	bool is_string, is_escaped;
	struct split_buffer object, envelope;
};

/* `is_list`: the body is one object, of whose member "items" each is handed out by
 * itself. Otherwise it is objects, one after the other. */
void split_init(struct split *split, bool is_list, const struct split_sink *sink);
void split_deinit(struct split *split);

/* ERR_SYNTAX, ERR_RANGE (too large), ERR_NOMEM, or what the sink returned; then it must
 * not be fed any more. */
enum err split_feed(struct split *split, const char *bytes, size_t length) MUST_CHECK;

/* No object was begun and not ended. */
bool split_is_complete(const struct split *split);
