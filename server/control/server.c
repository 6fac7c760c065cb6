/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/control/advice.h"
#include "server/control/build.h"
#include "server/control/listen.h"
#include "server/control/plugins.h"
#include "server/control/stanza.h"
#include "server/control/stanza_cache.h"
#include "server/control/stanza_plugins.h"
#include "server/plugin/cache/pool.h"
#include "server/query/router.h"

enum {
	UDP_SIZE = 1232, /* DNS flag day 2020 */
};

/* A server block and what was made of it. */
struct built_block {
	const struct corefile_block *source;
	struct server_block block;
	struct listen_list addresses;
};

struct server {
	struct arena arena;
	struct hash_key key;
	struct server_options options;
	const struct server *previous; /* while it is built: whose clusters it may have */
	const char *path;
	struct corefile *corefile;
	struct reload_options reload;
	atomic_uint suspended;
	struct cache_pool *cache_pool; /* NULL: no plugin cache */
	struct built_block *blocks;
	size_t block_count;
	struct cluster **clusters; /* ended by NULL */
	bool *is_borrowed;         /* of each cluster: another server frees it */
	size_t cluster_count;
	struct net_listener *listeners;
	struct router **routers; /* of each listener */
	bool logs_debug;
	size_t listener_count, listener_capacity;
};

/* --- plugins --- */

static bool server_has_cluster(const struct server *server, const struct cluster *cluster)
{
	for (size_t i = 0; i < server->cluster_count; i++)
		if (server->clusters[i] == cluster)
			return true;
	return false;
}

static struct cluster *find_previous(
	const struct server *server, const struct cluster_options *options)
{
	const struct server *previous = server->previous;
	for (size_t i = 0; previous && i < previous->cluster_count; i++) {
		struct cluster *cluster = previous->clusters[i];
		if (!server_has_cluster(server, cluster) &&
			cluster_options_equal(cluster_options(cluster), options))
			return cluster;
	}
	return NULL;
}

/* The cluster with these options: the previous server's, or a new one. */
static enum err build_cluster(struct server *server,
	const struct cluster_options *options, const struct cluster **out)
{
	struct cluster *cluster = find_previous(server, options);
	bool is_borrowed = cluster;
	if (!cluster)
		cluster = cluster_new(options, &server->key, &server->options.report);
	if (!cluster)
		return ERR_NOMEM;
	server->is_borrowed[server->cluster_count] = is_borrowed;
	server->clusters[server->cluster_count++] = cluster;
	*out = cluster;
	return ERR_NONE;
}

/* The cluster of the block, which has a kubernetes directive: build->cluster, and what it
 * is to its two plugins. */
static enum err read_cluster(
	struct server *server, struct build *build, const struct listen_list *addresses)
{
	struct cluster_options options;
	enum err err = stanza_read_kubernetes(
		directive_in_block(build->source, "kubernetes"), build->source,
		build->arena, &options, &build->kubernetes, build->problems);
	const struct corefile_directive *external =
		directive_in_block(build->source, "k8s_external");
	if (!err && external)
		err = stanza_read_external(external, build->source, build->arena,
			&options.external, &build->external, build->problems);
	const struct corefile_directive *autopath =
		directive_in_block(build->source, "autopath");
	options.maps_clients = !err && autopath && autopath_is_of_cluster(autopath) &&
			       options.pods == PODS_VERIFIED;
	struct listen_list own = {.arena = &server->arena};
	if (!err)
		err = listen_own_addresses(addresses, &own);
	if (err)
		return err;
	options.own_addresses = own.addresses;
	options.own_address_count = own.count;
	return build_cluster(server, &options, &build->cluster);
}

static enum err add_kubernetes(struct build *build, struct kubernetes_options *options,
	const struct store *store)
{
	options->store = store;
	struct plugin_instance instance = {NULL, NULL};
	enum err err = kubernetes_new(options, &instance);
	if (!err)
		build_add(build, &instance);
	return err;
}

