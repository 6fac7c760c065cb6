/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/kube/known.h"

static const struct hash_key KEY = {5, 6};

static bool put(struct known *known, const char *name, const char *version)
{
	bool is_same;
	assert_int_equal(known_put(known, "shop", name, known_version(version), &is_same),
		ERR_NONE);
	return is_same;
}

static void an_object_is_known_in_its_version(void **state)
{
	(void)state;
	struct known known;
	known_init(&known, &KEY);
	assert_false(known_has(&known, "shop", "cart"));
	assert_false(put(&known, "cart", "1041"));
	assert_true(put(&known, "cart", "1041"));
	assert_false(put(&known, "cart", "1042"));
	assert_true(known_has(&known, "shop", "cart"));
	assert_false(known_has(&known, "sho", "pcart"));
	assert_false(known_has(&known, "", "cart"));
	uint32_t version;
	assert_true(known_find_id(&known, known_id(&known, "shop", "cart"), &version));
	assert_int_equal(version, known_version("1042"));
	assert_false(known_find_id(&known, known_id(&known, "shop", "tart"), &version));
	known_remove(&known, "shop", "cart");
	known_remove(&known, "shop", "cart");
	assert_false(known_has(&known, "shop", "cart"));
	assert_int_equal(known.count, 0);
	known_deinit(&known);
}

static void what_a_list_does_not_name_is_swept(void **state)
{
	(void)state;
	struct known known;
	known_init(&known, &KEY);
	put(&known, "a", "1");
	put(&known, "b", "1");
	known_begin(&known);
	put(&known, "a", "1");
	/* The list was cut; the next one names the other. */
	known_begin(&known);
	assert_true(put(&known, "b", "1"));
	assert_false(put(&known, "c", "2"));
	assert_int_equal(known_sweep(&known), 1);
	assert_false(known_has(&known, "shop", "a"));
	assert_true(known_has(&known, "shop", "b"));
	assert_true(known_has(&known, "shop", "c"));
	assert_int_equal(known_sweep(&known), 0);
	known_deinit(&known);
}

static enum err count_unmarked(void *context, uint64_t id, uint32_t version)
{
	unsigned *count = context;
	assert_int_equal(version, known_version("1"));
	assert_int_not_equal(id, 0);
	++*count;
	return ERR_NONE;
}

static void what_was_not_seen_is_found_without_being_swept(void **state)
{
	(void)state;
	struct known known;
	known_init(&known, &KEY);
	put(&known, "a", "1");
	put(&known, "b", "1");
	known_begin(&known);
	uint32_t version;
	unsigned count = 0;
	assert_true(known_mark(&known, known_id(&known, "shop", "b"), &version));
	assert_false(known_mark(&known, known_id(&known, "shop", "c"), &version));
	assert_int_equal(known_each_unmarked(&known, count_unmarked, &count), ERR_NONE);
	assert_int_equal(count, 1);
	assert_int_equal(known.count, 2);
	known_deinit(&known);
}

/* Beside a plain array, which is right by being simple. */
static void many_objects_come_and_go(void **state)
{
	(void)state;
	enum { OBJECTS = 3000, STEPS = 60000 };
	static bool is_there[OBJECTS], is_seen[OBJECTS];
	struct known known;
	known_init(&known, &KEY);
	srand(7);
	for (unsigned step = 0; step < STEPS; step++) {
		char name[32];
		unsigned i = (unsigned)rand() % OBJECTS;
		snprintf(name, sizeof(name), "object-%u", i);
		assert_int_equal(known_has(&known, "shop", name), is_there[i]);
		if (rand() % 3) {
			put(&known, name, "9");
			is_there[i] = is_seen[i] = true;
		} else {
			known_remove(&known, "shop", name);
			is_there[i] = false;
		}
		if (step % 10000 == 5000) {
			known_begin(&known);
			memset(is_seen, 0, sizeof(is_seen));
		} else if (step % 10000 == 9999) {
			size_t expected = 0;
			for (unsigned j = 0; j < OBJECTS; j++) {
				expected += is_there[j] && !is_seen[j];
				is_there[j] = is_there[j] && is_seen[j];
			}
			assert_int_equal(known_sweep(&known), expected);
		}
	}
	known_deinit(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_known_in_its_version),
		cmocka_unit_test(what_a_list_does_not_name_is_swept),
		cmocka_unit_test(what_was_not_seen_is_found_without_being_swept),
		cmocka_unit_test(many_objects_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
