/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/counter.h"
#include "server/base/log.h"
#include "server/plugin/forward/forward_series.h"
#include "server/plugin/forward/guest.h"
#include "server/wire/octets.h"

enum {
	NS_PER_MS = 1000000,
	PREFIX = 2,        /* the length in front of a message */
	CONNECT_MS = 4000, /* until it must be there */
	OUT_MAX = 1 << 20, /* a server that takes nothing is left */
	READS_PER_WAKEUP = 16,
};

static const int64_t complaint_ns = INT64_C(60000) * NS_PER_MS;

enum stream_state { STREAM_CONNECTS, STREAM_SHAKES_HANDS, STREAM_OPEN, STREAM_DEAD };

struct stream {
	LIST_ENTRY(stream) link;
	struct upstream *upstream;
	struct event *readable, *writable;
	struct tls_session *tls; /* NULL: plain TCP */
	int fd;
	enum stream_state state;
	bool has_answered;
	int64_t made_ns, used_ns;
	int64_t waits_ns; /* since when nothing has been heard; 0: nothing is due */
	struct exchange exchange;
	uint8_t *out;
	size_t out_length, out_capacity;
	size_t in_length;
	uint8_t in[PREFIX + DNS_MESSAGE_MAX];
};

static void stream_free(struct stream *stream)
{
	tls_session_free(stream->tls);
	if (stream->readable)
		event_free(stream->readable);
	if (stream->writable)
		event_free(stream->writable);
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->out);
	free(stream);
}

/* It is freed by the sweep, as it may be the one that is being read from. Questions of a
 * connection that was good until now are asked again, as an upstream may close one that
 * it finds idle; others go to the next upstream. */
static void stream_end(struct stream *stream)
{
	struct stream_pool *pool = &stream->upstream->streams;
	struct attempt *attempt;
	if (stream->state == STREAM_DEAD)
		return;
	stream->state = STREAM_DEAD;
	event_del(stream->readable);
	event_del(stream->writable);
	LIST_REMOVE(stream, link);
	pool->count--;
	LIST_INSERT_HEAD(&pool->dead, stream, link);
	while ((attempt = exchange_first(&stream->exchange))) {
		if (stream->has_answered)
			inquiry_on_closed(attempt);
		else
			inquiry_on_unreachable(attempt);
	}
}

static void complain(struct stream *stream)
{
	char problem[TLS_PROBLEM_SIZE];
	struct stream_pool *pool = &stream->upstream->streams;
	int64_t now_ns = stream->upstream->guest->now_ns;
	if (pool->complained_ns && now_ns - pool->complained_ns < complaint_ns)
		return;
	pool->complained_ns = now_ns;
	log_warn("upstream \"%s\": %s", stream->upstream->options->text,
		tls_problem(stream->tls, problem));
}

/* --- writing --- */

static void stream_flush(struct stream *stream)
{
	size_t sent = 0;
	while (sent < stream->out_length) {
		const uint8_t *at = stream->out + sent;
		size_t left = stream->out_length - sent;
		ssize_t result = stream->tls ? tls_write(stream->tls, at, left)
					     : send(stream->fd, at, left, MSG_NOSIGNAL);
		if (result <= 0 && errno != EAGAIN && errno != EINTR) {
			stream_end(stream);
			return;
		}
		if (result <= 0)
			break;
		sent += (size_t)result;
	}
	stream->out_length -= sent;
	if (sent)
		memmove(stream->out, stream->out + sent, stream->out_length);
	if (stream->out_length)
		(void)event_add(stream->writable, NULL);
	else
		event_del(stream->writable);
}

static bool stream_put(struct stream *stream, const uint8_t *message, size_t length)
{
	size_t wanted = stream->out_length + PREFIX + length;
	if (wanted > OUT_MAX)
		return false;
	if (wanted > stream->out_capacity) {
		uint8_t *out = realloc(stream->out, wanted * 2);
		if (!out)
			return false;
		stream->out = out;
		stream->out_capacity = wanted * 2;
	}
	octets_put_u16(stream->out + stream->out_length, (uint16_t)length);
	memcpy(stream->out + stream->out_length + PREFIX, message, length);
	stream->out_length = wanted;
	return true;
}

/* --- reading --- */

