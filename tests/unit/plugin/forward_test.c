/* SPDX-License-Identifier: Apache-2.0 */
/* The forward plugin on a worker of the test's own, with an upstream in the same loop. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/base/clock.h"
#include "server/plugin/forward/forward.h"
#include "server/query/plugin.h"
#include "server/query/query.h"
#include "server/query/router.h"
#include "server/query/worker_host.h"
#include "server/wire/octets.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"
#include "zones/store/reader.h"

enum { REPLY_SIZE = 4096, PREFIX = 2, ATTEMPTS_MAX = 400, HELD_MAX = 4 };

/* What came of one. */
struct question {
	bool is_over;
	enum verdict verdict;
	unsigned rcode, answer_count;
	uint8_t last; /* octet of the reply: of its address */
};

struct rig {
	struct event_base *base;
	struct query_worker worker;
	struct query_counters counters;
	struct router *router;
	struct server_block block;
	atomic_uint suspended;
	struct forward_upstream upstream;
	struct forward_options options;
	struct dname root;
	/* The upstream's. */
	int udp, listener, connection;
	struct event *udp_event, *listener_event, *connection_event;
	unsigned connections;
	/* By TCP so many questions are waited for, then the last is answered first. */
	unsigned held_wanted, held_count;
	uint8_t held[HELD_MAX][REPLY_SIZE];
	size_t held_lengths[HELD_MAX];
	struct question question; /* the last one of ask() */
	struct packet packet;
	uint8_t buffer[REPLY_SIZE];
};

/* --- the upstream --- */

/* The question with one address, the name's first letter its last octet; or by UDP and
 * for names that begin with a "b" nothing but TC. Returns the length. */
static size_t answer(uint8_t *message, size_t length, bool is_tcp)
{
	static const uint8_t record[] = {
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	size_t end = DNS_HEADER_SIZE;
	assert_true(length > DNS_HEADER_SIZE);
	while (message[end])
		end += message[end] + 1u;
	end += 5;
	message[2] |= 0x80;
	memset(message + 6, 0, 6);
	if (!is_tcp && message[DNS_HEADER_SIZE + 1] == 'b') {
		message[2] |= 2;
		return end;
	}
	message[7] = 1;
	memcpy(message + end, record, sizeof(record));
	message[end + sizeof(record) - 1] = message[DNS_HEADER_SIZE + 1];
	return end + sizeof(record);
}

static void on_datagram(evutil_socket_t fd, short events, void *data)
{
	uint8_t message[REPLY_SIZE];
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	(void)events;
	(void)data;
	ssize_t length = recvfrom(
		fd, message, sizeof(message) - 64, 0, (struct sockaddr *)&peer, &size);
	assert_true(length > 0);
	size_t reply = answer(message, (size_t)length, false);
	sendto(fd, message, reply, 0, (struct sockaddr *)&peer, size);
}

static void close_connection(struct rig *rig)
{
	if (!rig->connection_event)
		return;
	event_free(rig->connection_event);
	close(rig->connection);
	rig->connection_event = NULL;
}

static void send_held(struct rig *rig)
{
	while (rig->held_count) {
		uint8_t *message = rig->held[--rig->held_count], prefix[PREFIX];
		size_t length = rig->held_lengths[rig->held_count];
		length = answer(message, length, true);
		octets_put_u16(prefix, (uint16_t)length);
		send(rig->connection, prefix, PREFIX, MSG_NOSIGNAL);
		send(rig->connection, message, length, MSG_NOSIGNAL);
	}
}

static void on_connection_data(evutil_socket_t fd, short events, void *data)
{
	struct rig *rig = data;
	uint8_t prefix[PREFIX];
	(void)events;
	if (recv(fd, prefix, PREFIX, MSG_WAITALL) != PREFIX) {
		close_connection(rig);
		return;
	}
	size_t length = octets_get_u16(prefix);
	assert_true(length < REPLY_SIZE - 64 && rig->held_count < HELD_MAX);
	assert_int_equal(
		recv(fd, rig->held[rig->held_count], length, MSG_WAITALL), length);
	rig->held_lengths[rig->held_count++] = length;
	if (rig->held_count >= rig->held_wanted)
		send_held(rig);
}

static void on_connection(evutil_socket_t fd, short events, void *data)
{
	struct rig *rig = data;
	(void)events;
	close_connection(rig);
	rig->connection = accept(fd, NULL, NULL);
	assert_true(rig->connection >= 0);
	rig->connections++;
	rig->connection_event = event_new(rig->base, rig->connection,
		EV_READ | EV_PERSIST, on_connection_data, rig);
	event_add(rig->connection_event, NULL);
}

static void upstream_start(struct rig *rig)
{
	struct sockaddr_storage *address = &rig->upstream.address;
	struct sockaddr *name = (struct sockaddr *)address;
	struct ipaddr loopback;
	socklen_t size = sizeof(struct sockaddr_in);
	assert_int_equal(ipaddr_parse("127.0.0.1", &loopback), ERR_NONE);
	ipaddr_to_sockaddr(&loopback, 0, address);
	rig->listener = socket(AF_INET, SOCK_STREAM, 0);
	rig->udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(rig->listener, name, size), 0);
	assert_int_equal(listen(rig->listener, 16), 0);
	assert_int_equal(getsockname(rig->listener, name, &size), 0);
	assert_int_equal(bind(rig->udp, name, size), 0);
	rig->udp_event =
		event_new(rig->base, rig->udp, EV_READ | EV_PERSIST, on_datagram, rig);
	rig->listener_event = event_new(
		rig->base, rig->listener, EV_READ | EV_PERSIST, on_connection, rig);
	event_add(rig->udp_event, NULL);
	event_add(rig->listener_event, NULL);
}

