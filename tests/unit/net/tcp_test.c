/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/net/client.h"
#include "tests/unit/net/fake_query.h"

/* The next accept4 calls fail with EMFILE. */
static atomic_int accept_failures;

int __real_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	int left = atomic_load(&accept_failures);
	if (!left)
		return __real_accept4(fd, address, length, flags);
	atomic_store(&accept_failures, left - 1);
	errno = EMFILE;
	return -1;
}

struct fixture {
	struct workers *workers;
	struct sockaddr_storage address;
	int fd; /* a connection */
};

static struct fixture fixture_start(const char *text, const struct net_limits *limits)
{
	struct fixture fixture = {0};
	fixture.workers = client_workers(1, text, limits, &fixture.address);
	fixture.fd = client_tcp(&fixture.address);
	return fixture;
}

static void fixture_stop(struct fixture *fixture)
{
	close(fixture->fd);
	workers_stop(fixture->workers);
}

/* `count` queries with ids from 0, as they stand on a connection. */
static size_t pipeline_write(uint8_t *out, unsigned count, const char *label)
{
	size_t length = 0;
	for (unsigned id = 0; id < count; id++) {
		size_t size = client_query(out + length + 2, (uint16_t)id, label);
		out[length] = (uint8_t)(size >> 8);
		out[length + 1] = (uint8_t)size;
		length += 2 + size;
	}
	return length;
}

static void several_messages_in_one_segment_are_answered(void **state)
{
	(void)state;
	static const char *const cases[] = {"127.0.0.1", "::1", "0.0.0.0", "::"};
	static uint8_t bytes[64 << 10];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture = fixture_start(cases[i], &net_limits_default);
		size_t length = pipeline_write(bytes, 1000, "example");
		assert_int_equal(send(fixture.fd, bytes, length, 0), length);
		for (unsigned id = 0; id < 1000; id++)
			assert_int_equal(client_expect_tcp(fixture.fd), id);
		client_expect_silence(fixture.fd);
		fixture_stop(&fixture);
	}
}

static void a_message_may_come_in_single_octets(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	uint8_t bytes[1024];
	size_t length = pipeline_write(bytes, 3, "example");
	for (size_t i = 0; i < length; i++)
		assert_int_equal(send(fixture.fd, bytes + i, 1, 0), 1);
	for (unsigned id = 0; id < 3; id++)
		assert_int_equal(client_expect_tcp(fixture.fd), id);
	fixture_stop(&fixture);
}

static void the_largest_message_and_reply_pass(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	static uint8_t bytes[2 + CLIENT_MESSAGE_MAX];
	for (unsigned i = 0; i < 3; i++) {
		client_query(bytes + 2, (uint16_t)i, i ? "big" : "a");
		bytes[0] = bytes[1] = 0xff;
		size_t sent = 0;
		while (sent < sizeof(bytes)) {
			ssize_t step =
				send(fixture.fd, bytes + sent, sizeof(bytes) - sent, 0);
			assert_true(step > 0);
			sent += (size_t)step;
		}
		assert_int_equal(client_expect_tcp(fixture.fd), i);
	}
	client_send_tcp(fixture.fd, 9, "big");
	client_send_tcp(fixture.fd, 10, "big");
	assert_int_equal(client_expect_tcp(fixture.fd), 9);
	assert_int_equal(client_expect_tcp(fixture.fd), 10);
	fixture_stop(&fixture);
}

static void answers_come_in_the_order_in_which_they_are_done(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	client_send_tcp(fixture.fd, 1, "slow");
	client_send_tcp(fixture.fd, 2, "slow");
	client_send_tcp(fixture.fd, 3, "a");
	assert_int_equal(client_expect_tcp(fixture.fd), 3);
	client_send_tcp(fixture.fd, 4, "wake");
	assert_int_equal(client_expect_tcp(fixture.fd), 2);
	assert_int_equal(client_expect_tcp(fixture.fd), 1);
	assert_int_equal(client_expect_tcp(fixture.fd), 4);
	fixture_stop(&fixture);
}

