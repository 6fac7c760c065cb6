/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/config/corefile.h"
#include "server/control/stanza_http.h"
#include "server/net/socket.h"

/* `page ADDRESS`, or without an address where that is NULL. */
static struct corefile_directive page_directive(
	const char *address, struct corefile_word *word)
{
	*word = (struct corefile_word){address, {"Corefile", 2, 12}};
	return (struct corefile_directive){
		.name = {"page", {"Corefile", 2, 5}},
		.arguments = word,
		.argument_count = address ? 1 : 0,
	};
}

static size_t problems_of(const char *address, struct diag_list *problems)
{
	struct corefile_word word;
	struct corefile_directive directive = page_directive(address, &word);
	diag_list_init(problems);
	stanza_check_http(&directive, problems);
	return problems->count;
}

static void addresses_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *address;
		bool is_any;
	} cases[] = {
		{":8080", "0.0.0.0:8080", true},
		{"0.0.0.0:9153", "0.0.0.0:9153", false},
		{"127.0.0.1:65535", "127.0.0.1:65535", false},
		{"localhost:9153", "127.0.0.1:9153", false},
		{"[::1]:8181", "[::1]:8181", false},
		{"[::]:0", "[::]:0", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diag_list problems;
		assert_int_equal(problems_of(cases[i].text, &problems), 0);
		diag_list_deinit(&problems);
		struct corefile_word word;
		struct corefile_directive directive =
			page_directive(cases[i].text, &word);
		struct http_page page;
		char text[SOCKET_TEXT_SIZE];
		stanza_read_http(&directive, ":1", &page);
		assert_string_equal(socket_format(&page.address, text), cases[i].address);
		assert_int_equal(page.is_any, cases[i].is_any);
		assert_int_equal(page.column, 12);
	}
}

static void without_an_address_the_standard_counts(void **state)
{
	(void)state;
	struct corefile_word word;
	struct corefile_directive directive = page_directive(NULL, &word);
	struct http_page page;
	stanza_read_http(&directive, "localhost:9153", &page);
	assert_int_equal(socket_port(&page.address), 9153);
	assert_false(page.is_any);
	assert_int_equal(page.column, 5);
}

static void what_is_no_address_is_refused_with_its_place(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "8080", ":", "127.0.0.1",
		"127.0.0.1:", ":65536", ":080800", ":-1", ":8080x", "::1:8080", "[::1]",
		"[::1]8080", "[::1:8080", "[127.0.0.1]:8080", "[]:8080",
		"example.org:8080", "256.0.0.1:8080", "http://127.0.0.1:8080"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diag_list problems;
		if (problems_of(cases[i], &problems) != 1)
			fail_msg("\"%s\" is taken", cases[i]);
		assert_int_equal(problems.items[0].column, 12);
		assert_non_null(strstr(problems.items[0].text, "expected ADDRESS:PORT"));
		diag_list_deinit(&problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(without_an_address_the_standard_counts),
		cmocka_unit_test(what_is_no_address_is_refused_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
