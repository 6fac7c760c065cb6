/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "server/plugin/cache/pool.h"
#include "tests/support/packet.h"

#define NS_PER_S INT64_C(1000000000)

enum { NAMES = 20000, ENOUGH = 1 << 24 };

static const size_t unlimited[CACHE_KINDS] = {1 << 20, 1 << 20};

/* The question for address `number`, and a reply of `size` octets of TXT. */
struct item {
	struct packet packet;
	struct request request;
	struct reply reply;
	uint8_t buffer[65535];
};

static void item_init(struct item *item, unsigned number, uint16_t size)
{
	static const struct hash_key key = {1, 2};
	char name[32];
	uint8_t rdata[65535 - 512];
	snprintf(name, sizeof(name), "n%u.example", number);
	packet_query(&item->packet, name, TYPE_TXT, 0);
	enum request_verdict verdict = request_parse(
		&item->request, item->packet.bytes, item->packet.length, &key);
	assert_int_equal(verdict, REQUEST_OK);
	reply_init(&item->reply, &item->request, item->buffer, sizeof(item->buffer));
	memset(rdata, (int)(number & 0xff), size);
	const struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.type = TYPE_TXT,
		.class = CLASS_IN,
		.ttl_s = 300,
		.rdata = rdata,
		.length = size,
	};
	assert_true(reply_add(&item->reply, SECTION_ANSWER, &record));
}

static int put(struct cache_pool *pool, const struct cache_owner *owner,
	struct item *item, int64_t now_ns)
{
	struct cache_finding finding;
	struct cache_key key =
		cache_key_of(&item->request, owner, cache_owner_salt(owner));
	assert_int_equal(
		cache_examine(&item->request, &item->reply, &finding), CACHE_GOOD);
	struct cache_entry *entry = cache_entry_new(&key, &item->reply, &finding);
	assert_non_null(entry);
	entry->lifetime_s = 300;
	entry->expires_ns = entry->dead_ns = now_ns + 300 * NS_PER_S;
	store_read_lock();
	int evicted = cache_pool_put(pool, entry, now_ns, false);
	store_read_unlock();
	return evicted;
}

/* In a read section. NULL: it is not there. */
static struct cache_entry *find(const struct cache_pool *pool,
	const struct cache_owner *owner, const struct item *item)
{
	struct cache_key key =
		cache_key_of(&item->request, owner, cache_owner_salt(owner));
	return cache_pool_find(pool, &key).entries[CACHE_SUCCESS];
}

/* Whether it was there; uses it. */
static bool use(
	const struct cache_pool *pool, const struct cache_owner *owner, unsigned number)
{
	static _Thread_local struct item item;
	item_init(&item, number, 1);
	store_read_lock();
	struct cache_entry *entry = find(pool, owner, &item);
	if (entry)
		cache_entry_use(entry);
	store_read_unlock();
	return entry;
}

static void the_budget_holds_whatever_is_stored(void **state)
{
	(void)state;
	static struct item item;
	struct cache_pool *pool = cache_pool_new(CACHE_BUDGET_MIN);
	size_t empty = cache_pool_bytes(pool);
	struct cache_owner *owners[2];
	for (unsigned i = 0; i < 2; i++)
		owners[i] = cache_owner_new(pool, unlimited);
	size_t stored = 0;
	for (unsigned i = 0; i < NAMES; i++) {
		item_init(&item, i, i % 100 ? (uint16_t)(i % 700 + 1) : 20000);
		stored += put(pool, owners[i % 3 == 0], &item, 0) >= 0;
		assert_true(cache_pool_bytes(pool) <= CACHE_BUDGET_MIN);
		/* Faster than any network: what waits for its readers takes the room. */
		if (i % 50 == 0)
			store_defer_wait();
	}
	assert_true(stored > NAMES / 10 * 9);
	store_defer_wait();
	assert_true(cache_pool_bytes(pool) > CACHE_BUDGET_MIN / 2);
	assert_true(cache_owner_count(owners[0], CACHE_SUCCESS));
	cache_owner_free(owners[0]);
	cache_owner_free(owners[1]);
	assert_int_equal(cache_pool_bytes(pool), empty);
	cache_pool_unref(pool);
}

