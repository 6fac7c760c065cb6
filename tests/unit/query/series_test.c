/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/query/plugin.h"
#include "server/query/query.h"
#include "server/query/router.h"
#include "server/query/series.h"

enum { NUMBER = 5 };

/* A plugin that answers names below "a." with NXDOMAIN and passes the others on. */
static enum verdict half_query(void *instance, struct query *query)
{
	(void)instance;
	if (query->request.name.bytes[1] != 'a')
		return VERDICT_NEXT;
	query->reply.rcode = RCODE_NXDOMAIN;
	return VERDICT_REPLY;
}

static const struct plugin_ops half_ops = {.name = "half", .query = half_query};

struct rig {
	struct series *series, *unrouted;
	struct router *router;
	struct server_block block;
	struct query_counters counters;
	struct sockaddr_in6 client;
};

static int rig_open(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	if (!rig)
		return -1;
	const struct hash_key key = {0};
	struct dname zone;
	rig->block = (struct server_block){
		.chain = {{&half_ops, NULL}},
		.chain_length = 1,
		.numbers = {NUMBER},
		.udp_size = 1232,
	};
	rig->client.sin6_family = AF_INET6;
	rig->series = series_new(2);
	rig->unrouted = series_new(2);
	rig->router = router_new(&key);
	*state = rig;
	if (!rig->series || !rig->unrouted || !rig->router ||
		dname_from_text("z.", &zone) ||
		router_add(rig->router, &zone, &rig->block) || router_seal(rig->router))
		return -1;
	router_set_series(rig->router, 0, rig->series);
	router_set_unrouted(rig->router, rig->unrouted);
	series_register(0);
	return 0;
}

static int rig_close(void **state)
{
	struct rig *rig = *state;
	/* This thread must forget the series first. */
	series_settle();
	router_free(rig->router);
	series_free(rig->series);
	series_free(rig->unrouted);
	free(rig);
	return 0;
}

/* A question for NAME, of one letter, in ZONE, of one letter; with an OPT whose DO bit is
 * set where `has_do`. */
static size_t question_write(
	uint8_t *out, char name, char zone, uint16_t type, bool has_do)
{
	const uint8_t message[] = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, has_do, 1,
		(uint8_t)name, 1, (uint8_t)zone, 0, (uint8_t)(type >> 8), (uint8_t)type,
		0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0};
	size_t length = has_do ? sizeof(message) : sizeof(message) - 11;
	memcpy(out, message, length);
	return length;
}

static void rig_ask_message(
	struct rig *rig, const uint8_t *message, size_t length, enum transport transport)
{
	uint8_t reply[512];
	struct query query = {
		.transport = transport,
		.client = (const struct sockaddr *)&rig->client,
		.counters = &rig->counters,
		.received_ns = clock_now_ns(),
	};
	assert_true(
		query_begin(&query, rig->router, message, length, reply, sizeof(reply)));
	assert_int_equal(query_run(&query), VERDICT_REPLY);
	query_finish(&query);
}

static void rig_ask(struct rig *rig, char name, char zone, uint16_t type)
{
	uint8_t message[64];
	size_t length = question_write(message, name, zone, type, false);
	rig_ask_message(rig, message, length, TRANSPORT_UDP);
}

