/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
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

#include "server/net/socket.h"
#include "tests/unit/net/client.h"
#include "tests/unit/net/fake_query.h"

/* The n-th message of those sent, counted from 1, fails with send_error. */
static atomic_int send_fails_at, send_error;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int at = atomic_load(&send_fails_at);
	if (!at)
		return __real_sendmmsg(fd, messages, count, flags);
	if (at == 1) {
		atomic_store(&send_fails_at, 0);
		errno = atomic_load(&send_error);
		return -1;
	}
	if (count >= (unsigned)at)
		count = (unsigned)at - 1;
	int sent = __real_sendmmsg(fd, messages, count, flags);
	atomic_store(&send_fails_at, at - sent);
	return sent;
}

static void expect_ids_below(int fd, unsigned count)
{
	bool *seen = calloc(count, sizeof(*seen));
	assert_non_null(seen);
	for (unsigned i = 0; i < count; i++) {
		uint16_t id = client_expect_udp(fd);
		assert_true(id < count && !seen[id]);
		seen[id] = true;
	}
	free(seen);
}

static void each_datagram_of_many_batches_is_answered_once(void **state)
{
	(void)state;
	static const char *const cases[] = {"127.0.0.1", "::1", "0.0.0.0", "::"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage address;
		struct workers *workers =
			client_workers(1, cases[i], &net_limits_default, &address);
		int holder = client_udp(&address), fd = client_udp(&address);
		client_send_udp(holder, 1, "hold");
		fake_wait_held();
		for (uint16_t id = 0; id < 200; id++)
			client_send_udp(fd, id, "a");
		fake_release();
		expect_ids_below(fd, 200);
		client_expect_silence(fd);
		struct net_counters counters = client_counters(workers);
		assert_int_equal(counters.query.requests[TRANSPORT_UDP], 202);
		assert_int_equal(counters.query.replies, 202);
		close(fd);
		close(holder);
		workers_stop(workers);
	}
}

static void the_reply_leaves_from_the_wildcard_address_that_was_asked(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(1, "0.0.0.0", &net_limits_default, &address);
	static const char *const cases[] = {"127.0.0.1", "127.0.0.2", "127.9.8.7"};
	static const char *const labels[] = {"a", "slow"};
	for (size_t i = 0; i < 6; i++) {
		struct sockaddr_storage to =
			client_address(cases[i % 3], socket_port(&address));
		struct sockaddr_storage from = {0};
		socklen_t length = sizeof(from);
		uint8_t bytes[128];
		const char *label = labels[i / 3];
		int fd = socket(AF_INET, SOCK_DGRAM, 0), waker = client_udp(&address);
		size_t size = client_query(bytes, 7, label);
		assert_int_equal(sendto(fd, bytes, size, 0, (struct sockaddr *)&to,
					 sizeof(struct sockaddr_in)),
			size);
		client_send_udp(waker, 8, "wake");
		assert_int_equal(client_expect_udp(waker), 8);
		assert_int_equal(recvfrom(fd, bytes, sizeof(bytes), 0,
					 (struct sockaddr *)&from, &length),
			size);
		assert_memory_equal(&from, &to, sizeof(struct sockaddr_in));
		close(waker);
		close(fd);
	}
	workers_stop(workers);
}

static void what_is_dropped_gets_no_reply(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(1, "127.0.0.1", &net_limits_default, &address);
	int fd = client_udp(&address);
	uint8_t reply_bit[12] = {0, 1, 0x80};
	client_send_udp(fd, 1, "drop");
	assert_int_equal(send(fd, "", 0, 0), 0);
	assert_int_equal(send(fd, "12345678901", 11, 0), 11);
	assert_int_equal(send(fd, reply_bit, sizeof(reply_bit), 0), sizeof(reply_bit));
	client_expect_silence(fd);
	assert_int_equal(client_counters(workers).query.dropped, 4);
	close(fd);
	workers_stop(workers);
}

static void a_datagram_larger_than_the_buffer_is_dropped_and_counted(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(1, "127.0.0.1", &net_limits_default, &address);
	int fd = client_udp(&address);
	static uint8_t message[9000];
	client_query(message, 1, "a");
	assert_int_equal(send(fd, message, 1472, 0), 1472);
	assert_int_equal(client_expect_udp(fd), 1);
	assert_int_equal(send(fd, message, sizeof(message), 0), sizeof(message));
	client_expect_silence(fd);
	assert_int_equal(client_counters(workers).query.dropped, 1);
	assert_int_equal(client_counters(workers).query.requests[TRANSPORT_UDP], 3);
	close(fd);
	workers_stop(workers);
}

static void the_largest_configurable_reply_is_sent_whole(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(1, "127.0.0.1", &net_limits_default, &address);
	int fd = client_udp(&address);
	uint8_t reply[8192];
	client_send_udp(fd, 1, "big");
	assert_int_equal(recv(fd, reply, sizeof(reply), 0), 4096);
	close(fd);
	workers_stop(workers);
}

