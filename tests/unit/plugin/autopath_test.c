/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plugin/autopath.h"
#include "server/query/router.h"
#include "server/query/worker_host.h"
#include "server/wire/records.h"
#include "server/wire/reply_names.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"
#include "zones/store/client.h"
#include "zones/store/store_write.h"

/*
 * autopath in front of a plugin that has a few names, by their first label: a: an
 * address, m: no record, f: a failure, d: it drops, each only in the zone that follows
 * it; w: an address, later. Any other name does not exist; below "none" it fails.
 */

enum { TEXT = 1024 };

static struct query *kept;
static char asked[TEXT], resumed[TEXT];

static const char *const HAS[] = {"a.b.svc.c.l.", "a.svc.c.l.", "b.com.",
	"a.example.com.", "m.b.svc.c.l.", "abc.test.", "d.x.svc.c.l.", "w.test."};

static void add_address(struct query *query)
{
	static const uint8_t address[] = {127, 0, 0, 53};
	struct reply_names names;
	reply_names_init(&names, &query->reply);
	const struct named_record record = {
		&query->request.name, TYPE_A, CLASS_IN, 36, address, sizeof(address)};
	reply_add_record(&names, SECTION_ANSWER, &record);
	query->reply.is_authoritative = true;
}

static enum verdict next_query(void *instance, struct query *query)
{
	(void)instance;
	char name[DNAME_TEXT_SIZE];
	dname_to_text(query->request.name.bytes, name);
	strcat(strcat(asked, asked[0] ? " " : ""), name);
	bool exists = false;
	for (size_t i = 0; i < sizeof(HAS) / sizeof(HAS[0]); i++)
		exists |= strcmp(HAS[i], name) == 0;
	query->reply.rcode = exists ? RCODE_NOERROR : RCODE_NXDOMAIN;
	if (strstr(name, "none."))
		query->reply.rcode = RCODE_SERVFAIL;
	if (exists && name[0] == 'd')
		return VERDICT_DROP;
	if (name[0] == 'w') {
		kept = query_move(query);
		assert_non_null(kept);
		return VERDICT_SUSPEND;
	}
	if (exists && name[0] != 'm')
		add_address(query);
	return VERDICT_REPLY;
}

static const struct plugin_ops next_ops = {.name = "next", .query = next_query};

struct scene {
	struct hash_key key;
	struct router *router;
	struct server_block block;
	atomic_uint suspended;
	struct query_counters counters;
	struct query_worker worker;
	struct packet packet;
	struct query query;
	uint8_t buffer[4096];
	struct sockaddr_storage client;
	struct store *cluster, *clients;
	struct dname zones[1], search[2];
	struct autopath_options options;
};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

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
		text += sprintf(text, ", %s", dname_to_text(owner.bytes, word));
		text += sprintf(
			text, " %u %s", record.ttl_s, dns_type_text(record.type, word));
	}
	assert_false(records.is_bad);
}

static void on_resume(struct query *query, enum verdict verdict)
{
	if (verdict == VERDICT_REPLY)
		write_text(query, resumed);
	else
		strcpy(resumed, "dropped");
	query_release(query);
}

static void put_client(struct scene *scene, const char *text, const char *ns)
{
	struct answer_builder *builder = answer_builder_new(scene->clients);
	struct ipaddr address;
	struct dname name;
	uint8_t label[64] = {(uint8_t)strlen(ns)};
	assert_int_equal(ipaddr_parse(text, &address), ERR_NONE);
	memcpy(label + 1, ns, label[0]);
	client_name(&address, &name);
	answer_begin(builder, &name, 0);
	answer_add(builder, TYPE_TXT, 0, label, label[0] + 1u);
	assert_int_equal(store_put(scene->clients, builder), ERR_NONE);
	answer_builder_free(builder);
}

static void scene_init(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->router = router_new(&scene->key);
	struct dname root = {.length = 1};
	assert_non_null(scene->router);
	assert_int_equal(router_add(scene->router, &root, &scene->block), ERR_NONE);
	assert_int_equal(router_seal(scene->router), ERR_NONE);
	const struct store_zone zone = {.name = name_of("c.l"), .ttl_s = 5},
				clients = {.name = root};
	scene->cluster = store_new(&scene->key, &zone, 1);
	scene->clients = store_new(&scene->key, &clients, 1);
	assert_true(scene->cluster && scene->clients);
	put_client(scene, "10.0.0.1", "b");
	put_client(scene, "fd00::1", "x");
	scene->zones[0] = root;
	scene->options.zones = scene->zones;
	scene->options.zone_count = 1;
	scene->block.udp_size = 1232;
	scene->block.suspended = &scene->suspended;
	scene->block.chain[0] = autopath_plugin_instance(&scene->options);
	scene->block.chain[1] = (struct plugin_instance){&next_ops, NULL};
	scene->block.chain_length = 2;
	kept = NULL;
}

