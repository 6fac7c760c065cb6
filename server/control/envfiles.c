/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/envfiles.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/control/server.h"
#include "server/control/stanza_envfiles.h"
#include "zones/registry/registry.h"

enum {
	GATHER_US = 2000,
	/* Copying a large namespace again and again takes at most a fifth of the thread.
	 */
	REST_FACTOR = 4,
};

/* A folder and the cluster whose services it has. */
struct env_follow {
	struct env_follow *next;
	const struct corefile_directive *directive;
	struct cluster *cluster;
	struct event_base *base;
	struct envfiles_options options;
	struct env_writer *writer;
	struct event *timer;
	bool has_begun; /* the cluster was complete once */
	bool is_armed;
	int64_t rest_us;   /* before the next time */
	uint64_t *digests; /* of each service, by its id; 0: it makes no variable */
	size_t digest_count;
	/* Namespaces live as long as their registry. */
	const struct registry_namespace **dirty;
	size_t dirty_count, dirty_capacity;
	bool is_all_dirty; /* instead */
};

struct envfiles {
	struct event_base *base;
	struct env_follow *follows, *prepared;
};

/* --- what has changed --- */

static void follow_arm(struct env_follow *follow)
{
	if (follow->is_armed)
		return;
	int64_t wait_us = follow->rest_us > GATHER_US ? follow->rest_us : GATHER_US;
	const struct timeval wait = {wait_us / 1000000, wait_us % 1000000};
	follow->is_armed = !event_add(follow->timer, &wait);
}

/* Without memory for which, all are. */
static void mark(struct env_follow *follow, const struct registry_namespace *ns)
{
	for (size_t i = 0; i < follow->dirty_count; i++)
		if (follow->dirty[i] == ns)
			return;
	if (follow->dirty_count == follow->dirty_capacity) {
		size_t capacity = follow->dirty_capacity * 2 + 8;
		void *grown = realloc(follow->dirty, capacity * sizeof(*follow->dirty));
		if (!grown) {
			follow->is_all_dirty = true;
			return;
		}
		follow->dirty = grown;
		follow->dirty_capacity = capacity;
	}
	follow->dirty[follow->dirty_count++] = ns;
}

/* Has what the variables say changed since the last time? Without memory to know it has.
 */
static bool digest_changes(
	struct env_follow *follow, const struct registry_service *service)
{
	uint64_t digest = env_view_digest(service);
	if (service->id >= follow->digest_count) {
		size_t count = service->id * 2 + 64;
		uint64_t *grown =
			realloc(follow->digests, count * sizeof(*follow->digests));
		if (!grown)
			return true;
		memset(grown + follow->digest_count, 0,
			(count - follow->digest_count) * sizeof(*grown));
		follow->digests = grown;
		follow->digest_count = count;
	}
	bool has_changed = follow->digests[service->id] != digest;
	follow->digests[service->id] = digest;
	return has_changed;
}

static void take_service(
	struct env_follow *follow, const struct registry_service *service)
{
	if (!digest_changes(follow, service))
		return;
	mark(follow, service->ns);
	follow->is_all_dirty |= env_view_is_master(service);
}

/* The whole registry, once it is complete. */
static void follow_begin(struct env_follow *follow)
{
	const struct registry *registry = cluster_registry(follow->cluster);
	const struct registry_namespace *ns;
	for (size_t i = 0; (ns = registry_next_namespace(registry, &i));)
		for (uint32_t j = 0; j < ns->service_count; j++)
			digest_changes(follow, ns->services[j]);
	follow->has_begun = true;
	follow->is_all_dirty = true;
	follow_arm(follow);
}

/* No others are needed. */
static bool services_are_known(const struct env_follow *follow)
{
	return !(store_missing(cluster_store(follow->cluster)) &
		 (STORE_MISSING_ALL | STORE_MISSING_SERVICES));
}

/* The registry says what it was; or it has become complete. */
static void on_change(void *context)
{
	struct env_follow *follow = context;
	if (!follow->has_begun) {
		if (services_are_known(follow))
			follow_begin(follow);
		return;
	}
	const struct registry *registry = cluster_registry(follow->cluster);
	size_t count;
	struct registry_service *const *services =
		registry_touched_services(registry, &count);
	for (size_t i = 0; i < count; i++)
		take_service(follow, services[i]);
	struct registry_namespace *const *namespaces =
		registry_touched_namespaces(registry, &count);
	for (size_t i = 0; i < count; i++)
		mark(follow, namespaces[i]);
	if (follow->dirty_count || follow->is_all_dirty)
		follow_arm(follow);
}

/* --- telling the writer --- */

static bool is_wanted(
	const struct env_follow *follow, const struct registry_namespace *ns)
{
	const struct envfiles_options *options = &follow->options;
	bool is_listed = !options->namespace_count;
	for (size_t i = 0; i < options->namespace_count; i++)
		is_listed |= strcmp(options->namespaces[i], ns->name) == 0;
	return is_listed && registry_is_exposed(ns);
}

static enum err tell(struct env_follow *follow, const struct registry_namespace *ns)
{
	if (!is_wanted(follow, ns)) {
		env_writer_remove(follow->writer, ns->name);
		return ERR_NONE;
	}
	struct env_view *view = env_view_of(cluster_registry(follow->cluster), ns->name);
	return view ? env_writer_give(follow->writer, view) : ERR_NOMEM;
}

