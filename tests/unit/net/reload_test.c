/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/net/socket.h"
#include "tests/support/failing_malloc.h"
#include "tests/unit/net/client.h"
#include "tests/unit/net/fake_query.h"

enum { QUEUED = 250, RELOADS = 200, WINDOW = 16 };

/* The fake replies with the octet that stands where its router would. */
static uint8_t tags[] = {'0', '1', '2'};

static struct net_listener listener(const char *address, unsigned tag)
{
	return (struct net_listener){
		.address = client_address(address, 0),
		.router = (const struct router *)(const void *)&tags[tag],
		.file = "Corefile",
		.line = 3,
		.column = tag,
	};
}

struct rig {
	struct workers *workers;
	struct sockaddr_storage first, second; /* where they listen */
};

/* Workers on 127.0.0.1, and on 127.0.0.2 if `count` is 2. */
static void rig_start(struct rig *rig, unsigned workers, size_t count)
{
	const struct net_listener listeners[] = {
		listener("127.0.0.1", 0), listener("127.0.0.2", 0)};
	struct diag_list problems;
	diag_list_init(&problems);
	assert_int_equal(workers_start(workers, listeners, count, &net_limits_default,
				 &rig->workers, &problems),
		0);
	workers_address(rig->workers, 0, &rig->first);
	if (count == 2)
		workers_address(rig->workers, 1, &rig->second);
	diag_list_deinit(&problems);
}

static enum err rig_reload(
	struct rig *rig, const struct net_listener *listeners, size_t count)
{
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = workers_reload(rig->workers, listeners, count, &problems);
	diag_list_deinit(&problems);
	return err;
}