static void each_cache_keeps_to_its_number_of_entries(void **state)
{
	(void)state;
	static struct item item;
	static const size_t capacities[CACHE_KINDS] = {1024, 32};
	struct cache_pool *pool = cache_pool_new(ENOUGH);
	struct cache_owner *small = cache_owner_new(pool, capacities);
	struct cache_owner *large = cache_owner_new(pool, unlimited);
	for (unsigned i = 0; i < NAMES; i++) {
		item_init(&item, i, 10);
		assert_true(put(pool, small, &item, 0) >= 0);
		if (i < NAMES / 2)
			assert_int_equal(put(pool, large, &item, 0), 0);
	}
	assert_int_equal(cache_owner_count(small, CACHE_SUCCESS), 1024);
	assert_int_equal(cache_owner_count(large, CACHE_SUCCESS), NAMES / 2);
	cache_owner_free(small);
	/* The other one's are all there. */
	for (unsigned i = 0; i < NAMES / 2; i++)
		assert_true(use(pool, large, i));
	cache_owner_free(large);
	cache_pool_unref(pool);
}

static void names_in_use_outlive_a_flood_of_others(void **state)
{
	(void)state;
	enum { USED = 200 };
	static struct item item;
	static const size_t capacities[CACHE_KINDS] = {1024, 1024};
	struct cache_pool *pool = cache_pool_new(ENOUGH);
	struct cache_owner *owner = cache_owner_new(pool, capacities);
	for (unsigned i = 0; i < USED; i++) {
		item_init(&item, i, 10);
		put(pool, owner, &item, 0);
		use(pool, owner, i);
	}
	/* Each of them is asked for once in a hundred of the others. */
	unsigned missed = 0;
	for (unsigned i = USED; i < NAMES; i++) {
		item_init(&item, i, 10);
		put(pool, owner, &item, 0);
		if (i % 100 == 0)
			for (unsigned k = 0; k < USED; k++)
				missed += !use(pool, owner, k);
	}
	assert_int_equal(missed, 0);
	cache_owner_free(owner);
	cache_pool_unref(pool);
}

static void what_comes_back_soon_is_remembered(void **state)
{
	(void)state;
	static struct item item;
	static const size_t capacities[CACHE_KINDS] = {1024, 1024};
	struct cache_pool *pool = cache_pool_new(ENOUGH);
	struct cache_owner *owner = cache_owner_new(pool, capacities);
	/* A round of names in use that is larger than the small list, again and again:
	 * from the second time on they are taken into the main list. */
	unsigned missed = 0;
	for (unsigned round = 0; round < 4; round++)
		for (unsigned i = 0; i < 600; i++) {
			item_init(&item, i, 10);
			if (!use(pool, owner, i)) {
				missed += round == 3;
				put(pool, owner, &item, 0);
			}
			item_init(&item, 1000000 + round * 600 + i, 10);
			put(pool, owner, &item, 0);
		}
	assert_true(missed < 60);
	cache_owner_free(owner);
	cache_pool_unref(pool);
}

static void what_has_expired_leaves_by_itself(void **state)
{
	(void)state;
	static struct item item;
	struct cache_pool *pool = cache_pool_new(ENOUGH);
	struct cache_owner *owner = cache_owner_new(pool, unlimited);
	size_t empty = cache_pool_bytes(pool);
	for (unsigned i = 0; i < 2000; i++) {
		item_init(&item, i, 10);
		put(pool, owner, &item, i % 2 ? 0 : 100 * NS_PER_S);
	}
	for (unsigned i = 0; i < 16; i++)
		cache_pool_sweep(pool, 300 * NS_PER_S);
	assert_int_equal(cache_owner_count(owner, CACHE_SUCCESS), 1000);
	assert_true(use(pool, owner, 0));
	assert_false(use(pool, owner, 1));
	for (unsigned i = 0; i < 16; i++)
		cache_pool_sweep(pool, 400 * NS_PER_S);
	store_defer_wait();
	assert_int_equal(cache_owner_count(owner, CACHE_SUCCESS), 0);
	assert_int_equal(cache_pool_bytes(pool), empty);
	cache_owner_free(owner);
	cache_pool_unref(pool);
}