static void upstream_stop(struct rig *rig)
{
	close_connection(rig);
	event_free(rig->udp_event);
	event_free(rig->listener_event);
	close(rig->udp);
	close(rig->listener);
}

/* --- questions --- */

static void finish(struct question *question, struct query *query, enum verdict verdict)
{
	question->is_over = true;
	question->verdict = verdict;
	if (verdict != VERDICT_REPLY)
		return;
	question->last = query->reply.buffer[query->reply.length - 1];
	(void)query_finish(query);
	question->rcode = query->reply.rcode;
	question->answer_count = query->reply.answer_count;
}

static void on_resume(struct query *query, enum verdict verdict)
{
	finish(query->owner, query, verdict);
	query_release(query);
}

static void start(struct rig *rig, struct question *question, const char *name)
{
	static const struct sockaddr_in client = {.sin_family = AF_INET};
	struct query query = {
		.transport = TRANSPORT_UDP,
		.client = (const struct sockaddr *)&client,
		.counters = &rig->counters,
		.worker = &rig->worker,
		.received_ns = clock_now_ns(),
		.resume = on_resume,
		.owner = question,
	};
	packet_query(&rig->packet, name, TYPE_A, 1232);
	question->is_over = false;
	store_read_lock();
	assert_true(query_begin(&query, rig->router, rig->packet.bytes,
		rig->packet.length, rig->buffer, sizeof(rig->buffer)));
	enum verdict verdict = query_run(&query);
	if (verdict != VERDICT_SUSPEND)
		finish(question, &query, verdict);
	store_read_unlock();
}

static void wait_for(struct rig *rig, const struct question *question)
{
	while (!question->is_over)
		assert_int_equal(event_base_loop(rig->base, EVLOOP_ONCE), 0);
}

static void ask(struct rig *rig, const char *name)
{
	start(rig, &rig->question, name);
	wait_for(rig, &rig->question);
}

/* --- life --- */

static void rig_start(struct rig *rig, bool force_tcp)
{
	static const struct hash_key key = {3, 7};
	memset(rig, 0, sizeof(*rig));
	rig->base = event_base_new();
	assert_non_null(rig->base);
	LIST_INIT(&rig->worker.guests);
	rig->worker.base = rig->base;
	upstream_start(rig);
	rig->root = (struct dname){.length = 1};
	rig->options = (struct forward_options){
		.from = &rig->root,
		.from_count = 1,
		.upstreams = &rig->upstream,
		.upstream_count = 1,
		.force_tcp = force_tcp,
		.read_timeout_ms = 2000,
		.expire_ms = 10000,
		.health_ms = 500,
		.max_fails = 2,
		.health_name = rig->root,
	};
	assert_int_equal(forward_new(&rig->options, &rig->block.chain[0]), ERR_NONE);
	rig->block.chain_length = 1;
	rig->block.udp_size = 1232;
	rig->block.suspended = &rig->suspended;
	rig->router = router_new(&key);
	assert_non_null(rig->router);
	assert_int_equal(router_add(rig->router, &rig->root, &rig->block), ERR_NONE);
	assert_int_equal(router_seal(rig->router), ERR_NONE);
	store_reader_register();
}