static void no_more_queries_are_taken_than_may_be_in_flight(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.tcp_in_flight = 3;
	struct fixture fixture = fixture_start("127.0.0.1", &limits);
	int waker = client_udp(&fixture.address);
	uint8_t bytes[1024];
	size_t length = pipeline_write(bytes, 7, "slow");
	/* The last one's end comes when nothing is read from the connection. */
	assert_int_equal(send(fixture.fd, bytes, length - 3, 0), length - 3);
	static const unsigned counts[] = {3, 6, 7};
	unsigned answered = 0;
	for (unsigned i = 0; i < 3; i++) {
		do {
			client_expect_silence(waker);
		} while (client_counters(fixture.workers).query.suspended < counts[i]);
		assert_int_equal(
			client_counters(fixture.workers).query.suspended, counts[i]);
		if (!i)
			assert_int_equal(send(fixture.fd, bytes + length - 3, 3, 0), 3);
		client_send_udp(waker, 1, "wake");
		assert_int_equal(client_expect_udp(waker), 1);
		for (; answered < counts[i]; answered++)
			client_expect_tcp(fixture.fd);
	}
	client_expect_silence(fixture.fd);
	close(waker);
	fixture_stop(&fixture);
}

static void a_half_closed_connection_gets_what_is_pending(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	int waker = client_tcp(&fixture.address);
	client_send_tcp(fixture.fd, 1, "slow");
	client_send_tcp(fixture.fd, 2, "a");
	assert_int_equal(send(fixture.fd, "\0\x20half", 6, 0), 6);
	assert_int_equal(shutdown(fixture.fd, SHUT_WR), 0);
	assert_int_equal(client_expect_tcp(fixture.fd), 2);
	client_send_tcp(waker, 3, "wake");
	assert_int_equal(client_expect_tcp(fixture.fd), 1);
	client_expect_end(fixture.fd);
	assert_int_equal(client_expect_tcp(waker), 3);
	close(waker);
	fixture_stop(&fixture);
}

static void what_breaks_the_protocol_ends_the_connection(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{"\0\0", 2}, {"\0\013", 2},
		{"\0\014\0\1\x80\0\0\0\0\0\0\0\0\0", 14}, /* a reply */
		{"GET / HTTP/1.1\r\n\r\n", 0},            /* waits for 18,245 octets */
	};
	struct net_limits limits = net_limits_default;
	limits.tcp_read_timeout_ms = 20;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture = fixture_start("127.0.0.1", &limits);
		bool is_short = !cases[i].length;
		size_t length = is_short ? strlen(cases[i].bytes) : cases[i].length;
		client_send_tcp(fixture.fd, 1, "a");
		assert_int_equal(send(fixture.fd, cases[i].bytes, length, 0), length);
		assert_int_equal(client_expect_tcp(fixture.fd), 1);
		client_expect_end(fixture.fd);
		struct net_counters counters = client_counters(fixture.workers);
		assert_int_equal(counters.tcp_protocol_errors, !is_short);
		assert_int_equal(counters.tcp_timeouts, is_short);
		fixture_stop(&fixture);
	}
}

static void garbage_in_any_pieces_harms_nobody_else(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	uint32_t random = 1;
	for (unsigned round = 0; round < 100; round++) {
		int fd = client_tcp(&fixture.address);
		for (unsigned piece = 0; piece < 20; piece++) {
			uint8_t bytes[256];
			for (size_t i = 0; i < sizeof(bytes); i++) {
				random = random * 1664525 + 1013904223;
				/* Small lengths are as frequent as large ones. */
				bytes[i] = random >> 31 ? 0 : (uint8_t)(random >> 20);
			}
			size_t length = 1 + (random >> 24);
			if (send(fd, bytes, length, MSG_NOSIGNAL) < 0)
				break;
		}
		close(fd);
	}
	client_expect_silence(fixture.fd);
	assert_true(client_counters(fixture.workers).tcp_protocol_errors > 0);
	fixture_stop(&fixture);
}

static void a_dropped_query_ends_the_connection_after_the_others(void **state)
{
	(void)state;
	static const char *const cases[] = {"drop", "fail"};
	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
		client_send_tcp(fixture.fd, 1, "a");
		if (i)
			client_send_tcp(fixture.fd, 2, "slow");
		client_send_tcp(fixture.fd, 3, cases[i]);
		assert_int_equal(client_expect_tcp(fixture.fd), 1);
		if (i)
			assert_int_equal(client_expect_tcp(fixture.fd), 3);
		client_expect_end(fixture.fd);
		assert_int_equal(client_counters(fixture.workers).query.dropped, 1);
		fixture_stop(&fixture);
	}
}

