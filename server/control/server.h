/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/log.h"
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
struct event_base;

struct server_options {
	uint16_t port;                /* of zones without one; 0: 53 */
	bool gives_advice;            /* warns of what is legal but unwise */
	struct cluster_report report; /* takes problems with manifests; zero: the log */
};

/* Reads and checks the Corefile and builds everything, without a socket or a manifest.
 * `options` may be NULL. ERR_NOMEM, ERR_IO; ERR_INVALID with `problems`, which may also
 * hold warnings on success. */
enum err server_new(const char *corefile, const struct server_options *options,
	struct server **out, struct diag_list *problems) MUST_CHECK;
/* The workers must have stopped. */
void server_free(struct server *server);

/* Reads the manifests, and follows them with `base`. ERR_NOMEM, ERR_IO. */
enum err server_load(struct server *server, struct event_base *base) MUST_CHECK;

/* What is due about once a second: lines that plugins have gathered, memory of what has
 * been replaced. */
void server_housekeep(struct server *server);

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
