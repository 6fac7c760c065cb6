/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/plugin/loadbalance/weight_file.h"
#include "tests/support/failing_malloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct hash_key key = {1, 2};

static enum err read_text(
	const char *text, struct weights **out, struct diag_list *problems)
{
	const struct weight_file file = {"weights", text, strlen(text), &key};
	*out = NULL;
	return weight_file_read(&file, out, problems);
}

/* Of an address of a name; -1: the name has no weights. */
static int weight_of(const struct weights *weights, const char *name, const char *address)
{
	struct dname owner;
	struct ipaddr ip;
	assert_int_equal(dname_from_text(name, &owner), ERR_NONE);
	assert_int_equal(ipaddr_parse(address, &ip), ERR_NONE);
	const struct weights_name *found =
		weights_find(weights, owner.bytes, owner.length);
	return found ? weights_get(weights, found, ip.bytes, ip.length) : -1;
}

static void a_name_has_the_weights_on_the_lines_below_it(void **state)
{
	(void)state;
	struct weights *weights;
	struct diag_list problems;
	diag_list_init(&problems);
	assert_int_equal(read_text("# a comment\n\nWWW.example.org\n 10.0.0.2\t3 \r\n"
				   "10.0.0.1 255\n2001:db8::1 7\n  # another\n"
				   "empty.example.\nother.example.\n10.0.0.1 2\n"
				   "www.example.org.\n10.0.0.1 4\n10.0.0.9 9",
				 &weights, &problems),
		ERR_NONE);
	static const struct {
		const char *name, *address;
		int weight;
	} cases[] = {
		{"www.example.org", "10.0.0.1", 255}, /* what was said first */
		{"www.example.org", "10.0.0.2", 3},
		{"www.example.org", "2001:db8::1", 7},
		{"www.example.org", "10.0.0.9", 9},
		{"www.example.org", "10.0.0.3", 1},
		{"www.example.org", "2001:db8::2", 1},
		{"empty.example", "10.0.0.1", 1},
		{"other.example", "10.0.0.1", 2},
		{"other.example", "10.0.0.2", 1},
		{"example.org", "10.0.0.1", -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(weight_of(weights, cases[i].name, cases[i].address),
			cases[i].weight);
	assert_int_equal(problems.count, 0);
	weights_free(weights);
	diag_list_deinit(&problems);
}

static void each_mistake_is_told_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"10.0.0.1 1\n",
			"weights:1:1: error: \"10.0.0.1\", expected a name in front of "
			"its addresses"},
		{"a.b\n  10.0.0.1\n",
			"weights:2:3: error: \"10.0.0.1\", expected a weight behind the "
			"address"},
		{"a..b\n", "weights:1:1: error: \"a..b\", expected a name"},
		{"a.b\n10.0.0 1\n",
			"weights:2:1: error: \"10.0.0\", expected an IP address"},
		{"a.b\n10.0.0.1 0\n",
			"weights:2:10: error: \"0\", expected a weight of 1 to 255"},
		{"a.b\n10.0.0.1 256\n",
			"weights:2:10: error: \"256\", expected a weight of 1 to 255"},
		{"a.b\n10.0.0.1 -1\n",
			"weights:2:10: error: \"-1\", expected a weight of 1 to 255"},
		{"a.b\n10.0.0.1 99999999999999999999\n",
			"weights:2:10: error: \"99999999999999999999\", expected a "
			"weight of 1 to 255"},
		{"a.b\n10.0.0.1 1 #\n",
			"weights:2:12: error: \"#\", expected the end of the line"},
		{"a.b\n10.0.0.1 1\001\n",
			"weights:2:10: error: \"1?\", expected a weight of 1 to 255"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct weights *weights;
		struct diag_list problems;
		char line[256];
		diag_list_init(&problems);
		assert_int_equal(
			read_text(cases[i].text, &weights, &problems), ERR_INVALID);
		assert_null(weights);
		assert_int_equal(problems.count, 1);
		diag_format(&problems.items[0], line, sizeof(line));
		assert_string_equal(line, cases[i].problem);
		diag_list_deinit(&problems);
	}
}

static void all_mistakes_are_told_up_to_a_number(void **state)
{
	(void)state;
	struct weights *weights;
	struct diag_list problems;
	char text[1024] = "";
	diag_list_init(&problems);
	assert_int_equal(
		read_text("a.b\nx 1\n10.0.0.1 x\n", &weights, &problems), ERR_INVALID);
	assert_int_equal(problems.count, 2);
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "x x\n");
	assert_int_equal(read_text(text, &weights, &problems), ERR_INVALID);
	assert_int_equal(problems.count, 22);
	diag_list_deinit(&problems);
}

static void without_memory_nothing_is_kept(void **state)
{
	(void)state;
	size_t n = 1;
	for (;; n++) {
		struct weights *weights;
		struct diag_list problems;
		diag_list_init(&problems);
		failing_malloc_arm(n);
		enum err err = read_text(
			"a.b\n10.0.0.1 2\nc.d\n10.0.0.2 2\n", &weights, &problems);
		bool has_failed = failing_malloc_disarm();
		assert_int_equal(err, has_failed ? ERR_NOMEM : ERR_NONE);
		weights_free(weights);
		diag_list_deinit(&problems);
		if (!has_failed)
			break;
	}
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_the_weights_on_the_lines_below_it),
		cmocka_unit_test(each_mistake_is_told_with_its_place),
		cmocka_unit_test(all_mistakes_are_told_up_to_a_number),
		cmocka_unit_test(without_memory_nothing_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
