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

#include "zones/source/timestamp.h"

static void times_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t unix_ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1969-12-31T23:59:59Z", -1000},
		{"2000-02-29T12:00:00Z", 951825600000},
		{"2026-11-25T19:30:45Z", 1795635045000},
		{"2026-11-25T19:30:45.1Z", 1795635045100},
		{"2026-11-25T19:30:45.123456789Z", 1795635045123},
		{"2026-11-25T20:30:45+01:00", 1795635045000},
		{"2026-11-25t13:00:45.5-06:30", 1795635045500},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t unix_ms;
		assert_int_equal(timestamp_parse(cases[i].text, &unix_ms), ERR_NONE);
		assert_int_equal(unix_ms, cases[i].unix_ms);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "2026-11-25", "2026-11-25T19:30:45",
		"2026-13-25T19:30:45Z", "2026-11-00T19:30:45Z", "2026-11-25T24:30:45Z",
		"2026-11-25T19:30:45.Z", "2026-11-25T19:30:45Zx",
		"2026-11-25T19:30:45+1:00", "2026-11-25T19:30:45+24:00", "0", "now"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int64_t unix_ms;
		assert_int_equal(timestamp_parse(texts[i], &unix_ms), ERR_SYNTAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(what_is_no_time_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