static void rig_forget(struct rig *rig)
{
	store_read_lock();
	query_worker_evict(&rig->worker, NULL);
	store_read_unlock();
}

static void rig_stop(struct rig *rig)
{
	rig_forget(rig);
	store_reader_unregister();
	upstream_stop(rig);
	rig->block.chain[0].ops->free(rig->block.chain[0].instance);
	router_free(rig->router);
	event_base_free(rig->base);
}

static void expect_answer(struct rig *rig, const char *name)
{
	ask(rig, name);
	assert_int_equal(rig->question.verdict, VERDICT_REPLY);
	assert_int_equal(rig->question.rcode, RCODE_NOERROR);
	assert_int_equal(rig->question.answer_count, 1);
}

/* --- tests --- */

static void questions_are_answered_by_udp_and_tcp(void **state)
{
	static struct rig rig;
	(void)state;
	rig_start(&rig, false);
	expect_answer(&rig, "www.test");
	expect_answer(&rig, "big.test");
	expect_answer(&rig, "big.test");
	assert_int_equal(rig.suspended, 0);
	rig_stop(&rig);
}

static void one_connection_has_many_questions_in_any_order(void **state)
{
	static struct rig rig;
	static const char *const names[] = {"a.test", "c.test", "d.test"};
	struct question questions[3];
	(void)state;
	rig_start(&rig, true);
	expect_answer(&rig, "www.test");
	rig.held_wanted = 3;
	for (size_t i = 0; i < 3; i++)
		start(&rig, &questions[i], names[i]);
	for (size_t i = 0; i < 3; i++) {
		wait_for(&rig, &questions[i]);
		assert_int_equal(questions[i].rcode, RCODE_NOERROR);
		assert_int_equal(questions[i].last, names[i][0]);
	}
	assert_int_equal(rig.connections, 1);
	rig_stop(&rig);
}

/* Each allocation of a worker's first question fails once: it is SERVFAIL or answered all
 * the same, and the next one is answered. */
static void survive(const char *name)
{
	static struct rig rig;
	size_t n = 1;
	rig_start(&rig, false);
	for (;; n++) {
		assert_true(n < ATTEMPTS_MAX);
		failing_malloc_arm(n);
		ask(&rig, name);
		bool has_failed = failing_malloc_disarm();
		assert_int_equal(rig.question.verdict, VERDICT_REPLY);
		if (rig.question.rcode != RCODE_SERVFAIL)
			assert_int_equal(rig.question.rcode, RCODE_NOERROR);
		assert_int_equal(rig.suspended, 0);
		if (!has_failed)
			break;
		expect_answer(&rig, name);
		rig_forget(&rig);
	}
	assert_true(n > 3);
	assert_int_equal(rig.question.rcode, RCODE_NOERROR);
	rig_stop(&rig);
}

static void a_question_without_memory_does_not_harm_the_next(void **state)
{
	(void)state;
	survive("www.test");
}

static void neither_does_one_that_needs_a_connection(void **state)
{
	(void)state;
	survive("big.test");
}

static void an_instance_without_memory_is_none(void **state)
{
	static struct rig rig;
	(void)state;
	rig_start(&rig, false);
	for (size_t n = 1;; n++) {
		struct plugin_instance instance;
		failing_malloc_arm(n);
		enum err err = forward_new(&rig.options, &instance);
		if (!failing_malloc_disarm()) {
			assert_int_equal(err, ERR_NONE);
			instance.ops->free(instance.instance);
			break;
		}
		assert_int_equal(err, ERR_NOMEM);
	}
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered_by_udp_and_tcp),
		cmocka_unit_test(one_connection_has_many_questions_in_any_order),
		cmocka_unit_test(a_question_without_memory_does_not_harm_the_next),
		cmocka_unit_test(neither_does_one_that_needs_a_connection),
		cmocka_unit_test(an_instance_without_memory_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
