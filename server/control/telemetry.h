/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/diag.h"

/*
 * How the server is watched: the pages of health, ready and prometheus on the HTTP
 * thread, and what they say. Control thread only.
 */

struct server;
struct envfiles;
struct telemetry;
struct workers;

struct telemetry_source {
	const struct server *server;
	const struct workers *workers;
	uint64_t reloads_failed;
};

/* NULL: no memory. */
struct telemetry *telemetry_new(unsigned worker_count, struct envfiles *envfiles);
/* Ends the HTTP thread. The workers must have stopped. */
void telemetry_free(struct telemetry *telemetry);

/*
 * Has the server's queries counted and opens what its pages need; before workers see it.
 * Then either it is the one that runs, and its pages are the pages, or all is as it was.
 * The first one starts the HTTP thread where the Corefile asks for a page, which says
 * that the server is not ready until telemetry_update. ERR_NOMEM; ERR_IO with `problems`.
 */
enum err telemetry_prepare(struct telemetry *telemetry, const struct server *server,
	struct diag_list *problems) MUST_CHECK;
void telemetry_commit(struct telemetry *telemetry, const struct server *server);
void telemetry_cancel(struct telemetry *telemetry);

/* How the server that runs is; it answers. To be called each second. */
void telemetry_update(struct telemetry *telemetry, const struct telemetry_source *source);

/* Not ready from now on; returns for how long the server is to go on answering. */
int64_t telemetry_end_ms(struct telemetry *telemetry);
