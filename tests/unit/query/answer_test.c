/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/answer.h"
#include "server/wire/octets.h"
#include "tests/support/exact.h"
#include "tests/support/fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define WEB "web.default.svc.cluster.local"

/* --- canned --- */

static void put_addresses(struct fixture *fixture, const char *owner, unsigned count)
{
	struct dname name = fixture_name(owner);
	int zone = store_zone_find(fixture->store, &name);
	answer_begin(fixture->builder, &name, (unsigned)zone);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t address[] = {
			10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		answer_add(fixture->builder, TYPE_A, FIXTURE_TTL_S, address, 4);
	}
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static void a_canned_set_follows_the_question_in_its_spelling(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	fixture_put(&fixture, WEB, "A 10.0.0.1\nA 10.0.0.2\nAAAA fd00::1\nTXT \"x\"");
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_UDP,
				    "WEB.default.SVC.Cluster.local", TYPE_A, 0),
		"NOERROR aa\n"
		"WEB.default.SVC.Cluster.local. 5 IN A 10.0.0.1\n"
		"WEB.default.SVC.Cluster.local. 5 IN A 10.0.0.2\n");
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_TCP, WEB, TYPE_AAAA, 1232),
		"NOERROR aa\n" WEB ". 5 IN AAAA fd00::1\n");
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_TCP, WEB, TYPE_TXT, 1232),
		"NOERROR aa\n" WEB ". 5 IN TXT \"x\"\n");
	fixture_deinit(&fixture);
}

static void a_set_too_large_is_cut_at_a_record(void **state)
{
	(void)state;
	/* Header and question take 47 octets, an OPT 11, a record 16. */
	static const struct {
		enum transport transport;
		uint16_t udp_size;
		unsigned count, kept;
	} cases[] = {
		{TRANSPORT_UDP, 0, 29, 29},
		{TRANSPORT_UDP, 0, 30, 29},
		{TRANSPORT_UDP, 512, 29, 28},
		{TRANSPORT_UDP, 1, 29, 28},
		{TRANSPORT_UDP, 1232, 73, 73},
		{TRANSPORT_UDP, 1232, 74, 73},
		{TRANSPORT_UDP, 4096, 500, 73},
		{TRANSPORT_TCP, 0, 500, 500},
		{TRANSPORT_TCP, 512, 500, 500},
		{TRANSPORT_TCP, 0, 4093, 4093},
		{TRANSPORT_TCP, 0, 4094, 4093},
		{TRANSPORT_TCP, 512, 4093, 4092},
		{TRANSPORT_TCP, 0, 70000, 4093},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture fixture;
		exact_begin(&fixture);
		put_addresses(&fixture, WEB, cases[i].count);
		const char *text = fixture_ask(
			&fixture, cases[i].transport, WEB, TYPE_A, cases[i].udp_size);
		assert_true(text_starts_with(text, cases[i].kept < cases[i].count
							   ? "NOERROR aa tc\n"
							   : "NOERROR aa\n"));
		assert_int_equal(text_count(text, " IN A "), cases[i].kept);
		assert_null(strstr(text, "authority"));
		fixture_deinit(&fixture);
	}
}

static void a_reply_may_fill_its_limit_to_the_last_octet(void **state)
{
	(void)state;
	/* 12 + 16 + 4 + 30 * 16 = 512 */
	struct fixture fixture;
	exact_begin(&fixture);
	put_addresses(&fixture, "abcdefgh.local", 30);
	const char *text =
		fixture_ask(&fixture, TRANSPORT_UDP, "abcdefgh.local", TYPE_A, 0);
	assert_true(text_starts_with(text, "NOERROR aa\n"));
	assert_int_equal(fixture.length, 512);
	put_addresses(&fixture, "abcdefgh.local", 31);
	text = fixture_ask(&fixture, TRANSPORT_UDP, "abcdefgh.local", TYPE_A, 0);
	assert_true(text_starts_with(text, "NOERROR aa tc\n"));
	assert_int_equal(fixture.length, 512);
	fixture_deinit(&fixture);
}

