/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/reload.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/control/telemetry.h"
#include "zones/store/store_write.h"

static const int signal_numbers[] = {SIGHUP, SIGUSR1};

enum { SIGNALS = sizeof(signal_numbers) / sizeof(signal_numbers[0]) };

/* A server that was replaced while queries it had suspended were under way. */
struct retired {
	struct retired *next;
	struct server *server;
};

struct reload {
	struct reload_target target;
	uint64_t failed;
	struct event *signals[SIGNALS];
	struct event *timer;
	uint64_t attempted; /* digest of what was last tried, with success or without */
	struct retired *retired;
};

/* --- servers that were replaced --- */

/* Oldest first, as a server may have clusters that one after it frees. */
void reload_reclaim(struct reload *reload)
{
	struct retired *oldest;
	while ((oldest = reload->retired) && !server_suspended(oldest->server)) {
		/* The plugin that resumed the last query ends its read section. */
		store_wait_for_readers();
		workers_evict(
			*reload->target.workers, server_configuration(oldest->server));
		reload->retired = oldest->next;
		server_free(oldest->server);
		free(oldest);
	}
}

static void reload_retire(struct reload *reload, struct retired *retired)
{
	struct retired **at = &reload->retired;
	while (*at)
		at = &(*at)->next;
	*at = retired;
	/* From here on none of its queries begins. */
	store_wait_for_readers();
	reload_reclaim(reload);
}

/* --- the exchange --- */

/* Everything that may fail. */
static enum err reload_prepare(struct reload *reload, const struct server *running,
	struct server **out, struct diag_list *problems)
{
	enum err err = server_renew(running, out, problems);
	if (err)
		return err;
	err = server_load(*out, reload->target.base, true);
	if (!err && !server_is_whole(*out)) {
		diag_add(problems, SEVERITY_ERROR, server_path(*out), 0, 0,
			"not all of a changed cluster can be read");
		err = ERR_INVALID;
	}
	if (err)
		return err;
	server_follow(*out, running);
	err = telemetry_prepare(reload->target.telemetry, *out, problems);
	if (err)
		return err;
	size_t count;
	const struct net_listener *listeners = server_listeners(*out, &count);
	err = workers_reload(*reload->target.workers, listeners, count, problems);
	if (err) {
		telemetry_cancel(reload->target.telemetry);
		/* New addresses may have been answered for a moment. */
		store_wait_for_readers();
	}
	return err;
}

/* On success the server that ran is in *out. */
static enum err reload_exchange(
	struct reload *reload, struct retired **out, struct diag_list *problems)
{
	struct server *running = *reload->target.server, *server = NULL;
	/* Afterwards it would be too late to find no memory. */
	struct retired *retired = calloc(1, sizeof(*retired));
	enum err err =
		retired ? reload_prepare(reload, running, &server, problems) : ERR_NOMEM;
	if (err) {
		server_free(server);
		free(retired);
		return err;
	}
	telemetry_commit(reload->target.telemetry, server);
	server_take_clusters(server, running);
	*reload->target.server = server;
	retired->server = running;
	*out = retired;
	return ERR_NONE;
}

/* --- when --- */

static void reload_arm(struct reload *reload)
{
	struct reload_options options;
	server_reload_options(*reload->target.server, &options);
	if (!options.interval_ms) {
		event_del(reload->timer);
		return;
	}
	int64_t wait_ms = options.interval_ms;
	if (options.jitter_ms) {
		/* Replicas that were started together are not to reload together. */
		struct hash_key random;
		hash_key_init(&random);
		wait_ms += (int64_t)(random.k0 % (uint64_t)options.jitter_ms) -
			   options.jitter_ms / 2;
	}
	struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	if (event_add(reload->timer, &wait))
		log_error("the Corefile is not looked at any more: out of memory");
}

static void reload_now(struct reload *reload)
{
	int64_t start_ns = clock_now_ns();
	struct retired *retired = NULL;
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = reload_exchange(reload, &retired, &problems);
	diag_list_log(&problems);
	if (err && !problems.errors)
		log_error("cannot reload: %s", err_text(err));
	diag_list_deinit(&problems);
	const struct server *server = *reload->target.server;
	if (err) {
		reload->failed++;
		log_error("\"%s\" was not reloaded, the running configuration stays in "
			  "force",
			server_path(server));
	} else {
		reload->attempted = server_digest(server);
		log_init(server_log_level(server));
		log_info("\"%s\" was reloaded in %.1f ms", server_path(server),
			(double)(clock_now_ns() - start_ns) / 1e6);
		/* The kernel takes its time to close what followed the manifests. */
		reload_retire(reload, retired);
	}
	reload_arm(reload);
}

static void reload_on_signal(evutil_socket_t number, short events, void *context)
{
	(void)events;
	struct reload *reload = context;
	if (!*reload->target.workers) {
		log_info("nothing to reload yet: the server is starting");
		return;
	}
	log_info("%s: reloading", number == SIGHUP ? "SIGHUP" : "SIGUSR1");
	/* What is tried now is not tried again by the timer until it changes. */
	uint64_t digest;
	if (!server_read_digest(*reload->target.server, &digest))
		reload->attempted = digest;
	reload_now(reload);
}

static void reload_on_timer(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct reload *reload = context;
	uint64_t digest;
	enum err err = server_read_digest(*reload->target.server, &digest);
	if (err || digest == reload->attempted) {
		reload_arm(reload);
		return;
	}
	reload->attempted = digest;
	if (digest == server_digest(*reload->target.server)) {
		log_info("the Corefile is again as it is in force");
		reload_arm(reload);
		return;
	}
	log_info("the Corefile has changed: reloading");
	reload_now(reload);
}

/* --- life --- */

enum err reload_new(const struct reload_target *target, struct reload **out)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	if (!reload)
		return ERR_NOMEM;
	reload->target = *target;
	reload->attempted = server_digest(*target->server);
	reload->timer = event_new(target->base, -1, 0, reload_on_timer, reload);
	bool is_good = reload->timer;
	for (unsigned i = 0; i < SIGNALS && is_good; i++) {
		reload->signals[i] = evsignal_new(
			target->base, signal_numbers[i], reload_on_signal, reload);
		is_good = reload->signals[i] && !event_add(reload->signals[i], NULL);
	}
	if (!is_good) {
		reload_free(reload);
		return ERR_NOMEM;
	}
	*out = reload;
	return ERR_NONE;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	for (unsigned i = 0; i < SIGNALS; i++)
		if (reload->signals[i])
			event_free(reload->signals[i]);
	if (reload->timer)
		event_free(reload->timer);
	while (reload->retired) {
		struct retired *retired = reload->retired;
		reload->retired = retired->next;
		server_free(retired->server);
		free(retired);
	}
	free(reload);
}

void reload_start(struct reload *reload)
{
	reload_arm(reload);
}

uint64_t reload_failed(const struct reload *reload)
{
	return reload->failed;
}