static void each_patience_has_an_end(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "\0", "\0\x20half a messa", "full"};
	struct net_limits limits = net_limits_default;
	limits.tcp_idle_timeout_ms = limits.tcp_read_timeout_ms = 20;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fixture = fixture_start("127.0.0.1", &limits);
		size_t length = i == 1 ? 1 : i == 2 ? 14 : 0;
		if (length)
			assert_int_equal(send(fixture.fd, cases[i], length, 0), length);
		if (i == 3) {
			client_send_tcp(fixture.fd, 1, "a");
			assert_int_equal(client_expect_tcp(fixture.fd), 1);
		}
		client_expect_end(fixture.fd);
		assert_int_equal(client_counters(fixture.workers).tcp_timeouts, 1);
		fixture_stop(&fixture);
	}
}

static void octets_that_dribble_in_do_not_prolong_the_patience(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.tcp_read_timeout_ms = 100;
	struct fixture fixture = fixture_start("127.0.0.1", &limits);
	struct pollfd poller = {fixture.fd, POLLIN, 0};
	assert_int_equal(send(fixture.fd, "\xff", 1, MSG_NOSIGNAL), 1);
	do {
		send(fixture.fd, "\xff", 1, MSG_NOSIGNAL);
	} while (!poll(&poller, 1, 10));
	client_expect_end(fixture.fd);
	fixture_stop(&fixture);
}

static void a_query_under_way_is_not_idle(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.tcp_idle_timeout_ms = 20;
	struct fixture fixture = fixture_start("127.0.0.1", &limits);
	int idle = client_tcp(&fixture.address);
	client_send_tcp(fixture.fd, 1, "slow");
	client_expect_end(idle);
	int waker = client_udp(&fixture.address);
	client_send_udp(waker, 2, "wake");
	assert_int_equal(client_expect_tcp(fixture.fd), 1);
	client_expect_end(fixture.fd);
	close(waker);
	close(idle);
	fixture_stop(&fixture);
}

static int tcp_small_receiver(const struct sockaddr_storage *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = 4096;
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(
		connect(fd, (const struct sockaddr *)address, sizeof(struct sockaddr_in)),
		0);
	return fd;
}

/* Sends queries until the connection takes no more; returns how many whole ones. */
static unsigned send_until_full(int fd, unsigned limit)
{
	uint8_t bytes[64];
	size_t size = pipeline_write(bytes, 1, "big");
	unsigned count = 0;
	struct pollfd poller = {fd, POLLOUT, 0};
	for (; count < limit; count++) {
		if (!poll(&poller, 1, 100))
			break;
		if (send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
			break;
	}
	return count;
}

static void a_client_that_does_not_read_is_not_read_from(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.tcp_write_timeout_ms = 600000;
	struct fixture fixture = fixture_start("127.0.0.1", &limits);
	int fd = tcp_small_receiver(&fixture.address);
	unsigned sent = send_until_full(fd, 1000000);
	assert_true(sent < 1000000);
	/* The replies taken by kernel buffers and by ours; each has 65,537 octets. */
	assert_true(client_counters(fixture.workers).query.replies < 100);
	client_expect_silence(fixture.fd);
	for (unsigned i = 0; i < 300 && i < sent; i++)
		assert_int_equal(client_expect_tcp(fd), 0);
	close(fd);
	fixture_stop(&fixture);
}

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.tcp_write_timeout_ms = 20;
	struct fixture fixture = fixture_start("127.0.0.1", &limits);
	int fd = tcp_small_receiver(&fixture.address);
	for (uint16_t id = 0; id < 100; id++)
		client_send_tcp(fd, id, "big");
	while (client_counters(fixture.workers).tcp_timeouts == 0)
		client_expect_silence(fixture.fd);
	close(fd);
	fixture_stop(&fixture);
}