static void rig_reload_one(struct rig *rig, const char *address, unsigned tag)
{
	const struct net_listener one = listener(address, tag);
	assert_int_equal(rig_reload(rig, &one, 1), 0);
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	DIR *folder = opendir("/proc/self/fd");
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* A query's reply comes from the router with this tag. */
static void expect_tag(int fd, unsigned tag)
{
	uint8_t reply[512];
	struct pollfd poller = {fd, POLLIN, 0};
	client_send_udp(fd, 7, "a");
	assert_int_equal(poll(&poller, 1, 20000), 1);
	assert_true(recv(fd, reply, sizeof(reply), 0) > 12);
	assert_int_equal(reply[3], tags[tag]);
}

static void expect_tag_at(const struct sockaddr_storage *address, unsigned tag)
{
	int fd = client_udp(address);
	expect_tag(fd, tag);
	close(fd);
}

static void expect_refused(const struct sockaddr_storage *address)
{
	uint8_t octet;
	const struct sockaddr *name = (const struct sockaddr *)address;
	int udp = client_udp(address), tcp = socket(address->ss_family, SOCK_STREAM, 0);
	client_send_udp(udp, 1, "a");
	assert_int_equal(recv(udp, &octet, 1, 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(connect(tcp, name, socket_address_length(name)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(udp);
	close(tcp);
}

static void an_address_that_stays_keeps_its_sockets_and_connections(void **state)
{
	(void)state;
	struct rig rig;
	struct sockaddr_storage after;
	rig_start(&rig, 2, 1);
	unsigned before = open_descriptors();
	int udp = client_udp(&rig.first), tcp = client_tcp(&rig.first);
	client_expect_silence(tcp);
	expect_tag(udp, 0);
	for (unsigned tag = 1; tag < 3; tag++) {
		rig_reload_one(&rig, "127.0.0.1", tag);
		expect_tag(udp, tag);
		client_expect_silence(tcp);
	}
	workers_address(rig.workers, 0, &after);
	assert_memory_equal(&after, &rig.first, sizeof(after));
	close(udp);
	close(tcp);
	workers_stop(rig.workers);
	assert_true(open_descriptors() < before);
}

static void a_socket_that_stays_keeps_what_it_has_received(void **state)
{
	(void)state;
	struct rig rig;
	rig_start(&rig, 1, 1);
	int holder = client_udp(&rig.first), fd = client_udp(&rig.first);
	client_send_udp(holder, 1, "hold");
	fake_wait_held();
	for (unsigned id = 0; id < QUEUED; id++)
		client_send_udp(fd, id, "a");
	rig_reload_one(&rig, "127.0.0.1", 1);
	fake_release();
	for (unsigned id = 0; id < QUEUED; id++)
		assert_int_equal(client_expect_udp(fd), id);
	assert_int_equal(client_expect_udp(holder), 1);
	close(fd);
	close(holder);
	workers_stop(rig.workers);
}

static void addresses_come_and_go(void **state)
{
	(void)state;
	struct rig rig;
	const struct net_listener both[] = {
		listener("127.0.0.2", 1), listener("127.0.0.1", 2)};
	rig_start(&rig, 2, 1);
	assert_int_equal(rig_reload(&rig, both, 2), 0);
	workers_address(rig.workers, 0, &rig.second);
	expect_tag_at(&rig.second, 1);
	expect_tag_at(&rig.first, 2);
	int leaving = client_tcp(&rig.first), staying = client_tcp(&rig.second);
	client_expect_silence(leaving);
	client_expect_silence(staying);
	rig_reload_one(&rig, "127.0.0.2", 0);
	client_expect_end(leaving);
	client_expect_silence(staying);
	expect_refused(&rig.first);
	expect_tag_at(&rig.second, 0);
	close(leaving);
	close(staying);
	workers_stop(rig.workers);
}

static void an_address_may_go_and_come_back(void **state)
{
	(void)state;
	struct rig rig;
	rig_start(&rig, 2, 2);
	struct net_listener both[] = {listener("127.0.0.1", 1), listener("127.0.0.2", 2)};
	both[1].address = rig.second;
	for (unsigned i = 0; i < 5; i++) {
		rig_reload_one(&rig, "127.0.0.1", 0);
		expect_refused(&rig.second);
		assert_int_equal(rig_reload(&rig, both, 2), 0);
		expect_tag_at(&rig.second, 2);
		expect_tag_at(&rig.first, 1);
	}
	workers_stop(rig.workers);
}

static void a_wildcard_address_takes_over_from_a_specific_one_and_back(void **state)
{
	(void)state;
	struct rig rig;
	rig_start(&rig, 2, 1);
	struct net_listener any = listener("0.0.0.0", 1), one = listener("127.0.0.1", 2);
	one.address = rig.first;
	any.address = client_address("0.0.0.0", socket_port(&rig.first));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_reload(&rig, &any, 1), 0);
		expect_tag_at(&rig.first, 1);
		assert_int_equal(rig_reload(&rig, &one, 1), 0);
		expect_tag_at(&rig.first, 2);
	}
	workers_stop(rig.workers);
}

static void *reload_to_second(void *data)
{
	rig_reload_one(data, "127.0.0.2", 1);
	return NULL;
}

static void what_an_address_that_goes_has_received_is_answered(void **state)
{
	(void)state;
	struct rig rig;
	pthread_t thread;
	rig_start(&rig, 1, 2);
	int holder = client_udp(&rig.second), udp = client_udp(&rig.first);
	int tcp = client_tcp(&rig.first);
	client_expect_silence(tcp);
	client_send_udp(holder, 1, "hold");
	fake_wait_held();
	for (unsigned id = 0; id < QUEUED; id++) {
		client_send_udp(udp, id, "a");
		client_send_tcp(tcp, id, "a");
	}
	assert_int_equal(pthread_create(&thread, NULL, reload_to_second, &rig), 0);
	fake_release();
	pthread_join(thread, NULL);
	for (unsigned id = 0; id < QUEUED; id++) {
		assert_int_equal(client_expect_udp(udp), id);
		assert_int_equal(client_expect_tcp(tcp), id);
	}
	client_expect_end(tcp);
	assert_int_equal(client_expect_udp(holder), 1);
	close(holder);
	close(udp);
	close(tcp);
	workers_stop(rig.workers);
}

static void suspended_queries_of_an_address_that_goes_are_answered(void **state)
{
	(void)state;
	struct rig rig;
	rig_start(&rig, 1, 2);
	int udp = client_udp(&rig.first), tcp = client_tcp(&rig.first);
	int waker = client_udp(&rig.second);
	client_send_udp(udp, 3, "slow");
	client_send_tcp(tcp, 4, "slow");
	client_expect_silence(udp);
	client_send_tcp(tcp, 5, "a");
	assert_int_equal(client_expect_tcp(tcp), 5);
	assert_int_equal(fake_suspended(), 2);
	rig_reload_one(&rig, "127.0.0.2", 1);
	assert_int_equal(fake_suspended(), 2);
	client_send_udp(waker, 6, "wake");
	assert_int_equal(client_expect_udp(udp), 3);
	assert_int_equal(client_expect_tcp(tcp), 4);
	client_expect_end(tcp);
	assert_int_equal(client_expect_udp(waker), 6);
	assert_int_equal(fake_suspended(), 0);
	expect_refused(&rig.first);
	close(udp);
	close(tcp);
	close(waker);
	workers_stop(rig.workers);
}

static void an_address_that_cannot_be_opened_leaves_all_as_it_was(void **state)
{
	(void)state;
	struct rig rig;
	rig_start(&rig, 2, 2);
	struct net_listener wanted[] = {
		listener("127.0.0.1", 1),
		listener("127.0.0.3", 1),
		listener("198.51.100.77", 2),
	};
	char text[256];
	struct diag_list problems;
	unsigned before = open_descriptors();
	wanted[2].address = client_address("198.51.100.77", 5353);
	diag_list_init(&problems);
	assert_int_equal(workers_reload(rig.workers, wanted, 3, &problems), ERR_IO);
	assert_int_equal(problems.count, 1);
	diag_format(&problems.items[0], text, sizeof(text));
	assert_string_equal(text,
		"Corefile:3:2: error: cannot listen on 198.51.100.77:5353 (udp): this "
		"machine does not have the address");
	diag_list_deinit(&problems);
	assert_int_equal(open_descriptors(), before);
	expect_tag_at(&rig.first, 0);
	expect_tag_at(&rig.second, 0);
	workers_stop(rig.workers);
}

/* One worker: only this thread or it allocates at a time. */
static void no_memory_at_any_point_leaves_all_as_it_was(void **state)
{
	(void)state;
	struct rig rig;
	rig_start(&rig, 1, 2);
	const struct net_listener wanted[] = {
		listener("127.0.0.1", 1), listener("127.0.0.3", 2)};
	unsigned before = open_descriptors(), failures = 0;
	enum err err;
	do {
		failing_malloc_arm(++failures);
		err = rig_reload(&rig, wanted, 2);
		if (!failing_malloc_disarm())
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(open_descriptors(), before);
		expect_tag_at(&rig.first, 0);
		expect_tag_at(&rig.second, 0);
	} while (err);
	assert_int_equal(err, 0);
	assert_true(failures > 8); /* the plan, a binding, sockets and their events */
	expect_refused(&rig.second);
	workers_stop(rig.workers);
}

struct load {
	struct sockaddr_storage address;
	atomic_bool is_over;
	unsigned asked;
};

static void *load_run(void *data)
{
	struct load *load = data;
	int udp = client_udp(&load->address), tcp = client_tcp(&load->address);
	while (!load->is_over) {
		for (unsigned id = 0; id < WINDOW; id++) {
			client_send_udp(udp, id, "a");
			client_send_tcp(tcp, id, "a");
		}
		for (unsigned id = 0; id < WINDOW; id++) {
			client_expect_udp(udp);
			client_expect_tcp(tcp);
		}
		load->asked += 2 * WINDOW;
	}
	close(udp);
	close(tcp);
	return NULL;
}

static void reloads_under_load_lose_no_query(void **state)
{
	(void)state;
	struct rig rig;
	pthread_t thread;
	rig_start(&rig, 2, 1);
	struct load load = {.address = rig.first};
	assert_int_equal(pthread_create(&thread, NULL, load_run, &load), 0);
	for (unsigned i = 0; i < RELOADS; i++) {
		const struct net_listener wanted[] = {
			listener("127.0.0.1", i % 3), listener("127.0.0.2", i % 3)};
		assert_int_equal(rig_reload(&rig, wanted, 1 + i % 2), 0);
	}
	load.is_over = true;
	pthread_join(thread, NULL);
	struct net_counters counters = client_counters(rig.workers);
	assert_int_equal(counters.query.replies, load.asked);
	assert_int_equal(counters.udp_kernel_drops, 0);
	workers_stop(rig.workers);
}

int main(void)
{
	/* Libevent's allocations fail as ours do. */
	event_set_mem_functions(malloc, realloc, free);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_that_stays_keeps_its_sockets_and_connections),
		cmocka_unit_test(a_socket_that_stays_keeps_what_it_has_received),
		cmocka_unit_test(addresses_come_and_go),
		cmocka_unit_test(an_address_may_go_and_come_back),
		cmocka_unit_test(
			a_wildcard_address_takes_over_from_a_specific_one_and_back),
		cmocka_unit_test(what_an_address_that_goes_has_received_is_answered),
		cmocka_unit_test(suspended_queries_of_an_address_that_goes_are_answered),
		cmocka_unit_test(an_address_that_cannot_be_opened_leaves_all_as_it_was),
		cmocka_unit_test(no_memory_at_any_point_leaves_all_as_it_was),
		cmocka_unit_test(reloads_under_load_lose_no_query),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
