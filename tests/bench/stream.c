/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/ask.h"

enum {
	CHUNK = 2048,
	LIST_PIECE = 64 * 1024, /* what is put in the queue at once of a list */
	BACKLOG = 16,
	BOOKMARK_S = 10,
};

static const struct stream_resource resources[STREAM_RESOURCES] = {
	{"/api/v1/namespaces?", "namespaces", "Namespace", "v1", NULL, 0},
	{"/api/v1/services?", "services", "Service", "v1", NULL, 0},
	{"/apis/discovery.k8s.io/v1/endpointslices?", "endpointslices", "EndpointSlice",
		"discovery.k8s.io/v1", NULL, 0},
	{"/api/v1/pods?", "pods", "Pod", "v1", NULL, 0},
};

/* --- what is to be told --- */

static bool resource_map(struct stream_resource *resource, const char *folder)
{
	char path[PATH_MAX];
	struct stat status;
	snprintf(path, sizeof(path), "%s/api/%s.json", folder, resource->file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		perror(path);
		return false;
	}
	resource->size = (size_t)status.st_size;
	if (resource->size)
		resource->text = mmap(NULL, resource->size, PROT_READ,
			MAP_PRIVATE | MAP_POPULATE, fd, 0);
	close(fd);
	if (resource->text != MAP_FAILED)
		return true;
	perror(path);
	resource->text = NULL;
	return false;
}

const struct stream_resource *streams_find(
	const struct streams *streams, const char *file)
{
	for (size_t i = 0; i < STREAM_RESOURCES; i++) {
		if (strcmp(streams->resources[i].file, file) == 0)
			return &streams->resources[i];
	}
	return NULL;
}

/* --- the queue of a connection --- */

static void connection_close(struct stream_connection *connection)
{
	close(connection->fd);
	free(connection->out);
	*connection = (struct stream_connection){.fd = -1};
}

static void out_add(
	struct stream_connection *connection, const char *bytes, size_t length)
{
	size_t needed = connection->out_used + length;
	if (needed > connection->out_capacity) {
		connection->out_capacity = needed * 2;
		connection->out = realloc(connection->out, connection->out_capacity);
	}
	if (!connection->out) {
		perror("queue");
		exit(1);
	}
	memcpy(connection->out + connection->out_used, bytes, length);
	connection->out_used += length;
}

static void out_add_chunks(
	struct stream_connection *connection, const char *bytes, size_t length)
{
	while (length) {
		char head[16];
		size_t size = length < CHUNK ? length : CHUNK;
		int head_length = snprintf(head, sizeof(head), "%zx\r\n", size);
		out_add(connection, head, (size_t)head_length);
		out_add(connection, bytes, size);
		out_add(connection, "\r\n", 2);
		bytes += size;
		length -= size;
	}
}

static void out_add_bookmark(
	struct streams *streams, struct stream_connection *connection, bool is_end)
{
	char text[512];
	const struct stream_resource *resource = connection->resource;
	int length = snprintf(text, sizeof(text),
		"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":"
		"\"%s\",\"metadata\":{\"resourceVersion\":\"%llu\"%s}}}\n",
		resource->kind, resource->version, (unsigned long long)streams->version,
		is_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"
		       : "");
	out_add_chunks(connection, text, (size_t)length);
}

static void list_continue(struct streams *streams, struct stream_connection *connection)
{
	const struct stream_resource *resource = connection->resource;
	size_t left = resource->size - connection->listed;
	size_t piece = left < LIST_PIECE ? left : LIST_PIECE;
	out_add_chunks(connection, resource->text + connection->listed, piece);
	connection->listed += piece;
	if (piece < left)
		return;
	out_add_bookmark(streams, connection, true);
	connection->is_following = true;
}

/* Writes until the client has enough. */
static void connection_flush(
	struct streams *streams, struct stream_connection *connection)
{
	for (;;) {
		size_t waiting = connection->out_used - connection->out_sent;
		ssize_t n = !waiting ? 0
				     : send(connection->fd,
					       connection->out + connection->out_sent,
					       waiting, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			if (errno != EAGAIN)
				connection_close(connection);
			return;
		}
		connection->out_sent += (size_t)n;
		if (connection->out_sent < connection->out_used)
			continue;
		connection->out_used = connection->out_sent = 0;
		if (connection->is_ending) {
			connection_close(connection);
			return;
		}
		if (!connection->resource || connection->is_following)
			return;
		list_continue(streams, connection);
	}
}

/* --- requests --- */

static void watch_end(struct streams *streams, struct stream_connection *connection)
{
	static const char gone[] =
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":"
		"\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old "
		"resource version\",\"reason\":\"Expired\",\"code\":410}}\n";
	out_add_chunks(connection, gone, sizeof(gone) - 1);
	out_add(connection, "0\r\n\r\n", 5);
	connection->is_ending = true;
	connection_flush(streams, connection);
}

static void connection_answer(
	struct streams *streams, struct stream_connection *connection)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	static const char bad[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
				  "Connection: close\r\n\r\n";
	const char *request = connection->request;
	const struct stream_resource *found = NULL;
	for (size_t i = 0; i < STREAM_RESOURCES && strncmp(request, "GET ", 4) == 0;
		i++) {
		const char *path = streams->resources[i].path;
		if (strncmp(request + 4, path, strlen(path)) == 0 &&
			strstr(request, "watch=true"))
			found = &streams->resources[i];
	}
	if (!found) {
		out_add(connection, bad, sizeof(bad) - 1);
		connection->is_ending = true;
		connection_flush(streams, connection);
		return;
	}
	out_add(connection, good, sizeof(good) - 1);
	if (!strstr(request, "sendInitialEvents=true")) {
		watch_end(streams, connection);
		return;
	}
	connection->resource = found;
	connection_flush(streams, connection);
}

