/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/cache/pool.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	SHARDS = 32, /* a power of two */
	CACHE_LINE = 64,
	OCTETS_PER_BUCKET = 512,
	BUCKETS_PER_GHOST = 2,
	SMALL_PART = 10,   /* a tenth of a queue is its small list */
	RESERVE_PART = 16, /* of the budget, for what waits for its readers */
	STEPS_MAX = 64,    /* of looking for what has to go */
	SWEEP_PARTS = 16,  /* calls that go through all buckets */
};

TAILQ_HEAD(cache_list, cache_entry);

/* What one owner has of one kind in one shard; newest first. */
struct cache_queue {
	LIST_ENTRY(cache_queue) link; /* of its shard */
	struct cache_owner *owner;
	struct cache_list small, main;
	size_t bytes, small_bytes;
	size_t count;
};

struct cache_owner {
	struct cache_pool *pool;
	uint64_t salt;
	size_t capacities[CACHE_KINDS]; /* in a shard */
	atomic_size_t counts[CACHE_KINDS];
	struct cache_queue queues[SHARDS][CACHE_KINDS];
};

struct cache_shard {
	pthread_mutex_t lock;
	LIST_HEAD(cache_queues, cache_queue) queues;
	size_t swept; /* of its buckets */
} __attribute__((aligned(CACHE_LINE)));

typedef struct cache_entry *_Atomic cache_bucket;

struct cache_pool {
	/* Readers look at these alone. */
	cache_bucket
		*buckets; /* the low bits of the hash; those of a shard are that too */
	uint64_t mask;

	size_t budget;
	unsigned references;
	uint64_t owners;  /* that there have been */
	uint32_t *ghosts; /* hashes of what had to go, by the hash */
	uint64_t ghost_mask;
	atomic_size_t live; /* octets that readers may find */
	atomic_size_t used; /* and those that are not freed yet, and the table */
	struct cache_shard shards[SHARDS];
};

/* --- life --- */

static uint64_t power_of_two(size_t least)
{
	uint64_t value = SHARDS * SWEEP_PARTS;
	while (value < least)
		value *= 2;
	return value;
}

static size_t memory_of(void *block)
{
	return malloc_usable_size(block) + sizeof(size_t);
}

static void pool_free(struct cache_pool *pool)
{
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&pool->shards[i].lock);
	free(pool->buckets);
	free(pool->ghosts);
	free(pool);
}

struct cache_pool *cache_pool_new(size_t budget)
{
	struct cache_pool *pool = aligned_alloc(CACHE_LINE, sizeof(*pool));
	if (!pool)
		return NULL;
	memset(pool, 0, sizeof(*pool));
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&pool->shards[i].lock, NULL);
	uint64_t buckets = power_of_two(budget / OCTETS_PER_BUCKET);
	uint64_t ghosts = buckets / BUCKETS_PER_GHOST;
	pool->budget = budget;
	pool->references = 1;
	pool->mask = buckets - 1;
	pool->ghost_mask = ghosts - 1;
	/* Large ones are fresh pages, which cost nothing until they are written. */
	pool->buckets = calloc(buckets, sizeof(*pool->buckets));
	pool->ghosts = calloc(ghosts, sizeof(*pool->ghosts));
	if (!pool->buckets || !pool->ghosts) {
		pool_free(pool);
		return NULL;
	}
	size_t used =
		memory_of(pool) + memory_of(pool->buckets) + memory_of(pool->ghosts);
	atomic_init(&pool->used, used);
	if (used > budget) {
		pool_free(pool);
		return NULL;
	}
	return pool;
}

struct cache_pool *cache_pool_ref(struct cache_pool *pool)
{
	pool->references++;
	return pool;
}

void cache_pool_unref(struct cache_pool *pool)
{
	if (pool && --pool->references == 0)
		pool_free(pool);
}

size_t cache_pool_budget(const struct cache_pool *pool)
{
	return pool->budget;
}

size_t cache_pool_bytes(const struct cache_pool *pool)
{
	return atomic_load_explicit(&pool->used, memory_order_relaxed);
}

