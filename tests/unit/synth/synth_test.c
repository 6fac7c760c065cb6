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

enum { LINES_MAX = 16 };

struct table {
	const char *objects[LINES_MAX];
	const char *records[LINES_MAX];
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static const struct rig_options FORWARD = {.zones = {"c.l."}, .synth = {.ttl_s = 5}};

static void cluster_ip_services_have_addresses_and_srv_records(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1"}, {"web.a.svc.c.l. A 10.0.0.1"}},
		{{"service a/web fd00::1 10.0.0.1 p=http:80"},
			{
				"_http._tcp.web.a.svc.c.l. SRV 0 50 80 web.a.svc.c.l. "
				"10.0.0.1 fd00::1",
				"web.a.svc.c.l. A 10.0.0.1",
				"web.a.svc.c.l. AAAA fd00::1",
				"web.a.svc.c.l. SRV 0 50 80 web.a.svc.c.l. 10.0.0.1 "
				"fd00::1",
			}},
		{{"service a/web 10.0.0.1 p=dns:53 p=dns/udp:53 p=:54"},
			{
				"_dns._tcp.web.a.svc.c.l. SRV 0 100 53 web.a.svc.c.l. "
				"10.0.0.1",
				"_dns._udp.web.a.svc.c.l. SRV 0 100 53 web.a.svc.c.l. "
				"10.0.0.1",
				"web.a.svc.c.l. A 10.0.0.1",
				"web.a.svc.c.l. SRV 0 33 53 web.a.svc.c.l. 10.0.0.1",
				"web.a.svc.c.l. SRV 0 33 54 web.a.svc.c.l.",
			}},
		/* Without an address there is nothing, hidden there is nothing. */
		{{"service a/web p=http:80"}, {NULL}},
		{{"service hidden/web 10.0.0.1"}, {NULL}},
		{{"service a/web 10.0.0.1", "-namespace a"}, {NULL}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void headless_services_have_the_addresses_of_ready_endpoints(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"service a/db headless"}, {NULL}},
		{{"service a/db headless", "slice a/s of=db !10.1.0.1"}, {NULL}},
		{{"slice a/s of=db 10.1.0.1"}, {NULL}},
		{{"service a/db headless", "slice a/s of=db 10.1.0.1 fd00::"},
			{
				"10-1-0-1.db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. AAAA fd00::",
				"fd00--0.db.a.svc.c.l. AAAA fd00::",
			}},
		{{"service a/db headless p=x:1", "slice a/s of=db p=pg:5432 10.1.0.1@one "
						 "10.1.0.2,fd00::2@two 10.1.0.3@one"},
			{
				"_pg._tcp.db.a.svc.c.l. SRV 0 25 5432 "
				"one.db.a.svc.c.l. 10.1.0.1 10.1.0.3",
				"_pg._tcp.db.a.svc.c.l. SRV 0 25 5432 "
				"two.db.a.svc.c.l. 10.1.0.2 fd00::2",
				"db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. A 10.1.0.3",
				"db.a.svc.c.l. A 10.1.0.2",
				"db.a.svc.c.l. AAAA fd00::2",
				"db.a.svc.c.l. SRV 0 25 5432 one.db.a.svc.c.l. "
				"10.1.0.1 10.1.0.3",
				"db.a.svc.c.l. SRV 0 25 5432 two.db.a.svc.c.l. "
				"10.1.0.2 fd00::2",
				"one.db.a.svc.c.l. A 10.1.0.1",
				"one.db.a.svc.c.l. A 10.1.0.3",
				"one.db.a.svc.c.l. SRV 0 50 5432 one.db.a.svc.c.l. "
				"10.1.0.1 10.1.0.3",
				"two.db.a.svc.c.l. A 10.1.0.2",
				"two.db.a.svc.c.l. AAAA fd00::2",
				"two.db.a.svc.c.l. SRV 0 50 5432 two.db.a.svc.c.l. "
				"10.1.0.2 fd00::2",
			}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void endpoints_may_differ_in_their_ports(void **state)
{
	(void)state;
	static const struct table tables[] = {
		/* Two slices with ports of their own. */
		{{"service a/db headless", "slice a/s of=db p=pg:1 10.1.0.1",
			 "slice a/t of=db p=pg:2 p=x:3 10.1.0.2"},
			{
				"10-1-0-1.db.a.svc.c.l. A 10.1.0.1",
				"10-1-0-1.db.a.svc.c.l. SRV 0 100 1 "
				"10-1-0-1.db.a.svc.c.l. 10.1.0.1",
				"10-1-0-2.db.a.svc.c.l. A 10.1.0.2",
				"10-1-0-2.db.a.svc.c.l. SRV 0 50 2 "
				"10-1-0-2.db.a.svc.c.l. 10.1.0.2",
				"10-1-0-2.db.a.svc.c.l. SRV 0 50 3 "
				"10-1-0-2.db.a.svc.c.l.",
				"_pg._tcp.db.a.svc.c.l. SRV 0 50 1 "
				"10-1-0-1.db.a.svc.c.l. 10.1.0.1",
				"_pg._tcp.db.a.svc.c.l. SRV 0 50 2 "
				"10-1-0-2.db.a.svc.c.l. 10.1.0.2",
				"_x._tcp.db.a.svc.c.l. SRV 0 100 3 "
				"10-1-0-2.db.a.svc.c.l. 10.1.0.2",
				"db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. A 10.1.0.2",
				"db.a.svc.c.l. SRV 0 33 1 10-1-0-1.db.a.svc.c.l. "
				"10.1.0.1",
				"db.a.svc.c.l. SRV 0 33 2 10-1-0-2.db.a.svc.c.l. "
				"10.1.0.2",
				"db.a.svc.c.l. SRV 0 33 3 10-1-0-2.db.a.svc.c.l.",
			}},
		/* One name with both: each port once, its addresses once. Hits are
		 * counted before what is repeated is left out. */
		{{"service a/db headless", "slice a/s of=db p=:1 10.1.0.1@h",
			 "slice a/t of=db p=:1 p=:2 10.1.0.1@h"},
			{
				"db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. SRV 0 33 1 h.db.a.svc.c.l. 10.1.0.1",
				"db.a.svc.c.l. SRV 0 33 2 h.db.a.svc.c.l.",
				"h.db.a.svc.c.l. A 10.1.0.1",
				"h.db.a.svc.c.l. SRV 0 33 1 h.db.a.svc.c.l. 10.1.0.1",
				"h.db.a.svc.c.l. SRV 0 33 2 h.db.a.svc.c.l.",
			}},
		/* A port without a number makes a name, but no record. */
		{{"service a/db headless", "slice a/s of=db p=pg:-1 10.1.0.1@h"},
			{"db.a.svc.c.l. A 10.1.0.1", "h.db.a.svc.c.l. A 10.1.0.1"}},
		{{"service a/db headless",
			 "endpoints a/db 10.1.0.1@h -- p=:7 10.1.0.2@i"},
			{
				"db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. A 10.1.0.2",
				"db.a.svc.c.l. SRV 0 50 7 i.db.a.svc.c.l. 10.1.0.2",
				"h.db.a.svc.c.l. A 10.1.0.1",
				"i.db.a.svc.c.l. A 10.1.0.2",
				"i.db.a.svc.c.l. SRV 0 100 7 i.db.a.svc.c.l. 10.1.0.2",
			}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void endpoint_names_work_for_cluster_ip_services_too(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1 p=http:80",
			 "slice a/s of=web p=http:8080 10.1.0.1@h"},
			{
				"_http._tcp.web.a.svc.c.l. SRV 0 100 80 web.a.svc.c.l. "
				"10.0.0.1",
				"h.web.a.svc.c.l. A 10.1.0.1",
				"h.web.a.svc.c.l. SRV 0 100 8080 h.web.a.svc.c.l. "
				"10.1.0.1",
				"web.a.svc.c.l. A 10.0.0.1",
				"web.a.svc.c.l. SRV 0 100 80 web.a.svc.c.l. 10.0.0.1",
			}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void external_names_are_canonical_names(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"service a/x e=Www.Example.com"},
			{"x.a.svc.c.l. CNAME Www.Example.com."}},
		{{"service a/x e=web.a.svc.c.l. p=http:80", "slice a/s of=x 10.1.0.1"},
			{"x.a.svc.c.l. CNAME web.a.svc.c.l."}},
		{{"service a/x e=10.0.0.1"}, {NULL}},
		{{"service a/x e=fd00::1"}, {NULL}},
		{{"service a/x e=a..b"}, {NULL}},
	};
	run_tables(&FORWARD, tables, COUNT(tables));
}

static void pod_names_are_endpoint_names_where_asked_for(void **state)
{
	(void)state;
	static const struct rig_options options = {
		.zones = {"c.l."}, .synth = {.ttl_s = 5, .uses_pod_names = true}};
	static const struct table tables[] = {
		{{"service a/db headless",
			 "slice a/s of=db 10.1.0.1#p 10.1.0.2@h#q 10.1.0.3 10.1.0.4#r.0"},
			{
				"10-1-0-3.db.a.svc.c.l. A 10.1.0.3",
				"10-1-0-4.db.a.svc.c.l. A 10.1.0.4",
				"db.a.svc.c.l. A 10.1.0.1",
				"db.a.svc.c.l. A 10.1.0.2",
				"db.a.svc.c.l. A 10.1.0.3",
				"db.a.svc.c.l. A 10.1.0.4",
				"h.db.a.svc.c.l. A 10.1.0.2",
				"p.db.a.svc.c.l. A 10.1.0.1",
			}},
	};
	run_tables(&options, tables, COUNT(tables));
}

static void empty_services_are_ignored_where_asked_for(void **state)
{
	(void)state;
	static const struct rig_options options = {.zones = {"c.l.", "10.in-addr.arpa."},
		.synth = {.ttl_s = 5, .ignores_empty = true}};
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1"},
			{"1.0.0.10.in-addr.arpa. PTR web.a.svc.c.l."}},
		{{"service a/web 10.0.0.1", "slice a/s of=web !10.1.0.1"},
			{"1.0.0.10.in-addr.arpa. PTR web.a.svc.c.l."}},
		{{"service a/web 10.0.0.1", "slice a/s of=web 10.1.0.1@h"},
			{
				"1.0.0.10.in-addr.arpa. PTR web.a.svc.c.l.",
				"1.0.1.10.in-addr.arpa. PTR h.web.a.svc.c.l.",
				"h.web.a.svc.c.l. A 10.1.0.1",
				"web.a.svc.c.l. A 10.0.0.1",
			}},
		{{"service a/x e=example.com"}, {"x.a.svc.c.l. CNAME example.com."}},
	};
	run_tables(&options, tables, COUNT(tables));
}

static void without_endpoints_only_cluster_ips_are_served(void **state)
{
	(void)state;
	static const struct rig_options options = {.zones = {"c.l.", "10.in-addr.arpa."},
		.synth = {.ttl_s = 5},
		.ignores_endpoints = true};
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1", "slice a/s of=web 10.1.0.1",
			 "service a/db headless s=app:db",
			 "pod a/p 10.1.0.2 ready l=app:db", "endpoints a/db 10.1.0.3"},
			{
				"1.0.0.10.in-addr.arpa. PTR web.a.svc.c.l.",
				"web.a.svc.c.l. A 10.0.0.1",
			}},
	};
	run_tables(&options, tables, COUNT(tables));
}

