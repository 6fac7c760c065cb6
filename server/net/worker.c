/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/counter.h"
#include "server/base/log.h"
#include "server/net/binding.h"
#include "server/net/mailbox.h"
#include "server/net/tcp.h"
#include "server/net/udp.h"
#include "server/net/worker_timer.h"
#include "server/query/series.h"
#include "server/query/worker_host.h"
#include "zones/store/reader.h"

/* What the control thread asks for. */
struct worker_order {
	struct mailbox_job job;
	enum { ORDER_OPEN, ORDER_CLOSE, ORDER_EVICT } what;
	struct socket_pair sockets;
	struct binding *binding;
	const void *configuration;
	enum err err;
};

struct worker {
	/* Written on every query, so on cache lines of its own (aligned allocation). */
	struct net_counters counters;
	struct net_limits limits;
	struct query_worker host;
	struct event *drain_timer;
	struct mailbox *mailbox;
	struct mailbox_job stop;
	struct worker_order order;
	struct udp *udp;
	struct tcp *tcp;
	pthread_t thread;
	bool is_running, is_stopping;
	bool is_over; /* the time for draining is */
} __attribute__((aligned(64)));

static struct worker *worker_of(struct mailbox_job *job, size_t offset)
{
	return (struct worker *)(void *)((char *)job - offset);
}

static void worker_on_stop(struct mailbox_job *job)
{
	event_base_loopbreak(worker_of(job, offsetof(struct worker, stop))->host.base);
}

static void worker_on_order(struct mailbox_job *job)
{
	struct worker *worker = worker_of(job, offsetof(struct worker, order.job));
	struct worker_order *order = &worker->order;
	order->err = ERR_NONE;
	switch (order->what) {
	case ORDER_OPEN:
		order->err = worker_give_sockets(worker, &order->sockets, order->binding);
		break;
	case ORDER_CLOSE:
		udp_close_socket(worker->udp, order->binding);
		tcp_close_listener(worker->tcp, order->binding);
		break;
	case ORDER_EVICT:
		query_worker_evict(&worker->host, order->configuration);
		break;
	}
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
	worker->host.base = worker_make_base();
	if (!worker->host.base)
		return false;
	worker_timer_init(&worker->host);
	worker->mailbox = mailbox_new(worker->host.base);
	if (!worker->mailbox)
		return false;
	worker->drain_timer =
		event_new(worker->host.base, -1, 0, worker_on_drain_timer, worker);
	worker->udp = udp_new(&worker->host, &worker->counters);
	worker->tcp = tcp_new(&worker->host, &worker->counters, &worker->limits);
	return worker->drain_timer && worker->udp && worker->tcp;
}

struct worker *worker_new(unsigned number, const struct net_limits *limits)
{
	struct worker *worker = aligned_alloc(64, sizeof(*worker));
	if (!worker)
		return NULL;
	memset(worker, 0, sizeof(*worker));
	worker->host.number = number;
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
	mailbox_free(worker->mailbox);
	if (worker->drain_timer)
		event_free(worker->drain_timer);
	if (worker->host.base)
		event_base_free(worker->host.base);
	free(worker);
}

enum err worker_give_sockets(
	struct worker *worker, const struct socket_pair *sockets, struct binding *binding)
{
	enum err udp = udp_give_socket(
		worker->udp, sockets->udp, binding, socket_is_wildcard(&binding->bound));
	enum err tcp = tcp_give_listener(worker->tcp, sockets->tcp, binding);
	return udp ? udp : tcp;
}

static void worker_post(struct worker *worker, const struct worker_order *order)
{
	worker->order = *order;
	worker->order.job.run = worker_on_order;
	mailbox_post(worker->mailbox, &worker->order.job);
}

void worker_post_open(
	struct worker *worker, const struct socket_pair *sockets, struct binding *binding)
{
	const struct worker_order order = {
		.what = ORDER_OPEN, .sockets = *sockets, .binding = binding};
	worker_post(worker, &order);
}

void worker_post_close(struct worker *worker, struct binding *binding)
{
	const struct worker_order order = {.what = ORDER_CLOSE, .binding = binding};
	worker_post(worker, &order);
}

void worker_post_evict(struct worker *worker, const void *configuration)
{
	const struct worker_order order = {
		.what = ORDER_EVICT, .configuration = configuration};
	worker_post(worker, &order);
}

enum err worker_wait(struct worker *worker)
{
	struct worker_order *order = &worker->order;
	if (mailbox_wait(worker->mailbox, &order->job))
		return order->err;
	if (order->what == ORDER_OPEN) {
		close(order->sockets.udp);
		close(order->sockets.tcp);
	}
	return ERR_IO;
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
		if (event_base_loop(worker->host.base, EVLOOP_ONCE))
			return;
	}
}

static void *worker_main(void *data)
{
	struct worker *worker = data;
	char name[16];
	snprintf(name, sizeof(name), "worker-%u", worker->host.number);
	pthread_setname_np(pthread_self(), name);
	store_reader_register();
	series_register(worker->host.number);
	if (event_base_dispatch(worker->host.base))
		log_error("the event loop of worker %u failed", worker->host.number);
	mailbox_close(worker->mailbox);
	worker_drain(worker);
	query_worker_evict(&worker->host, NULL);
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
	if (!worker->is_running || worker->is_stopping)
		return;
	worker->is_stopping = true;
	worker->stop.run = worker_on_stop;
	mailbox_post(worker->mailbox, &worker->stop);
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