static void a_record_too_large_leaves_an_empty_truncated_answer(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	uint8_t rdata[600] = {0};
	struct dname owner = fixture_name(WEB);
	answer_begin(fixture.builder, &owner, 0);
	answer_add(fixture.builder, 65280, 5, rdata, sizeof(rdata));
	assert_int_equal(store_put(fixture.store, fixture.builder), ERR_NONE);
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, WEB, 65280, 0), "NOERROR aa tc\n");
	fixture_ask(&fixture, TRANSPORT_UDP, WEB, 65280, 1232);
	assert_int_equal(fixture.length, 12 + 35 + 12 + 600 + 11);
	fixture_deinit(&fixture);
}

/* --- SRV --- */

struct group {
	uint32_t first, count;
	bool has_additional;
	uint16_t ports[4];
	uint16_t port_count;
};

static struct targets *finish_targets(struct fixture *fixture)
{
	struct targets *targets = targets_finish(fixture->targets, NULL);
	assert_non_null(targets);
	targets_reset(fixture->targets);
	return targets;
}

static void put_srv(struct fixture *fixture, const char *owner, struct targets *targets,
	const struct group *groups, unsigned count)
{
	struct dname name = fixture_name(owner), web = fixture_name(WEB);
	int zone = store_zone_find(fixture->store, &name);
	answer_begin(fixture->builder, &name, (unsigned)zone);
	answer_begin_srv(fixture->builder, targets, 50, FIXTURE_TTL_S,
		(uint8_t)(name.length - web.length));
	for (unsigned i = 0; i < count; i++)
		answer_add_srv_group(fixture->builder, groups[i].first, groups[i].count,
			groups[i].has_additional, groups[i].ports, groups[i].port_count);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static struct targets *three_targets(struct fixture *fixture)
{
	static const uint8_t v4[] = {10, 0, 0, 1, 10, 0, 0, 2};
	static const uint8_t v6[16] = {0xfd, [15] = 1};
	targets_add(fixture->targets, "a", 1, &(struct target_addresses){v4, 1, v6, 1});
	targets_add(
		fixture->targets, "bb", 2, &(struct target_addresses){v4 + 4, 1, v6, 0});
	targets_add(fixture->targets, "c", 1, &(struct target_addresses){v4, 2, v6, 0});
	return finish_targets(fixture);
}

static void srv_targets_are_shared_by_the_names_of_a_service(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	struct targets *targets = three_targets(&fixture);
	static const struct group bare[] = {{0, 2, true, {80, 443}, 2}};
	static const struct group named[] = {{1, 1, true, {80}, 1}};
	put_srv(&fixture, WEB, targets, bare, 1);
	put_srv(&fixture, "_http._tcp." WEB, targets, named, 1);
	targets_unref(targets);
	/* The zone as it was asked for, all else as it is stored. */
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_UDP,
				    "WEB.default.SVC.Cluster.LOCAL", TYPE_SRV, 1232),
		"NOERROR aa\n"
		"WEB.default.SVC.Cluster.LOCAL. 5 IN SRV 0 50 80 "
		"a.web.default.svc.Cluster.LOCAL.\n"
		"WEB.default.SVC.Cluster.LOCAL. 5 IN SRV 0 50 443 "
		"a.web.default.svc.Cluster.LOCAL.\n"
		"WEB.default.SVC.Cluster.LOCAL. 5 IN SRV 0 50 80 "
		"bb.web.default.svc.Cluster.LOCAL.\n"
		"WEB.default.SVC.Cluster.LOCAL. 5 IN SRV 0 50 443 "
		"bb.web.default.svc.Cluster.LOCAL.\n"
		"additional: a.web.default.svc.Cluster.LOCAL. 5 IN A 10.0.0.1\n"
		"additional: a.web.default.svc.Cluster.LOCAL. 5 IN AAAA fd00::1\n"
		"additional: bb.web.default.svc.Cluster.LOCAL. 5 IN A 10.0.0.2\n");
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, "_HTTP._tcp." WEB, TYPE_SRV, 0),
		"NOERROR aa\n"
		"_HTTP._tcp." WEB ". 5 IN SRV 0 50 80 bb." WEB ".\n"
		"additional: bb." WEB ". 5 IN A 10.0.0.2\n");
	fixture_deinit(&fixture);
}

