/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/tcp_conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/counter.h"
#include "server/net/binding.h"
#include "server/net/socket.h"
#include "server/net/workers.h"
#include "server/query/query.h"
#include "server/query/series.h"
#include "server/query/worker_host.h"
#include "zones/store/reader.h"

enum {
	PREFIX_SIZE = 2, /* the length in front of each message */
	FRAME_MAX = PREFIX_SIZE + DNS_MESSAGE_MAX,
	INPUT_SIZE = 16 << 10,   /* read at a time */
	OUTPUT_FLUSH = 16 << 10, /* replies gathered before they are sent */
	INPUT_FIRST = 512,       /* for the rest of a message that came in part */
	READS_PER_DRAIN = 64,    /* a client that never stops must not hold us up */
};

struct tcp_conn {
	struct tcp_entry entry;
	LIST_ENTRY(tcp_conn) remains;
	struct tcp_shared *shared;
	struct binding *binding;
	struct event *readable, *writable, *timer;
	int fd;
	unsigned in_flight; /* suspended queries */
	bool is_busy;       /* its own callback is on the stack and will settle it */
	bool is_dead;       /* nothing can be sent any more */
	bool is_ending;     /* takes no further message */
	bool is_eof;        /* the client has said everything */
	bool is_reading;    /* the readable event is added */
	uint8_t *input;     /* what has not been taken yet; NULL: nothing */
	size_t input_length, input_capacity;
	uint8_t *output; /* what the kernel did not take yet; NULL: nothing */
	size_t output_length;
	int64_t active_ms;  /* last query or reply */
	int64_t message_ms; /* the message in `input` began */
	int64_t write_ms;   /* the kernel last took something, or `output` began */
	int64_t armed_ms;   /* when the timer fires; 0: not set */
	struct sockaddr_in6 client; /* or sockaddr_in, which is smaller */
};

static void tcp_conn_settle(struct tcp_conn *conn);

struct tcp_conn *tcp_conn_of(struct tcp_entry *entry)
{
	return (struct tcp_conn *)(void *)((char *)entry -
					   offsetof(struct tcp_conn, entry));
}

const struct binding *tcp_conn_binding(const struct tcp_conn *conn)
{
	return conn->binding;
}

static void tcp_conn_free(struct tcp_conn *conn)
{
	binding_unref(conn->binding);
	free(conn);
}

/* --- sending --- */

static void tcp_conn_keep_output(
	struct tcp_conn *conn, const uint8_t *data, size_t length)
{
	if (!length || conn->is_dead)
		return;
	uint8_t *output = realloc(conn->output, conn->output_length + length);
	if (!output) {
		conn->is_dead = true;
		return;
	}
	if (!conn->output)
		conn->write_ms = clock_now_ms();
	memcpy(output + conn->output_length, data, length);
	conn->output = output;
	conn->output_length += length;
}

/* Octets that the kernel took. */
static size_t tcp_conn_write(struct tcp_conn *conn, struct iovec *parts, size_t count)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0)
		return (size_t)sent;
	if (errno != EAGAIN && errno != EINTR)
		conn->is_dead = true;
	return 0;
}

/* Sends `parts` behind everything that still waits. */
static void tcp_conn_send(struct tcp_conn *conn, struct iovec *parts, size_t count)
{
	if (conn->is_dead)
		return;
	size_t sent = conn->output ? 0 : tcp_conn_write(conn, parts, count);
	for (size_t i = 0; i < count; i++) {
		size_t skip = sent < parts[i].iov_len ? sent : parts[i].iov_len;
		sent -= skip;
		tcp_conn_keep_output(conn, (uint8_t *)parts[i].iov_base + skip,
			parts[i].iov_len - skip);
	}
}

static void tcp_conn_flush(struct tcp_conn *conn)
{
	struct iovec part = {conn->output, conn->output_length};
	size_t sent = tcp_conn_write(conn, &part, 1);
	if (!sent)
		return;
	conn->write_ms = conn->active_ms = clock_now_ms();
	conn->output_length -= sent;
	memmove(conn->output, conn->output + sent, conn->output_length);
	if (!conn->output_length) {
		free(conn->output);
		conn->output = NULL;
	}
}

/* --- answering --- */

/*
 * While replies wait, nothing more is taken from the connection, so a client that sends
 * and never reads costs what one flush leaves over (RFC 7766 10).
 */
static bool tcp_conn_may_take(const struct tcp_conn *conn)
{
	return !conn->is_ending && !conn->is_dead && !conn->output &&
	       conn->in_flight < conn->shared->limits->tcp_in_flight;
}

static void tcp_conn_end(struct tcp_conn *conn, bool is_protocol_error)
{
	conn->is_ending = true;
	if (is_protocol_error)
		counter_add(&conn->shared->counters->tcp_protocol_errors, 1);
}

