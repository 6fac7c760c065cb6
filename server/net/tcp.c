/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/tcp.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/counter.h"
#include "server/base/log.h"
#include "server/net/binding.h"
#include "server/net/tcp_conn.h"
#include "server/net/workers.h"
#include "server/query/worker_host.h"

enum {
	ACCEPTS_PER_WAKEUP = 64, /* then UDP has its turn */
	ACCEPTS_PER_DRAIN = 1024,
	BACK_OFF_MS = 100,
	LOG_INTERVAL_MS = 60000,
};

struct tcp_listener {
	struct tcp *tcp;
	struct tcp_listener *next;
	struct event *event;
	struct binding *binding;
	int fd;
};

struct tcp {
	struct tcp_shared shared;
	struct tcp_listener *listeners;
	struct event *back_off; /* accepts again when it fires */
	struct log_limit exhausted_limit;
};

static void tcp_listeners_enable(struct tcp *tcp)
{
	for (struct tcp_listener *i = tcp->listeners; i; i = i->next) {
		if (event_add(i->event, NULL))
			log_error("cannot accept tcp connections: out of memory");
	}
}

static void tcp_on_back_off(evutil_socket_t fd, short events, void *data)
{
	(void)fd;
	(void)events;
	tcp_listeners_enable(data);
}

static bool tcp_evict(struct tcp *tcp, const struct ipaddr *client)
{
	struct tcp_entry *entry = tcp_table_find_idle(&tcp->shared.table, client);
	if (!entry)
		return false;
	counter_add(&tcp->shared.counters->tcp_timeouts, 1);
	tcp_conn_close(tcp_conn_of(entry));
	return true;
}

/* Out of descriptors or kernel memory: the connection stays in the queue, where it would
 * wake us again at once. */
static void tcp_back_off(struct tcp *tcp)
{
	uint64_t left_out;
	if (log_limit_pass(&tcp->exhausted_limit, LOG_INTERVAL_MS, &left_out))
		log_errno("cannot accept tcp connections for now (%llu such lines left "
			  "out)",
			(unsigned long long)left_out);
	tcp_evict(tcp, NULL);
	struct timeval wait = {0, BACK_OFF_MS * 1000};
	if (event_add(tcp->back_off, &wait))
		return;
	for (struct tcp_listener *i = tcp->listeners; i; i = i->next)
		event_del(i->event);
}

/* Room for one more of `client`, at the expense of the connection idle for longest. */
static bool tcp_make_room(struct tcp *tcp, const struct ipaddr *client)
{
	const struct net_limits *limits = tcp->shared.limits;
	struct tcp_table *table = &tcp->shared.table;
	if (tcp_table_count_client(table, client) >= limits->tcp_connections_per_client)
		return tcp_evict(tcp, client);
	if (table->count >= limits->tcp_connections)
		return tcp_evict(tcp, NULL);
	return true;
}

static void tcp_admit(
	struct tcp_listener *listener, int fd, const struct sockaddr *client)
{
	struct tcp *tcp = listener->tcp;
	struct net_counters *counters = tcp->shared.counters;
	struct ipaddr address = ipaddr_from_sockaddr(client);
	if (!tcp_make_room(tcp, &address)) {
		counter_add(&counters->tcp_refused, 1);
		close(fd);
		return;
	}
	if (tcp_conn_start(&tcp->shared, fd, client, listener->binding))
		counter_add(&counters->tcp_refused, 1);
	else
		counter_add(&counters->tcp_accepted, 1);
}