static const struct rig_options REVERSE = {
	.zones = {"c.l.", "10.in-addr.arpa.", "d.f.ip6.arpa."}, .synth = {.ttl_s = 5}};

static void addresses_point_at_the_service_or_at_endpoints(void **state)
{
	(void)state;
	static const struct table tables[] = {
		/* The first by namespace and name, and before any endpoint. */
		{{"service b/a 10.0.0.1", "service a/z 10.0.0.1", "service a/y 10.0.0.1",
			 "slice a/s of=none 10.0.0.1"},
			{
				"1.0.0.10.in-addr.arpa. PTR y.a.svc.c.l.",
				"a.b.svc.c.l. A 10.0.0.1",
				"y.a.svc.c.l. A 10.0.0.1",
				"z.a.svc.c.l. A 10.0.0.1",
			}},
		/* Slices need no Service; several services, several names, each once. */
		{{"slice b/s of=x 10.1.0.1",
			 "slice a/s of=x 10.1.0.1@h 10.1.0.1@i 10.1.0.1@h",
			 "slice a/t of=x !10.1.0.2 10.1.0.1@h",
			 "slice hidden/s of=x 10.1.0.1"},
			{
				"1.0.1.10.in-addr.arpa. PTR h.x.a.svc.c.l.",
				"1.0.1.10.in-addr.arpa. PTR i.x.a.svc.c.l.",
				"1.0.1.10.in-addr.arpa. PTR 10-1-0-1.x.b.svc.c.l.",
			}},
		/* A Service that was left out has no names to point at. */
		{{"service a/x", "slice a/s of=x 10.1.0.1"}, {NULL}},
		/* Other zones' addresses have none. */
		{{"service a/x 11.0.0.1 fe00::1"},
			{"x.a.svc.c.l. A 11.0.0.1", "x.a.svc.c.l. AAAA fe00::1"}},
		{{"service a/x fd00::1"},
			{
				"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
				"0.0.d.f.ip6.arpa. PTR x.a.svc.c.l.",
				"x.a.svc.c.l. AAAA fd00::1",
			}},
		/* The cluster IP's namespace is hidden: the endpoint's turn. */
		{{"service hidden/x 10.1.0.1", "slice a/s of=x 10.1.0.1"},
			{"1.0.1.10.in-addr.arpa. PTR 10-1-0-1.x.a.svc.c.l."}},
	};
	run_tables(&REVERSE, tables, COUNT(tables));
}

