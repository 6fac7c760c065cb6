/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/plugin.h"
#include "server/query/router.h"
#include "server/query/target.h"
#include "server/query/worker_host.h"
#include "server/wire/records.h"
#include "server/wire/reply_names.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"
#include "zones/store/reader.h"

/*
 * A block of two plugins. The first has the zone "in": X.in is an alias of X.out, and
 * r.in of itself. The second has what X begins with: a: an address, n: NXDOMAIN with an
 * SOA, d: it drops, f: a failure, w: an address, later. It leaves anything else alone.
 */

static struct query *kept;

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

static void add(struct query *query, enum reply_section section,
	const struct dname *owner, uint16_t type, const void *rdata, size_t length)
{
	struct reply_names names;
	reply_names_init(&names, &query->reply);
	const struct named_record record = {
		owner, type, CLASS_IN, 7, rdata, (uint16_t)length};
	reply_add_record(&names, section, &record);
}

static enum verdict alias_query(void *instance, struct query *query)
{
	(void)instance;
	const struct dname *name = &query->request.name, in = name_of("in");
	if (!dname_is_within(name, &in))
		return VERDICT_NEXT;
	struct dname target = name_of(name->bytes[1] == 'r' ? "in" : "out");
	if (dname_prepend(&target, name->bytes + 1, name->bytes[0]))
		fail();
	query->reply.is_authoritative = true;
	add(query, SECTION_ANSWER, name, TYPE_CNAME, target.bytes, target.length);
	struct records records;
	struct record cname;
	records_init_reply(&records, &query->reply);
	assert_true(records_next(&records, &cname));
	return target_follow(query, cname.rdata);
}

static enum verdict last_query(void *instance, struct query *query)
{
	(void)instance;
	const struct dname *name = &query->request.name, out = name_of("out");
	static const uint8_t address[] = {192, 0, 2, 1}, numbers[20];
	uint8_t soa[22] = {0};
	memcpy(soa + 2, numbers, sizeof(numbers));
	switch (name->bytes[1]) {
	case 'a':
		add(query, SECTION_ANSWER, name, TYPE_A, address, sizeof(address));
		add(query, SECTION_AUTHORITY, &out, TYPE_NS, name->bytes, name->length);
		return VERDICT_REPLY;
	case 'n':
		query->reply.rcode = RCODE_NXDOMAIN;
		add(query, SECTION_AUTHORITY, &out, TYPE_SOA, soa, sizeof(soa));
		return VERDICT_REPLY;
	case 'f':
		query->reply.rcode = RCODE_REFUSED;
		return VERDICT_REPLY;
	case 'd':
		return VERDICT_DROP;
	case 'w':
		kept = query_move(query);
		assert_non_null(kept);
		return VERDICT_SUSPEND;
	default:
		return VERDICT_NEXT;
	}
}

static const struct plugin_ops alias_ops = {.name = "alias", .query = alias_query};
static const struct plugin_ops last_ops = {.name = "last", .query = last_query};

struct scene {
	struct router *router;
	struct server_block block;
	atomic_uint suspended;
	struct query_counters counters;
	struct query_worker worker;
	struct packet packet;
	struct query query;
	uint8_t buffer[4096];
	struct sockaddr_in client;
	char text[1024];
};

static struct scene *resumed_scene;

static void write_text(const struct query *query, char *text)
{
	char word[DNAME_TEXT_SIZE];
	text += sprintf(text, "%s", dns_rcode_text(query->reply.rcode, word));
	struct records records;
	struct record record;
	records_init_reply(&records, &query->reply);
	while (records_next(&records, &record)) {
		struct dname owner;
		assert_int_equal(
			records_read_name(&records, record.at, &owner), ERR_NONE);
		text += sprintf(text, ", %s%s",
			record.section == SECTION_AUTHORITY ? "authority: " : "",
			dname_to_text(owner.bytes, word));
		text += sprintf(text, " %s", dns_type_text(record.type, word));
	}
	assert_false(records.is_bad);
}

static void on_resume(struct query *query, enum verdict verdict)
{
	assert_int_equal(verdict, VERDICT_REPLY);
	write_text(query, resumed_scene->text);
	query_release(query);
}