static enum err build_directive(
	struct build *build, const struct corefile_directive *directive)
{
	if (strcmp(directive->name.text, "kubernetes") == 0)
		return add_kubernetes(
			build, &build->kubernetes, cluster_store(build->cluster));
	bool is_external = strcmp(directive->name.text, "k8s_external") == 0;
	if (is_external && !build->cluster) {
		stanza_error(build->problems, &directive->name,
			"k8s_external needs a kubernetes directive in the same block");
		return ERR_INVALID;
	}
	if (is_external)
		return add_kubernetes(
			build, &build->external, cluster_external_store(build->cluster));
	return build_plugin(build, directive);
}

/* A plugin's number is its row's, so that it stays the same from one configuration to the
 * next. */
static void number_plugins(struct server_block *block)
{
	for (unsigned i = 0; i < block->chain_length; i++)
		block->numbers[i] = plugin_number(block->chain[i].ops->name);
	if (block->chaos.ops)
		block->chaos_number = plugin_number(block->chaos.ops->name);
}

static enum err build_block(
	struct server *server, struct built_block *built, struct diag_list *problems)
{
	struct build build = {
		.corefile = server->corefile,
		.source = built->source,
		.block = &built->block,
		.arena = &server->arena,
		.problems = problems,
		.key = &server->key,
		.cache_pool = server->cache_pool,
		.looks_hosts_up = server->options.looks_hosts_up,
	};
	built->block.udp_size = UDP_SIZE;
	built->block.suspended = &server->suspended;
	built->addresses.arena = &server->arena;
	enum err err = listen_addresses(built->source, &built->addresses, problems);
	if (!err && directive_in_block(built->source, "kubernetes"))
		err = read_cluster(server, &build, &built->addresses);
	/* The order of the table is the order of the chain, whatever the file's. */
	for (const struct directive_row *row = plugin_rows; !err && row->name; row++) {
		const struct corefile_directive *directive =
			directive_in_block(built->source, row->name);
		if (directive)
			err = build_directive(&build, directive);
	}
	server->logs_debug |= build.wants_debug;
	number_plugins(&built->block);
	return err;
}

/* --- listeners --- */

static struct sockaddr_storage make_sockaddr(const struct ipaddr *address, uint16_t port)
{
	struct sockaddr_storage storage;
	ipaddr_to_sockaddr(address, port, &storage);
	return storage;
}

static enum err grow_listeners(struct server *server)
{
	if (server->listener_count < server->listener_capacity)
		return ERR_NONE;
	size_t capacity = server->listener_capacity * 2 + 8;
	void *listeners =
		realloc(server->listeners, capacity * sizeof(*server->listeners));
	if (!listeners)
		return ERR_NOMEM;
	server->listeners = listeners;
	void *routers = realloc(server->routers, capacity * sizeof(*server->routers));
	if (!routers)
		return ERR_NOMEM;
	server->routers = routers;
	server->listener_capacity = capacity;
	return ERR_NONE;
}

/* The router of the address and port, made if there is none; NULL: no memory. */
static struct router *router_at(struct server *server, const struct ipaddr *address,
	uint16_t port, const struct corefile_place *place)
{
	struct sockaddr_storage wanted = make_sockaddr(address, port);
	for (size_t i = 0; i < server->listener_count; i++)
		if (memcmp(&server->listeners[i].address, &wanted, sizeof(wanted)) == 0)
			return server->routers[i];
	struct router *router = router_new(&server->key);
	if (!router || grow_listeners(server)) {
		router_free(router);
		return NULL;
	}
	server->listeners[server->listener_count] = (struct net_listener){
		.address = wanted,
		.router = router,
		.file = place->file,
		.line = place->line,
		.column = place->column,
	};
	server->routers[server->listener_count++] = router;
	return router;
}

