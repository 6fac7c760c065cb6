/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/plugin.h"
#include "server/query/query.h"
#include "server/query/router.h"
#include "server/wire/octets.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BUFFER_SIZE = 4096 };

/* A plugin that does what it is told and leaves a trace. */
struct actor {
	char letter;
	enum verdict verdict;
	uint16_t rcode;
};

static char trace[64];

static void trace_add(char letter)
{
	size_t length = strlen(trace);
	assert_true(length + 1 < sizeof(trace));
	trace[length] = letter;
	trace[length + 1] = '\0';
}

static enum verdict actor_query(void *instance, struct query *query)
{
	const struct actor *actor = instance;
	trace_add(actor->letter);
	query->reply.rcode = actor->rcode;
	return actor->verdict;
}

static void actor_prefetch(void *instance, const struct query *query)
{
	(void)query;
	const struct actor *actor = instance;
	trace_add((char)(actor->letter + 'a' - 'A'));
}

static void actor_observe(void *instance, const struct query *query)
{
	const struct actor *actor = instance;
	trace_add(actor->letter);
	/* The observer sees the reply as it is sent. */
	assert_int_equal(
		octets_get_u16(query->reply.buffer + 2) & DNS_FLAG_QR, DNS_FLAG_QR);
}

static const struct plugin_ops silent_ops = {.name = "silent", .query = actor_query};
static const struct plugin_ops actor_ops = {
	.name = "actor", .query = actor_query, .prefetch = actor_prefetch};
static const struct plugin_ops observer_ops = {
	.name = "observer", .observe = actor_observe};

struct scene {
	struct router *router;
	struct server_block block;
	struct query_counters counters;
	struct packet packet;
	struct query query;
	uint8_t buffer[BUFFER_SIZE];
	struct sockaddr_in6 client;
};

static void scene_init(struct scene *scene)
{
	static const struct hash_key key = {1, 2};
	struct dname zone;
	memset(scene, 0, sizeof(*scene));
	trace[0] = '\0';
	scene->router = router_new(&key);
	assert_non_null(scene->router);
	assert_int_equal(dname_from_text("cluster.local", &zone), ERR_NONE);
	assert_int_equal(router_add(scene->router, &zone, &scene->block), ERR_NONE);
	assert_int_equal(router_seal(scene->router), ERR_NONE);
	scene->block.udp_size = 1400;
	scene->client.sin6_family = AF_INET6;
}

static void scene_add(struct scene *scene, const struct plugin_ops *ops, void *actor)
{
	scene->block.chain[scene->block.chain_length++] =
		(struct plugin_instance){ops, actor};
}

static bool scene_begin(struct scene *scene, enum transport transport)
{
	scene->query = (struct query){.transport = transport,
		.counters = &scene->counters,
		.client = (const struct sockaddr *)&scene->client};
	return query_begin(&scene->query, scene->router, scene->packet.bytes,
		scene->packet.length, scene->buffer, BUFFER_SIZE);
}

static void a_chain_is_walked_until_a_plugin_replies(void **state)
{
	(void)state;
	static const struct {
		enum verdict verdicts[3], verdict;
		const char *trace;
		uint64_t dropped, suspended;
	} cases[] = {
		{{VERDICT_REPLY, VERDICT_NEXT, VERDICT_NEXT}, VERDICT_REPLY, "abA", 0, 0},
		{{VERDICT_NEXT, VERDICT_REPLY, VERDICT_NEXT}, VERDICT_REPLY, "abAB", 0,
			0},
		{{VERDICT_NEXT, VERDICT_NEXT, VERDICT_REPLY}, VERDICT_REPLY, "abABC", 0,
			0},
		{{VERDICT_NEXT, VERDICT_DROP, VERDICT_REPLY}, VERDICT_DROP, "abAB", 1, 0},
		{{VERDICT_SUSPEND, VERDICT_REPLY, VERDICT_REPLY}, VERDICT_SUSPEND, "abA",
			0, 1},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene scene;
		struct actor actors[3];
		scene_init(&scene);
		for (unsigned k = 0; k < 3; k++) {
			actors[k] = (struct actor){
				(char)('A' + k), cases[i].verdicts[k], RCODE_NOERROR};
			/* The third has no prefetch. */
			scene_add(&scene, k < 2 ? &actor_ops : &silent_ops, &actors[k]);
		}
		packet_query(&scene.packet, "web.cluster.local", TYPE_A, 0);
		assert_true(scene_begin(&scene, TRANSPORT_UDP));
		assert_int_equal(query_run(&scene.query), cases[i].verdict);
		assert_string_equal(trace, cases[i].trace);
		assert_int_equal(scene.counters.dropped, cases[i].dropped);
		assert_int_equal(scene.counters.suspended, cases[i].suspended);
		router_free(scene.router);
	}
}

