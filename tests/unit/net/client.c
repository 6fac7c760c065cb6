/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/net/socket.h"

enum { PATIENCE_MS = 20000, PROBE_ID = 0xfffe };

struct sockaddr_storage client_address(const char *text, in_port_t port)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	}
	return address;
}

struct workers *client_workers(unsigned count, const char *text,
	const struct net_limits *limits, struct sockaddr_storage *address)
{
	struct net_listener listener = {.address = client_address(text, 0)};
	struct diag_list problems;
	struct workers *workers = NULL;
	diag_list_init(&problems);
	assert_int_equal(
		workers_start(count, &listener, 1, limits, &workers, &problems), 0);
	diag_list_deinit(&problems);
	workers_address(workers, 0, address);
	return workers;
}

struct net_counters client_counters(const struct workers *workers)
{
	struct net_counters counters;
	workers_counters(workers, &counters);
	return counters;
}

static int client_connect(const struct sockaddr_storage *address, int type)
{
	const struct sockaddr *name = (const struct sockaddr *)address;
	int fd = socket(address->ss_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, name, socket_address_length(name)), 0);
	return fd;
}

int client_udp(const struct sockaddr_storage *address)
{
	return client_connect(address, SOCK_DGRAM);
}

int client_tcp(const struct sockaddr_storage *address)
{
	int fd = client_connect(address, SOCK_STREAM), enable = 1;
	/* What has been sent has arrived: nothing waits for an acknowledgement. */
	assert_int_equal(
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &enable, sizeof(enable)), 0);
	return fd;
}

size_t client_query(uint8_t *out, uint16_t id, const char *label)
{
	const uint8_t header[12] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1};
	size_t length = strlen(label);
	memcpy(out, header, sizeof(header));
	out[12] = (uint8_t)length;
	memcpy(out + 13, label, length);
	memcpy(out + 13 + length, "\0\0\1\0\1", 5);
	return 18 + length;
}

void client_send_udp(int fd, uint16_t id, const char *label)
{
	uint8_t message[128];
	size_t length = client_query(message, id, label);
	assert_int_equal(send(fd, message, length, 0), length);
}

void client_send_tcp(int fd, uint16_t id, const char *label)
{
	uint8_t message[128];
	size_t length = client_query(message + 2, id, label);
	message[0] = 0;
	message[1] = (uint8_t)length;
	assert_int_equal(send(fd, message, length + 2, MSG_NOSIGNAL), length + 2);
}

static void client_wait(int fd)
{
	struct pollfd poller = {fd, POLLIN, 0};
	assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
}

uint16_t client_expect_udp(int fd)
{
	uint8_t reply[8192];
	client_wait(fd);
	ssize_t length = recv(fd, reply, sizeof(reply), 0);
	assert_true(length >= 12);
	assert_true(reply[2] & 0x80);
	return (uint16_t)(reply[0] << 8 | reply[1]);
}

static void client_read(int fd, uint8_t *out, size_t length)
{
	size_t have = 0;
	while (have < length) {
		client_wait(fd);
		ssize_t received = recv(fd, out + have, length - have, 0);
		assert_true(received > 0);
		have += (size_t)received;
	}
}

uint16_t client_expect_tcp(int fd)
{
	static uint8_t reply[CLIENT_MESSAGE_MAX];
	uint8_t prefix[2];
	client_read(fd, prefix, sizeof(prefix));
	size_t length = (size_t)prefix[0] << 8 | prefix[1];
	assert_true(length >= 12);
	client_read(fd, reply, length);
	assert_true(reply[2] & 0x80);
	return (uint16_t)(reply[0] << 8 | reply[1]);
}

void client_expect_end(int fd)
{
	uint8_t octet;
	client_wait(fd);
	ssize_t received = recv(fd, &octet, 1, 0);
	assert_true(received == 0 || (received < 0 && errno == ECONNRESET));
}

void client_expect_silence(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0);
	if (type == SOCK_STREAM) {
		client_send_tcp(fd, PROBE_ID, "probe");
		assert_int_equal(client_expect_tcp(fd), PROBE_ID);
	} else {
		client_send_udp(fd, PROBE_ID, "probe");
		assert_int_equal(client_expect_udp(fd), PROBE_ID);
	}
}
