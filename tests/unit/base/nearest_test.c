/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/base/nearest.h"

static const char *const words[] = {
	"bind", "errors", "log", "kubernetes", "ttl", "endpoint_pod_names", NULL};

static const char *nearest_word(const char *word)
{
	struct nearest nearest;
	nearest_init(&nearest, word);
	for (size_t i = 0; words[i]; i++)
		nearest_offer(&nearest, words[i]);
	return nearest.found;
}

static void a_slip_of_the_pen_is_recognised(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"kubernets", "kubernetes"},   /* left out */
		{"kuberrnetes", "kubernetes"}, /* added */
		{"kubernates", "kubernetes"},  /* replaced */
		{"kubenretes", "kubernetes"},  /* swapped */
		{"Kubernetes", "kubernetes"},
		{"erors", "errors"},
		{"tlt", "ttl"},
		{"lg", "log"},
		{"logs", "log"},
		{"endpoint-pod-names", "endpoint_pod_names"},
		{"bnid", "bind"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(nearest_word(cases[i][0]), cases[i][1]);
}

static void another_word_is_not_taken_for_one(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "x", "zebra", "cache", "forward", "ab",
		"kubernetes_and_much_more_than_forty_letters_of_it"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_null(nearest_word(cases[i]));
}

static void the_nearest_of_several_is_offered(void **state)
{
	(void)state;
	struct nearest nearest;
	nearest_init(&nearest, "reloads");
	nearest_offer(&nearest, "relo");
	nearest_offer(&nearest, "reload");
	nearest_offer(&nearest, "reloady");
	assert_string_equal(nearest.found, "reload");
	assert_int_equal(nearest.distance, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_of_the_pen_is_recognised),
		cmocka_unit_test(another_word_is_not_taken_for_one),
		cmocka_unit_test(the_nearest_of_several_is_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
