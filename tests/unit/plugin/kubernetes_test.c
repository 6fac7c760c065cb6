/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plugin/kubernetes/kubernetes.h"
#include "server/wire/octets.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SVC "default.svc.cluster.local"
#define POD "default.pod.cluster.local"
#define SOA                                                                              \
	"cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. "       \
	"SERIAL 7200 1800 86400 5\n"
#define NXDOMAIN "NXDOMAIN aa\nauthority: " SOA
#define NODATA   "NOERROR aa\nauthority: " SOA

struct expectation {
	const char *name;
	uint16_t type;
	const char *text;
};

static void expect_all(
	struct fixture *fixture, const struct expectation *expectations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = fixture_ask(fixture, TRANSPORT_UDP,
			expectations[i].name, expectations[i].type, 1232);
		if (strcmp(text, expectations[i].text) != 0)
			fail_msg("%s %u:\n%s\nexpected:\n%s", expectations[i].name,
				expectations[i].type, text, expectations[i].text);
	}
}

#define PASSED_ON "REFUSED\n"

static void begin_with(struct fixture *fixture, struct kubernetes_options options)
{
	static const char *const zones[] = {"cluster.local", "10.in-addr.arpa"};
	struct plugin_instance plugin;
	fixture_init(fixture, zones, COUNT(zones));
	options.store = fixture->store;
	assert_int_equal(kubernetes_new(&options, &plugin), ERR_NONE);
	fixture_add_plugin(fixture, plugin);
	fixture_add_next(fixture);
	fixture_put(fixture, "svc.cluster.local", "");
	fixture_put(fixture, "pod.cluster.local", "");
	fixture_put(fixture, SVC, "");
	fixture_put(fixture, POD, "");
	fixture_put(fixture, "web." SVC, "A 10.0.0.1\nAAAA fd00::1");
	fixture_put(fixture, "1.0.0.10.in-addr.arpa", "PTR web." SVC ".");
}

static void begin(struct fixture *fixture)
{
	begin_with(fixture, (struct kubernetes_options){0});
}

