/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/wire/message.h"
#include "tests/support/draw.h"
#include "tests/support/failing_malloc.h"
#include "zones/store/store_write.h"

/* The clock of serials. */
static int64_t now_s = 1000;
int64_t __wrap_clock_unix_s(void);
int64_t __wrap_clock_unix_s(void)
{
	return now_s;
}

static const struct hash_key KEY = {3, 4};

struct fixture {
	struct store *store;
	struct answer_builder *builder;
};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

/* Zones are sorted by the length of their names: 0 is in.c.l, 1 is c.l. */
static int setup(void **state)
{
	static struct fixture fixture;
	const struct store_zone zones[] = {{.name = name_of("c.l"), .ttl_s = 5},
		{.name = name_of("in.c.l"), .ttl_s = 7}};
	now_s = 1000;
	fixture.store = store_new(&KEY, zones, 2);
	fixture.builder = answer_builder_new(fixture.store);
	*state = &fixture;
	return !fixture.store || !fixture.builder;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	answer_builder_free(fixture->builder);
	store_free(fixture->store);
	return 0;
}

/* An A record for each octet up to a 0. */
static enum err try_put(struct fixture *fixture, const char *text, const char *octets)
{
	struct dname name = name_of(text);
	int zone = store_zone_find(fixture->store, &name);
	assert_true(zone >= 0);
	answer_begin(fixture->builder, &name, (unsigned)zone);
	for (; *octets; octets++) {
		const uint8_t address[] = {10, 0, 0, (uint8_t)*octets};
		answer_add(fixture->builder, TYPE_A, 5, address, sizeof(address));
	}
	return store_put(fixture->store, fixture->builder);
}

static void put(struct fixture *fixture, const char *text, const char *octets)
{
	assert_int_equal(try_put(fixture, text, octets), ERR_NONE);
}

static void take(struct fixture *fixture, const char *text)
{
	struct dname name = name_of(text);
	assert_int_equal(store_remove(fixture->store, &name), ERR_NONE);
}

static const struct answer_set *get(const struct fixture *fixture, const char *text)
{
	struct dname name = name_of(text);
	return store_find_name(fixture->store, &name);
}

static void assert_octets(
	const struct fixture *fixture, const char *text, const char *octets)
{
	const struct answer_set *set = get(fixture, text);
	assert_non_null(set);
	const struct rrset *rrset = answer_set_find(set, TYPE_A);
	assert_int_equal(rrset ? rrset->count : 0, strlen(octets));
	for (size_t i = 0; rrset && octets[i]; i++)
		assert_int_equal(rrset->data[i * 16 + 15], (uint8_t)octets[i]);
	assert_null(answer_set_find(set, TYPE_AAAA));
}

static void assert_implied(
	const struct fixture *fixture, const char *text, unsigned children)
{
	const struct answer_set *set = get(fixture, text);
	assert_true(set && set->is_implied);
	assert_int_equal(set ? set->rrset_count : -1, 0);
	assert_int_equal(set ? set->children : 0, children);
	assert_null(answer_set_next(set, NULL));
}

static void what_was_put_is_found_until_it_is_removed(void **state)
{
	struct fixture *fixture = *state;
	assert_null(get(fixture, "web.c.l"));
	put(fixture, "web.c.l", "\1\2");
	assert_octets(fixture, "web.c.l", "\1\2");
	put(fixture, "web.c.l", "\3");
	assert_octets(fixture, "web.c.l", "\3");
	put(fixture, "web.c.l", "");
	assert_octets(fixture, "web.c.l", "");
	take(fixture, "web.c.l");
	assert_null(get(fixture, "web.c.l"));
	assert_null(get(fixture, "c.l"));
	take(fixture, "web.c.l");
}

