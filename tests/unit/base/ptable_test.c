/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/base/ptable.h"
#include "tests/support/failing_malloc.h"

enum { OBJECTS = 400, STEPS = 20000 };

struct object {
	unsigned key;
	uint64_t hash;
	bool is_in;
};

static uint64_t object_hash(const void *object)
{
	return ((const struct object *)object)->hash;
}

static bool object_has_key(const void *object, const void *key)
{
	return ((const struct object *)object)->key == *(const unsigned *)key;
}

static const struct ptable_type type = {object_hash, object_has_key};

static struct object objects[OBJECTS];

/* `spread` different hashes: the fewer, the longer the runs that a removal closes. */
static void objects_init(unsigned spread)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = (struct object){.key = i,
			.hash = (i * 2654435761u % spread) * 0x9e3779b97f4a7c15};
}

/* The table holds what the flags say, each once. */
static void check_table(const struct ptable *table)
{
	static unsigned seen[OBJECTS];
	memset(seen, 0, sizeof(seen));
	size_t position = 0, count = 0;
	const struct object *object;
	while ((object = ptable_next(table, &position))) {
		seen[object->key]++;
		count++;
	}
	assert_int_equal(count, table->count);
	assert_null(ptable_next(table, &position));
	for (unsigned i = 0; i < OBJECTS; i++) {
		assert_int_equal(seen[i], objects[i].is_in);
		const void *found = ptable_find(table, objects[i].hash, &i);
		assert_ptr_equal(found, objects[i].is_in ? &objects[i] : NULL);
	}
}

static void run_model(unsigned spread)
{
	struct ptable table;
	uint32_t seed = spread;
	objects_init(spread);
	ptable_init(&table, &type);
	check_table(&table);
	for (unsigned step = 0; step < STEPS; step++) {
		seed = seed * 1664525u + 1013904223u;
		struct object *object = &objects[(seed >> 8) % OBJECTS];
		/* First it grows, then it shrinks. */
		bool shall_be_in = (seed >> 24) % 4 < (step < STEPS / 2 ? 3 : 1);
		if (object->is_in == shall_be_in)
			continue;
		if (shall_be_in)
			assert_int_equal(ptable_add(&table, object), ERR_NONE);
		else
			ptable_remove(&table, object);
		object->is_in = shall_be_in;
		if (step % 100 == 0)
			check_table(&table);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (objects[i].is_in)
			ptable_remove(&table, &objects[i]);
		objects[i].is_in = false;
	}
	check_table(&table);
	ptable_deinit(&table);
	assert_null(ptable_find(&table, 0, &seed));
}

static void an_object_takes_the_place_of_another(void **state)
{
	(void)state;
	struct ptable table;
	unsigned key = 5;
	objects_init(3);
	ptable_init(&table, &type);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(ptable_add(&table, &objects[i]), ERR_NONE);
	struct object other = objects[key];
	ptable_replace(&table, &objects[key], &other);
	assert_ptr_equal(ptable_find(&table, other.hash, &key), &other);
	assert_int_equal(table.count, 10);
	ptable_remove(&table, &other);
	assert_null(ptable_find(&table, other.hash, &key));
	ptable_deinit(&table);
}

static void any_order_of_adds_and_removals_keeps_the_objects(void **state)
{
	(void)state;
	static const unsigned spreads[] = {1, 3, 20, 1000};
	for (size_t i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++)
		run_model(spreads[i]);
}

static void without_memory_the_table_stays_as_it_was(void **state)
{
	(void)state;
	struct ptable table;
	objects_init(1000);
	ptable_init(&table, &type);
	unsigned failures = 0;
	for (unsigned i = 0; i < OBJECTS; i++) {
		failing_malloc_arm(1);
		enum err err = ptable_add(&table, &objects[i]);
		if (failing_malloc_disarm()) {
			assert_int_equal(err, ERR_NOMEM);
			failures++;
			check_table(&table);
			err = ptable_add(&table, &objects[i]);
		}
		assert_int_equal(err, ERR_NONE);
		objects[i].is_in = true;
	}
	assert_true(failures >= 2);
	check_table(&table);
	ptable_deinit(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_adds_and_removals_keeps_the_objects),
		cmocka_unit_test(an_object_takes_the_place_of_another),
		cmocka_unit_test(without_memory_the_table_stays_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
