/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/base/counter.h"
#include "server/base/log.h"
#include "server/net/tcp.h"
#include "server/net/udp.h"
#include "server/query/series.h"
#include "zones/store/reader.h"

struct worker {
	/* Written on every query, so on cache lines of its own (aligned allocation). */
	struct net_counters counters;
	struct net_limits limits;
	unsigned number;
	struct event_base *base;
	struct event *stop_event, *drain_timer;
	int stop_fd; /* an eventfd: readable when the worker is to stop */
	struct udp *udp;
	struct tcp *tcp;
	pthread_t thread;
	bool is_running;
	bool is_over; /* the time for draining is */
} __attribute__((aligned(64)));

static void worker_on_stop(evutil_socket_t fd, short events, void *data)
{
	(void)fd;
	(void)events;
	event_base_loopbreak(data);
}

static void worker_on_drain_timer(evutil_socket_t fd, short events, void *data)
{
	struct worker *worker = data;
	(void)fd;
	(void)events;
	worker->is_over = true;
}

/* Libevent is given no locks: a base belongs to one thread, and the thread's start
 * publishes what the control thread prepared. */
static struct event_base *worker_make_base(void)
{
	struct event_config *config = event_config_new();
	if (!config)
		return NULL;
	struct event_base *base = NULL;
	if (!event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK))
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static bool worker_prepare(struct worker *worker)
{
	worker->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->stop_fd < 0)
		return false;
	worker->base = worker_make_base();
	if (!worker->base)
		return false;
	worker->stop_event = event_new(
		worker->base, worker->stop_fd, EV_READ, worker_on_stop, worker->base);
	worker->drain_timer =
		event_new(worker->base, -1, 0, worker_on_drain_timer, worker);
	worker->udp = udp_new(worker->base, &worker->counters);
	worker->tcp = tcp_new(worker->base, &worker->counters, &worker->limits);
	return worker->stop_event && worker->drain_timer && worker->udp && worker->tcp &&
	       !event_add(worker->stop_event, NULL);
}

struct worker *worker_new(unsigned number, const struct net_limits *limits)
{
	struct worker *worker = aligned_alloc(64, sizeof(*worker));
	if (!worker)
		return NULL;
	memset(worker, 0, sizeof(*worker));
	worker->number = number;
	worker->limits = *limits;
	if (!worker_prepare(worker)) {
		int cause = errno;
		worker_free(worker);
		errno = cause;
		return NULL;
	}
	return worker;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	worker_stop(worker);
	worker_join(worker);
	tcp_free(worker->tcp);
	udp_free(worker->udp);
	if (worker->stop_event)
		event_free(worker->stop_event);
	if (worker->drain_timer)
		event_free(worker->drain_timer);
	if (worker->base)
		event_base_free(worker->base);
	if (worker->stop_fd >= 0)
		close(worker->stop_fd);
	free(worker);
}

enum err worker_give_sockets(struct worker *worker, const struct socket_pair *sockets,
	const struct router *router, bool has_source)
{
	enum err udp = udp_give_socket(worker->udp, sockets->udp, router, has_source);
	enum err tcp = tcp_give_listener(worker->tcp, sockets->tcp, router);
	return udp ? udp : tcp;
}

static bool worker_has_work(const struct worker *worker)
{
	return tcp_connection_count(worker->tcp) || udp_pending_count(worker->udp);
}

static void worker_drain(struct worker *worker)
{
	unsigned wait_ms = worker->limits.drain_timeout_ms;
	struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	tcp_drain(worker->tcp);
	udp_drain(worker->udp);
	if (event_add(worker->drain_timer, &wait))
		return;
	while (worker_has_work(worker) && !worker->is_over) {
		if (event_base_loop(worker->base, EVLOOP_ONCE))
			return;
	}
}

static void *worker_main(void *data)
{
	struct worker *worker = data;
	char name[16];
	snprintf(name, sizeof(name), "worker-%u", worker->number);
	pthread_setname_np(pthread_self(), name);
	store_reader_register();
	series_register(worker->number);
	if (event_base_dispatch(worker->base))
		log_error("the event loop of worker %u failed", worker->number);
	worker_drain(worker);
	store_reader_unregister();
	return NULL;
}

enum err worker_start(struct worker *worker)
{
	sigset_t all, before;
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = failure;
	worker->is_running = !failure;
	return failure ? ERR_IO : ERR_NONE;
}

void worker_stop(struct worker *worker)
{
	/* Cannot fail: the counter of an eventfd is full only after 2^64 - 2 stops. */
	if (worker->is_running)
		eventfd_write(worker->stop_fd, 1);
}

void worker_join(struct worker *worker)
{
	if (worker->is_running)
		pthread_join(worker->thread, NULL);
	worker->is_running = false;
}

void worker_add_counters(const struct worker *worker, struct net_counters *sum)
{
	/* Both are nothing but counters. */
	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counters only");
	const uint64_t *from = (const uint64_t *)&worker->counters;
	uint64_t *to = (uint64_t *)sum;
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += counter_read(&from[i]);
	sum->udp_kernel_drops += udp_kernel_drops(worker->udp);
}