static void a_query_is_counted_by_transport_family_and_type(void **state)
{
	struct rig *rig = *state;
	static const struct {
		uint16_t type;
		const char *name;
	} cases[] = {{TYPE_A, "A"}, {TYPE_AAAA, "AAAA"}, {TYPE_SRV, "SRV"},
		{TYPE_HTTPS, "HTTPS"}, {TYPE_ANY, "ANY"}, {TYPE_HINFO, "other"},
		{0, "other"}, {65280, "other"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct series_counters before, after;
		unsigned position = 0;
		while (strcmp(series_type_names[position], cases[i].name) != 0)
			position++;
		series_sum(rig->series, &before);
		rig_ask(rig, 'a', 'z', cases[i].type);
		series_sum(rig->series, &after);
		assert_int_equal(after.requests[TRANSPORT_UDP][1][position],
			before.requests[TRANSPORT_UDP][1][position] + 1);
		assert_int_equal(after.requests[TRANSPORT_UDP][0][position], 0);
		assert_int_equal(after.requests[TRANSPORT_TCP][1][position], 0);
	}
}

static void a_reply_is_counted_by_rcode_and_plugin(void **state)
{
	struct rig *rig = *state;
	struct series_counters sums;
	rig_ask(rig, 'a', 'z', TYPE_A);
	rig_ask(rig, 'a', 'z', TYPE_A);
	rig_ask(rig, 'b', 'z', TYPE_A);
	series_sum(rig->series, &sums);
	assert_int_equal(sums.responses[NUMBER][RCODE_NXDOMAIN], 2);
	assert_int_equal(sums.responses[0][RCODE_SERVFAIL], 1);
}

static void what_no_zone_takes_is_counted_apart(void **state)
{
	struct rig *rig = *state;
	struct series_counters sums;
	static const uint8_t status[DNS_HEADER_SIZE] = {0, 1, 0x10, 0};
	rig_ask(rig, 'a', 'y', TYPE_A);
	rig_ask_message(rig, status, sizeof(status), TRANSPORT_TCP);
	series_sum(rig->unrouted, &sums);
	assert_int_equal(sums.responses[0][RCODE_REFUSED], 1);
	assert_int_equal(sums.responses[0][RCODE_NOTIMP], 1);
	assert_int_equal(sums.requests[TRANSPORT_TCP][1][SERIES_TYPES - 1], 1);
	series_sum(rig->series, &sums);
	assert_int_equal(sums.requests[TRANSPORT_UDP][1][0], 0);
}

static void nothing_is_counted_without_series(void **state)
{
	struct rig *rig = *state;
	struct series_counters sums;
	router_set_series(rig->router, 0, NULL);
	router_set_unrouted(rig->router, NULL);
	rig_ask(rig, 'a', 'z', TYPE_A);
	rig_ask(rig, 'a', 'y', TYPE_A);
	series_sum(rig->series, &sums);
	assert_int_equal(sums.requests[TRANSPORT_UDP][1][0], 0);
	assert_int_equal(rig->counters.replies, 2);
}

static void the_do_bit_and_sizes_are_counted(void **state)
{
	struct rig *rig = *state;
	struct series_counters sums;
	uint8_t message[64];
	size_t plain = question_write(message, 'a', 'z', TYPE_A, false);
	rig_ask_message(rig, message, plain, TRANSPORT_TCP);
	size_t with_do = question_write(message, 'a', 'z', TYPE_A, true);
	rig_ask_message(rig, message, with_do, TRANSPORT_TCP);
	series_sum(rig->series, &sums);
	assert_int_equal(sums.dnssec_ok, 1);
	const struct series_sizes *sizes = &sums.request_sizes[TRANSPORT_TCP];
	assert_int_equal(sizes->counts[0], 0);
	assert_int_equal(sizes->counts[1], 2);
	assert_int_equal(sizes->octets, plain + with_do);
	/* The OPT of the second reply is 11 octets. */
	assert_int_equal(sums.response_sizes[TRANSPORT_TCP].octets, 2 * plain + 11);
}

static void sizes_on_a_bound_belong_below_it(void **state)
{
	struct rig *rig = *state;
	static const struct {
		size_t octets;
		unsigned bucket;
	} cases[] = {{0, 0}, {1, 1}, {100, 1}, {101, 2}, {511, 5}, {512, 6}, {64000, 13},
		{64001, 14}, {65535, 14}};
	struct query query = {
		.client = (const struct sockaddr *)&rig->client,
		.counters = &rig->counters,
		.received_ns = clock_now_ns(),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct series_counters before, after;
		unsigned bucket = cases[i].bucket;
		series_sum(rig->series, &before);
		series_count(rig->series, &query, cases[i].octets);
		series_sum(rig->series, &after);
		assert_int_equal(after.response_sizes[TRANSPORT_UDP].counts[bucket],
			before.response_sizes[TRANSPORT_UDP].counts[bucket] + 1);
	}
}

static uint64_t durations_total(const struct series *series)
{
	struct series_counters sums;
	uint64_t total = 0;
	series_sum(series, &sums);
	for (unsigned i = 0; i < SERIES_DURATIONS; i++)
		total += sums.durations[i];
	return total;
}

static void durations_are_known_when_the_batch_is_settled(void **state)
{
	struct rig *rig = *state;
	series_settle();
	uint64_t before = durations_total(rig->series);
	rig_ask(rig, 'a', 'y', TYPE_A);
	struct query query = {
		.client = (const struct sockaddr *)&rig->client,
		.counters = &rig->counters,
		.received_ns = clock_now_ns(),
	};
	series_count(rig->series, &query, 100);
	series_count(rig->series, &query, 100);
	assert_int_equal(durations_total(rig->series), before);
	series_settle();
	assert_int_equal(durations_total(rig->series), before + 2);
	assert_int_equal(durations_total(rig->unrouted), 1);
	series_settle();
	assert_int_equal(durations_total(rig->series), before + 2);
}

/* It was suspended, and is resumed while a later batch is answered. */
static void a_query_of_an_earlier_batch_has_its_own_duration(void **state)
{
	struct rig *rig = *state;
	struct series_counters sums;
	int64_t now_ns = clock_now_ns();
	struct query query = {
		.client = (const struct sockaddr *)&rig->client,
		.counters = &rig->counters,
		.received_ns = now_ns,
	};
	series_count(rig->series, &query, 100);
	query.received_ns = now_ns - 3600000000000;
	series_count(rig->series, &query, 100);
	series_settle();
	series_sum(rig->series, &sums);
	assert_int_equal(sums.durations[SERIES_DURATIONS - 1], 1);
	assert_true(sums.duration_ns >= 3600000000000);
	assert_true(sums.duration_ns < 2 * 3600000000000);
	assert_int_equal(durations_total(rig->series), 2);
}

static void *second_worker(void *context)
{
	series_register(1);
	rig_ask(context, 'a', 'z', TYPE_A);
	series_settle();
	return NULL;
}

static void workers_are_summed(void **state)
{
	struct rig *rig = *state;
	struct series_counters sums;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, second_worker, rig), 0);
	pthread_join(thread, NULL);
	rig_ask(rig, 'a', 'z', TYPE_A);
	series_sum(rig->series, &sums);
	assert_int_equal(sums.requests[TRANSPORT_UDP][1][0], 2);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_open, rig_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(a_query_is_counted_by_transport_family_and_type),
		WITH_RIG(a_reply_is_counted_by_rcode_and_plugin),
		WITH_RIG(what_no_zone_takes_is_counted_apart),
		WITH_RIG(nothing_is_counted_without_series),
		WITH_RIG(the_do_bit_and_sizes_are_counted),
		WITH_RIG(sizes_on_a_bound_belong_below_it),
		WITH_RIG(durations_are_known_when_the_batch_is_settled),
		WITH_RIG(a_query_of_an_earlier_batch_has_its_own_duration),
		WITH_RIG(workers_are_summed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
