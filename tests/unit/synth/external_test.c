/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/synth/rig.h"

/* The zones of k8s_external: services by what they have outside of the cluster. */

enum { LINES_MAX = 20 };

struct table {
	const char *objects[LINES_MAX];
	const char *records[LINES_MAX];
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct synth_external ADDRESSES = {"dns", false}, HEADLESS = {"dns", true};

static void run_tables(
	const struct rig_options *options, const struct table *tables, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct rig rig;
		rig_init(&rig, options);
		rig_put(&rig, (const char *const[]){"namespace a", "namespace b", NULL});
		rig_put(&rig, tables[i].objects);
		rig_expect(&rig, tables[i].records);
		rig_deinit(&rig);
	}
}

static const struct rig_options FORWARD = {
	.zones = {"x.y."}, .synth = {.ttl_s = 5, .external = &ADDRESSES}};

static void services_have_their_addresses_from_outside(void **state)
{
	(void)state;
	static const struct table tables[] = {
		/* Inside alone. */
		{{"service a/web 10.0.0.1 p=http:80"}, {NULL}},
		{{"service a/web 10.0.0.1 x=1.2.3.4 x=fd01::1 x=1.2.3.4"},
			{"web.a.x.y. A 1.2.3.4", "web.a.x.y. AAAA fd01::1"}},
		{{"service a/web 10.0.0.1 p=http:80 x=1.2.3.4 x=1.2.3.5"},
			{
				"_http._tcp.web.a.x.y. A 1.2.3.4",
				"_http._tcp.web.a.x.y. A 1.2.3.5",
				"_http._tcp.web.a.x.y. SRV 0 50 80 web.a.x.y. 1.2.3.4 "
				"1.2.3.5",
				"web.a.x.y. A 1.2.3.4",
				"web.a.x.y. A 1.2.3.5",
				"web.a.x.y. SRV 0 50 80 web.a.x.y. 1.2.3.4 1.2.3.5",
			}},
		/* Endpoints have no names where the service has addresses. */
		{{"service a/web 10.0.0.1 x=1.2.3.4", "slice a/s of=web p=x:1 10.1.0.1"},
			{"web.a.x.y. A 1.2.3.4"}},
		{{"service hidden/web 10.0.0.1 x=1.2.3.4"}, {NULL}},
		{{"service a/web 10.0.0.1 x=1.2.3.4", "-namespace a"}, {NULL}},
		{{"service a/web 10.0.0.1 x=1.2.3.4", "service a/web 10.0.0.1"}, {NULL}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void the_name_of_a_load_balancer_is_canonical_and_a_target(void **state)
{
	(void)state;
	static const char *const a_long_name =
		"service a/web 10.0.0.1 p=http:80 x=" /* more octets than a label */
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbb.z";
	const struct table tables[] = {
		{{"service a/web 10.0.0.1 p=http:80 x=lb.z"},
			{
				"_http._tcp.web.a.x.y. CNAME lb.z.",
				"_http._tcp.web.a.x.y. SRV 0 100 80 lb.z.",
				"web.a.x.y. CNAME lb.z.",
				"web.a.x.y. SRV 0 100 80 lb.z.",
			}},
		{{a_long_name},
			{
				"_http._tcp.web.a.x.y. CNAME "
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
				"bbbbbbbbbbbbbbbb.z.",
				"_http._tcp.web.a.x.y. SRV 0 100 80 "
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
				"bbbbbbbbbbbbbbbb.z.",
				"web.a.x.y. CNAME "
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
				"bbbbbbbbbbbbbbbb.z.",
				"web.a.x.y. SRV 0 100 80 "
				"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
				"bbbbbbbbbbbbbbbb.z.",
			}},
		/* Addresses rule a CNAME out. */
		{{"service a/web 10.0.0.1 p=:80 x=lb.z x=1.2.3.4"},
			{
				"web.a.x.y. A 1.2.3.4",
				"web.a.x.y. SRV 0 50 80 web.a.x.y. 1.2.3.4",
				"web.a.x.y. SRV 0 50 80 lb.z.",
			}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void endpoints_are_served_where_asked_for(void **state)
{
	(void)state;
	static const struct rig_options options = {
		.zones = {"x.y."}, .synth = {.ttl_s = 5, .external = &HEADLESS}};
	static const struct table tables[] = {
		{{"service a/db headless", "slice a/s of=db p=pg:1 10.1.0.1@one"},
			{
				"_pg._tcp.db.a.x.y. A 10.1.0.1",
				"_pg._tcp.db.a.x.y. SRV 0 100 1 one.db.a.x.y. 10.1.0.1",
				"db.a.x.y. A 10.1.0.1",
				"db.a.x.y. SRV 0 100 1 one.db.a.x.y. 10.1.0.1",
				"one.db.a.x.y. A 10.1.0.1",
				"one.db.a.x.y. SRV 0 100 1 one.db.a.x.y. 10.1.0.1",
			}},
		{{"service a/db headless x=1.2.3.4", "slice a/s of=db 10.1.0.1@one"},
			{"db.a.x.y. A 1.2.3.4"}},
		/* The service is only above its endpoints. */
		{{"service a/web 10.0.0.1", "slice a/s of=web 10.1.0.1@one"},
			{"one.web.a.x.y. A 10.1.0.1"}},
		{{"slice a/s of=web 10.1.0.1@one"}, {NULL}},
	};
	run_tables(&options, tables, COUNT(tables));
}

static void addresses_point_at_every_service_that_has_them(void **state)
{
	(void)state;
	static const struct rig_options options = {.zones = {"x.y.", "in-addr.arpa."},
		.synth = {.ttl_s = 5, .external = &HEADLESS}};
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1 x=1.2.3.4", "service b/web 10.0.0.2 x=1.2.3.4",
			 "service hidden/web 10.0.0.3 x=1.2.3.4"},
			{
				"4.3.2.1.in-addr.arpa. PTR web.a.x.y.",
				"4.3.2.1.in-addr.arpa. PTR web.b.x.y.",
				"web.a.x.y. A 1.2.3.4",
				"web.b.x.y. A 1.2.3.4",
			}},
		{{"service a/web 10.0.0.1 x=1.2.3.4", "-service a/web"}, {NULL}},
		/* Neither cluster IPs nor endpoints. */
		{{"service a/db headless", "slice a/s of=db 10.1.0.1@one"},
			{"db.a.x.y. A 10.1.0.1", "one.db.a.x.y. A 10.1.0.1"}},
	};
	run_tables(&options, tables, COUNT(tables));
}

static void the_apex_label_is_the_name_servers(void **state)
{
	(void)state;
	static const struct rig_options options = {.zones = {"x.y.", "in-addr.arpa."},
		.own_addresses = {"10.1.0.1"},
		.synth = {.ttl_s = 5, .external = &ADDRESSES}};
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1"},
			{
				"in-addr.arpa. NS ns1.dns.x.y.",
				"ns1.dns.x.y. A 10.1.0.1",
				"x.y. NS ns1.dns.x.y.",
			}},
		/* The server's own service, and one in the way. */
		{{"service a/dns 10.0.0.1 x=1.2.3.4", "slice a/s of=dns 10.1.0.1",
			 "namespace dns", "service dns/ns1 10.0.0.2 x=1.2.3.5",
			 "-namespace dns"},
			{
				"4.3.2.1.in-addr.arpa. PTR dns.a.x.y.",
				"dns.a.x.y. A 1.2.3.4",
				"in-addr.arpa. NS ns1.dns.x.y.",
				"ns1.dns.x.y. A 1.2.3.4",
				"x.y. NS ns1.dns.x.y.",
			}},
	};
	run_tables(&options, tables, COUNT(tables));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_have_their_addresses_from_outside),
		cmocka_unit_test(the_name_of_a_load_balancer_is_canonical_and_a_target),
		cmocka_unit_test(endpoints_are_served_where_asked_for),
		cmocka_unit_test(addresses_point_at_every_service_that_has_them),
		cmocka_unit_test(the_apex_label_is_the_name_servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