static void tcp_conn_reply(
	struct tcp_conn *conn, struct query *query, enum verdict verdict)
{
	if (conn->fd < 0) {
		counter_add(&query->counters->dropped, 1);
		if (!conn->in_flight) {
			LIST_REMOVE(conn, remains);
			tcp_conn_free(conn);
		}
		return;
	}
	if (verdict == VERDICT_REPLY) {
		size_t length = query_finish(query);
		uint8_t prefix[PREFIX_SIZE] = {(uint8_t)(length >> 8), (uint8_t)length};
		struct iovec parts[] = {
			{prefix, sizeof(prefix)}, {query->reply.buffer, length}};
		tcp_conn_send(conn, parts, 2);
		series_settle();
	} else {
		counter_add(&query->counters->dropped, 1);
		tcp_conn_end(conn, false);
	}
	/* A plugin is on the stack, perhaps with more to resume: go on from the loop. */
	if (!conn->is_busy)
		event_active(conn->writable, EV_WRITE, 0);
}

static void tcp_conn_resume(struct query *query, enum verdict verdict)
{
	struct tcp_conn *conn = query->owner;
	assert(conn->in_flight);
	conn->in_flight--;
	conn->active_ms = clock_now_ms();
	tcp_conn_reply(conn, query, verdict);
	query_release(query);
}

/* Writes the reply, with its length in front, at `output`; returns the octets. */
static size_t tcp_conn_answer(struct tcp_conn *conn, const struct router *router,
	const struct iovec *message, uint8_t *output, int64_t now_ns)
{
	struct query query = {
		.transport = TRANSPORT_TCP,
		.client = (const struct sockaddr *)&conn->client,
		.counters = &conn->shared->counters->query,
		.worker = conn->shared->host,
		.received_ns = now_ns,
		.resume = tcp_conn_resume,
		.owner = conn,
	};
	if (!query_begin(&query, router, message->iov_base, message->iov_len,
		    output + PREFIX_SIZE, DNS_MESSAGE_MAX)) {
		tcp_conn_end(conn, true);
		return 0;
	}
	enum verdict verdict = query_run(&query);
	if (verdict == VERDICT_SUSPEND) {
		conn->in_flight++;
		return 0;
	}
	if (verdict != VERDICT_REPLY) {
		/* The client would wait for it, and for all that it sends behind it. */
		tcp_conn_end(conn, false);
		return 0;
	}
	size_t reply = query_finish(&query);
	output[0] = (uint8_t)(reply >> 8);
	output[1] = (uint8_t)reply;
	return PREFIX_SIZE + reply;
}

static void tcp_conn_send_output(struct tcp_conn *conn, size_t length)
{
	struct iovec part = {conn->shared->output, length};
	if (length)
		tcp_conn_send(conn, &part, 1);
}

/* Takes the whole messages at `data` as far as it may; returns the octets taken. */
static size_t tcp_conn_take(struct tcp_conn *conn, uint8_t *data, size_t length)
{
	int64_t now_ns = clock_now_ns();
	uint8_t *output = conn->shared->output;
	size_t taken = 0, filled = 0;
	store_read_lock();
	const struct router *router = binding_router(conn->binding);
	while (tcp_conn_may_take(conn) && length - taken >= PREFIX_SIZE) {
		uint8_t *frame = data + taken;
		size_t size = (size_t)frame[0] << 8 | frame[1];
		if (size < DNS_HEADER_SIZE) {
			tcp_conn_end(conn, true);
			break;
		}
		if (length - taken - PREFIX_SIZE < size)
			break;
		const struct iovec message = {frame + PREFIX_SIZE, size};
		filled +=
			tcp_conn_answer(conn, router, &message, output + filled, now_ns);
		taken += PREFIX_SIZE + size;
		if (filled >= OUTPUT_FLUSH) {
			tcp_conn_send_output(conn, filled);
			filled = 0;
		}
	}
	store_read_unlock();
	tcp_conn_send_output(conn, filled);
	series_settle();
	if (taken)
		conn->active_ms = now_ns / 1000000;
	return taken;
}

/* --- receiving --- */

/* Room for at least one more octet. A message's length is believed as it arrives. */
static bool tcp_conn_reserve(struct tcp_conn *conn)
{
	if (conn->input_length < conn->input_capacity)
		return true;
	size_t capacity = conn->input_capacity * 2;
	if (conn->input_capacity < FRAME_MAX && capacity > FRAME_MAX)
		capacity = FRAME_MAX;
	uint8_t *input = realloc(conn->input, capacity);
	if (!input)
		return false;
	conn->input = input;
	conn->input_capacity = capacity;
	return true;
}