static enum err route_key(struct server *server, const struct built_block *built,
	const struct corefile_key *key, struct diag_list *problems)
{
	const struct listen_list *addresses = &built->addresses;
	for (size_t i = 0; i < addresses->count; i++) {
		const struct corefile_place *place = addresses->words[i]
							     ? &addresses->words[i]->place
							     : &key->word.place;
		struct router *router =
			router_at(server, &addresses->addresses[i], key->port, place);
		enum err err = router ? router_add(router, &key->zone, &built->block)
				      : ERR_NOMEM;
		if (err == ERR_EXISTS) {
			place = &key->word.place;
			diag_add(problems, SEVERITY_ERROR, place->file, place->line,
				place->column,
				"\"%s\" is served by another block on the same address",
				key->word.text);
			return ERR_INVALID;
		}
		if (err)
			return err;
	}
	return ERR_NONE;
}

static enum err advise_block(struct server *server, const struct built_block *built,
	struct diag_list *problems)
{
	struct listen_list own = {.arena = &server->arena};
	enum err err = listen_own_addresses(&built->addresses, &own);
	const struct advice_block block = {
		built->source, &built->block, &built->addresses, &own};
	if (!err)
		advice_on_block(&block, problems);
	return err;
}

static enum err build_all(struct server *server, struct diag_list *problems)
{
	const struct corefile *corefile = server->corefile;
	size_t count = corefile->block_count;
	enum err result = ERR_NONE;
	server->blocks = arena_calloc(&server->arena, count + 1, sizeof(*server->blocks));
	server->clusters =
		arena_calloc(&server->arena, count + 1, sizeof(*server->clusters));
	server->is_borrowed =
		arena_calloc(&server->arena, count + 1, sizeof(*server->is_borrowed));
	if (!server->blocks || !server->clusters || !server->is_borrowed)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		struct built_block *built = &server->blocks[server->block_count++];
		built->source = &corefile->blocks[i];
		enum err err = build_block(server, built, problems);
		for (size_t j = 0; !err && j < built->source->key_count; j++)
			err = route_key(server, built, &built->source->keys[j], problems);
		if (!err && server->options.gives_advice)
			err = advise_block(server, built, problems);
		/* Whoever has several mistakes to mend shall see them all. */
		if (err && err != ERR_INVALID)
			return err;
		if (err)
			result = err;
	}
	for (size_t i = 0; i < server->listener_count && !result; i++)
		result = router_seal(server->routers[i]);
	return result;
}

/* --- the whole --- */

/* Advice is given beside errors too: one reading shall show everything. */
static enum err check_corefile(const struct server *server, struct diag_list *problems)
{
	enum err err = config_check(server->corefile, plugin_rows, problems);
	if (err && err != ERR_INVALID)
		return err;
	if (server->options.gives_advice &&
		advice_on_corefile(server->corefile, problems))
		return ERR_NOMEM;
	return err;
}

/* It speaks for the whole server, in whatever block it stands; the last one counts. */
static enum err read_reload(struct server *server)
{
	const struct corefile_directive *last = NULL;
	for (size_t i = 0; i < server->corefile->block_count; i++) {
		const struct corefile_directive *directive =
			directive_in_block(&server->corefile->blocks[i], "reload");
		last = directive ? directive : last;
	}
	return reload_stanza_read(last, &server->reload);
}

/* A file that is empty, or has been written in part. */
static enum err expect_blocks(const struct server *server, struct diag_list *problems)
{
	if (server->corefile->block_count)
		return ERR_NONE;
	diag_add(problems, SEVERITY_ERROR, server->path, 0, 0,
		"there is no server block, expected at least one, such as \".:53 { "
		"... }\"");
	return ERR_INVALID;
}

/* Frees the server on failure. */
static enum err server_build(struct server *server, const char *path, struct server **out,
	struct diag_list *problems)
{
	const struct corefile_options options = {.port = server->options.port};
	server->path = arena_strndup(&server->arena, path, strlen(path));
	enum err err =
		server->path ? corefile_load(path, &options, &server->corefile, problems)
			     : ERR_NOMEM;
	if (!err)
		err = expect_blocks(server, problems);
	if (!err)
		err = check_corefile(server, problems);
	if (!err)
		err = read_reload(server);
	if (!err)
		err = stanza_make_cache_pool(server->corefile,
			server->previous ? server->previous->cache_pool : NULL,
			&server->cache_pool);
	if (!err)
		err = build_all(server, problems);
	server->previous = NULL;
	if (err) {
		server_free(server);
		return err;
	}
	*out = server;
	return ERR_NONE;
}

