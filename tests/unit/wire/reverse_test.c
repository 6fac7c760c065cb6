/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>

#include "server/wire/reverse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void addresses_have_their_reverse_names(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"10.0.0.1", "1.0.0.10.in-addr.arpa."},
		{"255.254.100.99", "99.100.254.255.in-addr.arpa."},
		{"0.0.0.0", "0.0.0.0.in-addr.arpa."},
		{"2001:db8::567:89ab",
			"b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
			"ip6.arpa."},
		{"::ffff:1.2.3.4",
			"4.0.3.0.2.0.1.0.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			"ip6.arpa."},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ipaddr address;
		struct dname name;
		char text[DNAME_TEXT_SIZE];
		assert_int_equal(ipaddr_parse(cases[i][0], &address), ERR_NONE);
		reverse_name(&address, &name);
		assert_int_equal(dname_length(name.bytes), name.length);
		assert_string_equal(dname_to_text(name.bytes, text), cases[i][1]);
		assert_true(reverse_is_below(&name));
	}
}

static void reverse_names_are_those_of_ldns(void **state)
{
	(void)state;
	uint32_t seed = 3;
	for (unsigned i = 0; i < 500; i++) {
		struct ipaddr address = {.length = i % 2 ? 16 : 4};
		for (unsigned k = 0; k < address.length; k++) {
			seed = seed * 1664525u + 1013904223u;
			address.bytes[k] = (uint8_t)(seed >> 24);
		}
		struct dname name;
		reverse_name(&address, &name);
		ldns_rdf *rdf = ldns_rdf_new_frm_data(
			i % 2 ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, address.length,
			address.bytes);
		ldns_rdf *judge = ldns_rdf_address_reverse(rdf);
		assert_non_null(judge);
		assert_int_equal(ldns_rdf_size(judge), name.length);
		assert_memory_equal(ldns_rdf_data(judge), name.bytes, name.length);
		ldns_rdf_deep_free(judge);
		ldns_rdf_deep_free(rdf);
	}
}

static void only_the_two_trees_are_reverse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_below;
	} cases[] = {
		{"in-addr.arpa", true},
		{"ip6.arpa", true},
		{"a.b.ip6.arpa", true},
		{"arpa", false},
		{".", false},
		{"xin-addr.arpa", false},
		{"in-addr.arpa.example", false},
		{"ip4.arpa", false},
		{"x\\003ip6\\004arpa", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dname name;
		assert_int_equal(dname_from_text(cases[i].text, &name), ERR_NONE);
		assert_int_equal(reverse_is_below(&name), cases[i].is_below);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_their_reverse_names),
		cmocka_unit_test(reverse_names_are_those_of_ldns),
		cmocka_unit_test(only_the_two_trees_are_reverse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