static void over_a_limit_the_oldest_idle_connection_makes_room(void **state)
{
	(void)state;
	struct net_limits per_client = net_limits_default, in_all = net_limits_default;
	per_client.tcp_connections_per_client = 2;
	in_all.tcp_connections = 2;
	const struct net_limits *const cases[] = {&per_client, &in_all};
	for (size_t i = 0; i < 2; i++) {
		struct fixture fixture = fixture_start("127.0.0.1", cases[i]);
		client_send_tcp(fixture.fd, 1, "slow");
		int idle = client_tcp(&fixture.address);
		client_expect_silence(idle);
		int next = client_tcp(&fixture.address);
		client_expect_end(idle);
		client_send_tcp(next, 2, "slow");
		while (client_counters(fixture.workers).query.suspended != 2)
			;
		int refused = client_tcp(&fixture.address);
		client_expect_end(refused);
		struct net_counters counters = client_counters(fixture.workers);
		assert_int_equal(counters.tcp_accepted, 3);
		assert_int_equal(counters.tcp_refused, 1);
		client_send_tcp(next, 3, "wake");
		assert_int_equal(client_expect_tcp(fixture.fd), 1);
		close(refused);
		close(next);
		close(idle);
		fixture_stop(&fixture);
	}
}

static void a_query_whose_connection_died_resumes_into_nothing(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	struct linger reset = {1, 0};
	for (unsigned round = 0; round < 20; round++) {
		struct fixture fixture = fixture_start("127.0.0.1", &limits);
		int waker = client_udp(&fixture.address);
		for (uint16_t id = 0; id < 5; id++)
			client_send_tcp(fixture.fd, id, "slow");
		while (client_counters(fixture.workers).query.suspended != 5)
			;
		setsockopt(fixture.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fixture.fd);
		/* Every other time the reset is seen first. */
		if (round % 2)
			client_expect_silence(waker);
		client_send_udp(waker, 9, round % 3 ? "wake" : "fail");
		assert_int_equal(client_expect_udp(waker), 9);
		fixture.fd = waker;
		fixture_stop(&fixture);
	}
}

static void connections_wait_while_there_are_no_descriptors(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	client_expect_silence(fixture.fd);
	atomic_store(&accept_failures, 1);
	int late = client_tcp(&fixture.address);
	client_expect_silence(late);
	assert_int_equal(atomic_load(&accept_failures), 0);
	/* The idle connection was given up for it. */
	client_expect_end(fixture.fd);
	close(late);
	fixture_stop(&fixture);
}

static void stopping_answers_what_was_received(void **state)
{
	(void)state;
	struct fixture fixture = fixture_start("127.0.0.1", &net_limits_default);
	int holder = client_udp(&fixture.address);
	client_expect_silence(fixture.fd);
	client_send_udp(holder, 1, "hold");
	fake_wait_held();
	/* Another one that is not even accepted yet. */
	int late = client_tcp(&fixture.address);
	uint8_t bytes[2048];
	/* In one segment: what follows may wait for an acknowledgement, and is late. */
	size_t length = pipeline_write(bytes, 50, "a");
	assert_int_equal(send(fixture.fd, bytes, length, 0), length);
	assert_int_equal(send(late, bytes, length, 0), length);
	fake_release();
	workers_stop(fixture.workers);
	for (uint16_t id = 0; id < 50; id++) {
		assert_int_equal(client_expect_tcp(fixture.fd), id);
		assert_int_equal(client_expect_tcp(late), id);
	}
	client_expect_end(fixture.fd);
	client_expect_end(late);
	close(late);
	close(holder);
	close(fixture.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_messages_in_one_segment_are_answered),
		cmocka_unit_test(a_message_may_come_in_single_octets),
		cmocka_unit_test(the_largest_message_and_reply_pass),
		cmocka_unit_test(answers_come_in_the_order_in_which_they_are_done),
		cmocka_unit_test(no_more_queries_are_taken_than_may_be_in_flight),
		cmocka_unit_test(a_half_closed_connection_gets_what_is_pending),
		cmocka_unit_test(what_breaks_the_protocol_ends_the_connection),
		cmocka_unit_test(garbage_in_any_pieces_harms_nobody_else),
		cmocka_unit_test(a_dropped_query_ends_the_connection_after_the_others),
		cmocka_unit_test(each_patience_has_an_end),
		cmocka_unit_test(octets_that_dribble_in_do_not_prolong_the_patience),
		cmocka_unit_test(a_query_under_way_is_not_idle),
		cmocka_unit_test(a_client_that_does_not_read_is_not_read_from),
		cmocka_unit_test(a_reader_that_takes_nothing_is_cut_off),
		cmocka_unit_test(over_a_limit_the_oldest_idle_connection_makes_room),
		cmocka_unit_test(a_query_whose_connection_died_resumes_into_nothing),
		cmocka_unit_test(connections_wait_while_there_are_no_descriptors),
		cmocka_unit_test(stopping_answers_what_was_received),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
