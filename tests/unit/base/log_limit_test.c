/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/base/log.h"

enum { HOUR_MS = 3600000 };

static void the_first_line_passes_and_the_next_ones_wait(void **state)
{
	(void)state;
	struct log_limit limit = {0};
	uint64_t left_out = 99;
	assert_true(log_limit_pass(&limit, HOUR_MS, &left_out));
	assert_int_equal(left_out, 0);
	left_out = 99;
	for (unsigned i = 0; i < 5; i++)
		assert_false(log_limit_pass(&limit, HOUR_MS, &left_out));
	assert_int_equal(left_out, 99);
}

static void the_line_after_the_pause_says_how_many_were_left_out(void **state)
{
	(void)state;
	struct log_limit limit = {0};
	uint64_t left_out;
	assert_true(log_limit_pass(&limit, HOUR_MS, &left_out));
	for (unsigned i = 0; i < 7; i++)
		assert_false(log_limit_pass(&limit, HOUR_MS, &left_out));
	limit.next_ms -= HOUR_MS;
	assert_true(log_limit_pass(&limit, HOUR_MS, &left_out));
	assert_int_equal(left_out, 7);
	assert_false(log_limit_pass(&limit, HOUR_MS, &left_out));
	limit.next_ms -= HOUR_MS;
	assert_true(log_limit_pass(&limit, HOUR_MS, &left_out));
	assert_int_equal(left_out, 1);
}

static void without_an_interval_every_line_passes(void **state)
{
	(void)state;
	struct log_limit limit = {0};
	uint64_t left_out;
	for (unsigned i = 0; i < 100; i++) {
		assert_true(log_limit_pass(&limit, 0, &left_out));
		assert_int_equal(left_out, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_passes_and_the_next_ones_wait),
		cmocka_unit_test(the_line_after_the_pause_says_how_many_were_left_out),
		cmocka_unit_test(without_an_interval_every_line_passes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