static void stream_on_message(
	struct stream *stream, const uint8_t *message, size_t length)
{
	struct forward_guest *guest = stream->upstream->guest;
	struct attempt *attempt = NULL;
	stream->has_answered = true;
	stream->used_ns = guest->now_ns;
	if (length >= DNS_HEADER_SIZE)
		attempt = exchange_find(&stream->exchange, octets_get_u16(message));
	if (attempt)
		inquiry_on_message(attempt, message, length, true);
	else
		guest_count_wrong(stream->upstream);
	stream->waits_ns = stream->exchange.count ? guest->now_ns : 0;
}

/* The whole messages of what has been read. */
static void stream_take_messages(struct stream *stream)
{
	size_t at = 0;
	while (stream->state != STREAM_DEAD && stream->in_length - at >= PREFIX) {
		size_t length = octets_get_u16(stream->in + at);
		if (stream->in_length - at < PREFIX + length)
			break;
		stream_on_message(stream, stream->in + at + PREFIX, length);
		at += PREFIX + length;
	}
	stream->in_length -= at;
	memmove(stream->in, stream->in + at, stream->in_length);
}

static void stream_read(struct stream *stream)
{
	for (unsigned i = 0; i < READS_PER_WAKEUP || stream->tls; i++) {
		uint8_t *at = stream->in + stream->in_length;
		size_t room = sizeof(stream->in) - stream->in_length;
		ssize_t result = stream->tls ? tls_read(stream->tls, at, room)
					     : recv(stream->fd, at, room, 0);
		if (result < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (result <= 0) {
			stream_end(stream);
			return;
		}
		stream->in_length += (size_t)result;
		stream_take_messages(stream);
		if (stream->state == STREAM_DEAD)
			return;
	}
}

/* --- opening --- */

static bool stream_is_connected(struct stream *stream)
{
	int failure = 0;
	socklen_t size = sizeof(failure);
	return !getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &failure, &size) && !failure;
}

static void stream_shake_hands(struct stream *stream)
{
	switch (tls_handshake(stream->tls)) {
	case TLS_DONE:
		stream->state = STREAM_OPEN;
		break;
	case TLS_WANTS_WRITE:
		(void)event_add(stream->writable, NULL);
		break;
	case TLS_WANTS_READ:
		event_del(stream->writable);
		break;
	default:
		complain(stream);
		stream_end(stream);
		break;
	}
}

static void stream_on_event(evutil_socket_t fd, short events, void *data)
{
	struct stream *stream = data;
	(void)fd;
	(void)events;
	guest_enter(stream->upstream->guest);
	if (stream->state == STREAM_CONNECTS) {
		if (stream_is_connected(stream))
			stream->state = stream->tls ? STREAM_SHAKES_HANDS : STREAM_OPEN;
		else
			stream_end(stream);
	}
	if (stream->state == STREAM_SHAKES_HANDS)
		stream_shake_hands(stream);
	if (stream->state == STREAM_OPEN)
		stream_flush(stream);
	if (stream->state == STREAM_OPEN)
		stream_read(stream);
	guest_leave(stream->upstream->guest);
}

static bool stream_open(struct stream *stream)
{
	struct upstream *upstream = stream->upstream;
	const struct sockaddr_storage *address = &upstream->options->address;
	struct event_base *base = upstream->guest->worker->base;
	int on = 1;
	stream->fd =
		socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (stream->fd < 0)
		return false;
	setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	const struct sockaddr_storage *source = &upstream->guest->forward->options.source;
	if (source->ss_family == address->ss_family &&
		bind(stream->fd, (const struct sockaddr *)source,
			guest_address_length(source)))
		return false;
	if (connect(stream->fd, (const struct sockaddr *)address,
		    guest_address_length(address)) &&
		errno != EINPROGRESS)
		return false;
	if (upstream->options->is_tls) {
		stream->tls = tls_session_new(upstream->guest->forward->options.tls,
			stream->fd, upstream->options->server_name, address,
			&upstream->streams.memory);
		if (!stream->tls)
			return false;
	}
	stream->readable = event_new(
		base, stream->fd, EV_READ | EV_PERSIST, stream_on_event, stream);
	stream->writable = event_new(
		base, stream->fd, EV_WRITE | EV_PERSIST, stream_on_event, stream);
	return stream->readable && stream->writable &&
	       !event_add(stream->readable, NULL) && !event_add(stream->writable, NULL);
}