static void addresses_of_several_groups_are_written_once(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	struct targets *targets = three_targets(&fixture);
	static const struct group groups[] = {{0, 2, true, {80, 81, 82}, 3},
		{1, 1, false, {443}, 1}, {2, 1, true, {53}, 1}};
	put_srv(&fixture, WEB, targets, groups, COUNT(groups));
	targets_unref(targets);
	assert_string_equal(fixture_ask(&fixture, TRANSPORT_TCP, WEB, TYPE_SRV, 0),
		"NOERROR aa\n" WEB ". 5 IN SRV 0 50 80 a." WEB ".\n" WEB
		". 5 IN SRV 0 50 81 a." WEB ".\n" WEB ". 5 IN SRV 0 50 82 a." WEB
		".\n" WEB ". 5 IN SRV 0 50 80 bb." WEB ".\n" WEB
		". 5 IN SRV 0 50 81 bb." WEB ".\n" WEB ". 5 IN SRV 0 50 82 bb." WEB
		".\n" WEB ". 5 IN SRV 0 50 443 bb." WEB ".\n" WEB
		". 5 IN SRV 0 50 53 c." WEB ".\n"
		"additional: a." WEB ". 5 IN A 10.0.0.1\n"
		"additional: a." WEB ". 5 IN AAAA fd00::1\n"
		"additional: bb." WEB ". 5 IN A 10.0.0.2\n"
		"additional: c." WEB ". 5 IN A 10.0.0.1\n"
		"additional: c." WEB ". 5 IN A 10.0.0.2\n");
	fixture_deinit(&fixture);
}

static void a_cluster_ip_service_is_its_own_target(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	static const uint8_t address[] = {10, 0, 0, 1};
	targets_add(fixture.targets, "", 0,
		&(struct target_addresses){address, 1, address, 0});
	struct targets *targets = finish_targets(&fixture);
	static const struct group group = {0, 1, true, {80}, 1};
	put_srv(&fixture, "_http._tcp." WEB, targets, &group, 1);
	targets_unref(targets);
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, "_http._tcp." WEB, TYPE_SRV, 0),
		"NOERROR aa\n"
		"_http._tcp." WEB ". 5 IN SRV 0 50 80 " WEB ".\n"
		"additional: " WEB ". 5 IN A 10.0.0.1\n");
	fixture_deinit(&fixture);
}

/* `count` targets of the label length given, each with `v4` and `v6` addresses. */
static void put_many_targets(
	struct fixture *fixture, unsigned count, uint16_t v4, uint16_t v6)
{
	uint8_t octets[16 * 64];
	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i / 4 + 1);
	for (unsigned i = 0; i < count; i++) {
		char label[16];
		snprintf(label, sizeof(label), "e%05u", i);
		targets_add(fixture->targets, label, 6,
			&(struct target_addresses){octets, v4, octets, v6});
	}
	struct targets *targets = finish_targets(fixture);
	struct group group = {0, count, true, {80}, 1};
	put_srv(fixture, WEB, targets, &group, 1);
	targets_unref(targets);
}

