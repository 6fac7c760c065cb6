/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/log.h"
#include "server/control/reload_stanza.h"
#include "server/net/workers.h"
#include "zones/cluster.h"

/*
 * A server as a Corefile describes it: clusters, chains of plugins, routers, listening
 * addresses; built whole or not at all. Control thread only.
 */

struct corefile;
struct corefile_block;
struct server;
struct server_block;
struct plugin_figures;
struct event_base;

struct server_options {
	uint16_t port;                /* of zones without one; 0: 53 */
	bool looks_hosts_up;          /* asks for the addresses of upstreams' names */
	bool gives_advice;            /* warns of what is legal but unwise */
	struct cluster_report report; /* takes problems with manifests; zero: the log */
};

/* Reads and checks the Corefile and builds everything, without a manifest, and without a
 * socket but for hosts that are looked up.
 * `options` may be NULL. ERR_NOMEM, ERR_IO; ERR_INVALID with `problems`, which may also
 * hold warnings on success. */
enum err server_new(const char *corefile, const struct server_options *options,
	struct server **out, struct diag_list *problems) MUST_CHECK;
/* The workers must have stopped, or ask another one. */
void server_free(struct server *server);

/*
 * What server_new would make of the Corefile of `previous` as it is by now. A cluster
 * whose options are the same is that of `previous`, with all that it holds; it stays
 * there, too, and is freed by `previous` until server_take_clusters.
 */
enum err server_renew(const struct server *previous, struct server **out,
	struct diag_list *problems) MUST_CHECK;

/* The clusters that `server` has of `previous` are freed by `server` from now on. */
void server_take_clusters(struct server *server, struct server *previous);

/* After server_load: all that its own clusters are made of could be read. */
bool server_is_whole(const struct server *server);

/* Serials of zones that `previous` has, too, continue behind its own. */
void server_follow(struct server *server, const struct server *previous);

/* Queries that are suspended: while there are any, it must not be freed. Any thread. */
unsigned server_suspended(const struct server *server);

/* What its plugins' state on the workers is known by (query_worker_evict). */
const void *server_configuration(const struct server *server);

const char *server_path(const struct server *server);   /* of the Corefile */
uint64_t server_digest(const struct server *server);    /* of what was read */
const char *server_sha512(const struct server *server); /* of its contents, for people */
/* Of the files as they are now. ERR_NOMEM. */
enum err server_read_digest(const struct server *server, uint64_t *out) MUST_CHECK;
void server_reload_options(const struct server *server, struct reload_options *out);

/* Reads the clusters that are its own, and follows them with `base`; as cluster_start
 * says. */
enum err server_load(
	struct server *server, struct event_base *base, bool waits) MUST_CHECK;

/* How long the clusters may be waited for before the first query is answered. */
int64_t server_startup_ms(const struct server *server);

/* What is to be there at the next start: state files. */
void server_save(struct server *server);

/* What is due about once a second: lines that plugins have gathered, memory of what has
 * been replaced. */
void server_housekeep(struct server *server);

/* Adds up what its plugins hold. */
void server_measure(const struct server *server, struct plugin_figures *figures);

/* Plugins that are not ready, a bit for each plugin_number. Of blocks with the directive
 * `ready` alone: that is where it asks for them. */
uint64_t server_unready(const struct server *server);

/* What the log is to hold: the plugin debug asks for more. */
enum log_level server_log_level(const struct server *server);

/* What is to be listened on; valid as long as the server. */
const struct net_listener *server_listeners(const struct server *server, size_t *count);

/* The router of listener `index`, to be changed only before workers see it. */
struct router *server_router(const struct server *server, size_t index);

/* What was read; valid as long as the server. */
const struct corefile *server_corefile(const struct server *server);
const struct corefile_block *server_block_source(
	const struct server *server, const struct server_block *block);

/* The clusters, in the order of the Corefile; NULL behind the last. */
struct cluster *server_cluster(const struct server *server, size_t index);

/* The block that a question for `name` reaches: of the listeners that one with the
 * longest zone. NULL: none. */
const struct router *server_router_for(
	const struct server *server, const struct dname *name);