static struct cache_shard *shard_of(struct cache_pool *pool, uint64_t hash)
{
	return &pool->shards[hash & (SHARDS - 1)];
}

static cache_bucket *bucket_of(const struct cache_pool *pool, uint64_t hash)
{
	return &pool->buckets[hash & pool->mask];
}

/* --- readers --- */

static bool entry_is(const struct cache_entry *entry, const struct cache_key *key)
{
	size_t name_length = key->question >> 32 & 0xff;
	return entry->question == key->question && entry->owner == key->owner &&
	       memcmp(entry->message + DNS_HEADER_SIZE, key->name, name_length) == 0;
}

struct cache_pair cache_pool_find(
	const struct cache_pool *pool, const struct cache_key *key)
{
	struct cache_pair pair = {{NULL, NULL}};
	struct cache_entry *entry =
		atomic_load_explicit(bucket_of(pool, key->hash), memory_order_acquire);
	for (; entry; entry = atomic_load_explicit(&entry->next, memory_order_acquire))
		if (!pair.entries[entry->kind] && entry_is(entry, key))
			pair.entries[entry->kind] = entry;
	return pair;
}

/* --- what has to go; all under the lock of the shard --- */

static void entry_release(struct store_deferred *deferred)
{
	struct cache_entry *entry = (struct cache_entry *)(void *)deferred;
	struct cache_pool *pool = entry->owner->pool;
	atomic_fetch_sub_explicit(&pool->used, entry->size, memory_order_relaxed);
	cache_entry_free(entry);
}

static void queue_leave(struct cache_entry *entry)
{
	struct cache_queue *queue = entry->queue;
	if (entry->is_in_main) {
		TAILQ_REMOVE(&queue->main, entry, link);
	} else {
		TAILQ_REMOVE(&queue->small, entry, link);
		queue->small_bytes -= entry->size;
	}
	queue->bytes -= entry->size;
	queue->count--;
	atomic_fetch_sub_explicit(
		&queue->owner->counts[entry->kind], 1, memory_order_relaxed);
}

static void queue_join(struct cache_entry *entry)
{
	struct cache_queue *queue = entry->queue;
	if (entry->is_in_main) {
		TAILQ_INSERT_HEAD(&queue->main, entry, link);
	} else {
		TAILQ_INSERT_HEAD(&queue->small, entry, link);
		queue->small_bytes += entry->size;
	}
	queue->bytes += entry->size;
	queue->count++;
	atomic_fetch_add_explicit(
		&queue->owner->counts[entry->kind], 1, memory_order_relaxed);
}

/* `at` is what points to it. */
static void entry_unlink(
	struct cache_pool *pool, cache_bucket *at, struct cache_entry *entry)
{
	/* Who is at the entry still finds its way on. */
	atomic_store_explicit(at,
		atomic_load_explicit(&entry->next, memory_order_relaxed),
		memory_order_release);
	queue_leave(entry);
	atomic_fetch_sub_explicit(&pool->live, entry->size, memory_order_relaxed);
	store_defer(&entry->deferred, entry_release);
}

static void entry_remove(struct cache_pool *pool, struct cache_entry *entry)
{
	cache_bucket *at = bucket_of(pool, entry->hash);
	struct cache_entry *other;
	while ((other = atomic_load_explicit(at, memory_order_relaxed)) != entry)
		at = &other->next;
	entry_unlink(pool, at, entry);
}

static uint32_t *ghost_of(struct cache_pool *pool, uint64_t hash)
{
	return &pool->ghosts[hash & pool->ghost_mask];
}