static void scene_deinit(struct scene *scene)
{
	router_free(scene->router);
	store_free(scene->cluster);
	store_free(scene->clients);
}

static void set_client(struct scene *scene, const char *text)
{
	struct sockaddr_in *in = (void *)&scene->client;
	struct sockaddr_in6 *in6 = (void *)&scene->client;
	memset(&scene->client, 0, sizeof(scene->client));
	bool is_ipv6 = strchr(text, ':');
	scene->client.ss_family = is_ipv6 ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(scene->client.ss_family, text,
				 is_ipv6 ? (void *)&in6->sin6_addr : &in->sin_addr),
		1);
}

static enum verdict scene_ask(struct scene *scene, const char *name)
{
	asked[0] = '\0';
	packet_query(&scene->packet, name, TYPE_A, 1232);
	scene->query = (struct query){.counters = &scene->counters,
		.client = (const struct sockaddr *)&scene->client,
		.worker = &scene->worker,
		.resume = on_resume};
	assert_true(query_begin(&scene->query, scene->router, scene->packet.bytes,
		scene->packet.length, scene->buffer, sizeof(scene->buffer)));
	return query_run(&scene->query);
}

struct expectation {
	const char *client, *name, *text, *asked;
	bool is_counted;
};

static void expect_all(
	struct scene *scene, const struct expectation *expectations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct expectation *expected = &expectations[i];
		char text[TEXT];
		set_client(scene, expected->client);
		assert_int_equal(scene_ask(scene, expected->name), VERDICT_REPLY);
		write_text(&scene->query, text);
		assert_string_equal(text, expected->text);
		assert_string_equal(asked, expected->asked);
		assert_int_equal(scene->query.is_autopath, expected->is_counted);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void use_cluster(struct scene *scene)
{
	scene_init(scene);
	scene->options.cluster = scene->cluster;
	scene->options.clients = scene->clients;
	scene->search[0] = name_of("test");
	scene->options.search = scene->search;
	scene->options.search_count = 1;
}

static void a_pods_list_is_walked_until_a_name_exists(void **state)
{
	(void)state;
	static const struct expectation expectations[] = {
		{"10.0.0.1", "A.b.svc.c.l.", "NOERROR, A.b.svc.c.l. 36 A", "a.b.svc.c.l.",
			true},
		{"10.0.0.1", "a.svc.b.svc.c.l.",
			"NOERROR, a.svc.b.svc.c.l. 36 CNAME, a.svc.c.l. 36 A",
			"a.svc.b.svc.c.l. a.svc.svc.c.l. a.svc.c.l.", true},
		{"10.0.0.1", "Abc.b.svc.c.l.",
			"NOERROR, Abc.b.svc.c.l. 36 CNAME, Abc.test. 36 A",
			"abc.b.svc.c.l. abc.svc.c.l. abc.c.l. abc.test.", true},
		{"10.0.0.1", "b.com.b.svc.c.l.",
			"NOERROR, b.com.b.svc.c.l. 36 CNAME, b.com. 36 A",
			"b.com.b.svc.c.l. b.com.svc.c.l. b.com.c.l. b.com.test. b.com.",
			true},
		/* A name without the type asked ends the walk. */
		{"10.0.0.1", "m.b.svc.c.l.", "NOERROR", "m.b.svc.c.l.", true},
		{"10.0.0.1", "n.b.svc.c.l.", "NXDOMAIN",
			"n.b.svc.c.l. n.svc.c.l. n.c.l. n.test. n.", false},
		/* It may be there where a server could not say. */
		{"10.0.0.1", "none.b.svc.c.l.", "SERVFAIL",
			"none.b.svc.c.l. none.svc.c.l. none.c.l. none.test. none.",
			false},
		{"::ffff:10.0.0.1", "a.svc.b.svc.c.l.",
			"NOERROR, a.svc.b.svc.c.l. 36 CNAME, a.svc.c.l. 36 A",
			"a.svc.b.svc.c.l. a.svc.svc.c.l. a.svc.c.l.", true},
		{"fd00::1", "a.x.svc.c.l.",
			"NOERROR, a.x.svc.c.l. 36 CNAME, a.svc.c.l. 36 A",
			"a.x.svc.c.l. a.svc.c.l.", true},
	};
	struct scene scene;
	use_cluster(&scene);
	expect_all(&scene, expectations, COUNT(expectations));
	scene_deinit(&scene);
}

static void other_questions_pass(void **state)
{
	(void)state;
	static const struct expectation expectations[] = {
		/* No pod; another namespace's list; the element itself; no list. */
		{"10.0.0.2", "a.svc.b.svc.c.l.", "NXDOMAIN", "a.svc.b.svc.c.l.", false},
		{"10.0.0.1", "a.svc.x.svc.c.l.", "NXDOMAIN", "a.svc.x.svc.c.l.", false},
		{"10.0.0.1", "b.svc.c.l.", "NXDOMAIN", "b.svc.c.l.", false},
		{"10.0.0.1", "n.com.", "NXDOMAIN", "n.com.", false},
	};
	static const struct expectation elsewhere = {
		"10.0.0.1", "a.svc.b.svc.c.l.", "NXDOMAIN", "a.svc.b.svc.c.l.", false};
	struct scene scene;
	use_cluster(&scene);
	expect_all(&scene, expectations, COUNT(expectations));
	scene.zones[0] = name_of("example");
	expect_all(&scene, &elsewhere, 1);
	scene_deinit(&scene);
}

static void a_list_of_a_file_is_for_everybody(void **state)
{
	(void)state;
	static const struct expectation expectations[] = {
		{"192.0.2.1", "b.example.org.",
			"NOERROR, b.example.org. 36 CNAME, b.com. 36 A",
			"b.example.org. b.com.", true},
		{"192.0.2.1", "a.example.com.", "NOERROR, a.example.com. 36 A",
			"a.example.com.", false},
		{"192.0.2.1", "c.example.org.", "NXDOMAIN", "c.example.org. c.com. c.",
			false},
	};
	struct scene scene;
	scene_init(&scene);
	scene.search[0] = name_of("example.org");
	scene.search[1] = name_of("com");
	scene.options.search = scene.search;
	scene.options.search_count = 2;
	expect_all(&scene, expectations, COUNT(expectations));
	scene_deinit(&scene);
}

static void answer_kept(bool is_failure)
{
	if (is_failure)
		kept->reply.rcode = RCODE_SERVFAIL;
	else if (kept->reply.rcode == RCODE_NOERROR)
		add_address(kept);
	struct query *query = kept;
	kept = NULL;
	query_resume(query, VERDICT_REPLY);
	free(query);
}

static void replies_may_be_waited_for(void **state)
{
	(void)state;
	struct scene scene;
	use_cluster(&scene);
	set_client(&scene, "10.0.0.1");
	assert_int_equal(scene_ask(&scene, "w.b.svc.c.l."), VERDICT_SUSPEND);
	resumed[0] = '\0';
	while (kept)
		answer_kept(false);
	assert_string_equal(resumed, "NOERROR, w.b.svc.c.l. 36 CNAME, w.test. 36 A");
	assert_string_equal(asked, "w.b.svc.c.l. w.svc.c.l. w.c.l. w.test.");
	assert_int_equal(scene.suspended, 0);

	/* An upstream that failed is not asked again. */
	assert_int_equal(scene_ask(&scene, "w.b.svc.c.l."), VERDICT_SUSPEND);
	answer_kept(false);
	answer_kept(true);
	assert_string_equal(resumed, "SERVFAIL");
	assert_string_equal(asked, "w.b.svc.c.l. w.svc.c.l.");
	assert_int_equal(scene.suspended, 0);
	scene_deinit(&scene);
}

static void what_is_dropped_stays_dropped(void **state)
{
	(void)state;
	struct scene scene;
	use_cluster(&scene);
	set_client(&scene, "fd00::1");
	assert_int_equal(scene_ask(&scene, "d.x.svc.c.l."), VERDICT_DROP);
	scene_deinit(&scene);
}

static void without_memory_there_is_no_answer(void **state)
{
	(void)state;
	struct scene scene;
	use_cluster(&scene);
	set_client(&scene, "10.0.0.1");
	/* The subquery; what waits; the query that does. The second is the plugin's. */
	failing_malloc_arm(1);
	assert_int_equal(scene_ask(&scene, "w.b.svc.c.l."), VERDICT_DROP);
	assert_true(failing_malloc_disarm());
	for (unsigned n = 3; n <= 4; n++) {
		failing_malloc_arm(n);
		assert_int_equal(scene_ask(&scene, "w.b.svc.c.l."), VERDICT_REPLY);
		assert_true(failing_malloc_disarm());
		assert_int_equal(scene.query.reply.rcode, RCODE_SERVFAIL);
		answer_kept(false);
		assert_int_equal(scene.suspended, 0);
	}
	scene_deinit(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pods_list_is_walked_until_a_name_exists),
		cmocka_unit_test(other_questions_pass),
		cmocka_unit_test(a_list_of_a_file_is_for_everybody),
		cmocka_unit_test(replies_may_be_waited_for),
		cmocka_unit_test(what_is_dropped_stays_dropped),
		cmocka_unit_test(without_memory_there_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
