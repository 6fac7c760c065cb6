/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/plugin.h"
#include "server/query/router.h"
#include "server/query/subquery.h"
#include "server/query/worker_host.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"
#include "zones/store/reader.h"

/*
 * A block of two plugins: the first does what the test is about, the second answers each
 * name with its first letter as the rcode, or keeps queries that begin with 'w'.
 */

static struct query *kept;
static char trace[64];

static void trace_add(char letter)
{
	size_t length = strlen(trace);
	assert_true(length + 1 < sizeof(trace));
	trace[length] = letter;
	trace[length + 1] = '\0';
}

static enum verdict last_query(void *instance, struct query *query)
{
	(void)instance;
	char letter = (char)query->request.name.bytes[1];
	trace_add(letter);
	if (letter == 'd')
		return VERDICT_DROP;
	if (letter == 'w') {
		kept = query_move(query);
		assert_non_null(kept);
		return VERDICT_SUSPEND;
	}
	query->reply.rcode = (uint16_t)(letter - 'a' + 1);
	return VERDICT_REPLY;
}

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
	enum verdict resumed;
	uint16_t resumed_rcode;
};

static struct scene *scene_of_resumed;

static void on_resume(struct query *query, enum verdict verdict)
{
	scene_of_resumed->resumed = verdict;
	scene_of_resumed->resumed_rcode = query->reply.rcode;
	query_release(query);
}

static void scene_init(struct scene *scene, const struct plugin_ops *first)
{
	static const struct hash_key key = {1, 2};
	struct dname zone;
	memset(scene, 0, sizeof(*scene));
	scene_of_resumed = scene;
	trace[0] = '\0';
	kept = NULL;
	scene->router = router_new(&key);
	assert_non_null(scene->router);
	assert_int_equal(dname_from_text("test", &zone), ERR_NONE);
	assert_int_equal(router_add(scene->router, &zone, &scene->block), ERR_NONE);
	assert_int_equal(router_seal(scene->router), ERR_NONE);
	scene->block.udp_size = 1232;
	scene->block.suspended = &scene->suspended;
	scene->block.chain[0] = (struct plugin_instance){first, scene};
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

/* --- watching --- */

static enum verdict watch_query(void *instance, struct query *query)
{
	(void)instance;
	(void)query;
	return VERDICT_WATCH;
}

static void watch_replied(void *instance, struct query *query)
{
	(void)instance;
	trace_add('!');
	assert_int_equal(query->step, 1);
	if (query->reply.rcode == 2) {
		reply_clear(&query->reply);
		query->reply.rcode = RCODE_REFUSED;
	}
}

static const struct plugin_ops watch_ops = {
	.name = "watch", .query = watch_query, .replied = watch_replied};

static void a_watcher_sees_the_reply_and_may_change_it(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &watch_ops);
	assert_int_equal(scene_ask(&scene, "a.test"), VERDICT_REPLY);
	assert_string_equal(trace, "a!");
	assert_int_equal(scene.query.reply.rcode, 1);
	assert_int_equal(scene_ask(&scene, "b.test"), VERDICT_REPLY);
	assert_int_equal(scene.query.reply.rcode, RCODE_REFUSED);
	router_free(scene.router);
}

static void a_watcher_sees_what_was_suspended_but_not_what_was_dropped(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &watch_ops);
	assert_int_equal(scene_ask(&scene, "w.test"), VERDICT_SUSPEND);
	assert_string_equal(trace, "w");
	assert_int_equal(scene.suspended, 1);
	query_resume(kept, VERDICT_REPLY);
	free(kept);
	assert_string_equal(trace, "w!");
	assert_int_equal(scene.resumed, VERDICT_REPLY);
	assert_int_equal(scene.suspended, 0);

	assert_int_equal(scene_ask(&scene, "w.test"), VERDICT_SUSPEND);
	query_resume(kept, VERDICT_DROP);
	free(kept);
	assert_int_equal(scene_ask(&scene, "d.test"), VERDICT_DROP);
	assert_string_equal(trace, "w!wd");
	router_free(scene.router);
}

/* --- asking again --- */

struct asker {
	struct query *parent;
};

static struct asker asker;

static void take_over(struct query *query, struct subquery *subquery)
{
	const struct reply *reply = subquery_reply(subquery);
	query->reply.rcode = reply ? reply->rcode : RCODE_SERVFAIL;
}

static void on_answer(void *context, struct subquery *subquery)
{
	struct asker *own = context;
	struct query *parent = own->parent;
	take_over(parent, subquery);
	subquery_free(subquery);
	query_resume(parent, VERDICT_REPLY);
	free(parent);
}

/* Asks for the name without its first label, through `where`. */
static enum verdict ask(struct query *query, enum subquery_where where)
{
	const struct dname *name = &query->request.name;
	struct dname rest = {.length = (uint8_t)(name->length - name->bytes[0] - 1)};
	memcpy(rest.bytes, name->bytes + name->bytes[0] + 1, rest.length);
	struct subquery *subquery;
	enum verdict verdict = subquery_ask(query, &rest, TYPE_A, where, &subquery);
	if (verdict == VERDICT_SUSPEND) {
		asker.parent = query_move(query);
		assert_non_null(asker.parent);
		subquery_wait(subquery, on_answer, &asker);
		return VERDICT_SUSPEND;
	}
	if (verdict == VERDICT_DROP) {
		assert_null(subquery);
		query->reply.rcode = RCODE_SERVFAIL;
		return VERDICT_REPLY;
	}
	take_over(query, subquery);
	subquery_free(subquery);
	return VERDICT_REPLY;
}