static void pods_have_names_where_they_are_verified(void **state)
{
	(void)state;
	static const struct rig_options options = {
		.zones = {"c.l."}, .synth = {.ttl_s = 5, .pods = PODS_VERIFIED}};
	static const struct table tables[] = {
		{{"pod a/p 10.1.0.1 fd00::", "pod a/q 10.1.0.1",
			 "pod a/r 10.1.0.2 terminating", "pod hidden/p 10.1.0.3"},
			{
				"10-1-0-1.a.pod.c.l. A 10.1.0.1",
				"fd00--.a.pod.c.l. AAAA fd00::",
			}},
		{{"pod a/p 10.1.0.1", "-namespace a"}, {NULL}},
	};
	run_tables(&options, tables, COUNT(tables));
	run_tables(&FORWARD, &(const struct table){{"pod a/p 10.1.0.1"}, {NULL}}, 1);
}

/* --- zones --- */

static char *text_after(const struct rig_options *options, const char *const *objects)
{
	struct rig rig;
	rig_init(&rig, options);
	rig_put(&rig, objects);
	char *text = rig_text(&rig);
	rig_deinit(&rig);
	return text;
}

static void a_zone_has_its_names_before_there_is_any_object(void **state)
{
	(void)state;
	static const struct rig_options options = {.zones = {"c.l.", "10.in-addr.arpa."},
		.own_addresses = {"fd00::9", "10.0.0.9", "10.0.0.8"},
		.synth = {.ttl_s = 5, .pods = PODS_INSECURE}};
	char *text = text_after(&options, (const char *const[]){"namespace a", NULL});
	assert_string_equal(text, "10.in-addr.arpa. NS ns.dns.c.l.\n"
				  "a.pod.c.l.\n"
				  "a.svc.c.l.\n"
				  "c.l. NS ns.dns.c.l.\n"
				  "dns-version.c.l. 28800 TXT \"1.1.0\"\n"
				  "dns.c.l.\n"
				  "ns.dns.c.l. A 10.0.0.9\n"
				  "ns.dns.c.l. A 10.0.0.8\n"
				  "ns.dns.c.l. AAAA fd00::9\n"
				  "pod.c.l.\n"
				  "svc.c.l.\n");
	free(text);
	text = text_after(&FORWARD, (const char *const[]){NULL});
	assert_string_equal(text, "c.l.\n"
				  "dns-version.c.l. 28800 TXT \"1.1.0\"\n"
				  "pod.c.l.\n"
				  "svc.c.l.\n");
	free(text);
}

