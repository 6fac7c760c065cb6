/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/exact.h"

/* Answers of rrsets that are kept in a shorter form than they are written in. */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define WEB "web.default.svc.cluster.local"

/* --- SRV with one target --- */

static void put_endpoint(struct fixture *fixture, const char *owner,
	const uint16_t *ports, uint16_t port_count)
{
	static const uint8_t ipv4[] = {10, 0, 0, 1}, ipv6[16] = {0xfd, [15] = 1};
	struct dname name = fixture_name(owner);
	int zone = store_zone_find(fixture->store, &name);
	answer_begin(fixture->builder, &name, (unsigned)zone);
	answer_add(fixture->builder, TYPE_A, FIXTURE_TTL_S, ipv4, sizeof(ipv4));
	answer_add(fixture->builder, TYPE_AAAA, FIXTURE_TTL_S, ipv6, sizeof(ipv6));
	answer_add_one_srv(fixture->builder, 50, 0, ports, port_count, NULL);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static void an_endpoint_is_its_own_target(void **state)
{
	(void)state;
	static const uint16_t ports[] = {80, 443};
	struct fixture fixture;
	exact_begin(&fixture);
	put_endpoint(&fixture, "a." WEB, ports, COUNT(ports));
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_UDP,
				    "A.web.default.svc.Cluster.local", TYPE_SRV, 1232),
		"NOERROR aa\n"
		"A.web.default.svc.Cluster.local. 5 IN SRV 0 50 80 "
		"a.web.default.svc.Cluster.local.\n"
		"A.web.default.svc.Cluster.local. 5 IN SRV 0 50 443 "
		"a.web.default.svc.Cluster.local.\n"
		"additional: a.web.default.svc.Cluster.local. 5 IN A 10.0.0.1\n"
		"additional: a.web.default.svc.Cluster.local. 5 IN AAAA fd00::1\n");
	/* Its other records are as they ever are. */
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, "a." WEB, TYPE_AAAA, 1232),
		"NOERROR aa\na." WEB ". 5 IN AAAA fd00::1\n");
	fixture_deinit(&fixture);
}

static void what_does_not_fit_of_an_endpoint_is_left_out(void **state)
{
	(void)state;
	static const uint16_t ports[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	/* Header and question 49, record 18 + 33 = 51, addresses 16 and 28. */
	static const struct {
		uint16_t count;
		unsigned kept, addresses;
	} cases[] = {{8, 8, 2}, {9, 9, 0}};
	struct fixture fixture;
	exact_begin(&fixture);
	for (size_t i = 0; i < COUNT(cases); i++) {
		put_endpoint(&fixture, "a." WEB, ports, cases[i].count);
		const char *text =
			fixture_ask(&fixture, TRANSPORT_UDP, "a." WEB, TYPE_SRV, 0);
		assert_true(text_starts_with(text, "NOERROR aa\n"));
		assert_int_equal(text_count(text, " IN SRV "), cases[i].kept);
		assert_int_equal(text_count(text, "additional: "), cases[i].addresses);
	}
	uint16_t many[30];
	for (unsigned i = 0; i < COUNT(many); i++)
		many[i] = (uint16_t)i;
	put_endpoint(&fixture, "a." WEB, many, COUNT(many));
	const char *text = fixture_ask(&fixture, TRANSPORT_UDP, "a." WEB, TYPE_SRV, 0);
	assert_true(text_starts_with(text, "NOERROR aa tc\n"));
	assert_int_equal(text_count(text, " IN SRV "), 9);
	assert_int_equal(text_count(text, "additional: "), 0);
	fixture_deinit(&fixture);
}

static void put_port(struct fixture *fixture, const char *owner, uint8_t ipv4_count)
{
	static const uint8_t ipv4[255 * 4] = {10, 0, 0, 1, 10, 0, 0, 2},
					ipv6[16] = {0xfd, [15] = 1};
	static const uint16_t port = 80;
	struct dname name = fixture_name(owner), web = fixture_name(WEB);
	int zone = store_zone_find(fixture->store, &name);
	answer_begin(fixture->builder, &name, (unsigned)zone);
	answer_add_one_srv(fixture->builder, 50, (uint8_t)(name.length - web.length),
		&port, 1, &(struct target_addresses){ipv4, ipv4_count, ipv6, 1});
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static void a_port_points_at_the_service_it_belongs_to(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	put_port(&fixture, "_http._tcp." WEB, 2);
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP,
			"_HTTP._tcp.Web.default.svc.Cluster.local", TYPE_SRV, 1232),
		"NOERROR aa\n"
		"_HTTP._tcp.Web.default.svc.Cluster.local. 5 IN SRV 0 50 80 "
		"web.default.svc.Cluster.local.\n"
		"additional: web.default.svc.Cluster.local. 5 IN A 10.0.0.1\n"
		"additional: web.default.svc.Cluster.local. 5 IN A 10.0.0.2\n"
		"additional: web.default.svc.Cluster.local. 5 IN AAAA fd00::1\n");
	/* All of a family or none, and after one that does not fit no more. */
	put_port(&fixture, "_http._tcp." WEB, 255);
	const char *text =
		fixture_ask(&fixture, TRANSPORT_UDP, "_http._tcp." WEB, TYPE_SRV, 1232);
	assert_int_equal(text_count(text, " IN SRV "), 1);
	assert_int_equal(text_count(text, "additional: "), 0);
	text = fixture_ask(&fixture, TRANSPORT_TCP, "_http._tcp." WEB, TYPE_SRV, 0);
	assert_int_equal(text_count(text, "additional: "), 256);
	fixture_deinit(&fixture);
}

