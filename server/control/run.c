/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/turn.h"
#include "server/control/envfiles.h"
#include "server/control/reload.h"
#include "server/control/telemetry.h"
#include "zones/registry/registry.h"

enum { HOUSEKEEPING_S = 1 };

struct control {
	struct server *server;
	struct event_base *base;
	struct event *signals[2];
	struct event *housekeeping;
	struct event *lameduck; /* the end, when it fires */
	bool is_ending;
	struct envfiles *envfiles;
	struct telemetry *telemetry;
	struct reload *reload;
	unsigned worker_count;
	struct workers *workers;
	uint64_t kernel_drops; /* told so far */
};

/* One worker for each core that this process may use. */
static unsigned worker_count(void)
{
	cpu_set_t cpus;
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 1;
	int count = CPU_COUNT(&cpus);
	return count > 0 ? (unsigned)count : 1;
}

static void on_signal(evutil_socket_t number, short events, void *context)
{
	(void)events;
	struct control *control = context;
	int64_t wait_ms = 0;
	if (number == SIGTERM && !control->is_ending)
		wait_ms = telemetry_end_ms(control->telemetry);
	control->is_ending = true;
	const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	if (wait_ms && !event_add(control->lameduck, &wait)) {
		log_info("SIGTERM: ending in %" PRId64
			 " ms (lameduck), at once with another signal",
			wait_ms);
		return;
	}
	log_info("%s: ending", number == SIGTERM ? "SIGTERM" : "SIGINT");
	event_base_loopbreak(control->base);
}

static void on_lameduck_end(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct control *control = context;
	event_base_loopbreak(control->base);
}

static void update_telemetry(struct control *control)
{
	const struct telemetry_source source = {
		control->server, control->workers, reload_failed(control->reload)};
	telemetry_update(control->telemetry, &source);
}

static void on_housekeeping(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct control *control = context;
	/* While an API server is waited for there is nothing to keep house for. */
	if (!control->workers)
		return;
	server_housekeep(control->server);
	reload_reclaim(control->reload);
	struct net_counters counters;
	workers_counters(control->workers, &counters);
	if (counters.udp_kernel_drops > control->kernel_drops)
		log_warn("the kernel dropped %" PRIu64
			 " queries: the receive buffer was full",
			counters.udp_kernel_drops - control->kernel_drops);
	control->kernel_drops = counters.udp_kernel_drops;
	update_telemetry(control);
}

static void log_listeners(const struct control *control)
{
	size_t count;
	server_listeners(control->server, &count);
	for (size_t i = 0; i < count; i++) {
		struct sockaddr_storage address;
		char text[IPADDR_TEXT_SIZE];
		workers_address(control->workers, i, &address);
		struct ipaddr ip = ipaddr_from_sockaddr((struct sockaddr *)&address);
		ipaddr_format(&ip, text);
		if (address.ss_family == AF_INET)
			log_info("listening on %s:%u (udp, tcp)", text,
				ntohs(((struct sockaddr_in *)&address)->sin_port));
		else
			log_info("listening on [%s]:%u (udp, tcp)", text,
				ntohs(((struct sockaddr_in6 *)&address)->sin6_port));
	}
}

static void log_clusters(const struct control *control)
{
	const struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(control->server, i)); i++) {
		const struct registry *registry = cluster_registry(cluster);
		log_info("%zu services, %zu endpoint slices, %zu pods in %zu namespaces",
			registry_count(registry, OBJECT_SERVICE),
			registry_count(registry, OBJECT_SLICE) +
				registry_count(registry, OBJECT_ENDPOINTS),
			registry_count(registry, OBJECT_POD),
			registry_count(registry, OBJECT_NAMESPACE));
	}
}

static void log_counters(const struct net_counters *counters)
{
	const struct query_counters *query = &counters->query;
	log_info("answered %" PRIu64 " queries of %" PRIu64 " over udp and %" PRIu64
		 " over tcp: %" PRIu64 " noerror, %" PRIu64 " nxdomain, %" PRIu64
		 " servfail, %" PRIu64 " refused; %" PRIu64 " truncated; dropped %" PRIu64
		 ", in the kernel %" PRIu64,
		query->replies, query->requests[TRANSPORT_UDP],
		query->requests[TRANSPORT_TCP], query->rcodes[RCODE_NOERROR],
		query->rcodes[RCODE_NXDOMAIN], query->rcodes[RCODE_SERVFAIL],
		query->rcodes[RCODE_REFUSED], query->truncated, query->dropped,
		counters->udp_kernel_drops);
}

static enum err control_init(struct control *control)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	const struct timeval interval = {.tv_sec = HOUSEKEEPING_S};
	/* A client that hangs up is seen by write's result, not by a signal. */
	signal(SIGPIPE, SIG_IGN);
	control->base = event_base_new();
	if (!control->base)
		return ERR_NOMEM;
	control->envfiles = envfiles_new(control->base);
	if (!control->envfiles)
		return ERR_NOMEM;
	control->telemetry = telemetry_new(control->worker_count, control->envfiles);
	control->lameduck = event_new(control->base, -1, 0, on_lameduck_end, control);
	if (!control->telemetry || !control->lameduck)
		return ERR_NOMEM;
	for (unsigned i = 0; i < 2; i++) {
		control->signals[i] =
			evsignal_new(control->base, numbers[i], on_signal, control);
		if (!control->signals[i] || event_add(control->signals[i], NULL))
			return ERR_NOMEM;
	}
	control->housekeeping =
		event_new(control->base, -1, EV_PERSIST, on_housekeeping, control);
	if (!control->housekeeping || event_add(control->housekeeping, &interval))
		return ERR_NOMEM;
	const struct reload_target target = {
		control->base, &control->workers, &control->server, control->telemetry};
	return reload_new(&target, &control->reload);
}

