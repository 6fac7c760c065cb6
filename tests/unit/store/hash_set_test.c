/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/draw.h"
#include "tests/support/failing_malloc.h"
#include "zones/store/hash_set.h"
#include "zones/store/reader.h"

enum { HASHES = 4000, STEPS = 200000 };

/* What is in the set. */
struct model {
	bool has[HASHES];
	size_t count;
	uint64_t random;
};

static unsigned draw(struct model *model, unsigned below)
{
	return draw_below(&model->random, below);
}

/* Half of them are one long run of neighbours. */
static uint64_t hash_of(unsigned i)
{
	return i % 2 ? i / 2 + HASH_SLOT_FIRST
		     : (i | UINT64_C(1) << 40) * UINT64_C(0x9e3779b97f4a7c15);
}

static void assert_as_in_model(const struct hash_set *set, const struct model *model)
{
	for (unsigned i = 0; i < HASHES; i++)
		assert_int_equal(hash_set_has(set, hash_of(i)), model->has[i]);
	assert_int_equal(hash_set_count(set), model->count);
}

static void hashes_come_and_go_as_in_a_model(void **state)
{
	(void)state;
	struct model *model = calloc(1, sizeof(*model));
	struct hash_set set = {NULL};
	assert_non_null(model);
	for (unsigned step = 0; step < STEPS; step++) {
		/* Now more, now less. */
		unsigned wanted = step / (STEPS / 8) % 2 ? 3 : 6;
		unsigned i = draw(model, HASHES);
		bool is_new;
		if (draw(model, 10) < wanted) {
			assert_int_equal(
				hash_set_put(&set, hash_of(i), &is_new), ERR_NONE);
			assert_int_equal(is_new, !model->has[i]);
			model->count += is_new;
			model->has[i] = true;
		} else {
			assert_int_equal(
				hash_set_remove(&set, hash_of(i)), model->has[i]);
			model->count -= model->has[i];
			model->has[i] = false;
		}
		if (step % (STEPS / 50) == 0)
			assert_as_in_model(&set, model);
	}
	assert_as_in_model(&set, model);
	hash_set_deinit(&set);
	free(model);
}

static void the_empty_set_takes_no_memory(void **state)
{
	(void)state;
	struct hash_set set = {NULL};
	hash_set_prefetch(&set, 7);
	assert_false(hash_set_has(&set, 7));
	assert_false(hash_set_remove(&set, 7));
	assert_int_equal(hash_set_count(&set), 0);
	assert_int_equal(hash_set_bytes(&set), 0);
	hash_set_deinit(&set);
}

static void every_hash_has_a_place(void **state)
{
	(void)state;
	static const uint64_t hashes[] = {0, 1, 4, UINT64_MAX};
	struct hash_set set = {NULL};
	bool is_new;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		assert_false(hash_set_has(&set, hashes[i]));
		assert_int_equal(hash_set_put(&set, hashes[i], &is_new), ERR_NONE);
		assert_true(is_new);
		assert_true(hash_set_has(&set, hashes[i]));
	}
	assert_true(hash_set_remove(&set, 0));
	assert_false(hash_set_has(&set, 0));
	assert_true(hash_set_has(&set, 1));
	hash_set_deinit(&set);
}

/* What comes and goes leaves slots behind, which are not to add up. */
static void coming_and_going_does_not_grow_it(void **state)
{
	(void)state;
	struct hash_set set = {NULL};
	bool is_new;
	size_t most = 0;
	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
		assert_int_equal(hash_set_put(&set, hash, &is_new), ERR_NONE);
		if (i >= 10)
			assert_true(hash_set_remove(
				&set, (i - 10) * UINT64_C(0x9e3779b97f4a7c15)));
		if (hash_set_bytes(&set) > most)
			most = hash_set_bytes(&set);
	}
	assert_int_equal(hash_set_count(&set), 10);
	assert_in_range(most, 1, 1024);
	hash_set_deinit(&set);
}