static void srv_records_that_do_not_fit_are_left_out_with_tc(void **state)
{
	(void)state;
	/* Header and question 47, record 18 + 7 + 31 = 56, address 16, OPT 11. */
	static const struct {
		enum transport transport;
		uint16_t udp_size;
		unsigned count, kept, addresses;
	} cases[] = {
		{TRANSPORT_UDP, 0, 6, 6, 6},
		{TRANSPORT_UDP, 0, 7, 7, 4},
		{TRANSPORT_UDP, 0, 8, 8, 1},
		{TRANSPORT_UDP, 0, 9, 8, 0},
		{TRANSPORT_UDP, 1232, 20, 20, 3},
		{TRANSPORT_UDP, 1232, 21, 20, 0},
		{TRANSPORT_TCP, 0, 22, 22, 22},
		{TRANSPORT_TCP, 0, 2000, 1169, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture fixture;
		exact_begin(&fixture);
		put_many_targets(&fixture, cases[i].count, 1, 0);
		const char *text = fixture_ask(
			&fixture, cases[i].transport, WEB, TYPE_SRV, cases[i].udp_size);
		/* Missing additional records alone are no truncation (RFC 2181 9). */
		assert_true(text_starts_with(text, cases[i].kept < cases[i].count
							   ? "NOERROR aa tc\n"
							   : "NOERROR aa\n"));
		assert_int_equal(text_count(text, " IN SRV "), cases[i].kept);
		assert_int_equal(text_count(text, "additional: "), cases[i].addresses);
		fixture_deinit(&fixture);
	}
}

static void additional_record_sets_are_there_whole_or_not_at_all(void **state)
{
	(void)state;
	for (uint16_t v4 = 1; v4 <= 40; v4++) {
		struct fixture fixture;
		exact_begin(&fixture);
		put_many_targets(&fixture, 2, v4, 3);
		const char *text = fixture_ask(&fixture, TRANSPORT_UDP, WEB, TYPE_SRV, 0);
		assert_true(text_starts_with(text, "NOERROR aa\n"));
		for (unsigned k = 0; k < 2; k++) {
			char part[64];
			sprintf(part, "additional: e%05u." WEB ". 5 IN A ", k);
			unsigned found4 = text_count(text, part);
			assert_true(found4 == 0 || found4 == v4);
			sprintf(part, "additional: e%05u." WEB ". 5 IN AAAA ", k);
			unsigned found6 = text_count(text, part);
			assert_true(found6 == 0 || found6 == 3);
		}
		fixture_deinit(&fixture);
	}
}

/* RFC 1035 4.1.4: a pointer has 14 bits. */
static void owners_beyond_the_reach_of_pointers_are_written_out(void **state)
{
	(void)state;
	static const unsigned counts[] = {290, 291, 292, 600};
	for (size_t i = 0; i < COUNT(counts); i++) {
		struct fixture fixture;
		exact_begin(&fixture);
		put_many_targets(&fixture, counts[i], 1, 1);
		const char *text = fixture_ask(&fixture, TRANSPORT_TCP, WEB, TYPE_SRV, 0);
		assert_true(text_starts_with(text, "NOERROR aa\n"));
		assert_int_equal(text_count(text, " IN SRV "), counts[i]);
		/* Each that is there has a target's name, in order. */
		const char *at = text;
		for (unsigned k = 0; k < counts[i] && k < 380; k++) {
			char part[64];
			sprintf(part, "additional: e%05u." WEB ". 5 IN A ", k);
			at = strstr(at, part);
			assert_non_null(at);
			sprintf(part, "additional: e%05u." WEB ". 5 IN AAAA ", k);
			at = strstr(at, part);
			assert_non_null(at);
		}
		fixture_deinit(&fixture);
	}
}

/* 12 + 42 + 4 octets, then 302 records of 54, then the 18 in front of a target: the name
 * of target 302 stands at 0x4000. */
static void a_pointer_does_not_reach_0x4000(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	static const uint8_t address[4] = {10, 0, 0, 1};
	for (unsigned i = 0; i < 304; i++) {
		char label[16];
		snprintf(label, sizeof(label), "e%03u", i);
		targets_add(fixture.targets, label, 4,
			&(struct target_addresses){address, 1, address, 0});
	}
	struct targets *targets = finish_targets(&fixture);
	static const struct group group = {0, 304, true, {80}, 1};
	put_srv(&fixture, "_http._tcp." WEB, targets, &group, 1);
	targets_unref(targets);
	const char *text =
		fixture_ask(&fixture, TRANSPORT_TCP, "_http._tcp." WEB, TYPE_SRV, 0);
	assert_memory_equal(fixture.buffer + 0x4000, "\4e302\3web", 9);
	for (unsigned i = 300; i < 304; i++) {
		char part[96];
		sprintf(part, "\nadditional: e%03u." WEB ". 5 IN A 10.0.0.1\n", i);
		assert_non_null(strstr(text, part));
	}
	fixture_deinit(&fixture);
}

/* --- NS --- */

/* `label` in front of a pointer to the question. */
static void add_ns(struct fixture *fixture, const char *label)
{
	uint8_t rdata[80];
	size_t length = strlen(label);
	rdata[0] = (uint8_t)length;
	memcpy(rdata + 1, label, length);
	octets_put_u16(rdata + 1 + length, 0xc000 | DNS_HEADER_SIZE);
	answer_add(fixture->builder, TYPE_NS, FIXTURE_TTL_S, rdata, length + 3);
}

static void name_servers_bring_their_addresses_along(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	fixture_put(&fixture, "a.cluster.local", "A 10.0.0.1\nA 10.0.0.2\nAAAA fd00::1");
	fixture_put(&fixture, "ns.local", "AAAA fd00::2");
	fixture_put(&fixture, "none.local", "TXT \"x\"");
	struct dname apex = fixture_name("cluster.local");
	struct dname other = fixture_name("ns.local"), none = fixture_name("none.local"),
		     absent = fixture_name("absent.local");
	answer_begin(fixture.builder, &apex, 0);
	add_ns(&fixture, "a");
	answer_add(fixture.builder, TYPE_NS, 5, other.bytes, other.length);
	answer_add(fixture.builder, TYPE_NS, 5, none.bytes, none.length);
	answer_add(fixture.builder, TYPE_NS, 5, absent.bytes, absent.length);
	assert_int_equal(store_put(fixture.store, fixture.builder), ERR_NONE);
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, "Cluster.local", TYPE_NS, 1232),
		"NOERROR aa\n"
		"Cluster.local. 5 IN NS a.Cluster.local.\n"
		"Cluster.local. 5 IN NS ns.local.\n"
		"Cluster.local. 5 IN NS none.local.\n"
		"Cluster.local. 5 IN NS absent.local.\n"
		"additional: a.Cluster.local. 5 IN A 10.0.0.1\n"
		"additional: a.Cluster.local. 5 IN A 10.0.0.2\n"
		"additional: a.Cluster.local. 5 IN AAAA fd00::1\n"
		"additional: ns.local. 5 IN AAAA fd00::2\n");
	fixture_deinit(&fixture);
}