static bool tcp_is_exhausted(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void tcp_accept(struct tcp_listener *listener, unsigned limit)
{
	for (unsigned i = 0; i < limit; i++) {
		struct sockaddr_storage client;
		socklen_t length = sizeof(client);
		int fd = accept4(listener->fd, (struct sockaddr *)&client, &length,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			tcp_admit(listener, fd, (struct sockaddr *)&client);
		} else if (errno == EAGAIN) {
			return;
		} else if (tcp_is_exhausted(errno)) {
			tcp_back_off(listener->tcp);
			return;
		}
		/* Every other error is that of one connection (accept(2)): on to the
		 * next. */
	}
}

static void tcp_on_connection(evutil_socket_t fd, short events, void *data)
{
	(void)fd;
	(void)events;
	tcp_accept(data, ACCEPTS_PER_WAKEUP);
}

struct tcp *tcp_new(struct query_worker *host, struct net_counters *counters,
	const struct net_limits *limits)
{
	struct tcp *tcp = calloc(1, sizeof(*tcp));
	if (!tcp)
		return NULL;
	if (tcp_shared_init(&tcp->shared, host, counters, limits)) {
		free(tcp);
		return NULL;
	}
	tcp->back_off = event_new(host->base, -1, 0, tcp_on_back_off, tcp);
	if (!tcp->back_off) {
		tcp_free(tcp);
		return NULL;
	}
	return tcp;
}

static void tcp_listener_free(struct tcp_listener *listener)
{
	if (listener->event)
		event_free(listener->event);
	close(listener->fd);
	binding_unref(listener->binding);
	free(listener);
}

static void tcp_close_listeners(struct tcp *tcp)
{
	while (tcp->listeners) {
		struct tcp_listener *listener = tcp->listeners;
		tcp->listeners = listener->next;
		tcp_listener_free(listener);
	}
}

void tcp_free(struct tcp *tcp)
{
	if (!tcp)
		return;
	tcp_close_listeners(tcp);
	tcp_shared_deinit(&tcp->shared);
	if (tcp->back_off)
		event_free(tcp->back_off);
	free(tcp);
}

enum err tcp_give_listener(struct tcp *tcp, int fd, struct binding *binding)
{
	struct tcp_listener *listener = calloc(1, sizeof(*listener));
	if (!listener) {
		close(fd);
		return ERR_NOMEM;
	}
	*listener = (struct tcp_listener){.tcp = tcp, .binding = binding, .fd = fd};
	binding_ref(binding);
	listener->event = event_new(tcp->shared.host->base, fd, EV_READ | EV_PERSIST,
		tcp_on_connection, listener);
	if (!listener->event || event_add(listener->event, NULL)) {
		tcp_listener_free(listener);
		return ERR_NOMEM;
	}
	listener->next = tcp->listeners;
	tcp->listeners = listener;
	return ERR_NONE;
}

/* Those of `binding`; NULL: all. */
static void tcp_drain_connections(struct tcp *tcp, const struct binding *binding)
{
	struct tcp_entry *entry = TAILQ_FIRST(&tcp->shared.table.all);
	while (entry) {
		/* Draining may close this connection, and no other. */
		struct tcp_entry *next = TAILQ_NEXT(entry, all);
		struct tcp_conn *conn = tcp_conn_of(entry);
		if (!binding || tcp_conn_binding(conn) == binding)
			tcp_conn_drain(conn, binding != NULL);
		entry = next;
	}
}

void tcp_drain(struct tcp *tcp)
{
	for (struct tcp_listener *i = tcp->listeners; i; i = i->next)
		tcp_accept(i, ACCEPTS_PER_DRAIN);
	event_del(tcp->back_off);
	tcp_close_listeners(tcp);
	tcp_drain_connections(tcp, NULL);
}

void tcp_close_listener(struct tcp *tcp, const struct binding *binding)
{
	struct tcp_listener **at = &tcp->listeners;
	while (*at && (*at)->binding != binding)
		at = &(*at)->next;
	struct tcp_listener *listener = *at;
	if (!listener)
		return;
	tcp_accept(listener, ACCEPTS_PER_DRAIN);
	*at = listener->next;
	tcp_listener_free(listener);
	tcp_drain_connections(tcp, binding);
}

unsigned tcp_connection_count(const struct tcp *tcp)
{
	return tcp->shared.table.count;
}
