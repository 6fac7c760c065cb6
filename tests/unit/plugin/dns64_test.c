/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/plugin/dns64.h"

/* The table of RFC 6052 2.4. */
static void addresses_are_translated_as_the_standard_has_it(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *address;
	} cases[] = {
		{"2001:db8::/32", "2001:db8:c000:221::"},
		{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
		{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
		{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
		{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
		{"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
		{"64:ff9b::/96", "64:ff9b::192.0.2.33"},
	};
	static const uint8_t ipv4[] = {192, 0, 2, 33};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ipprefix prefix;
		struct ipaddr expected;
		uint8_t out[16];
		assert_int_equal(ipprefix_parse(cases[i].prefix, &prefix), ERR_NONE);
		assert_int_equal(ipaddr_parse(cases[i].address, &expected), ERR_NONE);
		dns64_translate(&prefix, ipv4, out);
		assert_memory_equal(out, expected.bytes, sizeof(out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_translated_as_the_standard_has_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