static void a_suspended_query_is_answered_when_it_resumes(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers = client_workers(1, "::1", &net_limits_default, &address);
	int fd = client_udp(&address), waker = client_udp(&address);
	for (uint16_t id = 0; id < 150; id++)
		client_send_udp(fd, id, "slow");
	client_expect_silence(fd);
	client_send_udp(waker, 1, "wake");
	expect_ids_below(fd, 150);
	assert_int_equal(client_expect_udp(waker), 1);
	assert_int_equal(client_counters(workers).query.suspended, 150);

	client_send_udp(fd, 1, "slow");
	client_send_udp(fd, 2, "fail");
	assert_int_equal(client_expect_udp(fd), 2);
	client_expect_silence(fd);
	assert_int_equal(client_counters(workers).query.dropped, 1);
	close(waker);
	close(fd);
	workers_stop(workers);
}

static void queries_suspended_for_ever_do_not_outlive_the_workers(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.drain_timeout_ms = 10;
	struct sockaddr_storage address;
	struct workers *workers = client_workers(1, "127.0.0.1", &limits, &address);
	int fd = client_udp(&address);
	client_send_udp(fd, 1, "slow");
	client_expect_silence(fd);
	workers_stop(workers);
	close(fd);
}

static void a_reply_that_cannot_be_sent_takes_no_other_with_it(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(1, "127.0.0.1", &net_limits_default, &address);
	int fd = client_udp(&address), holder = client_udp(&address);
	static const int errors[] = {EPERM, EAGAIN, EINTR};
	static const unsigned arriving[] = {9, 4, 10}, lost[] = {1, 6, 0};
	uint64_t lost_in_all = 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		client_send_udp(holder, 1, "hold");
		fake_wait_held();
		for (uint16_t id = 0; id < 10; id++)
			client_send_udp(fd, id, "a");
		atomic_store(&send_error, errors[i]);
		atomic_store(&send_fails_at, 6); /* the holder's is the first */
		fake_release();
		assert_int_equal(client_expect_udp(holder), 1);
		for (unsigned n = 0; n < arriving[i]; n++)
			assert_int_equal(client_expect_udp(fd), n < 4 ? n : n + lost[i]);
		client_expect_silence(fd);
		lost_in_all += lost[i];
		assert_int_equal(client_counters(workers).udp_send_errors, lost_in_all);
	}
	close(holder);
	close(fd);
	workers_stop(workers);
}

/* Until so many have been taken or dropped. */
static void wait_for_queries(const struct workers *workers, uint64_t count)
{
	struct net_counters counters;
	for (unsigned i = 0; i < 10000; i++) {
		counters = client_counters(workers);
		if (counters.udp_kernel_drops + counters.query.requests[TRANSPORT_UDP] >=
			count)
			return;
		usleep(1000);
	}
	fail_msg("some queries are neither taken nor dropped");
}

static void what_the_kernel_drops_is_counted(void **state)
{
	(void)state;
	struct net_limits limits = net_limits_default;
	limits.udp_receive_bytes = 4096;
	struct sockaddr_storage address;
	struct workers *workers = client_workers(1, "127.0.0.1", &limits, &address);
	int fd = client_udp(&address), late = client_udp(&address);
	assert_int_equal(client_counters(workers).udp_kernel_drops, 0);
	client_send_udp(fd, 1, "hold");
	fake_wait_held();
	for (uint16_t id = 0; id < 500; id++)
		client_send_udp(fd, id, "a");
	fake_release();
	assert_int_equal(client_expect_udp(fd), 1);
	/* While the buffer is still full the next one may be dropped as well. */
	wait_for_queries(workers, 501);
	client_expect_silence(late);
	struct net_counters counters = client_counters(workers);
	assert_true(counters.udp_kernel_drops > 0);
	assert_int_equal(
		counters.udp_kernel_drops + counters.query.requests[TRANSPORT_UDP], 502);
	close(late);
	close(fd);
	workers_stop(workers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_datagram_of_many_batches_is_answered_once),
		cmocka_unit_test(
			the_reply_leaves_from_the_wildcard_address_that_was_asked),
		cmocka_unit_test(what_is_dropped_gets_no_reply),
		cmocka_unit_test(
			a_datagram_larger_than_the_buffer_is_dropped_and_counted),
		cmocka_unit_test(the_largest_configurable_reply_is_sent_whole),
		cmocka_unit_test(a_suspended_query_is_answered_when_it_resumes),
		cmocka_unit_test(queries_suspended_for_ever_do_not_outlive_the_workers),
		cmocka_unit_test(a_reply_that_cannot_be_sent_takes_no_other_with_it),
		cmocka_unit_test(what_the_kernel_drops_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