static void a_query_goes_on_behind_the_plugin_that_suspended_it(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	struct actor first = {'A', VERDICT_SUSPEND, 0}, second = {'B', VERDICT_REPLY, 0};
	scene_add(&scene, &silent_ops, &first);
	scene_add(&scene, &silent_ops, &second);
	packet_query(&scene.packet, "web.cluster.local", TYPE_A, 0);
	assert_true(scene_begin(&scene, TRANSPORT_UDP));
	assert_int_equal(query_run(&scene.query), VERDICT_SUSPEND);
	assert_int_equal(query_run(&scene.query), VERDICT_REPLY);
	assert_string_equal(trace, "AB");
	router_free(scene.router);
}

static void when_no_plugin_replies_it_is_servfail(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	struct actor actor = {'A', VERDICT_NEXT, RCODE_NXDOMAIN};
	scene_add(&scene, &silent_ops, &actor);
	packet_query(&scene.packet, "web.cluster.local", TYPE_A, 0);
	assert_true(scene_begin(&scene, TRANSPORT_UDP));
	assert_int_equal(query_run(&scene.query), VERDICT_REPLY);
	assert_int_equal(scene.query.reply.rcode, RCODE_SERVFAIL);
	assert_non_null(scene.query.failure);
	assert_int_equal(query_finish(&scene.query), scene.packet.length);
	assert_int_equal(scene.counters.rcodes[RCODE_SERVFAIL], 1);
	router_free(scene.router);
}

static void observers_see_every_finished_reply_of_their_block(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	struct actor actor = {'A', VERDICT_REPLY, RCODE_NXDOMAIN};
	struct actor log = {'L', 0, 0}, errors = {'E', 0, 0};
	scene_add(&scene, &silent_ops, &actor);
	scene.block.observers[0] = (struct plugin_instance){&observer_ops, &log};
	scene.block.observers[1] = (struct plugin_instance){&observer_ops, &errors};
	scene.block.observer_count = 2;
	packet_query(&scene.packet, "web.cluster.local", TYPE_A, 0);
	assert_true(scene_begin(&scene, TRANSPORT_UDP));
	assert_int_equal(query_run(&scene.query), VERDICT_REPLY);
	query_finish(&scene.query);
	assert_string_equal(trace, "ALE");

	packet_query(&scene.packet, "example", TYPE_A, 0);
	assert_true(scene_begin(&scene, TRANSPORT_UDP));
	assert_int_equal(query_run(&scene.query), VERDICT_REPLY);
	query_finish(&scene.query);
	assert_string_equal(trace, "ALE");
	router_free(scene.router);
}

struct early {
	const char *what, *name;
	uint16_t flags, class, version, udp_size;
	int rcode; /* -1: no reply; RCODE_NOERROR: the chain was asked */
};