static enum err tell_all(struct env_follow *follow)
{
	const struct registry *registry = cluster_registry(follow->cluster);
	const struct registry_namespace *ns;
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && (ns = registry_next_namespace(registry, &i));)
		err = tell(follow, ns);
	if (!err && !env_writer_is_settled(follow->writer))
		env_writer_settle(follow->writer);
	return err;
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct env_follow *follow = context;
	int64_t start_ns = clock_now_ns();
	enum err err = ERR_NONE;
	if (follow->is_all_dirty)
		err = tell_all(follow);
	for (size_t i = 0; !err && !follow->is_all_dirty && i < follow->dirty_count; i++)
		err = tell(follow, follow->dirty[i]);
	follow->is_armed = false;
	follow->rest_us = (clock_now_ns() - start_ns) / 1000 * REST_FACTOR;
	follow->dirty_count = 0;
	follow->is_all_dirty = err != ERR_NONE;
	if (!err)
		return;
	log_error("cannot list services for environment files: %s", err_text(err));
	follow->rest_us = 1000000;
	follow_arm(follow);
}

/* --- life --- */

static void follow_free(struct env_follow *follow)
{
	if (follow->timer)
		event_free(follow->timer);
	env_writer_free(follow->writer);
	envfiles_options_deinit(&follow->options);
	free(follow->digests);
	free(follow->dirty);
	free(follow);
}

static void free_all(struct env_follow *follow)
{
	while (follow) {
		struct env_follow *next = follow->next;
		follow_free(follow);
		follow = next;
	}
}

static struct env_follow *follow_new(struct event_base *base,
	const struct corefile_directive *directive, struct cluster *cluster)
{
	struct env_follow *follow = calloc(1, sizeof(*follow));
	if (!follow)
		return NULL;
	follow->base = base;
	follow->directive = directive;
	follow->cluster = cluster;
	enum err err = stanza_read_envfiles(directive, &follow->options);
	const struct env_writer_options options = {
		.path = follow->options.path,
		.mode = follow->options.mode,
		.render = follow->options.render,
	};
	if (!err)
		follow->writer = env_writer_new(&options);
	follow->timer = evtimer_new(base, on_timer, follow);
	if (follow->writer && follow->timer)
		return follow;
	follow_free(follow);
	return NULL;
}

struct envfiles *envfiles_new(struct event_base *base)
{
	struct envfiles *envfiles = calloc(1, sizeof(*envfiles));
	if (envfiles)
		envfiles->base = base;
	return envfiles;
}

/* Clusters tell them nothing any more. */
static void detach(struct env_follow *follow)
{
	for (; follow; follow = follow->next)
		cluster_set_follower(follow->cluster, &(struct cluster_follower){0});
}

void envfiles_free(struct envfiles *envfiles)
{
	if (!envfiles)
		return;
	detach(envfiles->follows);
	free_all(envfiles->follows);
	free_all(envfiles->prepared);
	free(envfiles);
}

enum err envfiles_prepare(struct envfiles *envfiles, const struct server *server)
{
	const struct corefile *corefile = server_corefile(server);
	size_t cluster = 0;
	for (size_t i = 0; i < corefile->block_count; i++) {
		const struct corefile_block *block = &corefile->blocks[i];
		/* Without one there is no server (build_envfiles). */
		if (!directive_in_block(block, "kubernetes"))
			continue;
		const struct corefile_directive *directive =
			directive_in_block(block, "envfiles");
		struct env_follow *follow = NULL;
		if (directive)
			follow = follow_new(envfiles->base, directive,
				server_cluster(server, cluster));
		cluster++;
		if (directive && !follow) {
			envfiles_cancel(envfiles);
			return ERR_NOMEM;
		}
		if (!follow)
			continue;
		follow->next = envfiles->prepared;
		envfiles->prepared = follow;
	}
	return ERR_NONE;
}

void envfiles_cancel(struct envfiles *envfiles)
{
	free_all(envfiles->prepared);
	envfiles->prepared = NULL;
}

/* Those of before end first: two must not write one folder. */
void envfiles_commit(struct envfiles *envfiles)
{
	detach(envfiles->follows);
	free_all(envfiles->follows);
	envfiles->follows = envfiles->prepared;
	envfiles->prepared = NULL;
	for (struct env_follow *follow = envfiles->follows; follow;
		follow = follow->next) {
		if (env_writer_start(follow->writer)) {
			log_errno("cannot start a thread: no environment files in \"%s\"",
				follow->options.path);
			continue;
		}
		cluster_set_follower(
			follow->cluster, &(struct cluster_follower){follow, on_change});
		if (services_are_known(follow))
			follow_begin(follow);
	}
}

struct env_writer *envfiles_prepared(
	const struct envfiles *envfiles, const struct corefile_directive *directive)
{
	const struct env_follow *follow = envfiles->prepared;
	while (follow && follow->directive != directive)
		follow = follow->next;
	return follow ? follow->writer : NULL;
}

unsigned envfiles_count(const struct envfiles *envfiles, struct env_writer_counters *sum)
{
	unsigned count = 0;
	for (const struct env_follow *follow = envfiles->follows; follow;
		follow = follow->next, count++)
		env_writer_add_counters(follow->writer, sum);
	return count;
}