static void names_types_and_empty_names(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	static const struct expectation expectations[] = {
		{"web." SVC, TYPE_A, "NOERROR aa\nweb." SVC ". 5 IN A 10.0.0.1\n"},
		{"web." SVC, TYPE_AAAA, "NOERROR aa\nweb." SVC ". 5 IN AAAA fd00::1\n"},
		{"WEB." SVC, TYPE_A, "NOERROR aa\nWEB." SVC ". 5 IN A 10.0.0.1\n"},
		{"web." SVC, TYPE_MX, NODATA},
		{"web." SVC, TYPE_CNAME, NODATA},
		{"web." SVC, TYPE_SOA, NODATA},
		{SVC, TYPE_A, NODATA},
		{"svc.cluster.local", TYPE_TXT, NODATA},
		{"x." SVC, TYPE_A, NXDOMAIN},
		{"x." SVC, TYPE_SOA, NXDOMAIN},
		{"a.web." SVC, TYPE_NS, NXDOMAIN},
		{"cluster.local", TYPE_A, NODATA},
		{"cluster.local", TYPE_SOA, "NOERROR aa\n" SOA},
		{"cluster.local", TYPE_ANY, "NOERROR aa\n" SOA},
		{"1.0.0.10.in-addr.arpa", TYPE_PTR,
			"NOERROR aa\n1.0.0.10.in-addr.arpa. 5 IN PTR web." SVC ".\n"},
		{"0.10.in-addr.arpa", TYPE_PTR,
			"NOERROR aa\nauthority: 10.in-addr.arpa. 5 IN SOA "
			"ns.dns.10.in-addr.arpa. hostmaster.10.in-addr.arpa. SERIAL 7200 "
			"1800 86400 5\n"},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

/* RFC 8482 4.1 */
static void any_gets_one_record_set(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	fixture_put(&fixture, "ext." SVC, "CNAME web." SVC ".");
	static const struct expectation expectations[] = {
		{"web." SVC, TYPE_ANY, "NOERROR aa\nweb." SVC ". 5 IN A 10.0.0.1\n"},
		{"ext." SVC, TYPE_ANY,
			"NOERROR aa\next." SVC ". 5 IN CNAME web." SVC ".\n"},
		{SVC, TYPE_ANY, NODATA},
		{"x." SVC, TYPE_ANY, NXDOMAIN},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void transfers_are_refused_bare(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	static const char *const names[] = {"cluster.local", "web." SVC, "x." SVC};
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_string_equal(
			fixture_ask(&fixture, TRANSPORT_TCP, names[i], TYPE_AXFR, 0),
			"REFUSED\n");
		assert_string_equal(
			fixture_ask(&fixture, TRANSPORT_UDP, names[i], TYPE_IXFR, 0),
			"REFUSED\n");
	}
	fixture_deinit(&fixture);
}

/* --- pods --- */

#define V4 "NOERROR aa\n1-2-3-4." POD ". 5 IN A 1.2.3.4\n"
#define V6 ". 5 IN AAAA fd00::1\n"

static void pod_names_do_not_exist_when_they_are_disabled(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	static const struct expectation expectations[] = {
		{"1-2-3-4." POD, TYPE_A, NXDOMAIN},
		{"fd00--1." POD, TYPE_AAAA, NXDOMAIN},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void insecure_pod_names_say_their_address(void **state)
{
	(void)state;
	struct fixture fixture;
	begin_with(
		&fixture, (struct kubernetes_options){.pods = KUBERNETES_PODS_INSECURE});
	static const struct expectation expectations[] = {
		{"1-2-3-4." POD, TYPE_A, V4},
		{"1-2-3-4." POD, TYPE_ANY, V4},
		{"1-2-3-4." POD, TYPE_AAAA, NODATA},
		{"1-2-3-4." POD, TYPE_SRV, NODATA},
		{"1-2-3-4." POD, TYPE_CNAME, NODATA},
		{"1-2-3-4.DEFAULT.Pod.cluster.local", TYPE_A,
			"NOERROR aa\n1-2-3-4.DEFAULT.Pod.cluster.local. 5 IN A "
			"1.2.3.4\n"},
		{"fd00--1." POD, TYPE_AAAA, "NOERROR aa\nfd00--1." POD V6},
		{"FD00-0-0--1." POD, TYPE_AAAA, "NOERROR aa\nFD00-0-0--1." POD V6},
		{"fd00--1." POD, TYPE_A, NODATA},
		{"fd00--1." POD, TYPE_ANY, "NOERROR aa\nfd00--1." POD V6},
		{"web." POD, TYPE_A, NXDOMAIN},
		{"1-2-3-256." POD, TYPE_A, NXDOMAIN},
		{"x.1-2-3-4." POD, TYPE_A, NXDOMAIN},
		{"1-2-3-4.other.pod.cluster.local", TYPE_A, NXDOMAIN},
		{"1-2-3-4.pod.cluster.local", TYPE_A, NXDOMAIN},
		{"1-2-3-4." SVC, TYPE_A, NXDOMAIN},
		{POD, TYPE_A, NODATA},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void put_pod(const struct fixture *fixture, const char *text)
{
	struct dname name = fixture_name(text);
	int zone = store_zone_find(fixture->store, &name);
	assert_int_equal(store_put_pod(fixture->store, &name, (unsigned)zone), ERR_NONE);
}

static void verified_pod_names_are_those_of_pods(void **state)
{
	(void)state;
	struct fixture fixture;
	begin_with(
		&fixture, (struct kubernetes_options){.pods = KUBERNETES_PODS_VERIFIED});
	fixture_put(&fixture, POD, "");
	put_pod(&fixture, "1-2-3-4." POD);
	put_pod(&fixture, "fd00--1." POD);
	/* A name that is no address is none, whatever the store believes. */
	put_pod(&fixture, "fd00-x." POD);
	static const struct expectation expectations[] = {
		{"1-2-3-4." POD, TYPE_A, V4},
		{"1-2-3-4." POD, TYPE_AAAA, NODATA},
		{"1-2-3-5." POD, TYPE_A, NXDOMAIN},
		{"fd00--1." POD, TYPE_AAAA, "NOERROR aa\nfd00--1." POD V6},
		{"FD00--1." POD, TYPE_AAAA, "NOERROR aa\nFD00--1." POD V6},
		{"fd00-0-0-0-0-0-0-1." POD, TYPE_AAAA,
			"NOERROR aa\nfd00-0-0-0-0-0-0-1." POD V6},
		{"fd00-0-0-0-0-0-0-1." POD, TYPE_A, NODATA},
		{"fd00-0--1." POD, TYPE_ANY, "NOERROR aa\nfd00-0--1." POD V6},
		{"fd00--2." POD, TYPE_AAAA, NXDOMAIN},
		{"fd00-x." POD, TYPE_AAAA, NXDOMAIN},
		{"x.fd00--1." POD, TYPE_AAAA, NXDOMAIN},
		{POD, TYPE_A, NODATA},
		{"fd00-0--1.other.pod.cluster.local", TYPE_AAAA, NXDOMAIN},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

/* The longest name: the canonical spelling is longer than the one asked for. */
static void a_pod_name_of_255_octets_is_harmless(void **state)
{
	(void)state;
	char zone[230], name[300];
	memset(zone, 'z', sizeof(zone));
	/* 63.63.63.37 on the wire: 64 + 64 + 64 + 38 + 1 = 231 */
	zone[63] = zone[127] = zone[191] = '.';
	zone[192 + 37] = '\0';
	const char *const zones[] = {zone};
	struct fixture fixture;
	struct plugin_instance plugin;
	fixture_init(&fixture, zones, 1);
	struct kubernetes_options options = {
		.store = fixture.store, .pods = KUBERNETES_PODS_VERIFIED};
	assert_int_equal(kubernetes_new(&options, &plugin), ERR_NONE);
	fixture_add_plugin(&fixture, plugin);
	snprintf(name, sizeof(name), "ns.pod.%s", zone);
	fixture_put(&fixture, name, "");
	/* 16 octets in front make 255; the canonical 11-0-2-3-4-5-6-77 has 17. */
	snprintf(name, sizeof(name), "11--2-3-4-5-6-77.ns.pod.%s", zone);
	assert_int_equal(fixture_name(name).length, DNAME_MAX);
	const char *text = fixture_ask(&fixture, TRANSPORT_UDP, name, TYPE_AAAA, 1232);
	assert_memory_equal(text, "NXDOMAIN aa\n", 12);
	fixture_deinit(&fixture);
}

/* --- ExternalName --- */

/* e1 -> e2 -> ... -> e<length> -> last */
static void put_chain(struct fixture *fixture, unsigned length, const char *last)
{
	char owner[64], records[256];
	for (unsigned i = 1; i <= length; i++) {
		snprintf(owner, sizeof(owner), "e%u." SVC, i);
		if (i < length)
			snprintf(records, sizeof(records), "CNAME e%u." SVC ".", i + 1);
		else
			snprintf(records, sizeof(records), "CNAME %s.", last);
		fixture_put(fixture, owner, records);
	}
}

static void a_chain_in_the_zone_ends_in_its_last_name(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	put_chain(&fixture, 2, "web." SVC);
	fixture_put(&fixture, "gone." SVC, "CNAME nowhere." SVC ".");
	fixture_put(&fixture, "out." SVC, "CNAME www.example.");
	fixture_put(&fixture, "upper." SVC, "CNAME WEB.Default.SVC.Cluster.Local.");
	fixture_put(&fixture, "rev." SVC, "CNAME 1.0.0.10.in-addr.arpa.");
	fixture_put(&fixture, "apex." SVC, "CNAME cluster.local.");
#define CHAIN                                                                            \
	"e1." SVC ". 5 IN CNAME e2." SVC ".\n"                                           \
	"e2." SVC ". 5 IN CNAME web." SVC ".\n"
	static const struct expectation expectations[] = {
		{"e1." SVC, TYPE_A,
			"NOERROR aa\n" CHAIN "web." SVC ". 5 IN A 10.0.0.1\n"},
		{"e1." SVC, TYPE_CNAME,
			"NOERROR aa\ne1." SVC ". 5 IN CNAME e2." SVC ".\n"},
		{"e1." SVC, TYPE_MX, "NOERROR aa\n" CHAIN "authority: " SOA},
		{"e1." SVC, TYPE_SRV, "NOERROR aa\n" CHAIN "authority: " SOA},
		/* RFC 6604 3 */
		{"gone." SVC, TYPE_A,
			"NXDOMAIN aa\ngone." SVC ". 5 IN CNAME nowhere." SVC
			".\nauthority: " SOA},
		{"out." SVC, TYPE_A,
			"NOERROR aa\nout." SVC ". 5 IN CNAME www.example.\n"},
		{"upper." SVC, TYPE_A,
			"NOERROR aa\nupper." SVC
			". 5 IN CNAME WEB.Default.SVC.Cluster.Local.\n"
			"WEB.Default.SVC.Cluster.Local. 5 IN A 10.0.0.1\n"},
		{"upper." SVC, TYPE_TXT,
			"NOERROR aa\nupper." SVC
			". 5 IN CNAME WEB.Default.SVC.Cluster.Local.\n"
			"authority: Cluster.Local. 5 IN SOA ns.dns.Cluster.Local. "
			"hostmaster.Cluster.Local. SERIAL 7200 1800 86400 5\n"},
		{"rev." SVC, TYPE_PTR,
			"NOERROR aa\nrev." SVC ". 5 IN CNAME 1.0.0.10.in-addr.arpa.\n"
			"1.0.0.10.in-addr.arpa. 5 IN PTR web." SVC ".\n"},
		{"apex." SVC, TYPE_SOA,
			"NOERROR aa\napex." SVC ". 5 IN CNAME cluster.local.\n" SOA},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void a_chain_may_end_at_a_pod(void **state)
{
	(void)state;
	struct fixture fixture;
	begin_with(
		&fixture, (struct kubernetes_options){.pods = KUBERNETES_PODS_INSECURE});
	fixture_put(&fixture, "ext." SVC, "CNAME 1-2-3-4." POD ".");
	static const struct expectation expectations[] = {
		{"ext." SVC, TYPE_A,
			"NOERROR aa\next." SVC ". 5 IN CNAME 1-2-3-4." POD
			".\n1-2-3-4." POD ". 5 IN A 1.2.3.4\n"},
		{"ext." SVC, TYPE_AAAA,
			"NOERROR aa\next." SVC ". 5 IN CNAME 1-2-3-4." POD
			".\nauthority: " SOA},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void eight_names_in_a_chain_are_followed_and_nine_are_not(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	put_chain(&fixture, 8, "web." SVC);
	const char *text = fixture_ask(&fixture, TRANSPORT_UDP, "e1." SVC, TYPE_A, 1232);
	assert_memory_equal(text, "NOERROR aa\n", 11);
	assert_non_null(strstr(text, "\nweb." SVC ". 5 IN A 10.0.0.1\n"));
	put_chain(&fixture, 9, "web." SVC);
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_UDP, "e1." SVC, TYPE_A, 1232),
		"SERVFAIL\n");
	assert_non_null(fixture.query.failure);
	/* Its end is near enough from the second on. */
	text = fixture_ask(&fixture, TRANSPORT_UDP, "e2." SVC, TYPE_A, 1232);
	assert_memory_equal(text, "NOERROR aa\n", 11);
	fixture_deinit(&fixture);
}

static void a_circle_is_servfail(void **state)
{
	(void)state;
	for (unsigned length = 1; length <= 3; length++) {
		struct fixture fixture;
		begin(&fixture);
		put_chain(&fixture, length, "e1." SVC);
		assert_string_equal(
			fixture_ask(&fixture, TRANSPORT_TCP, "e1." SVC, TYPE_A, 1232),
			"SERVFAIL\n");
		assert_non_null(fixture.query.failure);
		fixture_deinit(&fixture);
	}
}

/* What the target points at is the target's, not the question's. */
static void record_sets_with_pointers_stand_behind_a_chain(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	fixture_put(&fixture, "ns.dns.cluster.local", "A 10.0.0.10");
	fixture_put(&fixture, "apex." SVC, "CNAME Cluster.local.");
	fixture_put(
		&fixture, "ext." SVC, "CNAME _http._tcp.web.default.svc.Cluster.local.");
	struct dname apex = fixture_name("cluster.local");
	answer_begin(fixture.builder, &apex, 1);
	assert_string_equal((const char *)store_zone(fixture.store, 1)->name.bytes,
		(const char *)apex.bytes);
	answer_add(fixture.builder, TYPE_NS, 5, "\2ns\3dns\xc0\x0c", 9);
	assert_int_equal(store_put(fixture.store, fixture.builder), ERR_NONE);
	static const uint8_t address[] = {10, 0, 0, 1};
	targets_add(fixture.targets, "a", 1,
		&(struct target_addresses){address, 1, address, 0});
	struct targets *targets = targets_finish(fixture.targets, NULL);
	assert_non_null(targets);
	struct dname port = fixture_name("_http._tcp.web." SVC);
	answer_begin(fixture.builder, &port, 1);
	answer_begin_srv(fixture.builder, targets, 100, 5, 11);
	static const uint16_t ports[] = {80};
	answer_add_srv_group(fixture.builder, 0, 1, true, ports, 1);
	assert_int_equal(store_put(fixture.store, fixture.builder), ERR_NONE);
	targets_unref(targets);
	static const struct expectation expectations[] = {
		{"CLUSTER.local", TYPE_NS,
			"NOERROR aa\nCLUSTER.local. 5 IN NS ns.dns.CLUSTER.local.\n"
			"additional: ns.dns.CLUSTER.local. 5 IN A 10.0.0.10\n"},
		{"apex." SVC, TYPE_NS,
			"NOERROR aa\napex." SVC ". 5 IN CNAME Cluster.local.\n"
			"Cluster.local. 5 IN NS ns.dns.Cluster.local.\n"
			"additional: ns.dns.Cluster.local. 5 IN A 10.0.0.10\n"},
		{"ext." SVC, TYPE_SRV,
			"NOERROR aa\next." SVC
			". 5 IN CNAME _http._tcp.web.default.svc.Cluster.local.\n"
			"_http._tcp.web.default.svc.Cluster.local. 5 IN SRV 0 100 80 "
			"a.web.default.svc.Cluster.local.\n"
			"additional: a.web.default.svc.Cluster.local. 5 IN A "
			"10.0.0.1\n"},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void a_chain_that_does_not_fit_is_truncated(void **state)
{
	(void)state;
	struct fixture fixture;
	char label[64], owner[200], records[200];
	memset(label, 'x', 60);
	label[60] = '\0';
	begin(&fixture);
	for (unsigned i = 1; i < 8; i++) {
		snprintf(owner, sizeof(owner), "e%u%s." SVC, i, label);
		snprintf(records, sizeof(records), "CNAME e%u%s." SVC ".", i + 1, label);
		fixture_put(&fixture, owner, records);
	}
	snprintf(owner, sizeof(owner), "e8%s." SVC, label);
	fixture_put(&fixture, owner, "A 10.0.0.1");
	snprintf(owner, sizeof(owner), "e1%s." SVC, label);
	const char *text = fixture_ask(&fixture, TRANSPORT_UDP, owner, TYPE_A, 0);
	assert_memory_equal(text, "NOERROR aa tc\n", 14);
	assert_null(strstr(text, " IN A "));
	assert_null(strstr(text, "authority"));
	text = fixture_ask(&fixture, TRANSPORT_TCP, owner, TYPE_A, 0);
	assert_memory_equal(text, "NOERROR aa\n", 11);
	assert_non_null(strstr(text, " 5 IN A 10.0.0.1\n"));
	fixture_deinit(&fixture);
}

/* --- passing on --- */

static void names_in_no_zone_of_ours_are_passed_on(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture);
	fixture.query = (struct query){0};
	static const char *const zones[] = {"."};
	struct fixture all;
	fixture_init(&all, zones, 1);
	/* The other fixture's store, asked through this one's root block. */
	fixture_add_plugin(&all, fixture.block.chain[0]);
	fixture_add_plugin(&all, fixture.block.chain[1]);
	fixture.block.chain_length = 0;
	assert_string_equal(
		fixture_ask(&all, TRANSPORT_UDP, "www.example", TYPE_A, 0), PASSED_ON);
	assert_string_equal(
		fixture_ask(&all, TRANSPORT_UDP, "local", TYPE_AXFR, 0), PASSED_ON);
	fixture_deinit(&all);
	fixture_deinit(&fixture);
}

static void nxdomain_falls_through_for_the_zones_named(void **state)
{
	(void)state;
	struct fixture fixture;
	struct dname reverse = fixture_name("10.in-addr.arpa");
	begin_with(&fixture, (struct kubernetes_options){.falls_through = true,
				     .fallthrough_zones = &reverse,
				     .fallthrough_count = 1});
	static const struct expectation expectations[] = {
		{"9.0.0.10.in-addr.arpa", TYPE_PTR, PASSED_ON},
		{"9.0.0.10.IN-ADDR.arpa", TYPE_A, PASSED_ON},
		{"x." SVC, TYPE_A, NXDOMAIN},
		{"1.0.0.10.in-addr.arpa", TYPE_PTR,
			"NOERROR aa\n1.0.0.10.in-addr.arpa. 5 IN PTR web." SVC ".\n"},
		{"web." SVC, TYPE_MX, NODATA},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void nxdomain_falls_through_everywhere_without_a_list(void **state)
{
	(void)state;
	struct fixture fixture;
	begin_with(&fixture, (struct kubernetes_options){.falls_through = true});
	static const struct expectation expectations[] = {
		{"9.0.0.10.in-addr.arpa", TYPE_PTR, PASSED_ON},
		{"x." SVC, TYPE_A, PASSED_ON},
		/* NODATA never does. */
		{"web." SVC, TYPE_MX, NODATA},
		{SVC, TYPE_A, NODATA},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_deinit(&fixture);
}

static void until_the_registry_is_known_every_name_is_servfail(void **state)
{
	(void)state;
	struct fixture fixture;
	begin_with(&fixture, (struct kubernetes_options){.pods = KUBERNETES_PODS_INSECURE,
				     .falls_through = true});
	store_set_synced(fixture.store, false);
	static const struct expectation expectations[] = {
		{"web." SVC, TYPE_A, "SERVFAIL aa\nauthority: " SOA},
		{"web." SVC, TYPE_MX, "SERVFAIL aa\nauthority: " SOA},
		{"x." SVC, TYPE_A, "SERVFAIL aa\nauthority: " SOA},
		{"1-2-3-4." POD, TYPE_A, "SERVFAIL aa\nauthority: " SOA},
		{"cluster.local", TYPE_SOA, "SERVFAIL aa\nauthority: " SOA},
		{"cluster.local", TYPE_AXFR, "REFUSED\n"},
	};
	expect_all(&fixture, expectations, COUNT(expectations));
	fixture_ask(&fixture, TRANSPORT_UDP, "web." SVC, TYPE_A, 0);
	assert_non_null(fixture.query.failure);
	store_set_synced(fixture.store, true);
	fixture_ask(&fixture, TRANSPORT_UDP, "web." SVC, TYPE_A, 0);
	assert_null(fixture.query.failure);
	assert_int_equal(fixture.query.reply.rcode, RCODE_NOERROR);
	fixture_deinit(&fixture);
}

/* --- Extended DNS Errors (RFC 8914) --- */

/* "" where none may be sent. */
static void expect_hint(struct fixture *fixture, const char *name, uint16_t type,
	uint16_t udp_size, const char *text)
{
	fixture_ask(fixture, TRANSPORT_UDP, name, type, udp_size);
	const struct reply *reply = &fixture->query.reply;
	if (reply->ede_length != strlen(text) ||
		memcmp(reply->ede_text, text, reply->ede_length) != 0)
		fail_msg("%s: \"%.*s\", expected \"%s\"", name, reply->ede_length,
			reply->ede_text, text);
	assert_int_equal(reply->ede, *text ? EDE_OTHER : EDE_NONE);
}

static void put_hints(struct fixture *fixture)
{
	static const struct {
		const char *name;
		enum absence absence;
	} absences[] = {
		{"idle." SVC, ABSENCE_NOT_READY},
		{"left." SVC, ABSENCE_NO_ENDPOINTS},
		{"none." SVC, ABSENCE_NO_ADDRESS},
	};
	struct dname name = fixture_name("web." SVC);
	int zone = store_zone_find(fixture->store, &name);
	assert_true(zone >= 0);
	assert_int_equal(store_put_service(fixture->store, &name), ERR_NONE);
	for (size_t i = 0; i < COUNT(absences); i++) {
		name = fixture_name(absences[i].name);
		assert_int_equal(store_put_absence(fixture->store, &name, (unsigned)zone,
					 absences[i].absence),
			ERR_NONE);
	}
	fixture_put(fixture, "other.svc.cluster.local", "");
}

static void nxdomain_says_why_where_it_is_known(void **state)
{
	(void)state;
	static const char *const no_namespace = "there is no such namespace";
	static const char *const no_part =
		"the service has no such port and no such ready endpoint";
	struct fixture fixture;
	begin_with(&fixture, (struct kubernetes_options){.explains_errors = true});
	put_hints(&fixture);
	fixture_put(&fixture, "ext." SVC, "CNAME idle." SVC ".");
	const char *idle = "none of the service's endpoints is ready";
	expect_hint(&fixture, "idle." SVC, TYPE_A, 1232, idle);
	expect_hint(&fixture, "IDLE." SVC, TYPE_SRV, 1232, idle);
	expect_hint(&fixture, "_a._tcp.idle." SVC, TYPE_SRV, 1232, idle);
	expect_hint(&fixture, "ext." SVC, TYPE_A, 1232, idle);
	expect_hint(&fixture, "left." SVC, TYPE_A, 1232,
		"endpoints are left out: option noendpoints");
	expect_hint(&fixture, "none." SVC, TYPE_A, 1232, "the service has no cluster IP");
	expect_hint(&fixture, "web.other.svc.cluster.local", TYPE_A, 1232,
		"a service of this name is in the namespace default");
	expect_hint(&fixture, "_a._tcp.web.other.svc.cluster.local", TYPE_SRV, 1232,
		"a service of this name is in the namespace default");
	expect_hint(&fixture, "a.web." SVC, TYPE_A, 1232, no_part);
	expect_hint(&fixture, "web.no.svc.cluster.local", TYPE_A, 1232, no_namespace);
	expect_hint(&fixture, "no.svc.cluster.local", TYPE_A, 1232, no_namespace);
	expect_hint(&fixture, "1-2-3-4.no.pod.cluster.local", TYPE_A, 1232, no_namespace);
	fixture_deinit(&fixture);
}

static void a_reply_says_nothing_where_there_is_nothing_to_say(void **state)
{
	(void)state;
	struct fixture fixture;
	begin_with(&fixture, (struct kubernetes_options){.explains_errors = true});
	put_hints(&fixture);
	expect_hint(&fixture, "web." SVC, TYPE_A, 1232, "");
	expect_hint(&fixture, "web." SVC, TYPE_MX, 1232, "");
	expect_hint(&fixture, "x." SVC, TYPE_A, 1232, "");
	expect_hint(&fixture, "1-2-3-4.other.pod.cluster.local", TYPE_A, 1232, "");
	expect_hint(&fixture, "example.com.cluster.local", TYPE_A, 1232, "");
	expect_hint(&fixture, "x.cluster.local", TYPE_A, 1232, "");
	expect_hint(&fixture, "9.9.9.10.in-addr.arpa", TYPE_PTR, 1232, "");
	/* Without EDNS there is no place for it. */
	expect_hint(&fixture, "idle." SVC, TYPE_A, 0, "");
	fixture_deinit(&fixture);
	begin(&fixture);
	put_hints(&fixture);
	expect_hint(&fixture, "idle." SVC, TYPE_A, 1232, "");
	fixture_deinit(&fixture);
}

static void the_zones_to_fall_through_are_copied_or_it_fails(void **state)
{
	(void)state;
	struct dname zone = fixture_name("cluster.local");
	struct kubernetes_options options = {.falls_through = true,
		.fallthrough_zones = &zone,
		.fallthrough_count = 1};
	struct plugin_instance plugin = {NULL, NULL};
	failing_malloc_arm(1);
	assert_int_equal(kubernetes_new(&options, &plugin), ERR_NOMEM);
	assert_true(failing_malloc_disarm());
	assert_null(plugin.ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_types_and_empty_names),
		cmocka_unit_test(any_gets_one_record_set),
		cmocka_unit_test(transfers_are_refused_bare),
		cmocka_unit_test(pod_names_do_not_exist_when_they_are_disabled),
		cmocka_unit_test(insecure_pod_names_say_their_address),
		cmocka_unit_test(verified_pod_names_are_those_of_pods),
		cmocka_unit_test(a_pod_name_of_255_octets_is_harmless),
		cmocka_unit_test(a_chain_in_the_zone_ends_in_its_last_name),
		cmocka_unit_test(a_chain_may_end_at_a_pod),
		cmocka_unit_test(eight_names_in_a_chain_are_followed_and_nine_are_not),
		cmocka_unit_test(a_circle_is_servfail),
		cmocka_unit_test(record_sets_with_pointers_stand_behind_a_chain),
		cmocka_unit_test(a_chain_that_does_not_fit_is_truncated),
		cmocka_unit_test(names_in_no_zone_of_ours_are_passed_on),
		cmocka_unit_test(nxdomain_falls_through_for_the_zones_named),
		cmocka_unit_test(nxdomain_falls_through_everywhere_without_a_list),
		cmocka_unit_test(until_the_registry_is_known_every_name_is_servfail),
		cmocka_unit_test(nxdomain_says_why_where_it_is_known),
		cmocka_unit_test(a_reply_says_nothing_where_there_is_nothing_to_say),
		cmocka_unit_test(the_zones_to_fall_through_are_copied_or_it_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