static void the_server_is_named_after_the_services_that_have_its_address(void **state)
{
	(void)state;
	static const struct rig_options options = {.zones = {"c.l.", "10.in-addr.arpa."},
		.own_addresses = {"10.9.0.1"},
		.synth = {.ttl_s = 5}};
	static const struct {
		const char *object;
		const char *names[4]; /* of the zone; "" : ns.dns */
	} steps[] = {
		{"namespace a", {"ns.dns.c.l."}},
		{"slice a/s of=dns 10.9.0.1", {"ns.dns.c.l."}},
		{"service a/dns 10.0.0.10", {"dns.a.svc.c.l."}},
		{"service a/dns headless", {"10-9-0-1.dns.a.svc.c.l."}},
		{"slice a/s of=dns !10.9.0.1", {"ns.dns.c.l."}},
		{"slice a/s of=dns 10.9.0.1@h 10.9.0.2@i",
			{"h.dns.a.svc.c.l.", "i.dns.a.svc.c.l."}},
		/* Of the slice that has the address alone. */
		{"slice a/t of=dns 10.9.0.3@j", {"h.dns.a.svc.c.l.", "i.dns.a.svc.c.l."}},
		{"slice a/u of=late 10.9.0.1", {"h.dns.a.svc.c.l.", "i.dns.a.svc.c.l."}},
		{"service a/a 10.0.0.11", {"h.dns.a.svc.c.l.", "i.dns.a.svc.c.l."}},
		{"service a/late 10.0.0.12",
			{"h.dns.a.svc.c.l.", "i.dns.a.svc.c.l.", "late.a.svc.c.l."}},
		{"-namespace a", {"ns.dns.c.l."}},
	};
	struct rig rig;
	rig_init(&rig, &options);
	for (size_t i = 0; i < COUNT(steps); i++) {
		rig_put(&rig, (const char *const[]){steps[i].object, NULL});
		char *text = rig_text(&rig), wanted[300] = "";
		static const char *const apexes[] = {"10.in-addr.arpa.", "\nc.l."};
		for (size_t j = 0; j < COUNT(apexes); j++) {
			wanted[0] = '\0';
			for (size_t k = 0; k < 4 && steps[i].names[k]; k++)
				snprintf(wanted + strlen(wanted),
					sizeof(wanted) - strlen(wanted), "%s NS %s\n",
					k ? apexes[j] + (*apexes[j] == '\n') : apexes[j],
					steps[i].names[k]);
			if (!strstr(text, wanted))
				fail_msg("after \"%s\" no\n%s in:\n%s", steps[i].object,
					wanted, text);
		}
		const char *first = strstr(text, " NS ");
		unsigned count = 0;
		for (; first; first = strstr(first + 1, " NS "))
			count++;
		unsigned names = 0;
		while (names < 4 && steps[i].names[names])
			names++;
		assert_int_equal(count, 2 * names);
		free(text);
	}
	rig_deinit(&rig);
}

