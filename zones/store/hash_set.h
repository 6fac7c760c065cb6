/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "zones/store/slots.h"

/*
 * A set of hashes of 64 bits, for what is known when its name is: eight octets each and
 * no name, in slots as slots.h has them. The control thread writes, workers read inside a
 * read section (reader.h).
 */

struct hash_slots {
	size_t mask; /* slots - 1, a power of two less one */
	size_t used; /* slots that are not empty; the writer's */
	size_t live; /* those that hold a hash; the writer's */
	_Atomic uint64_t slots[];
};

/* All zero: the empty set, which takes no memory. */
struct hash_set {
	struct hash_slots *_Atomic slots;
};

enum { HASH_SLOT_FIRST = SLOT_REMOVED + 1 };

/* Two hashes of 2^64 have to stand back. */
static inline uint64_t hash_slot_value(uint64_t hash)
{
	return hash < HASH_SLOT_FIRST ? hash + HASH_SLOT_FIRST : hash;
}

/* --- readers --- */

static inline void hash_set_prefetch(const struct hash_set *set, uint64_t hash)
{
	const struct hash_slots *slots =
		atomic_load_explicit(&set->slots, memory_order_consume);
	if (slots)
		__builtin_prefetch((const void *)&slots->slots[hash & slots->mask]);
}

bool hash_set_has(const struct hash_set *set, uint64_t hash);

/* --- the writer --- */

/* No reader may be left. */
void hash_set_deinit(struct hash_set *set);

/* *is_new: it was not there. ERR_NOMEM: as before. */
enum err hash_set_put(struct hash_set *set, uint64_t hash, bool *is_new) MUST_CHECK;
/* Returns whether it was there. */
bool hash_set_remove(struct hash_set *set, uint64_t hash);

size_t hash_set_count(const struct hash_set *set);
size_t hash_set_bytes(const struct hash_set *set);
