/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/plugin/forward/upstream.h"

#define MS INT64_C(1000000)

static void patience_follows_what_is_measured(void **state)
{
	struct rtt rtt = {0, 0};
	(void)state;
	assert_int_equal(rtt_patience_ns(&rtt), RTT_FIRST_MS * MS);
	rtt_add(&rtt, 100 * MS);
	assert_int_equal(rtt_patience_ns(&rtt), 300 * MS);
	for (int i = 0; i < 100; i++)
		rtt_add(&rtt, 100 * MS);
	assert_in_range(rtt_patience_ns(&rtt), 99 * MS, 110 * MS);
	for (int i = 0; i < 100; i++)
		rtt_add(&rtt, 1 * MS);
	assert_int_equal(rtt_patience_ns(&rtt), RTT_FLOOR_MS * MS);
	rtt_add(&rtt, INT64_MAX);
	assert_int_equal(rtt_patience_ns(&rtt), RTT_CEILING_MS * MS);
	rtt_add(&rtt, 0);
	rtt_add(&rtt, -5);
}

static void those_that_are_well_come_first(void **state)
{
	struct pick pick = {.count = 4, .first = 2, .suspect = 4, .down = 8};
	static const int order[] = {0, 1, 2, 3, -1};
	(void)state;
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		int found = pick_next(&pick);
		assert_int_equal(found, order[i]);
		if (found >= 0)
			pick.tried |= 1u << found;
	}
}

static void the_order_goes_round(void **state)
{
	struct pick pick = {.count = 3, .first = 5};
	(void)state;
	assert_int_equal(pick_next(&pick), 2);
	pick.tried = 4;
	assert_int_equal(pick_next(&pick), 0);
}

static void one_that_answers_others_is_only_slow(void **state)
{
	struct upstream upstream = {.heard_ns = 20 * MS};
	(void)state;
	assert_false(upstream_miss(&upstream, 10 * MS, 50 * MS));
	assert_false(upstream_is_suspect(&upstream, 50 * MS));
	assert_true(upstream_miss(&upstream, 30 * MS, 70 * MS));
	assert_true(upstream_is_suspect(&upstream, 70 * MS));
	/* What was sent before that says nothing new. */
	assert_false(upstream_miss(&upstream, 40 * MS, 80 * MS));
	assert_false(upstream_is_suspect(&upstream, (70 + SUSPECT_MS) * MS));
	assert_true(upstream_miss(&upstream, 100 * MS, 2000 * MS));
	assert_true(upstream_is_suspect(&upstream, (2000 + SUSPECT_MS) * MS));
	upstream_hear(&upstream, 2100 * MS, 2101 * MS);
	assert_false(upstream_is_suspect(&upstream, 2101 * MS));
}

static void one_without_edns_is_asked_with_it_again_later(void **state)
{
	struct upstream upstream = {.plain_ns = 0};
	(void)state;
	assert_false(upstream_is_plain(&upstream, 10 * MS));
	upstream.plain_ns = 10 * MS;
	assert_true(upstream_is_plain(&upstream, 10 * MS));
	assert_true(upstream_is_plain(&upstream, (9 + PLAIN_MS) * MS));
	assert_false(upstream_is_plain(&upstream, (10 + PLAIN_MS) * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patience_follows_what_is_measured),
		cmocka_unit_test(those_that_are_well_come_first),
		cmocka_unit_test(the_order_goes_round),
		cmocka_unit_test(one_that_answers_others_is_only_slow),
		cmocka_unit_test(one_without_edns_is_asked_with_it_again_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
