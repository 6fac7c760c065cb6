/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

struct arena;

/*
 * The documents of a file, JSON or YAML, as one kind of tree that remembers where each
 * value was written. Nodes live in the caller's arena; strings of JSON live in the text
 * itself, which therefore must stay as long as the tree and is overwritten by the parser.
 */

enum node_type {
	NODE_NULL,
	NODE_BOOL,
	NODE_INT,
	NODE_FLOAT, /* as text: no field that is read here is a fraction */
	NODE_STRING,
	NODE_LIST,
	NODE_MAP,
};

struct node {
	struct node *next; /* in the same list or map */
	const char *key;   /* of a member of a map, else NULL */
	union {
		bool boolean;
		int64_t integer;
		const char *text;   /* NUL behind it; of a fraction only `length` bytes */
		struct node *first; /* of a list or map */
	};
	uint32_t length; /* of the text in bytes, or the number of children */
	uint32_t line, column;
	enum node_type type;
};

/* Why a text is no document. */
struct document_error {
	unsigned line, column; /* from 1 */
	char text[192];
};

enum {
	DOCUMENT_DEPTH_MAX = 128,
	DOCUMENT_SIZE_MAX = 256 << 20,
	/* How many values the aliases of a YAML file may stand for. */
	DOCUMENT_ALIASED_MAX = 100000,
	DOCUMENT_ANCHORS_MAX = 4096,
	DOCUMENT_MERGED_KEYS_MAX = 1024,
};

/*
 * All documents of `text`, as the children of the list `*documents`. A NUL must stand
 * behind the text. JSON: RFC 8259, any number of values one after the other. YAML: as
 * kubectl reads it, YAML 1.1 with its merge keys, where yes, no, on, off are booleans.
 * A key that appears twice in one map is an error. ERR_SYNTAX with *error filled in,
 * ERR_NOMEM.
 */
enum err document_parse_json(struct arena *arena, char *text, size_t length,
	struct node **documents, struct document_error *error) MUST_CHECK;
enum err document_parse_yaml(struct arena *arena, const char *text, size_t length,
	struct node **documents, struct document_error *error) MUST_CHECK;

/* The member `key` of a map. NULL: not there, or null, or `map` is no map. */
const struct node *node_get(const struct node *map, const char *key);

/* A member whose key is that of an earlier member, or NULL. For parsers. ERR_NOMEM. */
enum err node_find_duplicate(struct arena *arena, const struct node *map,
	const struct node **duplicate) MUST_CHECK;