static void control_deinit(struct control *control)
{
	telemetry_free(control->telemetry);
	envfiles_free(control->envfiles);
	for (unsigned i = 0; i < 2; i++)
		if (control->signals[i])
			event_free(control->signals[i]);
	if (control->housekeeping)
		event_free(control->housekeeping);
	if (control->lameduck)
		event_free(control->lameduck);
	reload_free(control->reload);
	server_free(control->server);
	if (control->base)
		event_base_free(control->base);
}

static enum err start_telemetry(struct control *control, struct diag_list *problems)
{
	enum err err = telemetry_prepare(control->telemetry, control->server, problems);
	if (!err)
		telemetry_commit(control->telemetry, control->server);
	return err;
}

static enum err start_workers(struct control *control, struct diag_list *problems)
{
	size_t count;
	const struct net_listener *listeners = server_listeners(control->server, &count);
	return workers_start(control->worker_count, listeners, count, &net_limits_default,
		&control->workers, problems);
}

/* Starts something and says what was wrong. */
static enum err control_start(struct control *control, const char *what,
	enum err (*start)(struct control *control, struct diag_list *problems))
{
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = start(control, &problems);
	diag_list_log(&problems);
	bool was_said = problems.count > 0;
	diag_list_deinit(&problems);
	if (err && !was_said)
		log_error("cannot start %s: %s", what, err_text(err));
	return err;
}

static bool clusters_are_synced(const struct control *control)
{
	const struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(control->server, i)); i++)
		if (cluster_options(cluster)->manifest_count == 0 &&
			!store_is_synced(cluster_store(cluster)))
			return false;
	return true;
}

/* A state file is as good as an answer for as long as there is none. */
static void accept_missing(const struct control *control, int64_t wait_ms)
{
	struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(control->server, i)); i++) {
		char missing[512];
		cluster_describe(cluster, missing, sizeof(missing));
		if (*missing && !store_is_synced(cluster_store(cluster)) &&
			!cluster_accept_state(cluster))
			log_warn("after %.1f s the API server has not told all: %s; "
				 "SERVFAIL until it has",
				(double)wait_ms / 1000, missing);
	}
}

static void on_startup_end(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	bool *is_over = context;
	*is_over = true;
}

/* API servers are waited for, but not for ever. False: a signal has ended it. */
static bool wait_for_clusters(struct control *control)
{
	int64_t wait_ms = server_startup_ms(control->server);
	const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	bool is_over = false;
	struct event *timer = evtimer_new(control->base, on_startup_end, &is_over);
	if (!timer || event_add(timer, &wait))
		is_over = true;
	while (!is_over && !clusters_are_synced(control) &&
		!event_base_got_break(control->base))
		if (event_base_loop(control->base, EVLOOP_ONCE))
			break;
	if (timer)
		event_free(timer);
	if (event_base_got_break(control->base))
		return false;
	if (!clusters_are_synced(control))
		accept_missing(control, wait_ms);
	return true;
}

/* What is needed for answers, in `server`. ERR_INVALID: it has been said. */
static enum err load_clusters(struct control *control)
{
	enum err err = server_load(control->server, control->base, false);
	if (err && err != ERR_INVALID)
		log_error("cannot follow the clusters: %s", err_text(err));
	return err;
}

/* A change must not wait for workers that keep the cpu busy. */
static void take_short_turns(void)
{
	static const int64_t turn_ns = 100000;
	if (turn_set_length(turn_ns))
		log_debug("no short turns on the cpu: %s", strerror(errno));
}

/* The clusters are read first: nobody shall be told SERVFAIL by a server that will know
 * the answer in a moment. */
int control_run(struct server *server, bool is_quiet)
{
	struct control control = {.server = server, .worker_count = worker_count()};
	enum err err = control_init(&control);
	if (err)
		log_error("cannot start: %s", err_text(err));
	if (is_quiet)
		log_init(LOG_LEVEL_WARN);
	if (!err)
		err = control_start(&control, "the HTTP server", start_telemetry);
	if (!err)
		err = load_clusters(&control);
	if (!err && !wait_for_clusters(&control)) {
		control_deinit(&control);
		return EXIT_SUCCESS;
	}
	log_init(server_log_level(server));
	if (!err)
		err = control_start(&control, "the workers", start_workers);
	if (!err)
		update_telemetry(&control);
	if (!err && !is_quiet) {
		log_clusters(&control);
		log_listeners(&control);
		log_info("ready");
	}
	if (!err) {
		take_short_turns();
		reload_start(control.reload);
		event_base_dispatch(control.base);
	}
	if (control.workers) {
		struct net_counters counters;
		workers_counters(control.workers, &counters);
		workers_stop(control.workers);
		server_save(control.server);
		log_counters(&counters);
	}
	control_deinit(&control);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
