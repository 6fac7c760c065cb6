/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/kube/backoff.h"

static void waits_grow_to_half_a_minute(void **state)
{
	(void)state;
	struct backoff backoff = {0};
	int64_t expected_ms = BACKOFF_MIN_MS;
	for (unsigned i = 0; i < 20; i++) {
		int64_t wait_ms = backoff_wait_ms(&backoff, 0);
		assert_in_range(wait_ms, expected_ms * 3 / 4, expected_ms * 5 / 4);
		assert_true(wait_ms <= BACKOFF_MAX_MS);
		expected_ms *= 2;
		if (expected_ms > BACKOFF_MAX_MS)
			expected_ms = BACKOFF_MAX_MS;
	}
	backoff_reset(&backoff);
	assert_in_range(backoff_wait_ms(&backoff, 0), 75, 125);
}

static void what_the_server_asks_for_is_kept_to(void **state)
{
	(void)state;
	struct backoff backoff = {0};
	for (unsigned i = 0; i < 200; i++) {
		int64_t wait_ms = backoff_wait_ms(&backoff, 40000);
		assert_in_range(wait_ms, 40000, 50000);
	}
}

static void waits_differ(void **state)
{
	(void)state;
	bool has_differed = false;
	int64_t first = backoff_between(0, 1000000);
	for (unsigned i = 0; i < 10; i++)
		has_differed |= backoff_between(0, 1000000) != first;
	assert_true(has_differed);
	assert_int_equal(backoff_between(7, 7), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_grow_to_half_a_minute),
		cmocka_unit_test(what_the_server_asks_for_is_kept_to),
		cmocka_unit_test(waits_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