/* Its last label ends in the octet that a pointer begins with. */
static void a_name_server_may_have_any_octets(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	fixture_put(&fixture, "ns.x\\192", "A 10.0.0.1");
	fixture_put(&fixture, "cluster.local", "NS ns.x\\192.");
	assert_string_equal(
		fixture_ask(&fixture, TRANSPORT_UDP, "cluster.local", TYPE_NS, 0),
		"NOERROR aa\n"
		"cluster.local. 5 IN NS ns.x\\192.\n"
		"additional: ns.x\\192. 5 IN A 10.0.0.1\n");
	fixture_deinit(&fixture);
}

static void many_name_servers_make_a_sound_reply(void **state)
{
	(void)state;
	static const struct {
		unsigned count;
		enum transport transport;
		bool is_truncated;
	} cases[] = {{10, TRANSPORT_UDP, false}, {40, TRANSPORT_UDP, true},
		{850, TRANSPORT_TCP, false}, {2000, TRANSPORT_TCP, false},
		{4000, TRANSPORT_TCP, true}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fixture fixture;
		exact_begin(&fixture);
		char owner[40];
		for (unsigned k = 0; k < cases[i].count; k++) {
			sprintf(owner, "n%04u.cluster.local", k);
			fixture_put(&fixture, owner, "A 10.0.0.1\nA 10.0.0.2");
		}
		struct dname apex = fixture_name("cluster.local");
		answer_begin(fixture.builder, &apex, 0);
		for (unsigned k = 0; k < cases[i].count; k++) {
			sprintf(owner, "n%04u", k);
			add_ns(&fixture, owner);
		}
		assert_int_equal(store_put(fixture.store, fixture.builder), ERR_NONE);
		const char *text = fixture_ask(
			&fixture, cases[i].transport, "cluster.local", TYPE_NS, 0);
		assert_true(text_starts_with(text,
			cases[i].is_truncated ? "NOERROR aa tc\n" : "NOERROR aa\n"));
		/* An additional record is owned by the name servers, in pairs. */
		unsigned pairs = 0;
		const char *at = text;
		while ((at = strstr(at, "additional: "))) {
			static const char start[] = "additional: n";
			char expect[128];
			assert_true(text_starts_with(at, start));
			unsigned long number = strtoul(at + strlen(start), NULL, 10);
			snprintf(expect, sizeof(expect),
				"additional: n%04lu.cluster.local. 5 IN A 10.0.0.1\n"
				"additional: n%04lu.cluster.local. 5 IN A 10.0.0.2\n",
				number, number);
			assert_true(text_starts_with(at, expect));
			at += strlen(expect);
			pairs++;
		}
		assert_int_equal(pairs == 0, cases[i].is_truncated);
		fixture_deinit(&fixture);
	}
}

