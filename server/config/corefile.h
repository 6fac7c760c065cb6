/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/diag.h"
#include "server/base/sha512.h"
#include "server/wire/dname.h"

/*
 * A Corefile as a tree: server blocks, their directives, the directives' arguments and
 * options, each with the place it was written at. Snippets, imports and {$ENV} are
 * resolved, plugins are not looked at: config_check does that with the directive tables.
 * Immutable after corefile_parse; freed as a whole.
 */

struct corefile_place {
	const char *file;
	unsigned line, column;
};

struct corefile_word {
	const char *text; /* quotes and escapes resolved */
	struct corefile_place place;
};

/* `ttl 30`, or with has_body `kubernetes cluster.local { ... }`. */
struct corefile_directive {
	struct corefile_word name;
	const struct corefile_word *arguments;
	size_t argument_count;
	bool has_body;
	const struct corefile_directive *body;
	size_t body_count;
};

/* "cluster.local:53": the zone and port that a block serves. A reverse CIDR becomes
 * several keys. */
struct corefile_key {
	struct corefile_word word; /* as written */
	struct dname zone;         /* lower-case */
	uint16_t port;             /* 53, or corefile_options.port, unless given; .:0 asks
				      for any free one */
};

struct corefile_block {
	const struct corefile_key *keys;
	size_t key_count;
	const struct corefile_directive *directives;
	size_t directive_count;
	struct corefile_place place;
};

struct corefile {
	struct arena arena;
	uint64_t digest; /* of the names and contents of all files that were read */
	char sha512[SHA512_TEXT_SIZE]; /* of their contents, one behind the other */
	const struct corefile_block *blocks;
	size_t block_count;
};

struct corefile_options {
	uint16_t port;      /* of keys without one; 0: 53 */
	bool without_files; /* import knows snippets only */
};

/* Reads the file `path`. Every problem is added to `problems`, up to a hundred;
 * ERR_INVALID when one of them is an error, ERR_NOMEM. On failure *out is NULL.
 * `options` may be NULL. */
enum err corefile_load(const char *path, const struct corefile_options *options,
	struct corefile **out, struct diag_list *problems) MUST_CHECK;

/* The same from memory; `name` stands for the file in messages and is the base of
 * relative imports. */
enum err corefile_parse(const char *name, const char *text, size_t length,
	const struct corefile_options *options, struct corefile **out,
	struct diag_list *problems) MUST_CHECK;

/* The digest that corefile_load would come to, also where it would find mistakes: it
 * tells whether anything has changed. ERR_NOMEM. */
enum err corefile_digest(const char *path, const struct corefile_options *options,
	uint64_t *out) MUST_CHECK;

void corefile_free(struct corefile *corefile);