static void caches_do_not_see_each_others_entries(void **state)
{
	(void)state;
	static struct item item;
	struct cache_pool *pool = cache_pool_new(ENOUGH);
	struct cache_owner *one = cache_owner_new(pool, unlimited);
	struct cache_owner *other = cache_owner_new(pool, unlimited);
	item_init(&item, 1, 10);
	put(pool, one, &item, 0);
	assert_true(use(pool, one, 1));
	assert_false(use(pool, other, 1));
	cache_owner_free(one);
	cache_owner_free(other);
	cache_pool_unref(pool);
}

/* --- threads --- */

enum { THREADS = 4, HOT = 64, OPERATIONS = 4000 };

struct shared {
	struct cache_pool *pool;
	struct cache_owner *owners[2];
	atomic_bool is_over;
};

struct thread {
	struct shared *shared;
	pthread_t thread;
	unsigned number, found;
	const char *failure;
};

/* An entry is one whole reply to the question, whoever replaces or removes it. */
static const char *check(const struct cache_entry *entry, unsigned number)
{
	const uint8_t *end = entry->message + entry->length;
	for (const uint8_t *at = end - 10; at < end; at++)
		if (*at != (number & 0xff))
			return "a reply to another question";
	return NULL;
}

static void thread_read(struct thread *thread, struct item *item, unsigned number)
{
	const struct shared *shared = thread->shared;
	item_init(item, number, 10);
	store_read_lock();
	struct cache_entry *entry = find(shared->pool, shared->owners[number % 2], item);
	if (entry) {
		cache_entry_use(entry);
		struct reply reply;
		reply_init(&reply, &item->request, item->buffer, sizeof(item->buffer));
		cache_entry_write(entry, &reply, 1, false);
		thread->failure = check(entry, number);
		thread->found++;
	}
	store_read_unlock();
}

static void *thread_run(void *context)
{
	struct thread *thread = context;
	static _Thread_local struct item item;
	uint32_t random = thread->number * 7919 + 1;
	store_reader_register();
	for (unsigned i = 0; i < OPERATIONS && !thread->failure; i++) {
		random = random * 1664525 + 1013904223;
		unsigned number = random >> 8 & 1 ? random >> 16 & (HOT - 1)
						  : HOT + (random >> 10 & 0x3fff);
		thread_read(thread, &item, number);
		if (i % 3)
			continue;
		item_init(&item, number, (uint16_t)(10 + (random >> 20 & 0x1ff)));
		put(thread->shared->pool, thread->shared->owners[number % 2], &item,
			(int64_t)i * NS_PER_S / 8);
	}
	store_reader_unregister();
	return NULL;
}

static void *sweep_run(void *context)
{
	struct shared *shared = context;
	int64_t now_ns = 300 * NS_PER_S;
	while (!atomic_load(&shared->is_over)) {
		cache_pool_sweep(shared->pool, now_ns);
		now_ns += NS_PER_S;
		sched_yield();
	}
	return NULL;
}

static void readers_see_whole_entries_while_others_write(void **state)
{
	(void)state;
	static struct shared shared;
	static struct thread threads[THREADS];
	pthread_t sweeper;
	unsigned found = 0;
	shared.pool = cache_pool_new(CACHE_BUDGET_MIN);
	for (unsigned i = 0; i < 2; i++)
		shared.owners[i] = cache_owner_new(shared.pool, unlimited);
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){.shared = &shared, .number = i};
		assert_int_equal(
			pthread_create(&threads[i].thread, NULL, thread_run, &threads[i]),
			0);
	}
	assert_int_equal(pthread_create(&sweeper, NULL, sweep_run, &shared), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		assert_null(threads[i].failure);
		found += threads[i].found;
	}
	atomic_store(&shared.is_over, true);
	pthread_join(sweeper, NULL);
	assert_true(found > 0);
	assert_true(cache_pool_bytes(shared.pool) <= CACHE_BUDGET_MIN);
	cache_owner_free(shared.owners[0]);
	cache_owner_free(shared.owners[1]);
	cache_pool_unref(shared.pool);
}

int main(void)
{
	store_reader_register();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_budget_holds_whatever_is_stored),
		cmocka_unit_test(each_cache_keeps_to_its_number_of_entries),
		cmocka_unit_test(names_in_use_outlive_a_flood_of_others),
		cmocka_unit_test(what_comes_back_soon_is_remembered),
		cmocka_unit_test(what_has_expired_leaves_by_itself),
		cmocka_unit_test(caches_do_not_see_each_others_entries),
		cmocka_unit_test(readers_see_whole_entries_while_others_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