/* --- SOA --- */

static void the_soa_is_spelled_like_the_question(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	fixture_put(&fixture, WEB, "A 10.0.0.1");
	static const struct {
		const char *name;
		uint16_t type;
		const char *text;
	} cases[] = {
		{"cluster.local", TYPE_SOA,
			"NOERROR aa\ncluster.local. 5 IN SOA ns.dns.cluster.local. "
			"hostmaster.cluster.local. SERIAL 7200 1800 86400 5\n"},
		{"CLUSTER.local", TYPE_SOA,
			"NOERROR aa\nCLUSTER.local. 5 IN SOA ns.dns.CLUSTER.local. "
			"hostmaster.CLUSTER.local. SERIAL 7200 1800 86400 5\n"},
		{"Web.Default.svc.CLUSTER.local", TYPE_MX,
			"NOERROR aa\nauthority: CLUSTER.local. 5 IN SOA "
			"ns.dns.CLUSTER.local. hostmaster.CLUSTER.local. SERIAL 7200 "
			"1800 "
			"86400 5\n"},
		{"local", TYPE_SOA,
			"NOERROR aa\nlocal. 5 IN SOA ns.dns.local. hostmaster.local. "
			"SERIAL 7200 1800 86400 5\n"},
		{".", TYPE_SOA,
			"NOERROR aa\n. 5 IN SOA ns.dns. hostmaster. SERIAL 7200 1800 "
			"86400 5\n"},
		{"a.b.example", TYPE_A,
			"NOERROR aa\nauthority: . 5 IN SOA ns.dns. hostmaster. SERIAL "
			"7200 1800 86400 5\n"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(fixture_ask(&fixture, TRANSPORT_UDP, cases[i].name,
					    cases[i].type, 512),
			cases[i].text);
	fixture_deinit(&fixture);
}

static void the_ttl_of_the_soa_is_at_most_300(void **state)
{
	(void)state;
	static const uint32_t ttls[][2] = {{0, 0}, {299, 299}, {300, 300}, {3600, 300}};
	for (size_t i = 0; i < COUNT(ttls); i++) {
		static const struct hash_key key = {1, 2};
		struct store_zone zone = {
			.name = fixture_name("cluster.local"), .ttl_s = ttls[i][0]};
		struct store *store = store_new(&key, &zone, 1);
		assert_non_null(store);
		struct packet packet;
		struct request request;
		struct reply reply;
		uint8_t buffer[512];
		packet_query(&packet, "x.cluster.local", TYPE_A, 0);
		assert_int_equal(
			request_parse(&request, packet.bytes, packet.length, &key),
			REQUEST_OK);
		reply_init(&reply, &request, buffer, sizeof(buffer));
		struct answer_owner owner =
			answer_owner_question(&reply, &request, store, 0);
		const uint8_t *record = reply.buffer + reply.length;
		answer_authority_soa(&reply, store, 0, &owner);
		assert_int_equal(octets_get_u16(record + 8), ttls[i][1]);
		assert_int_equal(octets_get_u16(buffer + reply.length - 2), ttls[i][0]);
		assert_int_equal(reply.authority_count, 1);

		/* No room: silently in the authority section, with TC as the answer. */
		uint16_t length = reply.length;
		reply.capacity = (uint16_t)(length + 10);
		answer_authority_soa(&reply, store, 0, &owner);
		assert_false(reply.is_truncated);
		answer_soa(&reply, store, 0, &owner);
		assert_true(reply.is_truncated);
		assert_int_equal(reply.length, length);
		assert_int_equal(reply.authority_count, 1);
		assert_int_equal(reply.answer_count, 0);
		store_free(store);
	}
}

static void computed_addresses_are_written_or_set_tc(void **state)
{
	(void)state;
	struct fixture fixture;
	exact_begin(&fixture);
	packet_query(&fixture.packet, WEB, TYPE_A, 0);
	uint8_t buffer[512];
	struct request request;
	struct reply reply;
	assert_int_equal(request_parse(&request, fixture.packet.bytes,
				 fixture.packet.length, &fixture.key),
		REQUEST_OK);
	reply_init(&reply, &request, buffer, sizeof(buffer));
	struct answer_owner owner =
		answer_owner_question(&reply, &request, fixture.store, 0);
	static const uint8_t address[16] = {1, 2, 3, 4};
	uint16_t start = reply.length;
	answer_address(&reply, &owner, address, 4, 5);
	answer_address(&reply, &owner, address, 16, 5);
	assert_int_equal(reply.answer_count, 2);
	assert_int_equal(reply.length, start + 16 + 28);
	assert_memory_equal(buffer + start,
		"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\1\2\3\4\xc0\x0c\0\x1c\0\1\0\0\0\5\0\x10",
		28);
	reply.capacity = (uint16_t)(reply.length + 15);
	answer_address(&reply, &owner, address, 4, 5);
	assert_true(reply.is_truncated);
	assert_int_equal(reply.answer_count, 2);
	fixture_deinit(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_canned_set_follows_the_question_in_its_spelling),
		cmocka_unit_test(a_set_too_large_is_cut_at_a_record),
		cmocka_unit_test(a_reply_may_fill_its_limit_to_the_last_octet),
		cmocka_unit_test(a_record_too_large_leaves_an_empty_truncated_answer),
		cmocka_unit_test(srv_targets_are_shared_by_the_names_of_a_service),
		cmocka_unit_test(addresses_of_several_groups_are_written_once),
		cmocka_unit_test(a_cluster_ip_service_is_its_own_target),
		cmocka_unit_test(srv_records_that_do_not_fit_are_left_out_with_tc),
		cmocka_unit_test(additional_record_sets_are_there_whole_or_not_at_all),
		cmocka_unit_test(owners_beyond_the_reach_of_pointers_are_written_out),
		cmocka_unit_test(a_pointer_does_not_reach_0x4000),
		cmocka_unit_test(name_servers_bring_their_addresses_along),
		cmocka_unit_test(a_name_server_may_have_any_octets),
		cmocka_unit_test(many_name_servers_make_a_sound_reply),
		cmocka_unit_test(the_soa_is_spelled_like_the_question),
		cmocka_unit_test(the_ttl_of_the_soa_is_at_most_300),
		cmocka_unit_test(computed_addresses_are_written_or_set_tc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
