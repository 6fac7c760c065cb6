/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/udp_pool.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/counter.h"
#include "server/plugin/forward/forward_series.h"
#include "server/plugin/forward/guest.h"
#include "server/wire/message.h"
#include "server/wire/octets.h"

enum {
	USES_MIN = 64,
	USES_SPREAD = 192,
	PORT_MIN = 1024,
	PORT_TRIES = 8,
	READS_PER_WAKEUP = 64,
};

static const int64_t life_ns = 10 * INT64_C(1000000000);

struct udp_source {
	struct udp_source *next; /* among the retired */
	struct upstream *upstream;
	struct event *event;
	int fd;
	unsigned uses_left;
	int64_t end_ns; /* no new question from here on */
	struct exchange exchange;
};

static void source_free(struct udp_source *source)
{
	if (source->event)
		event_free(source->event);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
}

/* --- receiving --- */

/* What the network says of a question that was sent from here (ICMP): nobody listens
 * there. It may be forged, so it only makes us ask elsewhere at once. */
static void source_on_error(struct udp_source *source)
{
	struct attempt *attempt = exchange_first(&source->exchange);
	if (attempt)
		inquiry_on_unreachable(attempt);
}

static void source_on_message(
	struct udp_source *source, const uint8_t *message, size_t length)
{
	struct attempt *attempt = NULL;
	if (length >= DNS_HEADER_SIZE)
		attempt = exchange_find(&source->exchange, octets_get_u16(message));
	if (!attempt) {
		guest_count_wrong(source->upstream);
		return;
	}
	inquiry_on_message(attempt, message, length, false);
}

static void source_on_readable(evutil_socket_t fd, short events, void *data)
{
	struct udp_source *source = data;
	struct forward_guest *guest = source->upstream->guest;
	(void)events;
	guest_enter(guest);
	for (unsigned i = 0; i < READS_PER_WAKEUP; i++) {
		ssize_t length = recv(fd, guest->buffer, sizeof(guest->buffer), 0);
		if (length >= 0)
			source_on_message(source, guest->buffer, (size_t)length);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			source_on_error(source);
	}
	guest_leave(guest);
}

/* --- opening --- */

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

/* A port of our own choice; the kernel's where those that are drawn are taken. */
static bool bind_randomly(int fd, struct forward_guest *guest, sa_family_t family)
{
	struct sockaddr_storage address = guest->forward->options.source;
	socklen_t length = family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
	if (address.ss_family != family)
		address = (struct sockaddr_storage){.ss_family = family};
	for (unsigned i = 0; i < PORT_TRIES; i++) {
		uint32_t port = PORT_MIN +
				random_below(&guest->random, UINT16_MAX + 1 - PORT_MIN);
		set_port(&address, (uint16_t)port);
		if (!bind(fd, (struct sockaddr *)&address, length))
			return true;
		if (errno != EADDRINUSE && errno != EACCES)
			return false;
	}
	set_port(&address, 0);
	return !bind(fd, (struct sockaddr *)&address, length);
}

static struct udp_source *source_new(struct upstream *upstream, int64_t now_ns)
{
	struct forward_guest *guest = upstream->guest;
	const struct sockaddr_storage *address = &upstream->options->address;
	struct udp_source *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->upstream = upstream;
	source->uses_left = USES_MIN + random_below(&guest->random, USES_SPREAD);
	source->end_ns = now_ns + life_ns;
	source->fd =
		socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (source->fd >= 0 && bind_randomly(source->fd, guest, address->ss_family) &&
		!connect(source->fd, (const struct sockaddr *)address,
			guest_address_length(address)))
		source->event = event_new(guest->worker->base, source->fd,
			EV_READ | EV_PERSIST, source_on_readable, source);
	if (source->event && !event_add(source->event, NULL))
		return source;
	int cause = errno;
	source_free(source);
	errno = cause;
	return NULL;
}

/* Not freed here: it may be the one that is being read from. */
static void retire(struct udp_pool *pool, struct udp_source **slot)
{
	struct udp_source *source = *slot;
	*slot = NULL;
	source->next = pool->retired;
	pool->retired = source;
}

static struct udp_source *pool_draw(
	struct udp_pool *pool, struct upstream *upstream, int64_t now_ns)
{
	struct udp_source **slot =
		&pool->sources[random_below(&upstream->guest->random, UDP_POOL_SIZE)];
	if (*slot && (!(*slot)->uses_left || now_ns >= (*slot)->end_ns ||
			     (*slot)->exchange.count >= EXCHANGE_MAX))
		retire(pool, slot);
	if (upstream->counts)
		counter_add(*slot ? &upstream->counts->hits[PROTO_UDP]
				  : &upstream->counts->misses[PROTO_UDP],
			1);
	if (!*slot)
		*slot = source_new(upstream, now_ns);
	return *slot;
}

/* --- the pool --- */

bool udp_pool_send(struct udp_pool *pool, struct attempt *attempt, uint8_t *message,
	size_t length, int64_t now_ns)
{
	struct upstream *upstream = attempt->upstream;
	struct udp_source *source = pool_draw(pool, upstream, now_ns);
	if (!source)
		return false;
	source->uses_left--;
	exchange_add(&source->exchange, attempt, &upstream->guest->random);
	octets_put_u16(message, attempt->id);
	attempt->sent_ns = now_ns;
	ssize_t sent = send(source->fd, message, length, 0);
	/* An error of an earlier question is told at the next call, once. */
	if (sent < 0 && errno != EAGAIN)
		sent = send(source->fd, message, length, 0);
	if (sent >= 0)
		return true;
	exchange_remove(attempt);
	return false;
}

bool udp_pool_sweep(struct udp_pool *pool, int64_t now_ns)
{
	bool is_used = false;
	for (unsigned i = 0; i < UDP_POOL_SIZE; i++) {
		if (pool->sources[i] && now_ns >= pool->sources[i]->end_ns)
			retire(pool, &pool->sources[i]);
		is_used |= pool->sources[i] != NULL;
	}
	struct udp_source **link = &pool->retired;
	while (*link) {
		struct udp_source *source = *link;
		if (source->exchange.count) {
			link = &source->next;
			continue;
		}
		*link = source->next;
		source_free(source);
	}
	return is_used || pool->retired;
}

void udp_pool_close(struct udp_pool *pool)
{
	for (unsigned i = 0; i < UDP_POOL_SIZE; i++)
		if (pool->sources[i])
			source_free(pool->sources[i]);
	while (pool->retired) {
		struct udp_source *source = pool->retired;
		pool->retired = source->next;
		source_free(source);
	}
}