static void connection_read(struct streams *streams, struct stream_connection *connection)
{
	char *end = connection->request + connection->request_used;
	size_t room = STREAM_REQUEST_MAX - 1 - connection->request_used;
	ssize_t n = recv(connection->fd, end, room, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	/* Nothing more is to come while it is answered. */
	if (n <= 0 || connection->resource) {
		connection_close(connection);
		return;
	}
	connection->request_used += (size_t)n;
	connection->request[connection->request_used] = '\0';
	if (strstr(connection->request, "\r\n\r\n"))
		connection_answer(streams, connection);
	else if (connection->request_used == STREAM_REQUEST_MAX - 1)
		connection_close(connection);
}

static void streams_accept(struct streams *streams)
{
	const int on = 1;
	int fd = accept4(streams->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
		if (streams->connections[i].fd < 0) {
			streams->connections[i].fd = fd;
			return;
		}
	}
	close(fd);
}

/* --- the whole --- */

bool streams_open(struct streams *streams, unsigned port, const char *folder)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;
	*streams = (struct streams){.version = 2000000000, .bookmark_ns = clock_ns()};
	memcpy(streams->resources, resources, sizeof(resources));
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++)
		streams->connections[i].fd = -1;
	streams->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (streams->listener < 0 ||
		setsockopt(streams->listener, SOL_SOCKET, SO_REUSEADDR, &on,
			sizeof(on)) != 0 ||
		bind(streams->listener, (const struct sockaddr *)&address,
			sizeof(address)) != 0 ||
		listen(streams->listener, BACKLOG) != 0) {
		perror("listening");
		return false;
	}
	for (size_t i = 0; i < STREAM_RESOURCES; i++) {
		if (!resource_map(&streams->resources[i], folder))
			return false;
	}
	return true;
}

void streams_close(struct streams *streams)
{
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
		if (streams->connections[i].fd >= 0)
			connection_close(&streams->connections[i]);
	}
	for (size_t i = 0; i < STREAM_RESOURCES; i++) {
		if (streams->resources[i].text)
			munmap(streams->resources[i].text, streams->resources[i].size);
	}
	close(streams->listener);
}

/* A watch that is silent for long would be doubted. */
static void streams_remind(struct streams *streams)
{
	if (clock_ns() - streams->bookmark_ns < BOOKMARK_S * INT64_C(1000000000))
		return;
	streams->bookmark_ns = clock_ns();
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
		struct stream_connection *connection = &streams->connections[i];
		if (!connection->is_following || connection->is_ending)
			continue;
		out_add_bookmark(streams, connection, false);
		connection_flush(streams, connection);
	}
}

void streams_serve(struct streams *streams, int fd, int64_t until_ns)
{
	struct pollfd polls[STREAM_CONNECTIONS + 2];
	do {
		int64_t wait_ns = until_ns - clock_ns();
		const struct timespec wait = {wait_ns > 0 ? wait_ns / 1000000000 : 0,
			wait_ns > 0 ? wait_ns % 1000000000 : 0};
		for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
			const struct stream_connection *connection =
				&streams->connections[i];
			bool has_more = connection->out_used > connection->out_sent;
			polls[i] = (struct pollfd){connection->fd,
				(short)(POLLIN | (has_more ? POLLOUT : 0)), 0};
		}
		polls[STREAM_CONNECTIONS] = (struct pollfd){streams->listener, POLLIN, 0};
		polls[STREAM_CONNECTIONS + 1] = (struct pollfd){fd, POLLIN, 0};
		if (ppoll(polls, STREAM_CONNECTIONS + 2, &wait, NULL) < 0)
			return;
		for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
			struct stream_connection *connection = &streams->connections[i];
			if (polls[i].revents & POLLOUT)
				connection_flush(streams, connection);
			if (polls[i].revents & ~POLLOUT && connection->fd >= 0)
				connection_read(streams, connection);
		}
		if (polls[STREAM_CONNECTIONS].revents)
			streams_accept(streams);
		streams_remind(streams);
	} while (!polls[STREAM_CONNECTIONS + 1].revents && clock_ns() < until_ns);
}

unsigned streams_following(const struct streams *streams)
{
	unsigned count = 0;
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
		const struct stream_connection *connection = &streams->connections[i];
		count += connection->fd >= 0 && connection->is_following &&
			 !connection->is_ending &&
			 connection->out_sent == connection->out_used;
	}
	return count;
}

void streams_tell(struct streams *streams, const struct stream_resource *resource,
	const char *event, size_t length)
{
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
		struct stream_connection *connection = &streams->connections[i];
		if (connection->resource != resource || !connection->is_following ||
			connection->is_ending)
			continue;
		out_add_chunks(connection, event, length);
		connection_flush(streams, connection);
	}
}

void streams_expire(struct streams *streams)
{
	for (size_t i = 0; i < STREAM_CONNECTIONS; i++) {
		if (streams->connections[i].resource &&
			!streams->connections[i].is_ending)
			watch_end(streams, &streams->connections[i]);
	}
}