static uint32_t ghost_mark(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

/* Ghosts of a hash belong to its shard, whose lock is held. */
static void ghost_leave(struct cache_pool *pool, uint64_t hash)
{
	*ghost_of(pool, hash) = ghost_mark(hash);
}

static bool ghost_take(struct cache_pool *pool, uint64_t hash)
{
	uint32_t *ghost = ghost_of(pool, hash);
	bool is_there = *ghost == ghost_mark(hash);
	if (is_there)
		*ghost = 0;
	return is_there;
}

/* Another round in the main list. */
static void entry_keep(struct cache_entry *entry, uint8_t uses)
{
	queue_leave(entry);
	entry->is_in_main = true;
	atomic_store_explicit(&entry->uses, uses, memory_order_relaxed);
	queue_join(entry);
}

/* The queue has entries. */
static void queue_evict(
	struct cache_pool *pool, struct cache_queue *queue, int64_t now_ns)
{
	for (unsigned step = 0;; step++) {
		bool is_small = TAILQ_EMPTY(&queue->main) ||
				(queue->small_bytes > queue->bytes / SMALL_PART &&
					!TAILQ_EMPTY(&queue->small));
		struct cache_entry *entry =
			is_small ? TAILQ_LAST(&queue->small, cache_list)
				 : TAILQ_LAST(&queue->main, cache_list);
		uint8_t uses = atomic_load_explicit(&entry->uses, memory_order_relaxed);
		if (!uses || step == STEPS_MAX || entry->dead_ns <= now_ns) {
			if (is_small)
				ghost_leave(pool, entry->hash);
			entry_remove(pool, entry);
			return;
		}
		entry_keep(entry, is_small ? 0 : (uint8_t)(uses - 1));
	}
}

static struct cache_queue *largest_queue(const struct cache_shard *shard)
{
	struct cache_queue *largest = NULL, *queue;
	LIST_FOREACH(queue, &shard->queues, link)
	if (queue->count && (!largest || queue->bytes > largest->bytes))
		largest = queue;
	return largest;
}

/* --- storing --- */

/* What the entry takes the place of. Refreshing goes on with what is known of it. */
static void replace(struct cache_pool *pool, struct cache_entry *entry, bool keeps_other)
{
	const struct cache_key key = {
		.hash = entry->hash,
		.question = entry->question,
		.name = entry->message + DNS_HEADER_SIZE,
		.owner = entry->owner,
	};
	struct cache_pair pair = cache_pool_find(pool, &key);
	for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
		struct cache_entry *old = pair.entries[kind];
		if (!old || (kind != entry->kind && keeps_other))
			continue;
		if (kind == entry->kind) {
			entry->is_in_main = old->is_in_main;
			entry->uses =
				atomic_load_explicit(&old->uses, memory_order_relaxed);
			entry->hits =
				atomic_load_explicit(&old->hits, memory_order_relaxed);
			entry->seen_s =
				atomic_load_explicit(&old->seen_s, memory_order_relaxed);
		}
		entry_remove(pool, old);
	}
}

/* Takes `size` octets from the budget. */
static bool reserve(struct cache_pool *pool, size_t size)
{
	size_t before =
		atomic_fetch_add_explicit(&pool->used, size, memory_order_relaxed);
	if (before + size <= pool->budget)
		return true;
	atomic_fetch_sub_explicit(&pool->used, size, memory_order_relaxed);
	return false;
}

/* What is left to entries when something is always on its way out. */
static bool is_full(const struct cache_pool *pool, size_t size)
{
	size_t live = atomic_load_explicit(&pool->live, memory_order_relaxed);
	return live + size > pool->budget - pool->budget / RESERVE_PART;
}

/* How many had to go. */
static int make_room(struct cache_pool *pool, struct cache_shard *shard,
	const struct cache_entry *entry, int64_t now_ns)
{
	struct cache_queue *own = entry->queue, *largest;
	int evicted = 0;
	for (; own->count >= own->owner->capacities[entry->kind]; evicted++)
		queue_evict(pool, own, now_ns);
	for (; is_full(pool, entry->size) && (largest = largest_queue(shard)); evicted++)
		queue_evict(pool, largest, now_ns);
	return evicted;
}

static void entry_publish(struct cache_pool *pool, struct cache_entry *entry)
{
	cache_bucket *bucket = bucket_of(pool, entry->hash);
	entry->next = atomic_load_explicit(bucket, memory_order_relaxed);
	queue_join(entry);
	atomic_fetch_add_explicit(&pool->live, entry->size, memory_order_relaxed);
	atomic_store_explicit(bucket, entry, memory_order_release);
}

