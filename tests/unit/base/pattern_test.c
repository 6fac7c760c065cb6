/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/base/pattern.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void texts_match_as_corefiles_mean_it(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"timeout", "read udp: i/o timeout", true},
		{"^timeout", "read udp: i/o timeout", false},
		{".* i/o timeout$", "read udp: i/o timeout", true},
		{"^(?:[^.]+\\.){4,}internal\\.example\\.net\\.$",
			"a.b.c.d.internal.example.net.", true},
		{"^(?:[^.]+\\.){4,}internal\\.example\\.net\\.$",
			"a.b.c.internal.example.net.", false},
		{"(?i)FAILED\\s+\\d+", "failed  17 times", true},
		{"", "anything", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pattern *pattern;
		char problem[PATTERN_PROBLEM_SIZE];
		assert_int_equal(
			pattern_new(cases[i].pattern, &pattern, problem), ERR_NONE);
		assert_int_equal(
			pattern_matches(pattern, cases[i].text), cases[i].matches);
		pattern_free(pattern);
	}
}

static void what_is_wrong_with_a_pattern_is_said(void **state)
{
	(void)state;
	static const char *const cases[] = {"a(b", "a)b", "[a", "*", "a{2,1}"};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pattern *pattern;
		char problem[PATTERN_PROBLEM_SIZE] = "";
		assert_int_equal(pattern_new(cases[i], &pattern, problem), ERR_SYNTAX);
		assert_non_null(strstr(problem, ", at character "));
	}
}

static void a_match_that_would_take_forever_is_given_up(void **state)
{
	(void)state;
	struct pattern *pattern;
	char problem[PATTERN_PROBLEM_SIZE];
	assert_int_equal(pattern_new("^(a+)+$", &pattern, problem), ERR_NONE);
	assert_true(pattern_matches(pattern, "aaaa"));
	assert_false(
		pattern_matches(pattern, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
	pattern_free(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_match_as_corefiles_mean_it),
		cmocka_unit_test(what_is_wrong_with_a_pattern_is_said),
		cmocka_unit_test(a_match_that_would_take_forever_is_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