static void check_early(const struct early *early)
{
	struct scene scene;
	struct actor actor = {'A', VERDICT_REPLY, RCODE_NOERROR};
	scene_init(&scene);
	scene_add(&scene, &silent_ops, &actor);
	packet_init(&scene.packet, 0x4321, early->flags);
	packet_put_question(&scene.packet, early->name, TYPE_A);
	octets_put_u16(scene.packet.bytes + scene.packet.length - 2, early->class);
	if (early->udp_size)
		packet_put_opt(&scene.packet, early->udp_size, early->version, 0);
	bool is_due = scene_begin(&scene, TRANSPORT_TCP);
	assert_int_equal(is_due, early->rcode >= 0);
	assert_int_equal(scene.counters.requests[TRANSPORT_TCP], 1);
	assert_int_equal(scene.counters.requests[TRANSPORT_UDP], 0);
	assert_int_equal(scene.counters.dropped, is_due ? 0 : 1);
	if (is_due) {
		assert_int_equal(query_run(&scene.query), VERDICT_REPLY);
		size_t length = query_finish(&scene.query);
		ldns_pkt *pkt = NULL;
		assert_int_equal(
			ldns_wire2pkt(&pkt, scene.buffer, length), LDNS_STATUS_OK);
		int rcode = ldns_pkt_get_rcode(pkt) | ldns_pkt_edns_extended_rcode(pkt)
							      << 4;
		if (rcode != early->rcode)
			fail_msg("%s: rcode %d", early->what, rcode);
		ldns_pkt_free(pkt);
		assert_int_equal(scene.counters.replies, 1);
		assert_int_equal(scene.counters.rcodes[early->rcode], 1);
		assert_int_equal(
			scene.counters.refused, early->rcode == RCODE_REFUSED ? 1 : 0);
	}
	assert_string_equal(trace, early->rcode == RCODE_NOERROR ? "A" : "");
	router_free(scene.router);
}

