/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/hash.h"

/*
 * Which objects of a resource the API server has, and in which version: twelve bytes
 * each, a keyed hash of 64 bits in place of the name. The names themselves stand in the
 * registry. Two names with one hash would be taken for one object: among a million
 * objects that is less likely than one in ten million. One thread at a time.
 */

struct known_slot {
	uint32_t hash[2]; /* both 0: free */
	uint32_t version : 31;
	uint32_t mark : 1;
};

struct known {
	struct hash_key key;
	struct known_slot *slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
	uint32_t mark; /* that of objects that were seen since known_begin */
};

void known_init(struct known *known, const struct hash_key *key);
void known_deinit(struct known *known);

/* What stands for a resourceVersion. */
uint32_t known_version(const char *text);

/*
 * The object is there, in this version. *is_same: it was known in it already. ERR_NOMEM:
 * it is not known now.
 */
enum err known_put(struct known *known, const char *ns, const char *name,
	uint32_t version, bool *is_same) MUST_CHECK;

bool known_has(const struct known *known, const char *ns, const char *name);
void known_remove(struct known *known, const char *ns, const char *name);

/* What stands for a name, and its version by that. False: not known. */
uint64_t known_id(const struct known *known, const char *ns, const char *name);
bool known_find_id(const struct known *known, uint64_t id, uint32_t *version);
/* The same; it has been seen. */
bool known_mark(struct known *known, uint64_t id, uint32_t *version);

/* Those that known_sweep would let go. Returns what `each` did, if not ERR_NONE. */
enum err known_each_unmarked(const struct known *known,
	enum err (*each)(void *context, uint64_t id, uint32_t version),
	void *context) MUST_CHECK;

/* A list begins: what is not put from here on goes with known_sweep. */
void known_begin(struct known *known);
/* Returns how many went. */
size_t known_sweep(struct known *known);