/* --- names --- */

static void add_pointers(struct fixture *fixture, const char *owner, unsigned count)
{
	struct dname name = fixture_name(owner), apex = fixture_name("cluster.local");
	int zone = store_zone_find(fixture->store, &apex);
	answer_begin(fixture->builder, &name,
		(unsigned)store_zone_find(fixture->store, &name));
	for (unsigned i = 0; i < count; i++) {
		char text[64];
		snprintf(text, sizeof(text), "e%04u." WEB, i);
		struct dname target = fixture_name(text);
		answer_add_name(fixture->builder, TYPE_PTR, (unsigned)zone, &target);
	}
	answer_add_name(fixture->builder, TYPE_PTR, (unsigned)zone, &apex);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static void names_end_in_a_zone_that_is_not_the_owners(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	add_pointers(&fixture, "1.local", 2);
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, "1.Local", TYPE_PTR, 1232),
		"NOERROR aa\n"
		"1.Local. 5 IN PTR e0000." WEB ".\n"
		"1.Local. 5 IN PTR e0001." WEB ".\n"
		"1.Local. 5 IN PTR cluster.local.\n");
	fixture_deinit(&fixture);
}

static void names_that_do_not_fit_are_left_out_with_tc(void **state)
{
	(void)state;
	/* Header and question 25, records 12 + 37, the last one 12 + 15. */
	static const struct {
		enum transport transport;
		unsigned count, kept;
	} cases[] = {{TRANSPORT_UDP, 9, 10}, {TRANSPORT_UDP, 10, 9},
		{TRANSPORT_TCP, 1000, 1001}, {TRANSPORT_TCP, 2000, 1336}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture fixture;
		exact_begin(&fixture);
		add_pointers(&fixture, "1.local", cases[i].count);
		const char *text =
			fixture_ask(&fixture, cases[i].transport, "1.local", TYPE_PTR, 0);
		assert_true(text_starts_with(text, cases[i].kept <= cases[i].count
							   ? "NOERROR aa tc\n"
							   : "NOERROR aa\n"));
		assert_int_equal(text_count(text, " IN PTR "), cases[i].kept);
		fixture_deinit(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_its_own_target),
		cmocka_unit_test(what_does_not_fit_of_an_endpoint_is_left_out),
		cmocka_unit_test(a_port_points_at_the_service_it_belongs_to),
		cmocka_unit_test(names_end_in_a_zone_that_is_not_the_owners),
		cmocka_unit_test(names_that_do_not_fit_are_left_out_with_tc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