static void a_name_in_no_zone_is_in_no_zone(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *name;
		int zone;
	} cases[] = {
		{"c.l", 1},
		{"x.c.l", 1},
		{"in.c.l", 0},
		{"a.b.in.c.l", 0},
		{"xin.c.l", 1},
		{"l", -1},
		{"xc.l", -1},
		{".", -1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dname name = name_of(cases[i].name);
		assert_int_equal(store_zone_find(fixture->store, &name), cases[i].zone);
	}
	assert_int_equal(store_zone_count(fixture->store), 2);
	assert_int_equal(store_zone(fixture->store, 0)->ttl_s, 7);
}

static void names_above_a_name_exist_as_long_as_it_does(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.b.d.c.l", "\1");
	put(fixture, "x.b.d.c.l", "\1");
	assert_implied(fixture, "b.d.c.l", 2);
	assert_implied(fixture, "d.c.l", 1);
	assert_implied(fixture, "c.l", 1);
	assert_null(get(fixture, "l"));
	take(fixture, "b.d.c.l");
	assert_implied(fixture, "b.d.c.l", 2);
	take(fixture, "a.b.d.c.l");
	assert_implied(fixture, "b.d.c.l", 1);
	take(fixture, "x.b.d.c.l");
	assert_null(get(fixture, "b.d.c.l"));
	assert_null(get(fixture, "c.l"));
	assert_int_equal(store_size(fixture->store).names, 0);
}

static void a_zone_within_another_holds_nothing_above_its_apex(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.in.c.l", "\1");
	assert_implied(fixture, "in.c.l", 1);
	assert_null(get(fixture, "c.l"));
	assert_int_equal(get(fixture, "in.c.l")->zone, 0);
	put(fixture, "in.c.l", "\2");
	assert_octets(fixture, "in.c.l", "\2");
	take(fixture, "a.in.c.l");
	assert_octets(fixture, "in.c.l", "\2");
	take(fixture, "in.c.l");
	assert_int_equal(store_size(fixture->store).names, 0);
}

static void a_name_without_records_of_its_own_becomes_implied(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "b.c.l", "\1");
	put(fixture, "a.b.c.l", "\2");
	assert_int_equal(get(fixture, "b.c.l")->children, 1);
	take(fixture, "b.c.l");
	assert_implied(fixture, "b.c.l", 1);
	put(fixture, "b.c.l", "\3");
	assert_octets(fixture, "b.c.l", "\3");
	assert_int_equal(get(fixture, "b.c.l")->children, 1);
	take(fixture, "a.b.c.l");
	assert_octets(fixture, "b.c.l", "\3");
	assert_int_equal(get(fixture, "b.c.l")->children, 0);
	take(fixture, "b.c.l");
	assert_null(get(fixture, "c.l"));
}

static void an_empty_name_stays_when_the_names_below_it_go(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.b.c.l", "\1");
	put(fixture, "b.c.l", "");
	take(fixture, "a.b.c.l");
	assert_non_null(get(fixture, "b.c.l"));
	take(fixture, "b.c.l");
	assert_null(get(fixture, "b.c.l"));
}

static void the_same_content_publishes_nothing(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.b.c.l", "\1\2");
	assert_true(store_commit(fixture->store));
	const struct answer_set *set = get(fixture, "a.b.c.l");
	size_t retired = store_retired(fixture->store);
	uint32_t serial = store_zone_serial(fixture->store, 1);
	put(fixture, "a.b.c.l", "\1\2");
	take(fixture, "nothing.c.l");
	assert_ptr_equal(get(fixture, "a.b.c.l"), set);
	assert_int_equal(store_retired(fixture->store), retired);
	assert_false(store_commit(fixture->store));
	assert_int_equal(store_zone_serial(fixture->store, 1), serial);
}

static void whether_an_empty_name_is_implied_is_no_change(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.b.c.l", "\1");
	assert_true(store_commit(fixture->store));
	put(fixture, "b.c.l", "");
	assert_false(get(fixture, "b.c.l")->is_implied);
	assert_false(store_commit(fixture->store));
	take(fixture, "b.c.l");
	assert_implied(fixture, "b.c.l", 1);
	assert_false(store_commit(fixture->store));
}

