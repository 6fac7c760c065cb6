/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "server/base/err.h"

/*
 * The series of queries that `prometheus` counts: one for each listening address and
 * zone, and one for each address for what no zone takes. They last as long as the
 * process, so that nothing is forgotten when the configuration changes.
 */

struct metrics;
struct server;

/* NULL: no memory. */
struct metrics *metrics_new(unsigned worker_count);
/* The workers must have stopped. */
void metrics_free(struct metrics *metrics);

/* Gives the server's routers their series, before workers see them. Control thread only.
 * ERR_NOMEM. */
enum err metrics_plan(struct metrics *metrics, const struct server *server) MUST_CHECK;

/* The server of the last metrics_plan runs: its plugins are the ones that are named. */
void metrics_commit(struct metrics *metrics);

/* Looks at what there is in the server that runs, for the gauges; each second. */
void metrics_measure(struct metrics *metrics, const struct server *server);

/* What was counted, as coredns_dns_*, coredns_cache_* and coredns_plugin_enabled. Any
 * thread; errors are the stream's. */
void metrics_write(struct metrics *metrics, FILE *out);
