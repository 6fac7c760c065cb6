/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/net/socket.h"
#include "tests/unit/net/client.h"
#include "tests/unit/net/fake_query.h"

enum { NOBODY = 65534 };

/* This thread's n-th allocation from now fails, counted from 1; 0: none. */
static _Thread_local unsigned allocation_fails_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool allocation_fails(void)
{
	if (!allocation_fails_at || --allocation_fails_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return allocation_fails() ? NULL : __real_aligned_alloc(alignment, size);
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

/* Starting fails, and the only problem reads `expected`. */
static void expect_problem(const struct sockaddr_storage *address, const char *expected)
{
	const struct net_listener listener = {
		.address = *address, .file = "Corefile", .line = 3, .column = 5};
	struct diag_list problems;
	struct workers *workers = NULL;
	char text[256];
	unsigned before = open_descriptors();
	diag_list_init(&problems);
	assert_int_equal(
		workers_start(2, &listener, 1, &net_limits_default, &workers, &problems),
		ERR_IO);
	assert_null(workers);
	assert_int_equal(problems.count, 1);
	diag_format(&problems.items[0], text, sizeof(text));
	assert_string_equal(text, expected);
	diag_list_deinit(&problems);
	assert_int_equal(open_descriptors(), before);
}

/* A socket of someone else, who would share the port if we let them. */
static int taken_socket(const char *text, int type, struct sockaddr_storage *address)
{
	int enable = 1;
	socklen_t length = sizeof(*address);
	*address = client_address(text, 0);
	int fd = socket(address->ss_family, type, 0);
	struct sockaddr *name = (struct sockaddr *)address;
	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &enable, sizeof(enable)), 0);
	assert_int_equal(bind(fd, name, socket_address_length(name)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, name, &length), 0);
	return fd;
}

static void a_taken_port_is_named_even_if_it_could_be_shared(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		int type;
	} cases[] = {
		{"127.0.0.1", SOCK_DGRAM},
		{"127.0.0.1", SOCK_STREAM},
		{"::1", SOCK_DGRAM},
		{"::1", SOCK_STREAM},
		{"0.0.0.0", SOCK_DGRAM},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage address;
		char text[SOCKET_TEXT_SIZE], expected[200];
		int fd = taken_socket(cases[i].address, cases[i].type, &address);
		snprintf(expected, sizeof(expected),
			"Corefile:3:5: error: cannot listen on %s (%s): address already "
			"in use",
			socket_format(&address, text),
			cases[i].type == SOCK_STREAM ? "tcp" : "udp");
		expect_problem(&address, expected);
		close(fd);
	}
}

static void a_second_server_cannot_share_the_port_of_the_first(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(2, "127.0.0.1", &net_limits_default, &address);
	char text[SOCKET_TEXT_SIZE], expected[200];
	snprintf(expected, sizeof(expected),
		"Corefile:3:5: error: cannot listen on %s (udp): address already in use",
		socket_format(&address, text));
	expect_problem(&address, expected);
	workers_stop(workers);
}

static void an_address_of_another_machine_is_named(void **state)
{
	(void)state;
	struct sockaddr_storage v4 = client_address("198.51.100.77", 5353);
	struct sockaddr_storage v6 = client_address("2001:db8::77", 5353);
	expect_problem(&v4,
		"Corefile:3:5: error: cannot listen on 198.51.100.77:5353 (udp): "
		"this machine does not have the address");
	expect_problem(&v6, "Corefile:3:5: error: cannot listen on [2001:db8::77]:5353 "
			    "(udp): this machine does not have the address");
}

static void each_address_that_fails_is_named(void **state)
{
	(void)state;
	const struct net_listener listeners[] = {
		{.address = client_address("198.51.100.77", 5353)},
		{.address = client_address("127.0.0.1", 0)},
		{.address = client_address("203.0.113.77", 5353)},
	};
	struct diag_list problems;
	struct workers *workers;
	unsigned before = open_descriptors();
	diag_list_init(&problems);
	assert_int_equal(
		workers_start(1, listeners, 3, &net_limits_default, &workers, &problems),
		ERR_IO);
	assert_int_equal(problems.count, 2);
	diag_list_deinit(&problems);
	assert_int_equal(open_descriptors(), before);
}

/* In a process of its own, which gives up its rights. Its exit status: 0 as expected,
 * 77 where everybody may bind every port. */
static int bind_without_rights(void)
{
	struct sockaddr_storage address = client_address("127.0.0.1", 777);
	const struct net_listener listener = {.address = address};
	struct diag_list problems;
	struct workers *workers;
	if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
		return 77;
	diag_list_init(&problems);
	if (!workers_start(1, &listener, 1, &net_limits_default, &workers, &problems)) {
		workers_stop(workers);
		return 77;
	}
	const char *expected =
		"cannot listen on 127.0.0.1:777 (udp): permission denied; ports below "
		"1024 need root or CAP_NET_BIND_SERVICE";
	int result = problems.count == 1 && !strcmp(problems.items[0].text, expected);
	diag_list_deinit(&problems);
	return result ? 0 : 1;
}