static enum verdict behind_query(void *instance, struct query *query)
{
	(void)instance;
	return ask(query, SUBQUERY_BEHIND);
}

static enum verdict server_query(void *instance, struct query *query)
{
	(void)instance;
	return query->request.label_count > 2 ? ask(query, SUBQUERY_SERVER)
					      : VERDICT_NEXT;
}

static const struct plugin_ops behind_ops = {.name = "behind", .query = behind_query};
static const struct plugin_ops server_ops = {.name = "server", .query = server_query};

static void a_question_goes_on_behind_the_plugin_that_asks_it(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &behind_ops);
	assert_int_equal(scene_ask(&scene, "x.c.test"), VERDICT_REPLY);
	assert_string_equal(trace, "c");
	assert_int_equal(scene.query.reply.rcode, 3);
	router_free(scene.router);
}

static void a_question_goes_through_the_whole_server(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &server_ops);
	assert_int_equal(scene_ask(&scene, "x.y.c.test"), VERDICT_REPLY);
	assert_string_equal(trace, "c");
	assert_int_equal(scene.query.reply.rcode, 3);
	/* Out of every zone. */
	assert_int_equal(scene_ask(&scene, "x.y.test"), VERDICT_REPLY);
	assert_int_equal(scene.query.reply.rcode, 25);
	assert_int_equal(scene.counters.requests[TRANSPORT_UDP], 2);
	assert_int_equal(scene.counters.refused, 0);
	router_free(scene.router);
}

static void an_answer_that_takes_its_time_resumes_who_asked(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &behind_ops);
	assert_int_equal(scene_ask(&scene, "x.w.test"), VERDICT_SUSPEND);
	assert_int_equal(scene.suspended, 2);
	assert_int_equal(scene.counters.suspended, 1);
	kept->reply.rcode = RCODE_NXDOMAIN;
	query_resume(kept, VERDICT_REPLY);
	free(kept);
	assert_int_equal(scene.resumed, VERDICT_REPLY);
	assert_int_equal(scene.resumed_rcode, RCODE_NXDOMAIN);
	assert_int_equal(scene.suspended, 0);

	assert_int_equal(scene_ask(&scene, "x.w.test"), VERDICT_SUSPEND);
	query_resume(kept, VERDICT_DROP);
	free(kept);
	assert_int_equal(scene.resumed_rcode, RCODE_SERVFAIL);
	assert_int_equal(scene.suspended, 0);
	router_free(scene.router);
}

static void what_is_dropped_or_too_deep_has_no_reply(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &behind_ops);
	assert_int_equal(scene_ask(&scene, "x.d.test"), VERDICT_REPLY);
	assert_int_equal(scene.query.reply.rcode, RCODE_SERVFAIL);
	assert_int_equal(scene.counters.dropped, 0);
	router_free(scene.router);

	scene_init(&scene, &server_ops);
	assert_int_equal(scene_ask(&scene, "9.8.7.6.5.4.3.2.1.c.test"), VERDICT_REPLY);
	assert_int_equal(scene.query.reply.rcode, 3);
	assert_int_equal(scene_ask(&scene, "10.9.8.7.6.5.4.3.2.1.c.test"), VERDICT_REPLY);
	assert_int_equal(scene.query.reply.rcode, RCODE_SERVFAIL);
	router_free(scene.router);
}

static void without_memory_nothing_is_asked(void **state)
{
	(void)state;
	struct scene scene;
	scene_init(&scene, &behind_ops);
	failing_malloc_arm(1);
	assert_int_equal(scene_ask(&scene, "x.c.test"), VERDICT_REPLY);
	assert_true(failing_malloc_disarm());
	assert_int_equal(scene.query.reply.rcode, RCODE_SERVFAIL);
	assert_string_equal(trace, "");
	router_free(scene.router);
}

/* --- guests --- */

static void guest_leave(struct query_guest *guest)
{
	(void)guest;
	trace_add('L');
}

static void guests_leave_with_their_configuration(void **state)
{
	(void)state;
	struct query_worker worker = {.number = 0};
	struct server_block one = {0}, other = {0};
	atomic_uint first = 0, second = 0;
	struct query_guest guests[] = {
		{.leave = guest_leave}, {.leave = guest_leave}, {.leave = guest_leave}};
	one.suspended = &first;
	other.suspended = &second;
	trace[0] = '\0';
	store_reader_register();
	query_guest_join(&worker, &guests[0], &one);
	query_guest_join(&worker, &guests[1], &other);
	query_guest_join(&worker, &guests[2], &one);
	query_worker_evict(&worker, &first);
	assert_string_equal(trace, "LL");
	query_worker_evict(&worker, &first);
	query_worker_evict(&worker, NULL);
	assert_string_equal(trace, "LLL");
	assert_true(LIST_EMPTY(&worker.guests));
	store_reader_unregister();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watcher_sees_the_reply_and_may_change_it),
		cmocka_unit_test(
			a_watcher_sees_what_was_suspended_but_not_what_was_dropped),
		cmocka_unit_test(a_question_goes_on_behind_the_plugin_that_asks_it),
		cmocka_unit_test(a_question_goes_through_the_whole_server),
		cmocka_unit_test(an_answer_that_takes_its_time_resumes_who_asked),
		cmocka_unit_test(what_is_dropped_or_too_deep_has_no_reply),
		cmocka_unit_test(without_memory_nothing_is_asked),
		cmocka_unit_test(guests_leave_with_their_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