static void each_order_of_records_is_a_content_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.c.l", "\1\2");
	assert_true(store_commit(fixture->store));
	put(fixture, "a.c.l", "\2\1");
	assert_true(store_commit(fixture->store));
	assert_octets(fixture, "a.c.l", "\2\1");
}

static void the_serial_moves_forward_and_only_with_a_change(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		int64_t now_s;
		uint32_t serial;
	} cases[] = {
		{1000, 1001}, /* the second of the start */
		{1000, 1002}, /* and again */
		{2000, 2000}, /* time has passed */
		{1500, 2001}, /* the clock was set back */
		{2001, 2002}, /* as far as the serial */
		{0x80000000, 0x80000000}, {0xffffffff, 0xffffffff},
		{0xffffffff, 0},  /* RFC 1982: 0 comes after 2^32-1 */
		{0x100000005, 5}, /* the clock's low half goes round too */
	};
	assert_int_equal(store_zone_serial(fixture->store, 1), 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		now_s = cases[i].now_s;
		put(fixture, "a.c.l", i % 2 ? "\1" : "\2");
		assert_true(store_commit(fixture->store));
		assert_int_equal(store_zone_serial(fixture->store, 1), cases[i].serial);
		now_s++;
		assert_false(store_commit(fixture->store));
		assert_int_equal(store_zone_serial(fixture->store, 1), cases[i].serial);
	}
	assert_int_equal(store_zone_serial(fixture->store, 0), 1000);
	put(fixture, "a.in.c.l", "\1");
	assert_true(store_commit(fixture->store));
	assert_int_not_equal(store_zone_serial(fixture->store, 0), 1000);
}

static void a_store_is_not_synced_until_it_is_said_to_be(void **state)
{
	struct fixture *fixture = *state;
	assert_false(store_is_synced(fixture->store));
	store_set_synced(fixture->store, true);
	assert_true(store_is_synced(fixture->store));
	store_set_synced(fixture->store, false);
	assert_false(store_is_synced(fixture->store));
	/* A part that may not be read is not all. */
	store_set_missing(fixture->store, STORE_MISSING_PODS);
	assert_true(store_is_synced(fixture->store));
	assert_int_equal(store_missing(fixture->store), STORE_MISSING_PODS);
}

static void what_was_replaced_waits_to_be_reclaimed(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.c.l", "\1");
	assert_int_equal(store_retired(fixture->store), 0);
	put(fixture, "a.c.l", "\2");
	assert_int_equal(store_retired(fixture->store), 1);
	take(fixture, "a.c.l");
	assert_int_equal(store_retired(fixture->store), 3); /* with the apex */
	store_reclaim(fixture->store);
	assert_int_equal(store_retired(fixture->store), 0);
}

/* --- many names against a model --- */

enum { PARENTS = 20, LEAVES = 30, STEPS = 60000 };

/* Names "leaf.parent.c.l", and with leaf 0 "parent.c.l"; -1: not there. */
struct model {
	int octets[PARENTS][LEAVES];
	uint64_t random;
};

static unsigned draw(struct model *model, unsigned below)
{
	return draw_below(&model->random, below);
}

static void model_name(unsigned parent, unsigned leaf, char out[64])
{
	if (leaf)
		snprintf(out, 64, "n%u.p%u.c.l", leaf, parent);
	else
		snprintf(out, 64, "p%u.c.l", parent);
}

struct count {
	size_t names, bytes, below;
};

static bool count_set(void *context, const struct answer_set *set)
{
	struct count *count = context;
	count->names++;
	count->bytes += set->size;
	count->below += set->children;
	return true;
}