static void each_zone_of_a_stanza_has_all_names_that_are_not_in_a_longer_one(void **state)
{
	(void)state;
	static const struct rig_options options = {
		.zones = {"c.l.", "x.", "a.svc.c.l.", "_tcp.web.b.svc.c.l.",
			"h.web.b.svc.c.l.", "10.in-addr.arpa.", "1.10.in-addr.arpa."},
		.synth = {.ttl_s = 5}};
	static const struct table tables[] = {
		{{"service a/web 10.0.0.1"},
			{
				"1.0.0.10.in-addr.arpa. PTR web.a.svc.c.l.",
				"web.a.svc.a.svc.c.l. A 10.0.0.1",
				"web.a.svc.h.web.b.svc.c.l. A 10.0.0.1",
				"web.a.svc._tcp.web.b.svc.c.l. A 10.0.0.1",
				"web.a.svc.x. A 10.0.0.1",
			}},
	};
	/* Sorted by owner. */
	struct rig rig;
	rig_init(&rig, &options);
	rig_put(&rig, (const char *const[]){"namespace a", "namespace b",
			      "service b/web headless",
			      "slice b/s of=web p=http:80 10.1.0.1@h", NULL});
	char *text = rig_text(&rig);
	assert_non_null(strstr(text, "\nweb.b.svc.c.l. A 10.1.0.1\n"));
	assert_null(strstr(text, "\n_http._tcp.web.b.svc.c.l."));
	assert_non_null(strstr(text, "\n_http._tcp.web.b.svc.x. SRV"));
	assert_null(strstr(text, "\nh.web.b.svc.c.l. A"));
	assert_non_null(strstr(text, "\nh.web.b.svc.c.l.\n"));
	assert_non_null(strstr(text, "1.0.1.10.in-addr.arpa. PTR h.web.b.svc.c.l.\n"));
	free(text);
	rig_put(&rig, (const char *const[]){"-service b/web", "-slice b/s",
			      "service a/web 10.0.0.1", NULL});
	text = rig_text(&rig);
	for (size_t i = 0; tables[0].records[i]; i++)
		if (!strstr(text, tables[0].records[i]))
			fail_msg("no %s in\n%s", tables[0].records[i], text);
	assert_null(strstr(text, "web.a.svc.c.l. A"));
	assert_null(strstr(text, "10.1.0.1"));
	free(text);
	rig_deinit(&rig);
}