enum err server_new(const char *corefile, const struct server_options *options,
	struct server **out, struct diag_list *problems)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return ERR_NOMEM;
	arena_init(&server->arena, 8192);
	hash_key_init(&server->key);
	if (options)
		server->options = *options;
	return server_build(server, corefile, out, problems);
}

enum err server_renew(
	const struct server *previous, struct server **out, struct diag_list *problems)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return ERR_NOMEM;
	arena_init(&server->arena, 8192);
	/* Stores that are handed over are hashed with it. */
	server->key = previous->key;
	server->options = previous->options;
	server->previous = previous;
	return server_build(server, previous->path, out, problems);
}

static void free_plugins(struct plugin_instance *plugins, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (plugins[i].ops->free)
			plugins[i].ops->free(plugins[i].instance);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->listener_count; i++)
		router_free(server->routers[i]);
	free(server->routers);
	free(server->listeners);
	for (size_t i = 0; i < server->block_count; i++) {
		struct server_block *block = &server->blocks[i].block;
		free_plugins(block->chain, block->chain_length);
		free_plugins(block->observers, block->observer_count);
		if (block->chaos.ops)
			free_plugins(&block->chaos, 1);
	}
	for (size_t i = 0; i < server->cluster_count; i++)
		if (!server->is_borrowed[i])
			cluster_free(server->clusters[i]);
	cache_pool_unref(server->cache_pool);
	corefile_free(server->corefile);
	arena_deinit(&server->arena);
	free(server);
}

static void housekeep_plugins(
	const struct plugin_instance *plugins, unsigned count, int64_t now_ms)
{
	for (unsigned i = 0; i < count; i++)
		if (plugins[i].ops->housekeep)
			plugins[i].ops->housekeep(plugins[i].instance, now_ms);
}

void server_housekeep(struct server *server)
{
	int64_t now_ms = clock_now_ms();
	for (size_t i = 0; i < server->block_count; i++) {
		const struct server_block *block = &server->blocks[i].block;
		housekeep_plugins(block->chain, block->chain_length, now_ms);
		housekeep_plugins(block->observers, block->observer_count, now_ms);
	}
	for (size_t i = 0; i < server->cluster_count; i++)
		cluster_reclaim(server->clusters[i]);
}

static void measure_plugins(const struct plugin_instance *plugins, unsigned count,
	struct plugin_figures *figures)
{
	for (unsigned i = 0; i < count; i++)
		if (plugins[i].ops->measure)
			plugins[i].ops->measure(plugins[i].instance, figures);
}

void server_measure(const struct server *server, struct plugin_figures *figures)
{
	for (size_t i = 0; i < server->block_count; i++) {
		const struct server_block *block = &server->blocks[i].block;
		measure_plugins(block->chain, block->chain_length, figures);
	}
}

static uint64_t unready_plugins(const struct plugin_instance *plugins, unsigned count)
{
	uint64_t unready = 0;
	for (unsigned i = 0; i < count; i++)
		if (plugins[i].ops->is_ready &&
			!plugins[i].ops->is_ready(plugins[i].instance))
			unready |= UINT64_C(1) << plugin_number(plugins[i].ops->name);
	return unready;
}

uint64_t server_unready(const struct server *server)
{
	uint64_t unready = 0;
	for (size_t i = 0; i < server->block_count; i++) {
		const struct built_block *built = &server->blocks[i];
		if (!directive_in_block(built->source, "ready"))
			continue;
		unready |= unready_plugins(built->block.chain, built->block.chain_length);
		unready |= unready_plugins(
			built->block.observers, built->block.observer_count);
	}
	return unready;
}

