/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/control/advice.h"
#include "server/control/plugins.h"
#include "tests/support/failing_malloc.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define REVERSE "in-addr.arpa ip6.arpa"

static struct corefile *corefile_of(const char *text, struct diag_list *problems)
{
	struct corefile *corefile;
	assert_int_equal(
		corefile_parse("Corefile", text, strlen(text), NULL, &corefile, problems),
		ERR_NONE);
	enum err err = config_check(corefile, plugin_rows, problems);
	assert_true(!err || err == ERR_INVALID);
	return corefile;
}

static void what_is_hardly_meant_is_warned_of_where_it_stands(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *places; /* "line:column " of each warning */
	} cases[] = {
		{"", ""},
		{".:53 {\nkubernetes cluster.local " REVERSE " {\nmanifests m\nttl 30\n"
		 "fallthrough " REVERSE "\n}\n}\n",
			""},
		/* The block's own zones are the plugin's. */
		{"cluster.local " REVERSE " {\nkubernetes {\nmanifests m\n}\n}\n", ""},
		{". {\nkubernetes cluster.local {\nmanifests m\n}\n}\n", "2:1 "},
		{". {\nkubernetes cluster.local 10.0.0.0/8 {\nmanifests m\n}\n}\n", ""},
		{"cluster.local {\nkubernetes cluster.local {\nmanifests m\n}\n}\n", ""},
		/* Another block has the reverse zones. */
		{". {\nkubernetes cluster.local {\nmanifests m\n}\n}\n10.0.0.0/8 {\n}\n",
			""},
		{". {\nkubernetes a " REVERSE " {\nmanifests m\nttl 0\n}\n}\n", "4:5 "},
		{"a {\nkubernetes a b sub.a {\nmanifests m\n}\n}\n", "2:14 "},
		{". {\nkubernetes a " REVERSE " {\nmanifests m\nfallthrough . sub.a b "
		 "10.0.0.0/8\n}\n}\n",
			"4:21 "},
		{"a:53 {\n}\na:54 {\n}\n", "3:1 "},
		{"a:53 {\n}\nb:53 {\n}\na:54 b:54 {\n}\n", "5:1 5:6 "},
		{"a:53 a:54 {\n}\nsub.a {\n}\n", ""},
		/* Once for a prefix of many zones. */
		{"10.0.0.0/9 {\n}\n10.0.0.0/9:54 {\n}\n", "3:1 "},
		{"a {\nbind 192.0.2.1\n}\na {\nbind 192.0.2.2\n}\n", "4:1 "},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct diag_list problems;
		diag_list_init(&problems);
		struct corefile *corefile = corefile_of(cases[i].text, &problems);
		assert_int_equal(problems.count, 0);
		assert_int_equal(advice_on_corefile(corefile, &problems), ERR_NONE);
		char places[256] = "";
		for (size_t k = 0; k < problems.count; k++) {
			size_t used = strlen(places);
			assert_int_equal(problems.items[k].severity, SEVERITY_WARNING);
			snprintf(places + used, sizeof(places) - used, "%u:%u ",
				problems.items[k].line, problems.items[k].column);
		}
		assert_string_equal(places, cases[i].places);
		corefile_free(corefile);
		diag_list_deinit(&problems);
	}
}

static void a_collision_is_an_error_and_no_warning_beside(void **state)
{
	(void)state;
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile = corefile_of("a {\n}\na {\n}\n", &problems);
	assert_int_equal(problems.errors, 1);
	assert_int_equal(advice_on_corefile(corefile, &problems), ERR_NONE);
	assert_int_equal(problems.count, 1);
	corefile_free(corefile);
	diag_list_deinit(&problems);
}

/* Advice is asked for beside errors: nothing in it trusts that the words are right. */
static void advice_reads_over_what_is_wrong(void **state)
{
	(void)state;
	static const char *const texts[] = {
		". {\nnothing {\n}\nkubernetes a..b {\nttl\nttl x y\n}\n}\n",
		". {\nkubernetes a..b {\nfallthrough a..b\n}\n}\n",
		". {\nlog a..b {\nclass\n}\nbind\n}\n",
		"a {\nkubernetes a {\nmanifests\nfallthrough 10.0.0.0/99\n}\n}\n",
	};
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct diag_list problems;
		diag_list_init(&problems);
		struct corefile *corefile = corefile_of(texts[i], &problems);
		size_t errors = problems.errors;
		assert_true(errors > 0);
		assert_int_equal(advice_on_corefile(corefile, &problems), ERR_NONE);
		assert_int_equal(problems.errors, errors);
		corefile_free(corefile);
		diag_list_deinit(&problems);
	}
}

static void a_hundred_warnings_are_enough(void **state)
{
	(void)state;
	char text[16384] = "";
	size_t used = 0;
	for (unsigned port = 53; port <= 54; port++) {
		for (unsigned i = 0; i < 150; i++)
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "z%u:%u ", i, port);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "{\n}\n");
	}
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile = corefile_of(text, &problems);
	assert_int_equal(advice_on_corefile(corefile, &problems), ERR_NONE);
	assert_int_equal(problems.count, 100);
	corefile_free(corefile);
	diag_list_deinit(&problems);
}

static void without_memory_there_is_no_advice(void **state)
{
	(void)state;
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile = corefile_of("a:53 {\n}\na:54 {\n}\n", &problems);
	failing_malloc_arm(1);
	enum err err = advice_on_corefile(corefile, &problems);
	assert_true(failing_malloc_disarm());
	assert_int_equal(err, ERR_NOMEM);
	corefile_free(corefile);
	diag_list_deinit(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_hardly_meant_is_warned_of_where_it_stands),
		cmocka_unit_test(a_collision_is_an_error_and_no_warning_beside),
		cmocka_unit_test(advice_reads_over_what_is_wrong),
		cmocka_unit_test(a_hundred_warnings_are_enough),
		cmocka_unit_test(without_memory_there_is_no_advice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