int cache_pool_put(struct cache_pool *pool, struct cache_entry *entry, int64_t now_ns,
	bool keeps_other)
{
	struct cache_shard *shard = shard_of(pool, entry->hash);
	struct cache_owner *owner = (struct cache_owner *)entry->owner;
	int evicted = -1;
	entry->queue = &owner->queues[entry->hash & (SHARDS - 1)][entry->kind];
	pthread_mutex_lock(&shard->lock);
	replace(pool, entry, keeps_other);
	entry->is_in_main |= ghost_take(pool, entry->hash);
	int others = make_room(pool, shard, entry, now_ns);
	if (reserve(pool, entry->size)) {
		entry_publish(pool, entry);
		entry = NULL;
		evicted = others;
	}
	pthread_mutex_unlock(&shard->lock);
	cache_entry_free(entry);
	return evicted;
}

/* --- what goes by itself --- */

static void bucket_sweep(struct cache_pool *pool, cache_bucket *at, int64_t now_ns)
{
	struct cache_entry *entry;
	while ((entry = atomic_load_explicit(at, memory_order_relaxed))) {
		if (entry->dead_ns <= now_ns)
			entry_unlink(pool, at, entry);
		else
			at = &entry->next;
	}
}

void cache_pool_sweep(struct cache_pool *pool, int64_t now_ns)
{
	size_t buckets = (pool->mask + 1) / SHARDS, part = buckets / SWEEP_PARTS;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct cache_shard *shard = &pool->shards[i];
		pthread_mutex_lock(&shard->lock);
		for (size_t n = 0; n < part; n++) {
			size_t bucket = shard->swept * SHARDS + i;
			shard->swept = (shard->swept + 1) % buckets;
			bucket_sweep(pool, &pool->buckets[bucket], now_ns);
		}
		pthread_mutex_unlock(&shard->lock);
	}
}

/* --- owners --- */

struct cache_owner *cache_owner_new(
	struct cache_pool *pool, const size_t capacities[CACHE_KINDS])
{
	struct cache_owner *owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	if (!reserve(pool, memory_of(owner))) {
		free(owner);
		return NULL;
	}
	owner->pool = cache_pool_ref(pool);
	owner->salt = ++pool->owners * 0xbf58476d1ce4e5b9;
	for (unsigned kind = 0; kind < CACHE_KINDS; kind++)
		owner->capacities[kind] = (capacities[kind] + SHARDS - 1) / SHARDS;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct cache_shard *shard = &pool->shards[i];
		pthread_mutex_lock(&shard->lock);
		for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
			struct cache_queue *queue = &owner->queues[i][kind];
			queue->owner = owner;
			TAILQ_INIT(&queue->small);
			TAILQ_INIT(&queue->main);
			LIST_INSERT_HEAD(&shard->queues, queue, link);
		}
		pthread_mutex_unlock(&shard->lock);
	}
	return owner;
}

static void list_empty(struct cache_pool *pool, const struct cache_list *list)
{
	struct cache_entry *entry;
	while ((entry = TAILQ_FIRST(list)))
		entry_remove(pool, entry);
}

void cache_owner_free(struct cache_owner *owner)
{
	if (!owner)
		return;
	struct cache_pool *pool = owner->pool;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct cache_shard *shard = &pool->shards[i];
		pthread_mutex_lock(&shard->lock);
		for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
			struct cache_queue *queue = &owner->queues[i][kind];
			list_empty(pool, &queue->small);
			list_empty(pool, &queue->main);
			LIST_REMOVE(queue, link);
		}
		pthread_mutex_unlock(&shard->lock);
	}
	/* Entries that are released look at their owner. */
	store_defer_wait();
	atomic_fetch_sub_explicit(&pool->used, memory_of(owner), memory_order_relaxed);
	free(owner);
	cache_pool_unref(pool);
}

uint64_t cache_owner_salt(const struct cache_owner *owner)
{
	return owner->salt;
}

size_t cache_owner_count(const struct cache_owner *owner, enum cache_kind kind)
{
	return atomic_load_explicit(&owner->counts[kind], memory_order_relaxed);
}