#define LONG "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void names_too_long_for_dns_are_left_out(void **state)
{
	(void)state;
	static const struct rig_options options = {
		.zones = {LONG "." LONG ".c.l.", "c.l.", "10.in-addr.arpa."},
		.synth = {.ttl_s = 5}};
	struct rig rig;
	rig_init(&rig, &options);
	rig_put(&rig, (const char *const[]){"namespace " LONG,
			      "service " LONG "/" LONG " headless",
			      "slice " LONG "/s of=" LONG " p=" LONG ":1 10.1.0.1@" LONG,
			      NULL});
	char *text = rig_text(&rig);
	/* 2 * 64 + 4 + 5 octets leave room for the endpoint in the short zone alone. */
	assert_non_null(
		strstr(text, "\n" LONG "." LONG "." LONG ".svc.c.l. A 10.1.0.1\n"));
	assert_null(strstr(text, "svc." LONG "." LONG ".c.l. A"));
	assert_null(strstr(text, " PTR "));
	free(text);
	rig_deinit(&rig);
}

/* --- many of something --- */

static unsigned count_of(const char *text, const char *what)
{
	unsigned count = 0;
	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

/* "service a/db headless" with a slice of so many endpoints, all of one host name or
 * each of its own. */
static void put_endpoints(struct rig *rig, unsigned count, const char *hostname)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);
	assert_non_null(out);
	fputs("slice a/s of=db p=x:1", out);
	for (unsigned i = 0; i < count; i++)
		fprintf(out, " 10.1.%u.%u,fd00::%u%s", i / 200, i % 200 + 1, i + 1,
			hostname);
	fclose(out);
	rig_put(rig, (const char *const[]){
			     "namespace a", "service a/db headless", line, NULL});
	free(line);
}

static void a_target_brings_all_of_its_addresses(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &FORWARD);
	put_endpoints(&rig, 150, "@h");
	char *text = rig_text(&rig);
	const char *srv = strstr(text, "\nh.db.a.svc.c.l. SRV 0 1 1 h.db.a.svc.c.l. ");
	assert_non_null(srv);
	char *line = strndup(srv + 1, strcspn(srv + 1, "\n"));
	assert_int_equal(count_of(line, " 10.1."), 150);
	assert_int_equal(count_of(line, " fd00::"), 150);
	free(line);
	free(text);
	rig_deinit(&rig);
}

static void names_of_many_endpoints_go_when_they_do(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &REVERSE);
	static const unsigned counts[] = {400, 5, 300, 0, 2};
	for (size_t i = 0; i < COUNT(counts); i++) {
		put_endpoints(&rig, counts[i], "");
		char *text = rig_text(&rig);
		assert_int_equal(count_of(text, " PTR "), 2 * counts[i]);
		assert_int_equal(count_of(text, "\ndb.a.svc.c.l. A "), counts[i]);
		assert_int_equal(count_of(text, " A "), 2 * counts[i]);
		free(text);
	}
	rig_deinit(&rig);
}

/* What is replaced: the service's own name and that of its port. An endpoint has two
 * names here, one a family, and two that point at them. */
static void a_change_to_one_endpoint_leaves_the_others_alone(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &REVERSE);
	put_endpoints(&rig, 80, "");
	store_reclaim(rig.store);
	put_endpoints(&rig, 81, "");
	assert_int_equal(store_retired(rig.store), 2);
	store_reclaim(rig.store);
	put_endpoints(&rig, 80, "");
	assert_int_equal(store_retired(rig.store), 2 + 2 + 2);
	rig_deinit(&rig);
}

static void a_service_may_have_very_many_ports(void **state)
{
	(void)state;
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);
	assert_non_null(out);
	fputs("service a/web 10.0.0.1", out);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(out, " p=p%u/udp:%u", i, 10000 + i / 2);
	fclose(out);
	struct rig rig;
	rig_init(&rig, &FORWARD);
	rig_put(&rig, (const char *const[]){"namespace a", line, NULL});
	char *text = rig_text(&rig);
	assert_int_equal(count_of(text, "\nweb.a.svc.c.l. SRV 0 1 "), 500);
	assert_int_equal(count_of(text, "._udp.web.a.svc.c.l. SRV 0 100 "), 1000);
	free(text);
	free(line);
	rig_deinit(&rig);
}

/* --- work --- */

