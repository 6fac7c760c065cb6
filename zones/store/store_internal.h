/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/wire/octets.h"
#include "zones/store/hash_set.h"
#include "zones/store/store.h"

/* What store.c (readers) and store_write.c (the writer) share, and nobody else sees. */

/*
 * The table, of slots as slots.h has them. A slot is 8 octets, so that a cache line holds
 * eight of them: the low 48 bits point to the set (user space addresses have no more on
 * the machines we run on), the high 16 are the top of the hash, so that a set is hardly
 * ever touched in vain.
 */
struct table {
	size_t mask; /* slots - 1, a power of two less one */
	size_t used; /* slots that are not empty; the writer's */
	size_t live; /* those that hold a set; the writer's */
	_Atomic uint64_t slots[];
};

#define SLOT_POINTER ((UINT64_C(1) << 48) - 1)

static inline const struct answer_set *slot_set(uint64_t slot)
{
	return (const struct answer_set *)(uintptr_t)(slot & SLOT_POINTER);
}

struct zone_state {
	struct store_zone zone;
	_Atomic uint32_t serial;
	bool has_changed; /* since the last commit; the writer's */
};

struct writer;

struct store {
	struct table *_Atomic table;
	struct hash_key key;
	atomic_uint missing; /* enum store_missing */
	unsigned zone_count;
	struct zone_state *zones; /* longest name first */
	struct dname_index *zone_index;
	struct writer *writer;
	struct table *_Atomic absences; /* sets of names that do not exist */
	struct table *_Atomic services; /* sets of `table`, by zone and first label */
	struct hash_set pods;           /* hashes of the names of verified pods */
};

/* Is this the owner name of the set? */
static inline bool set_has_name(const struct store *store, const struct answer_set *set,
	const uint8_t *name, size_t length)
{
	const struct dname *zone = &store->zones[set->zone].zone.name;
	return set->label_length + zone->length == length &&
	       octets_equal(set->labels, name, set->label_length) &&
	       octets_equal(zone->bytes, name + set->label_length, zone->length);
}

/* The set of this name in one of the store's tables; for readers. NULL: none. */
static inline const struct answer_set *table_find_name(const struct store *store,
	struct table *const _Atomic *at, const uint8_t *name, size_t length,
	uint64_t hash)
{
	const struct table *table = atomic_load_explicit(at, memory_order_consume);
	for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
		uint64_t slot =
			atomic_load_explicit(&table->slots[i], memory_order_consume);
		if (slot == SLOT_EMPTY)
			return NULL;
		if (slot >> 48 != hash >> 48 || slot == SLOT_REMOVED)
			continue;
		const struct answer_set *set = slot_set(slot);
		if (set_has_name(store, set, name, length))
			return set;
	}
}

static inline size_t answer_label_space(size_t length)
{
	return (length + 7) & ~(size_t)7;
}

static inline size_t rrset_space(size_t size)
{
	return sizeof(struct rrset) + ((size + 7) & ~(size_t)7);
}