void server_save(struct server *server)
{
	for (size_t i = 0; i < server->cluster_count; i++)
		cluster_save_state(server->clusters[i]);
}

int64_t server_startup_ms(const struct server *server)
{
	int64_t longest_ms = 0;
	for (size_t i = 0; i < server->cluster_count; i++) {
		const struct cluster_options *options =
			cluster_options(server->clusters[i]);
		if (!options->manifest_count && options->startup_timeout_ms > longest_ms)
			longest_ms = options->startup_timeout_ms;
	}
	return longest_ms;
}

enum err server_load(struct server *server, struct event_base *base, bool waits)
{
	for (size_t i = 0; i < server->cluster_count; i++) {
		enum err err = ERR_NONE;
		if (!server->is_borrowed[i])
			err = cluster_start(server->clusters[i], base, waits);
		if (err)
			return err;
	}
	return ERR_NONE;
}

/* --- one server after another --- */

void server_take_clusters(struct server *server, struct server *previous)
{
	for (size_t i = 0; i < previous->cluster_count; i++)
		if (server_has_cluster(server, previous->clusters[i]))
			previous->is_borrowed[i] = true;
	memset(server->is_borrowed, 0,
		server->cluster_count * sizeof(*server->is_borrowed));
}

bool server_is_whole(const struct server *server)
{
	for (size_t i = 0; i < server->cluster_count; i++)
		if (!server->is_borrowed[i] && !cluster_is_whole(server->clusters[i]))
			return false;
	return true;
}

void server_follow(struct server *server, const struct server *previous)
{
	for (size_t i = 0; i < server->cluster_count; i++)
		for (size_t j = 0; j < previous->cluster_count; j++)
			if (!server->is_borrowed[i])
				cluster_follow(
					server->clusters[i], previous->clusters[j]);
}

const void *server_configuration(const struct server *server)
{
	return &server->suspended;
}

unsigned server_suspended(const struct server *server)
{
	return atomic_load_explicit(&server->suspended, memory_order_acquire);
}

const char *server_path(const struct server *server)
{
	return server->path;
}

uint64_t server_digest(const struct server *server)
{
	return server->corefile->digest;
}

const char *server_sha512(const struct server *server)
{
	return server->corefile->sha512;
}

enum err server_read_digest(const struct server *server, uint64_t *out)
{
	const struct corefile_options options = {.port = server->options.port};
	return corefile_digest(server->path, &options, out);
}

void server_reload_options(const struct server *server, struct reload_options *out)
{
	*out = server->reload;
}

/* --- looking at it --- */

enum log_level server_log_level(const struct server *server)
{
	return server->logs_debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

const struct net_listener *server_listeners(const struct server *server, size_t *count)
{
	*count = server->listener_count;
	return server->listeners;
}

struct router *server_router(const struct server *server, size_t index)
{
	return server->routers[index];
}

const struct corefile *server_corefile(const struct server *server)
{
	return server->corefile;
}

const struct corefile_block *server_block_source(
	const struct server *server, const struct server_block *block)
{
	for (size_t i = 0; i < server->block_count; i++)
		if (&server->blocks[i].block == block)
			return server->blocks[i].source;
	return NULL;
}

struct cluster *server_cluster(const struct server *server, size_t index)
{
	return server->clusters[index];
}

const struct router *server_router_for(
	const struct server *server, const struct dname *name)
{
	const struct router *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < server->block_count; i++) {
		const struct corefile_block *source = server->blocks[i].source;
		for (size_t j = 0; j < source->key_count; j++) {
			const struct corefile_key *key = &source->keys[j];
			if (key->zone.length <= longest ||
				!dname_is_within(name, &key->zone))
				continue;
			struct sockaddr_storage wanted = make_sockaddr(
				&server->blocks[i].addresses.addresses[0], key->port);
			for (size_t k = 0; k < server->listener_count; k++)
				if (memcmp(&server->listeners[k].address, &wanted,
					    sizeof(wanted)) == 0)
					best = server->routers[k];
			longest = key->zone.length;
		}
	}
	return best;
}