static void scene_init(struct scene *scene)
{
	static const struct hash_key key = {1, 2};
	memset(scene, 0, sizeof(*scene));
	resumed_scene = scene;
	kept = NULL;
	scene->router = router_new(&key);
	assert_non_null(scene->router);
	static const char *const zones[] = {"in", "out"};
	for (unsigned i = 0; i < 2; i++) {
		struct dname zone = name_of(zones[i]);
		assert_int_equal(
			router_add(scene->router, &zone, &scene->block), ERR_NONE);
	}
	assert_int_equal(router_seal(scene->router), ERR_NONE);
	scene->block.udp_size = 1232;
	scene->block.suspended = &scene->suspended;
	scene->block.chain[0] = (struct plugin_instance){&alias_ops, NULL};
	scene->block.chain[1] = (struct plugin_instance){&last_ops, NULL};
	scene->block.chain_length = 2;
	scene->client.sin_family = AF_INET;
}

static enum verdict scene_ask(struct scene *scene, const char *name)
{
	packet_query(&scene->packet, name, TYPE_A, 1232);
	scene->query = (struct query){.counters = &scene->counters,
		.client = (const struct sockaddr *)&scene->client,
		.worker = &scene->worker,
		.resume = on_resume};
	assert_true(query_begin(&scene->query, scene->router, scene->packet.bytes,
		scene->packet.length, scene->buffer, sizeof(scene->buffer)));
	return query_run(&scene->query);
}

static void the_answer_of_the_target_follows_with_its_rcode(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text;
	} cases[] = {
		{"a.in", "NOERROR, a.in. CNAME, a.out. A"},
		{"n.in", "NXDOMAIN, n.in. CNAME, authority: out. SOA"},
		/* Nobody is there for it. */
		{"x.in", "NOERROR, x.in. CNAME"},
		{"f.in", "SERVFAIL"},
		{"d.in", "SERVFAIL"},
		/* A circle. */
		{"r.in", "SERVFAIL"},
	};
	struct scene scene;
	scene_init(&scene);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(scene_ask(&scene, cases[i].name), VERDICT_REPLY);
		write_text(&scene.query, scene.text);
		assert_string_equal(scene.text, cases[i].text);
	}
	router_free(scene.router);
}

static void a_target_without_a_server_block_leaves_the_cname_alone(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	router_free(scene.router);
	static const struct hash_key key = {1, 2};
	struct dname in = name_of("in");
	scene.router = router_new(&key);
	assert_non_null(scene.router);
	assert_int_equal(router_add(scene.router, &in, &scene.block), ERR_NONE);
	assert_int_equal(router_seal(scene.router), ERR_NONE);
	assert_int_equal(scene_ask(&scene, "a.in"), VERDICT_REPLY);
	write_text(&scene.query, scene.text);
	assert_string_equal(scene.text, "NOERROR, a.in. CNAME");
	router_free(scene.router);
}

/* The target's plugin replies to the query that it kept. */
static void answer_kept(void)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	add(kept, SECTION_ANSWER, &kept->request.name, TYPE_A, address, sizeof(address));
	query_resume(kept, VERDICT_REPLY);
	free(kept);
	kept = NULL;
}

static void a_target_may_be_waited_for(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	assert_int_equal(scene_ask(&scene, "w.in"), VERDICT_SUSPEND);
	assert_int_equal(scene.suspended, 2);
	answer_kept();
	assert_string_equal(scene.text, "NOERROR, w.in. CNAME, w.out. A");
	assert_int_equal(scene.suspended, 0);
	assert_int_equal(scene_ask(&scene, "w.in"), VERDICT_SUSPEND);
	query_resume(kept, VERDICT_DROP);
	free(kept);
	assert_string_equal(scene.text, "SERVFAIL");
	assert_int_equal(scene.suspended, 0);
	router_free(scene.router);
}

static void without_memory_it_is_servfail(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	/* The subquery, what the target's plugin keeps, what waits, the query. */
	for (unsigned n = 1; n <= 4; n++) {
		if (n == 2)
			continue;
		failing_malloc_arm(n);
		assert_int_equal(scene_ask(&scene, "w.in"), VERDICT_REPLY);
		assert_true(failing_malloc_disarm());
		assert_int_equal(scene.query.reply.rcode, RCODE_SERVFAIL);
		if (n > 1)
			answer_kept();
		assert_int_equal(scene.suspended, 0);
	}
	router_free(scene.router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_of_the_target_follows_with_its_rcode),
		cmocka_unit_test(a_target_without_a_server_block_leaves_the_cname_alone),
		cmocka_unit_test(a_target_may_be_waited_for),
		cmocka_unit_test(without_memory_it_is_servfail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
