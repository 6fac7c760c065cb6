/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * A hash table of pointers to the caller's objects, which hold their own keys: open
 * addressing, at most three quarters full. Not for the query path. One thread at a time.
 */

struct ptable_type {
	uint64_t (*hash)(const void *object); /* as it was when the object was added */
	/* Does `object` have this key? */
	bool (*has_key)(const void *object, const void *key);
};

struct ptable {
	void **slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	const struct ptable_type *type;
};

void ptable_init(struct ptable *table, const struct ptable_type *type);
/* The objects stay their owners'. */
void ptable_deinit(struct ptable *table);

/* NULL: none. `hash` is what type->hash gives for an object with this key. */
void *ptable_find(const struct ptable *table, uint64_t hash, const void *key);

/* The object must not be there yet. ERR_NOMEM. */
enum err ptable_add(struct ptable *table, void *object) MUST_CHECK;

/* `object`, which has the hash and the key of `old`, takes its place. */
void ptable_replace(struct ptable *table, const void *old, void *object);

/* The object must be there. */
void ptable_remove(struct ptable *table, const void *object);

/* Goes over all: start with *position 0; NULL at the end. No changes in between. */
void *ptable_next(const struct ptable *table, size_t *position);