static struct stream *stream_new(struct upstream *upstream)
{
	struct stream_pool *pool = &upstream->streams;
	if (pool->count >= STREAMS_MAX)
		return NULL;
	struct stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	stream->upstream = upstream;
	stream->made_ns = upstream->guest->now_ns;
	if (!stream_open(stream)) {
		stream_free(stream);
		return NULL;
	}
	LIST_INSERT_HEAD(&pool->streams, stream, link);
	pool->count++;
	return stream;
}

/* --- the pool --- */

static bool is_too_old(const struct stream *stream)
{
	const struct forward_guest *guest = stream->upstream->guest;
	int64_t limit_ms = guest->forward->options.max_age_ms;
	return limit_ms && guest->now_ns - stream->made_ns >= limit_ms * NS_PER_MS;
}

static bool may_take_more(const struct stream *stream)
{
	return stream->exchange.count < STREAM_IN_FLIGHT_MAX && !is_too_old(stream);
}

static struct stream *pool_find(const struct stream_pool *pool)
{
	struct stream *stream;
	LIST_FOREACH(stream, &pool->streams, link)
	if (may_take_more(stream))
		return stream;
	return NULL;
}

static void count_connection(const struct upstream *upstream, const struct stream *found)
{
	unsigned proto = upstream->options->is_tls ? PROTO_TLS : PROTO_TCP;
	if (upstream->counts)
		counter_add(found ? &upstream->counts->hits[proto]
				  : &upstream->counts->misses[proto],
			1);
}

bool stream_pool_send(struct stream_pool *pool, struct attempt *attempt, uint8_t *message,
	size_t length, bool is_retry)
{
	struct upstream *upstream = attempt->upstream;
	int64_t now_ns = upstream->guest->now_ns;
	struct stream *stream = is_retry ? NULL : pool_find(pool);
	count_connection(upstream, stream);
	if (!stream)
		stream = stream_new(upstream);
	if (!stream)
		return false;
	exchange_add(&stream->exchange, attempt, &upstream->guest->random);
	octets_put_u16(message, attempt->id);
	attempt->sent_ns = stream->used_ns = now_ns;
	if (!stream->waits_ns)
		stream->waits_ns = now_ns;
	if (!stream_put(stream, message, length)) {
		exchange_remove(attempt);
		return false;
	}
	/* What fails now is told by the event, not to the one who asks. */
	if (stream->state == STREAM_OPEN)
		(void)event_add(stream->writable, NULL);
	return true;
}

/* Idle for long enough, one too many, or silent while something is due. */
static bool is_over(const struct stream *stream, unsigned *idle)
{
	const struct forward_guest *guest = stream->upstream->guest;
	const struct forward_options *options = &guest->forward->options;
	int64_t now_ns = guest->now_ns;
	if (stream->state != STREAM_OPEN)
		return now_ns - stream->made_ns >= CONNECT_MS * (int64_t)NS_PER_MS;
	if (stream->exchange.count)
		return false;
	if (stream->waits_ns &&
		now_ns - stream->waits_ns >= options->read_timeout_ms * NS_PER_MS)
		return true;
	++*idle;
	return is_too_old(stream) ||
	       now_ns - stream->used_ns >= options->expire_ms * NS_PER_MS ||
	       (options->max_idle && *idle > options->max_idle);
}

static void free_dead(struct stream_pool *pool)
{
	struct stream *stream;
	while ((stream = LIST_FIRST(&pool->dead))) {
		LIST_REMOVE(stream, link);
		stream_free(stream);
	}
}

bool stream_pool_sweep(struct stream_pool *pool)
{
	unsigned idle = 0;
	struct stream *next;
	for (struct stream *stream = LIST_FIRST(&pool->streams); stream; stream = next) {
		next = LIST_NEXT(stream, link);
		if (is_over(stream, &idle))
			stream_end(stream);
	}
	free_dead(pool);
	return !LIST_EMPTY(&pool->streams);
}

void stream_pool_close(struct stream_pool *pool)
{
	struct stream *stream;
	while ((stream = LIST_FIRST(&pool->streams))) {
		LIST_REMOVE(stream, link);
		stream_free(stream);
	}
	free_dead(pool);
	tls_forget(&pool->memory);
}
