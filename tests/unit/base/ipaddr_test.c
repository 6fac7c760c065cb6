/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/base/ipaddr.h"

static void text_reads_back_in_canonical_form(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"10.0.0.1", "10.0.0.1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"::", "::"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ipaddr address;
		char text[IPADDR_TEXT_SIZE];
		assert_int_equal(ipaddr_parse(cases[i][0], &address), ERR_NONE);
		assert_string_equal(ipaddr_format(&address, text), cases[i][1]);
	}
}

static void octets_are_written_as_by_the_system(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		struct ipaddr address = {
			4, {(uint8_t)octet, 0, 10, (uint8_t)(255 - octet)}};
		char text[IPADDR_TEXT_SIZE], judge[INET_ADDRSTRLEN];
		assert_non_null(inet_ntop(AF_INET, address.bytes, judge, sizeof(judge)));
		assert_string_equal(ipaddr_format(&address, text), judge);
		assert_int_equal(ipaddr_format_dashed(&address, text), strlen(judge));
		for (char *c = text; *c; c++)
			*c = *c == '-' ? '.' : *c;
		assert_string_equal(text, judge);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "1.2.3", "1.2.3.4.5", "01.2.3.4",
		"256.1.1.1", "fe80::1%eth0", "1.2.3.4 ", "g::"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ipaddr address;
		assert_int_equal(ipaddr_parse(cases[i], &address), ERR_SYNTAX);
	}
}

static void a_prefix_holds_its_addresses_and_no_others(void **state)
{
	(void)state;
	struct ipprefix prefix;
	struct ipaddr inside, outside, other_family;
	assert_int_equal(ipprefix_parse("10.0.128.0/17", &prefix), ERR_NONE);
	assert_int_equal(ipaddr_parse("10.0.255.1", &inside), ERR_NONE);
	assert_int_equal(ipaddr_parse("10.0.127.1", &outside), ERR_NONE);
	assert_int_equal(ipaddr_parse("::a00:8001", &other_family), ERR_NONE);
	assert_true(ipprefix_contains(&prefix, &inside));
	assert_false(ipprefix_contains(&prefix, &outside));
	assert_false(ipprefix_contains(&prefix, &other_family));
}

static void a_prefix_with_host_bits_or_too_many_bits_is_refused(void **state)
{
	(void)state;
	struct ipprefix prefix;
	assert_int_equal(ipprefix_parse("10.0.0.1/24", &prefix), ERR_RANGE);
	assert_int_equal(ipprefix_parse("10.0.0.0/33", &prefix), ERR_RANGE);
	assert_int_equal(ipprefix_parse("10.0.0.0/", &prefix), ERR_SYNTAX);
	assert_int_equal(ipprefix_parse("10.0.0.0", &prefix), ERR_SYNTAX);
	assert_int_equal(ipprefix_parse("10.0.0.0/-1", &prefix), ERR_SYNTAX);
}

static void a_prefix_may_be_read_off_an_address_in_it(void **state)
{
	(void)state;
	static const struct {
		const char *text, *address;
		unsigned bits;
	} cases[] = {
		{"10.1.2.3/8", "10.0.0.0", 8},
		{"10.1.2.3/23", "10.1.2.0", 23},
		{"10.1.2.3", "10.1.2.3", 32},
		{"2001:db8::1/33", "2001:db8::", 33},
		{"::1", "::1", 128},
		{"192.0.2.1/0", "0.0.0.0", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ipprefix prefix;
		char text[IPADDR_TEXT_SIZE];
		assert_int_equal(ipprefix_parse_host(cases[i].text, &prefix), ERR_NONE);
		assert_string_equal(
			ipaddr_format(&prefix.address, text), cases[i].address);
		assert_int_equal(prefix.bits, cases[i].bits);
	}
	struct ipprefix prefix;
	assert_int_equal(ipprefix_parse_host("10.0.0.1/33", &prefix), ERR_RANGE);
	assert_int_equal(ipprefix_parse_host("10.0.0/8", &prefix), ERR_SYNTAX);
	assert_int_equal(ipprefix_parse_host("10.0.0.0/", &prefix), ERR_SYNTAX);
	assert_int_equal(ipprefix_parse_host("", &prefix), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_back_in_canonical_form),
		cmocka_unit_test(octets_are_written_as_by_the_system),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_prefix_holds_its_addresses_and_no_others),
		cmocka_unit_test(a_prefix_may_be_read_off_an_address_in_it),
		cmocka_unit_test(a_prefix_with_host_bits_or_too_many_bits_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