static void assert_model(const struct fixture *fixture, const struct model *model)
{
	size_t names = 0;
	for (unsigned i = 0; i < PARENTS; i++) {
		unsigned children = 0;
		for (unsigned j = LEAVES; j--;) {
			char name[64];
			model_name(i, j, name);
			const char octets[] = {(char)model->octets[i][j], '\0'};
			if (model->octets[i][j] >= 0)
				assert_octets(fixture, name, octets);
			else if (j == 0 && children)
				assert_implied(fixture, name, children);
			else
				assert_null(get(fixture, name));
			names += model->octets[i][j] >= 0 || (j == 0 && children);
			children += model->octets[i][j] >= 0;
		}
	}
	struct count count = {0};
	store_each(fixture->store, count_set, &count);
	struct store_size size = store_size(fixture->store);
	assert_int_equal(count.names, names ? names + 1 : 0);
	assert_int_equal(count.below, names);
	assert_int_equal(size.names, count.names);
	assert_true(size.bytes > count.bytes);
}

static void many_names_come_and_go_as_in_a_model(void **state)
{
	struct fixture *fixture = *state;
	struct model *model = calloc(1, sizeof(*model));
	assert_non_null(model);
	memset(model->octets, -1, sizeof(model->octets));
	model->random = 7;
	unsigned shrinks = 2;
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned parent = draw(model, PARENTS), leaf = draw(model, LEAVES);
		int *octets = &model->octets[parent][leaf];
		char name[64];
		model_name(parent, leaf, name);
		if (i % 10000 == 0)
			shrinks = shrinks == 2 ? 8 : 2;
		if (draw(model, 10) < shrinks) {
			take(fixture, name);
			*octets = -1;
		} else {
			int octet = 1 + (int)draw(model, 3);
			const char text[] = {(char)octet, '\0'};
			put(fixture, name, text);
			*octets = octet;
		}
		if (i % 997 == 0)
			assert_model(fixture, model);
		if (i % 5000 == 0)
			store_reclaim(fixture->store);
	}
	assert_model(fixture, model);
	free(model);
}

static void a_table_of_removed_names_does_not_grow(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.c.l", "\1");
	size_t bytes = store_size(fixture->store).bytes;
	for (unsigned i = 0; i < 3000; i++) {
		char name[64];
		snprintf(name, sizeof(name), "n%u.c.l", i);
		put(fixture, name, "\1");
		take(fixture, name);
	}
	assert_int_equal(store_size(fixture->store).bytes, bytes);
	assert_octets(fixture, "a.c.l", "\1");
	store_reclaim(fixture->store);
}

/* So many names stay that, were slots of others lost, the table would have to double. */
static void names_that_come_and_go_beside_many_do_not_make_it_grow(void **state)
{
	struct fixture *fixture = *state;
	enum { STAY = 420, WINDOW = 50, ROUNDS = 20000 };
	char name[64];
	for (unsigned i = 0; i < STAY; i++) {
		snprintf(name, sizeof(name), "s%u.c.l", i);
		put(fixture, name, "\1");
	}
	size_t bytes = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "n%05u.c.l", i);
		put(fixture, name, "\1");
		if (i == WINDOW)
			bytes = store_size(fixture->store).bytes;
		if (i < WINDOW)
			continue;
		assert_int_equal(store_size(fixture->store).bytes, bytes);
		snprintf(name, sizeof(name), "n%05u.c.l", i - WINDOW);
		take(fixture, name);
		if (i % 100 == 0)
			store_reclaim(fixture->store);
	}
	for (unsigned i = 0; i < STAY; i++) {
		snprintf(name, sizeof(name), "s%u.c.l", i);
		assert_octets(fixture, name, "\1");
	}
	store_reclaim(fixture->store);
}

static bool stop_at_once(void *context, const struct answer_set *set)
{
	(void)set;
	++*(unsigned *)context;
	return false;
}

static void going_over_all_sets_stops_when_told(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "a.c.l", "\1");
	unsigned calls = 0;
	store_each(fixture->store, stop_at_once, &calls);
	assert_int_equal(calls, 1);
}

