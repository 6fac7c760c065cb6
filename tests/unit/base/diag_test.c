/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/base/diag.h"
#include "tests/support/failing_malloc.h"

static void what_was_added_is_kept_in_order(void **state)
{
	(void)state;
	struct diag_list list;
	diag_list_init(&list);
	char file[] = "Corefile";
	for (unsigned i = 1; i <= 100; i++)
		diag_add(&list, i % 4 ? SEVERITY_ERROR : SEVERITY_WARNING, file, i, 2 * i,
			"problem %u of \"%s\"", i, "x");
	file[0] = '#';
	assert_int_equal(list.count, 100);
	assert_int_equal(list.errors, 75);
	assert_int_equal(list.unstored, 0);
	char line[64];
	diag_format(&list.items[98], line, sizeof(line));
	assert_string_equal(line, "Corefile:99:198: error: problem 99 of \"x\"");
	diag_format(&list.items[99], line, sizeof(line));
	assert_string_equal(line, "Corefile:100:200: warning: problem 100 of \"x\"");
	diag_list_deinit(&list);
	assert_int_equal(list.count, 0);
	diag_list_deinit(&list);
}

static void the_place_is_said_as_far_as_it_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		unsigned line, column;
		const char *text;
	} cases[] = {
		{NULL, 0, 0, "error: no zone"},
		{NULL, 3, 4, "error: no zone"},
		{"Corefile", 0, 0, "Corefile: error: no zone"},
		{"Corefile", 3, 0, "Corefile:3: error: no zone"},
		{"Corefile", 3, 4, "Corefile:3:4: error: no zone"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diag_list list;
		char line[64];
		diag_list_init(&list);
		diag_add(&list, SEVERITY_ERROR, cases[i].file, cases[i].line,
			cases[i].column, "no %s", "zone");
		diag_format(&list.items[0], line, sizeof(line));
		assert_string_equal(line, cases[i].text);
		diag_list_deinit(&list);
	}
}

static void a_long_line_is_cut_at_the_size_given(void **state)
{
	(void)state;
	struct diag_list list;
	char text[5000], line[16];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	diag_list_init(&list);
	diag_add(&list, SEVERITY_ERROR, "Corefile", 1, 1, "%s", text);
	assert_int_equal(strlen(list.items[0].text), sizeof(text) - 1);
	diag_format(&list.items[0], line, sizeof(line));
	assert_string_equal(line, "Corefile:1:1: e");
	diag_list_deinit(&list);
}

static void without_memory_a_problem_is_still_counted(void **state)
{
	(void)state;
	struct diag_list list;
	for (size_t n = 1;; n++) {
		diag_list_init(&list);
		failing_malloc_arm(n);
		for (unsigned i = 0; i < 20; i++)
			diag_add(&list, SEVERITY_ERROR, "Corefile", 1, 1, "problem");
		bool has_failed = failing_malloc_disarm();
		assert_int_equal(list.errors, 20);
		assert_int_equal(list.unstored, has_failed ? 1 : 0);
		assert_int_equal(list.count + list.unstored, 20);
		for (size_t i = 0; i < list.count; i++)
			assert_string_equal(list.items[i].text, "problem");
		diag_list_deinit(&list);
		if (!has_failed)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_kept_in_order),
		cmocka_unit_test(the_place_is_said_as_far_as_it_is_known),
		cmocka_unit_test(a_long_line_is_cut_at_the_size_given),
		cmocka_unit_test(without_memory_a_problem_is_still_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