static void tcp_conn_keep_input(struct tcp_conn *conn, const uint8_t *data, size_t length)
{
	if (!length || conn->is_ending)
		return;
	size_t capacity = length < INPUT_FIRST ? INPUT_FIRST : length;
	conn->input = malloc(capacity);
	if (!conn->input) {
		conn->is_dead = true;
		return;
	}
	memcpy(conn->input, data, length);
	conn->input_length = length;
	conn->input_capacity = capacity;
	conn->message_ms = clock_now_ms();
}

static void tcp_conn_take_input(struct tcp_conn *conn)
{
	if (!conn->input)
		return;
	size_t taken = tcp_conn_take(conn, conn->input, conn->input_length);
	conn->input_length -= taken;
	if (!conn->input_length || conn->is_ending) {
		free(conn->input);
		conn->input = NULL;
		conn->input_length = conn->input_capacity = 0;
	} else if (taken) {
		memmove(conn->input, conn->input + taken, conn->input_length);
		conn->message_ms = clock_now_ms();
	}
}

/* True when there may be more to read. */
static bool tcp_conn_read(struct tcp_conn *conn)
{
	struct tcp_shared *shared = conn->shared;
	if (conn->input && !tcp_conn_reserve(conn)) {
		conn->is_dead = true;
		return false;
	}
	uint8_t *buffer = conn->input ? conn->input + conn->input_length : shared->input;
	size_t space =
		conn->input ? conn->input_capacity - conn->input_length : INPUT_SIZE;
	ssize_t received = recv(conn->fd, buffer, space, MSG_DONTWAIT);
	if (received < 0) {
		conn->is_dead = errno != EAGAIN && errno != EINTR;
		return false;
	}
	if (!received) {
		conn->is_eof = true;
		return false;
	}
	size_t length = (size_t)received;
	if (conn->input) {
		conn->input_length += length;
		tcp_conn_take_input(conn);
	} else {
		size_t taken = tcp_conn_take(conn, buffer, length);
		tcp_conn_keep_input(conn, buffer + taken, length - taken);
	}
	return length == space && tcp_conn_may_take(conn);
}

static void tcp_conn_on_readable(evutil_socket_t fd, short events, void *data)
{
	struct tcp_conn *conn = data;
	(void)fd;
	(void)events;
	conn->is_busy = true;
	tcp_conn_read(conn);
	tcp_conn_settle(conn);
}

/* The kernel takes more, or a suspended query has been answered. */
static void tcp_conn_on_writable(evutil_socket_t fd, short events, void *data)
{
	struct tcp_conn *conn = data;
	(void)fd;
	(void)events;
	conn->is_busy = true;
	if (conn->output && !conn->is_dead)
		tcp_conn_flush(conn);
	if (tcp_conn_may_take(conn))
		tcp_conn_take_input(conn);
	tcp_conn_settle(conn);
}

/* --- time --- */

/* When the connection's patience ends; 0: it waits for us. */
static int64_t tcp_conn_deadline(const struct tcp_conn *conn)
{
	const struct net_limits *limits = conn->shared->limits;
	if (conn->output)
		return conn->write_ms + limits->tcp_write_timeout_ms;
	if (conn->in_flight)
		return conn->input && conn->is_reading
			       ? conn->message_ms + limits->tcp_read_timeout_ms
			       : 0;
	/* From the message's first octet: octets that dribble in do not prolong it. */
	if (conn->input)
		return conn->message_ms + limits->tcp_read_timeout_ms;
	return conn->active_ms + limits->tcp_idle_timeout_ms;
}

/* Set anew only when it would fire too late: most queries leave the timer alone. */
static enum err tcp_conn_arm(struct tcp_conn *conn)
{
	int64_t deadline_ms = tcp_conn_deadline(conn);
	if (!deadline_ms || (conn->armed_ms && conn->armed_ms <= deadline_ms))
		return ERR_NONE;
	int64_t wait_ms = deadline_ms - clock_now_ms();
	if (wait_ms < 1)
		wait_ms = 1;
	struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	conn->armed_ms = deadline_ms;
	return event_add(conn->timer, &wait) ? ERR_NOMEM : ERR_NONE;
}

static void tcp_conn_on_timer(evutil_socket_t fd, short events, void *data)
{
	struct tcp_conn *conn = data;
	(void)fd;
	(void)events;
	int64_t deadline_ms = tcp_conn_deadline(conn);
	conn->armed_ms = 0;
	if (deadline_ms && clock_now_ms() >= deadline_ms) {
		counter_add(&conn->shared->counters->tcp_timeouts, 1);
		tcp_conn_close(conn);
	} else if (tcp_conn_arm(conn)) {
		tcp_conn_close(conn);
	}
}