/* Removes the name with no memory left. Sets come from larger pieces, so that takes some
 * attempts; each one that needed no memory is undone, and leaves less by another amount.
 */
static enum err remove_without_memory(struct fixture *fixture, const char *text)
{
	struct dname name = name_of(text);
	for (unsigned i = 0; i < 100000; i++) {
		failing_malloc_arm(1);
		enum err err = store_remove(fixture->store, &name);
		bool has_failed = failing_malloc_disarm();
		if (err) {
			assert_true(has_failed);
			return err;
		}
		put(fixture, text, "\1");
		for (unsigned j = 0; j < i % 7; j++) {
			char filler[64];
			snprintf(filler, sizeof(filler), "f%u-%u.c.l", i, j);
			put(fixture, filler, "");
		}
	}
	return ERR_NONE;
}

static void a_change_without_memory_leaves_all_as_it_was(void **state)
{
	struct fixture *fixture = *state;
	put(fixture, "x.c.l", "\1");
	put(fixture, "y.x.c.l", "\1");
	for (unsigned i = 0; i < 45; i++) {
		char name[64];
		snprintf(name, sizeof(name), "n%u.c.l", i);
		put(fixture, name, "\1");
	}
	assert_true(store_commit(fixture->store));
	size_t names = store_size(fixture->store).names;
	bool has_failed = true;
	for (size_t n = 1; has_failed; n++) {
		failing_malloc_arm(n);
		enum err err = try_put(fixture, "a.b.d.e.c.l", "\1\2");
		has_failed = failing_malloc_disarm();
		if (!err)
			continue;
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(store_size(fixture->store).names, names);
		assert_null(get(fixture, "e.c.l"));
		assert_false(store_commit(fixture->store));
	}
	assert_octets(fixture, "a.b.d.e.c.l", "\1\2");
	assert_int_equal(store_size(fixture->store).names, names + 4);
	assert_int_equal(remove_without_memory(fixture, "x.c.l"), ERR_NOMEM);
	assert_octets(fixture, "x.c.l", "\1");
}

static void without_memory_there_is_no_store(void **state)
{
	(void)state;
	const struct store_zone zone = {.name = name_of("c.l"), .ttl_s = 5};
	struct store *store = NULL;
	for (size_t n = 1; !store; n++) {
		failing_malloc_arm(n);
		store = store_new(&KEY, &zone, 1);
		assert_int_equal(failing_malloc_disarm(), !store);
	}
	store_free(store);
	store_free(NULL);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_was_put_is_found_until_it_is_removed),
		WITH_STORE(a_name_in_no_zone_is_in_no_zone),
		WITH_STORE(names_above_a_name_exist_as_long_as_it_does),
		WITH_STORE(a_zone_within_another_holds_nothing_above_its_apex),
		WITH_STORE(a_name_without_records_of_its_own_becomes_implied),
		WITH_STORE(an_empty_name_stays_when_the_names_below_it_go),
		WITH_STORE(the_same_content_publishes_nothing),
		WITH_STORE(whether_an_empty_name_is_implied_is_no_change),
		WITH_STORE(each_order_of_records_is_a_content_of_its_own),
		WITH_STORE(the_serial_moves_forward_and_only_with_a_change),
		WITH_STORE(a_store_is_not_synced_until_it_is_said_to_be),
		WITH_STORE(what_was_replaced_waits_to_be_reclaimed),
		WITH_STORE(many_names_come_and_go_as_in_a_model),
		WITH_STORE(a_table_of_removed_names_does_not_grow),
		WITH_STORE(names_that_come_and_go_beside_many_do_not_make_it_grow),
		WITH_STORE(going_over_all_sets_stops_when_told),
		WITH_STORE(a_change_without_memory_leaves_all_as_it_was),
		cmocka_unit_test(without_memory_there_is_no_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