/* So many stay that, were slots of others lost, the table would have to double. */
static void coming_and_going_beside_many_does_not_grow_it(void **state)
{
	(void)state;
	enum { STAY = 420, WINDOW = 50, ROUNDS = 20000 };
	struct hash_set set = {NULL};
	bool is_new;
	for (uint64_t i = 0; i < STAY + ROUNDS; i++) {
		uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15);
		assert_int_equal(hash_set_put(&set, hash, &is_new), ERR_NONE);
		if (i >= STAY + WINDOW)
			assert_true(hash_set_remove(
				&set, (i - WINDOW) * UINT64_C(0x9e3779b97f4a7c15)));
		assert_in_range(hash_set_bytes(&set), 1, 1024 * 8 + 64);
	}
	for (uint64_t i = 0; i < STAY; i++)
		assert_true(hash_set_has(&set, i * UINT64_C(0x9e3779b97f4a7c15)));
	assert_int_equal(hash_set_count(&set), STAY + WINDOW);
	hash_set_deinit(&set);
}

static void without_memory_it_is_as_before(void **state)
{
	(void)state;
	struct hash_set set = {NULL};
	bool is_new = false;
	size_t failures = 0;
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t hash = i * UINT64_C(0x9e3779b97f4a7c15) + 9;
		failing_malloc_arm(1);
		enum err err = hash_set_put(&set, hash, &is_new);
		if (failing_malloc_disarm()) {
			failures++;
			assert_int_equal(err, ERR_NOMEM);
			assert_false(hash_set_has(&set, hash));
			assert_int_equal(hash_set_count(&set), i);
			err = hash_set_put(&set, hash, &is_new);
		}
		assert_int_equal(err, ERR_NONE);
		for (uint64_t j = i / 16 * 16; j <= i; j++)
			assert_true(
				hash_set_has(&set, j * UINT64_C(0x9e3779b97f4a7c15) + 9));
	}
	assert_true(failures >= 5);
	hash_set_deinit(&set);
}

/* --- readers beside the writer --- */

enum { STAYING = 64, ROUNDS = 3000 };

static uint64_t staying(unsigned i)
{
	return (i + 1) * UINT64_C(0xd1342543de82ef95);
}

struct reading {
	const struct hash_set *set;
	atomic_bool is_over;
	size_t missed;
};

static void *read_on(void *context)
{
	struct reading *reading = context;
	store_reader_register();
	while (!atomic_load(&reading->is_over)) {
		store_read_lock();
		for (unsigned i = 0; i < STAYING; i++)
			reading->missed += !hash_set_has(reading->set, staying(i));
		store_read_unlock();
	}
	store_reader_unregister();
	return NULL;
}

static void readers_miss_nothing_that_stays(void **state)
{
	(void)state;
	struct hash_set set = {NULL};
	struct reading reading = {.set = &set};
	pthread_t thread;
	bool is_new;
	for (unsigned i = 0; i < STAYING; i++)
		assert_int_equal(hash_set_put(&set, staying(i), &is_new), ERR_NONE);
	assert_int_equal(pthread_create(&thread, NULL, read_on, &reading), 0);
	for (uint64_t i = 1; i < ROUNDS; i++) {
		assert_int_equal(hash_set_put(&set, i << 20, &is_new), ERR_NONE);
		if (i > 100)
			hash_set_remove(&set, (i - 100) << 20);
	}
	atomic_store(&reading.is_over, true);
	pthread_join(thread, NULL);
	assert_int_equal(reading.missed, 0);
	hash_set_deinit(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_come_and_go_as_in_a_model),
		cmocka_unit_test(the_empty_set_takes_no_memory),
		cmocka_unit_test(every_hash_has_a_place),
		cmocka_unit_test(coming_and_going_does_not_grow_it),
		cmocka_unit_test(coming_and_going_beside_many_does_not_grow_it),
		cmocka_unit_test(without_memory_it_is_as_before),
		cmocka_unit_test(readers_miss_nothing_that_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