static void a_port_that_needs_rights_is_named(void **state)
{
	(void)state;
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(bind_without_rights());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_wildcard_address_and_a_specific_one_share_a_port(void **state)
{
	(void)state;
	struct sockaddr_storage any;
	workers_stop(client_workers(1, "127.0.0.1", &net_limits_default, &any));
	in_port_t port = socket_port(&any);
	const struct net_listener listeners[] = {
		{.address = client_address("0.0.0.0", port)},
		{.address = client_address("127.0.0.1", port)},
		{.address = client_address("127.0.0.2", port)},
		{.address = client_address("::", port)},
	};
	struct diag_list problems;
	struct workers *workers = NULL;
	diag_list_init(&problems);
	assert_int_equal(
		workers_start(2, listeners, 4, &net_limits_default, &workers, &problems),
		0);
	for (size_t i = 0; i < 4; i++) {
		struct sockaddr_storage address;
		workers_address(workers, i, &address);
		assert_memory_equal(&address, &listeners[i].address, sizeof(address));
		int udp = client_udp(&address), tcp = client_tcp(&address);
		client_expect_silence(udp);
		client_expect_silence(tcp);
		close(udp);
		close(tcp);
	}
	workers_stop(workers);
	diag_list_deinit(&problems);
}

static void all_workers_serve_the_port_that_the_kernel_chose(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(4, "127.0.0.1", &net_limits_default, &address);
	assert_true(socket_port(&address) > 0);
	for (unsigned i = 0; i < 64; i++) {
		int udp = client_udp(&address), tcp = client_tcp(&address);
		client_expect_silence(udp);
		client_expect_silence(tcp);
		close(udp);
		close(tcp);
	}
	struct net_counters counters = client_counters(workers);
	assert_int_equal(counters.query.requests[TRANSPORT_UDP], 64);
	assert_int_equal(counters.query.requests[TRANSPORT_TCP], 64);
	assert_int_equal(counters.query.replies, 128);
	assert_int_equal(counters.tcp_accepted, 64);
	workers_stop(workers);
}

static void stopping_under_load_loses_nothing_that_was_received(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	struct workers *workers =
		client_workers(1, "0.0.0.0", &net_limits_default, &address);
	int holder = client_udp(&address), fd = client_udp(&address);
	client_send_udp(holder, 1, "hold");
	fake_wait_held();
	for (uint16_t id = 0; id < 250; id++)
		client_send_udp(fd, id, "a");
	fake_release();
	workers_stop(workers);
	for (uint16_t id = 0; id < 250; id++)
		assert_int_equal(client_expect_udp(fd), id);
	assert_int_equal(client_expect_udp(holder), 1);
	close(fd);
	close(holder);
}

static void stopping_leaves_no_descriptor_and_frees_the_port(void **state)
{
	(void)state;
	struct sockaddr_storage address;
	unsigned before = open_descriptors();
	struct workers *workers =
		client_workers(3, "127.0.0.1", &net_limits_default, &address);
	int fd = client_tcp(&address);
	client_expect_silence(fd);
	workers_stop(workers);
	close(fd);
	assert_int_equal(open_descriptors(), before);

	const struct net_listener listener = {.address = address};
	struct diag_list problems;
	diag_list_init(&problems);
	assert_int_equal(
		workers_start(3, &listener, 1, &net_limits_default, &workers, &problems),
		0);
	workers_stop(workers);
	diag_list_deinit(&problems);
}

static void no_memory_at_any_point_leaves_nothing_behind(void **state)
{
	(void)state;
	const struct net_listener listener = {.address = client_address("127.0.0.1", 0)};
	unsigned before = open_descriptors(), failures = 0;
	bool was_reached = true;
	/* What libevent can do without is no failure. */
	for (unsigned i = 1; was_reached; i++) {
		struct workers *workers = NULL;
		struct diag_list problems;
		diag_list_init(&problems);
		allocation_fails_at = i;
		enum err err = workers_start(
			2, &listener, 1, &net_limits_default, &workers, &problems);
		was_reached = !allocation_fails_at;
		allocation_fails_at = 0;
		diag_list_deinit(&problems);
		if (err) {
			assert_int_equal(err, ERR_NOMEM);
			failures++;
		} else {
			workers_stop(workers);
		}
		assert_int_equal(open_descriptors(), before);
	}
	assert_true(failures > 150); /* each UDP slot of both workers is one */
}

int main(void)
{
	/* Libevent's allocations fail as ours do. */
	event_set_mem_functions(__wrap_malloc, realloc, free);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_taken_port_is_named_even_if_it_could_be_shared),
		cmocka_unit_test(a_second_server_cannot_share_the_port_of_the_first),
		cmocka_unit_test(an_address_of_another_machine_is_named),
		cmocka_unit_test(each_address_that_fails_is_named),
		cmocka_unit_test(a_port_that_needs_rights_is_named),
		cmocka_unit_test(a_wildcard_address_and_a_specific_one_share_a_port),
		cmocka_unit_test(all_workers_serve_the_port_that_the_kernel_chose),
		cmocka_unit_test(stopping_under_load_loses_nothing_that_was_received),
		cmocka_unit_test(stopping_leaves_no_descriptor_and_frees_the_port),
		cmocka_unit_test(no_memory_at_any_point_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