/* --- life --- */

static bool tcp_conn_is_done(const struct tcp_conn *conn)
{
	if (conn->is_dead)
		return true;
	return (conn->is_ending || conn->is_eof) && !conn->in_flight && !conn->output;
}

/* After each callback: what to wait for next. May close. */
static void tcp_conn_settle(struct tcp_conn *conn)
{
	conn->is_busy = false;
	if (tcp_conn_is_done(conn)) {
		tcp_conn_close(conn);
		return;
	}
	bool wants_read = tcp_conn_may_take(conn) && !conn->is_eof;
	int failed = 0;
	if (wants_read && !conn->is_reading) {
		failed = event_add(conn->readable, NULL);
		/* Not the client's fault that the rest of its message was left alone. */
		conn->message_ms = clock_now_ms();
	} else if (!wants_read && conn->is_reading) {
		event_del(conn->readable);
	}
	conn->is_reading = wants_read;
	if (conn->output)
		failed |= event_add(conn->writable, NULL);
	tcp_table_set_idle(&conn->shared->table, &conn->entry,
		!conn->in_flight && !conn->input && !conn->output);
	if (failed || tcp_conn_arm(conn))
		tcp_conn_close(conn);
}

void tcp_conn_close(struct tcp_conn *conn)
{
	event_free(conn->readable);
	event_free(conn->writable);
	event_free(conn->timer);
	close(conn->fd);
	free(conn->input);
	free(conn->output);
	tcp_table_remove(&conn->shared->table, &conn->entry);
	conn->fd = -1;
	if (conn->in_flight)
		LIST_INSERT_HEAD(&conn->shared->remains, conn, remains);
	else
		tcp_conn_free(conn);
}

void tcp_conn_drain(struct tcp_conn *conn, bool is_last)
{
	conn->is_busy = true;
	for (unsigned i = 0; i < READS_PER_DRAIN && conn->is_reading; i++) {
		if (!tcp_conn_read(conn))
			break;
	}
	conn->is_eof = true;
	conn->is_ending |= is_last;
	tcp_conn_settle(conn);
}

static bool tcp_conn_make_events(struct tcp_conn *conn)
{
	struct event_base *base = conn->shared->host->base;
	conn->readable = event_new(
		base, conn->fd, EV_READ | EV_PERSIST, tcp_conn_on_readable, conn);
	conn->writable = event_new(base, conn->fd, EV_WRITE, tcp_conn_on_writable, conn);
	conn->timer = event_new(base, -1, 0, tcp_conn_on_timer, conn);
	return conn->readable && conn->writable && conn->timer;
}

enum err tcp_conn_start(struct tcp_shared *shared, int fd, const struct sockaddr *client,
	struct binding *binding)
{
	struct tcp_conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		return ERR_NOMEM;
	}
	conn->shared = shared;
	conn->binding = binding_ref(binding);
	conn->fd = fd;
	memcpy(&conn->client, client, socket_address_length(client));
	conn->entry.client = ipaddr_from_sockaddr(client);
	conn->active_ms = clock_now_ms();
	if (!tcp_conn_make_events(conn)) {
		if (conn->readable)
			event_free(conn->readable);
		if (conn->writable)
			event_free(conn->writable);
		tcp_conn_free(conn);
		close(fd);
		return ERR_NOMEM;
	}
	tcp_table_add(&shared->table, &conn->entry);
	tcp_conn_settle(conn);
	return ERR_NONE;
}

enum err tcp_shared_init(struct tcp_shared *shared, struct query_worker *host,
	struct net_counters *counters, const struct net_limits *limits)
{
	shared->host = host;
	shared->counters = counters;
	shared->limits = limits;
	tcp_table_init(&shared->table);
	LIST_INIT(&shared->remains);
	shared->input = malloc(INPUT_SIZE);
	shared->output = malloc(OUTPUT_FLUSH + FRAME_MAX);
	if (shared->input && shared->output)
		return ERR_NONE;
	tcp_shared_deinit(shared);
	return ERR_NOMEM;
}

void tcp_shared_deinit(struct tcp_shared *shared)
{
	struct tcp_entry *entry = TAILQ_FIRST(&shared->table.all);
	while (entry) {
		struct tcp_entry *next = TAILQ_NEXT(entry, all);
		tcp_conn_close(tcp_conn_of(entry));
		entry = next;
	}
	struct tcp_conn *conn = LIST_FIRST(&shared->remains);
	while (conn) {
		struct tcp_conn *next = LIST_NEXT(conn, remains);
		tcp_conn_free(conn);
		conn = next;
	}
	free(shared->input);
	free(shared->output);
	shared->input = shared->output = NULL;
}
