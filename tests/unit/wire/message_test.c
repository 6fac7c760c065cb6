/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>
#include <stdlib.h>

#include "server/wire/message.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void every_type_reads_back(void **state)
{
	(void)state;
	char text[16];
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		assert_ptr_equal(dns_type_text((uint16_t)type, text), text);
		assert_int_equal(dns_type_parse(text), type);
	}
}

static void the_names_of_types_are_those_of_ldns(void **state)
{
	(void)state;
	char text[16];
	for (unsigned type = 1; type <= TYPE_ANY; type++) {
		dns_type_text((uint16_t)type, text);
		assert_int_equal(ldns_get_rr_type_by_name(text), type);
	}
}

static void types_are_read_in_either_case(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int type;
	} cases[] = {
		{"a", TYPE_A},
		{"Srv", TYPE_SRV},
		{"TYPE1", TYPE_A},
		{"type65280", 65280},
		{"TYPE0", 0},
		{"TYPE65535", 65535},
		{"TYPE65536", -1},
		{"TYPE99999999999999999999999", -1},
		{"TYPE", -1},
		{"TYPE-1", -1},
		{"TYPE 1", -1},
		{"TYPE1x", -1},
		{"AA", -1},
		{"1", -1},
		{"", -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(dns_type_parse(cases[i].text), cases[i].type);
}

static void classes_and_rcodes_have_names_or_numbers(void **state)
{
	(void)state;
	char text[16];
	assert_string_equal(dns_class_text(CLASS_IN, text), "IN");
	assert_string_equal(dns_class_text(CLASS_CH, text), "CH");
	assert_string_equal(dns_class_text(CLASS_ANY, text), "ANY");
	assert_string_equal(dns_class_text(65535, text), "CLASS65535");
	assert_string_equal(dns_rcode_text(RCODE_NOERROR, text), "NOERROR");
	assert_string_equal(dns_rcode_text(RCODE_NXDOMAIN, text), "NXDOMAIN");
	assert_string_equal(dns_rcode_text(RCODE_BADVERS, text), "BADVERS");
	assert_string_equal(dns_rcode_text(4095, text), "RCODE4095");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_reads_back),
		cmocka_unit_test(the_names_of_types_are_those_of_ldns),
		cmocka_unit_test(types_are_read_in_either_case),
		cmocka_unit_test(classes_and_rcodes_have_names_or_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