static void a_change_to_one_service_recomputes_that_one(void **state)
{
	(void)state;
	static const unsigned sizes[] = {10, 1000};
	size_t retired[COUNT(sizes)], names[COUNT(sizes)];
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct rig rig;
		rig_init(&rig, &REVERSE);
		assert_int_equal(rig_feed(&rig, "namespace a"), ERR_NONE);
		for (unsigned j = 0; j < sizes[i]; j++) {
			char line[100];
			snprintf(line, sizeof(line), "service a/s%u 10.0.%u.%u p=http:80",
				j, j / 250, j % 250 + 1);
			assert_int_equal(rig_feed(&rig, line), ERR_NONE);
			snprintf(line, sizeof(line),
				"slice a/s%u of=s%u p=http:80 10.1.%u.%u", j, j, j / 250,
				j % 250 + 1);
			assert_int_equal(rig_feed(&rig, line), ERR_NONE);
		}
		assert_int_equal(rig_settle(&rig), ERR_NONE);
		assert_int_equal(rig.recomputed, sizes[i]);
		store_reclaim(rig.store);
		size_t before = store_size(rig.store).names;
		rig_put(&rig, (const char *const[]){
				      "service a/s5 10.0.99.1 p=http:81 p=x:1", NULL});
		assert_int_equal(rig.recomputed, 1);
		retired[i] = store_retired(rig.store);
		names[i] = store_size(rig.store).names - before;
		rig_deinit(&rig);
	}
	assert_int_equal(retired[0], retired[1]);
	/* The new port's name, and the new address's with the one above it. */
	assert_int_equal(names[0], names[1]);
	/* The service, its port, the old address and what was above it alone or not. */
	assert_in_range(retired[0], 3, 8);
}

static void what_changes_no_answer_publishes_nothing(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &REVERSE);
	assert_true(rig_put(
		&rig, (const char *const[]){"namespace a",
			      "service a/web 10.0.0.1 p=http:80", "service a/db headless",
			      "slice a/s of=db p=x:1 10.1.0.1@h", NULL}));
	store_reclaim(rig.store);
	static const char *const lines[] = {
		"service a/web 10.0.0.1 p=http:80>8080 s=app:web",
		"service a/db headless publish",
		"slice a/s of=db p=x:1 10.1.0.1@h !10.1.0.2",
		"slice a/s of=db p=x:1 10.1.0.1@h",
		"endpoints a/db 10.1.0.3",
		"pod a/p 10.1.0.4 ready l=app:web sub=x",
		"-pod a/p",
		"namespace a l=x:y",
		"service b/hidden 10.0.0.2",
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		bool has_pod_endpoint = i == 5 || i == 6;
		bool has_published = rig_put(&rig, (const char *const[]){lines[i], NULL});
		if (has_published != has_pod_endpoint)
			fail_msg("%s", lines[i]);
		store_reclaim(rig.store);
	}
	rig_deinit(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cluster_ip_services_have_addresses_and_srv_records),
		cmocka_unit_test(headless_services_have_the_addresses_of_ready_endpoints),
		cmocka_unit_test(endpoints_may_differ_in_their_ports),
		cmocka_unit_test(endpoint_names_work_for_cluster_ip_services_too),
		cmocka_unit_test(external_names_are_canonical_names),
		cmocka_unit_test(pod_names_are_endpoint_names_where_asked_for),
		cmocka_unit_test(empty_services_are_ignored_where_asked_for),
		cmocka_unit_test(without_endpoints_only_cluster_ips_are_served),
		cmocka_unit_test(addresses_point_at_the_service_or_at_endpoints),
		cmocka_unit_test(pods_have_names_where_they_are_verified),
		cmocka_unit_test(a_zone_has_its_names_before_there_is_any_object),
		cmocka_unit_test(
			the_server_is_named_after_the_services_that_have_its_address),
		cmocka_unit_test(
			each_zone_of_a_stanza_has_all_names_that_are_not_in_a_longer_one),
		cmocka_unit_test(names_too_long_for_dns_are_left_out),
		cmocka_unit_test(a_target_brings_all_of_its_addresses),
		cmocka_unit_test(names_of_many_endpoints_go_when_they_do),
		cmocka_unit_test(a_change_to_one_endpoint_leaves_the_others_alone),
		cmocka_unit_test(a_service_may_have_very_many_ports),
		cmocka_unit_test(a_change_to_one_service_recomputes_that_one),
		cmocka_unit_test(what_changes_no_answer_publishes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
