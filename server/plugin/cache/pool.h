/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/plugin/cache/entry.h"

/*
 * The memory of all caches of the process: one table of entries with one limit in octets,
 * which holds for everything, the table itself, malloc's overhead and what waits for its
 * readers included. Each cache is an owner in it, with a number of entries of its own.
 *
 * Readers find entries without a lock, in their read section. Who stores or removes takes
 * the lock of one of the table's shards for a moment. What is removed is freed when its
 * readers have gone.
 *
 * What has to go is chosen as S3-FIFO does (Yang et al., SOSP 2023), for each owner and
 * kind: new entries queue in a small list; those that were asked for again before they
 * reach its end move to the main list, where each use buys another round; the others go,
 * and are remembered by a few bits for when they come back. So names that are asked for
 * once, however many, do not drive out those in use.
 */

struct cache_pool;

/* At most `budget` octets. One reference, the caller's. Control thread only. NULL: no
 * memory, or the budget does not hold the table. */
struct cache_pool *cache_pool_new(size_t budget);
struct cache_pool *cache_pool_ref(struct cache_pool *pool);
void cache_pool_unref(struct cache_pool *pool);

enum { CACHE_BUDGET_MIN = 1 << 20 };

size_t cache_pool_budget(const struct cache_pool *pool);
size_t cache_pool_bytes(const struct cache_pool *pool); /* any thread */

/* Removes a part of what is dead; a few calls go through all. Any thread. */
void cache_pool_sweep(struct cache_pool *pool, int64_t now_ns);

/* `capacities`: entries of each kind, a little more at most. NULL: no memory. */
struct cache_owner *cache_owner_new(
	struct cache_pool *pool, const size_t capacities[CACHE_KINDS]);
/* Removes its entries and waits for their readers; nobody may look for them any more. Not
 * in a read section. */
void cache_owner_free(struct cache_owner *owner);
uint64_t cache_owner_salt(const struct cache_owner *owner); /* for cache_key_of */
size_t cache_owner_count(const struct cache_owner *owner, enum cache_kind kind);

/* The entries of the key, of each kind one or NULL. In a read section, as long as
 * which they last. */
struct cache_pair {
	struct cache_entry *entries[CACHE_KINDS];
};
struct cache_pair cache_pool_find(
	const struct cache_pool *pool, const struct cache_key *key);

/* Has been used: is to be kept. In a read section. */
static inline void cache_entry_use(struct cache_entry *entry)
{
	uint8_t uses = atomic_load_explicit(&entry->uses, memory_order_relaxed);
	if (uses < CACHE_USES_MAX)
		atomic_store_explicit(
			&entry->uses, (uint8_t)(uses + 1), memory_order_relaxed);
}

/*
 * Takes the entry over, in place of the one of the same key and kind; that of the other
 * kind goes, too, unless `keeps_other`. expires_ns and dead_ns must be set. Returns how
 * many others had to go for it; -1: there is no room, it is freed.
 */
int cache_pool_put(struct cache_pool *pool, struct cache_entry *entry, int64_t now_ns,
	bool keeps_other);