static void what_cannot_be_answered_never_reaches_a_plugin(void **state)
{
	(void)state;
	static const struct early cases[] = {
		{"good", "web.cluster.local", 0, CLASS_IN, 0, 0, RCODE_NOERROR},
		{"good with EDNS", "web.cluster.local", 0, CLASS_IN, 0, 1232,
			RCODE_NOERROR},
		{"odd flags", "web.cluster.local", 0x07ff, CLASS_IN, 0, 0, RCODE_NOERROR},
		{"a reply", "web.cluster.local", DNS_FLAG_QR, CLASS_IN, 0, 0, -1},
		{"notify", "web.cluster.local", 0x2000, CLASS_IN, 0, 1232, RCODE_NOTIMP},
		{"version 1", "web.cluster.local", 0, CLASS_IN, 1, 1232, RCODE_BADVERS},
		{"version 1 elsewhere", "example", 0, CLASS_IN, 1, 1232, RCODE_BADVERS},
		{"no block", "example", 0, CLASS_IN, 0, 0, RCODE_REFUSED},
		{"the root", ".", 0, CLASS_IN, 0, 1232, RCODE_REFUSED},
		{"chaos", "web.cluster.local", 0, CLASS_CH, 0, 0, RCODE_REFUSED},
		{"any class", "web.cluster.local", 0, CLASS_ANY, 0, 0, RCODE_REFUSED},
		{"class 0", "web.cluster.local", 0, 0, 0, 0, RCODE_REFUSED},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		check_early(&cases[i]);
}

static void a_format_error_is_answered_as_far_as_it_was_read(void **state)
{
	(void)state;
	static const struct {
		const char *octets;
		size_t length, reply;
	} cases[] = {
		{"", 0, 12},
		{"\xc0\x0c\0\1\0\1", 6, 12},
		{"\3web\7cluster\5local\0\0\1\0\1", 23, 35},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene scene;
		scene_init(&scene);
		packet_init(&scene.packet, 5, DNS_FLAG_RD);
		packet_set_count(&scene.packet, PACKET_QUESTIONS, 1);
		packet_set_count(&scene.packet, PACKET_ADDITIONALS, 1);
		packet_put(&scene.packet, cases[i].octets, cases[i].length);
		assert_true(scene_begin(&scene, TRANSPORT_UDP));
		assert_int_equal(query_run(&scene.query), VERDICT_REPLY);
		assert_int_equal(query_finish(&scene.query), cases[i].reply);
		assert_int_equal(scene.buffer[3], RCODE_FORMERR);
		assert_int_equal(scene.counters.rcodes[RCODE_FORMERR], 1);
		router_free(scene.router);
	}
}

static void the_reply_may_be_as_large_as_transport_and_edns_allow(void **state)
{
	(void)state;
	static const struct {
		enum transport transport;
		const char *name;
		uint16_t udp_size, limit;
	} cases[] = {
		{TRANSPORT_UDP, "web.cluster.local", 0, 512},
		{TRANSPORT_UDP, "web.cluster.local", 100, 512 - EDNS_OPT_SIZE},
		{TRANSPORT_UDP, "web.cluster.local", 1000, 1000 - EDNS_OPT_SIZE},
		{TRANSPORT_UDP, "web.cluster.local", 4096, 1400 - EDNS_OPT_SIZE},
		{TRANSPORT_UDP, "example", 4096, 1232 - EDNS_OPT_SIZE},
		{TRANSPORT_TCP, "web.cluster.local", 0, BUFFER_SIZE},
		{TRANSPORT_TCP, "web.cluster.local", 512, BUFFER_SIZE - EDNS_OPT_SIZE},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene scene;
		scene_init(&scene);
		packet_query(&scene.packet, cases[i].name, TYPE_A, cases[i].udp_size);
		assert_true(scene_begin(&scene, cases[i].transport));
		assert_int_equal(scene.query.reply.capacity, cases[i].limit);
		router_free(scene.router);
	}
}

static void truncated_replies_are_counted(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	packet_query(&scene.packet, "web.cluster.local", TYPE_A, 0);
	assert_true(scene_begin(&scene, TRANSPORT_UDP));
	scene.query.reply.is_truncated = true;
	query_finish(&scene.query);
	assert_int_equal(scene.counters.truncated, 1);
	assert_int_equal(scene.counters.replies, 1);
	router_free(scene.router);
}

/* After the move nothing of the worker's is needed: it goes on to other queries. */
static void a_moved_query_stands_on_its_own(void **state)
{
	(void)state;
	static const uint16_t sizes[] = {0, 1232};
	for (unsigned i = 0; i < 4; i++) {
		struct scene *scene = malloc(sizeof(*scene));
		assert_non_null(scene);
		scene_init(scene);
		packet_query(&scene->packet, "WeB.cluster.local", TYPE_A, sizes[i % 2]);
		struct packet packet = scene->packet;
		if (i >= 2)
			scene->client.sin6_family = AF_INET;
		scene->client.sin6_port = 4711;
		assert_true(scene_begin(scene, TRANSPORT_UDP));
		struct query *moved = query_move(&scene->query);
		assert_non_null(moved);
		struct query_counters counters = {0};
		struct server_block block = scene->block;
		router_free(scene->router);
		memset(scene, 0xee, sizeof(*scene));

		moved->counters = &counters;
		moved->block = &block;
		assert_int_equal(
			((const struct sockaddr_in *)moved->client)->sin_port, 4711);
		/* There is room for all that the limit allows. */
		struct reply *reply = &moved->reply;
		assert_ptr_equal(reply->owner_end, reply->buffer + reply->length);
		memset(reply->buffer + reply->length, 0,
			(size_t)(reply->capacity - reply->length));
		reply->length = reply->capacity;
		assert_int_equal(query_finish(moved), sizes[i % 2] ? 1232 : 512);
		reply_clear(reply);
		reply->rcode = RCODE_REFUSED;
		size_t length = query_finish(moved);
		assert_int_equal(length, packet.length);
		assert_int_equal(octets_get_u16(reply->buffer), 0x1234);
		assert_memory_equal(reply->buffer + 12, packet.bytes + 12, 23);
		assert_memory_equal(moved->request.message, packet.bytes, packet.length);
		free(moved);
		free(scene);
	}
}

static void without_memory_a_query_is_not_moved(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene);
	packet_query(&scene.packet, "web.cluster.local", TYPE_A, 0);
	assert_true(scene_begin(&scene, TRANSPORT_UDP));
	failing_malloc_arm(1);
	assert_null(query_move(&scene.query));
	assert_true(failing_malloc_disarm());
	router_free(scene.router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_walked_until_a_plugin_replies),
		cmocka_unit_test(a_query_goes_on_behind_the_plugin_that_suspended_it),
		cmocka_unit_test(when_no_plugin_replies_it_is_servfail),
		cmocka_unit_test(observers_see_every_finished_reply_of_their_block),
		cmocka_unit_test(what_cannot_be_answered_never_reaches_a_plugin),
		cmocka_unit_test(a_format_error_is_answered_as_far_as_it_was_read),
		cmocka_unit_test(the_reply_may_be_as_large_as_transport_and_edns_allow),
		cmocka_unit_test(truncated_replies_are_counted),
		cmocka_unit_test(a_moved_query_stands_on_its_own),
		cmocka_unit_test(without_memory_a_query_is_not_moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
