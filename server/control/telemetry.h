/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/diag.h"

/*
 * How the server is watched: the pages of health, ready and prometheus on the HTTP
 * thread, and what they say. Control thread only.
 */

struct server;
struct telemetry;
struct workers;

/* NULL: no memory. */
struct telemetry *telemetry_new(unsigned worker_count);
/* Ends the HTTP thread. The workers must have stopped. */
void telemetry_free(struct telemetry *telemetry);

/* Starts the HTTP thread where the Corefile asks for a page, which then says that the
 * server is not ready. ERR_NOMEM; ERR_IO with `problems`. */
enum err telemetry_start(struct telemetry *telemetry, const struct server *server,
	struct diag_list *problems) MUST_CHECK;

/* Has the server's queries counted; before workers see it. ERR_NOMEM. */
enum err telemetry_plan(
	struct telemetry *telemetry, const struct server *server) MUST_CHECK;

/* The server answers: tells the pages how it is. To be called each second. */
void telemetry_update(struct telemetry *telemetry, const struct server *server,
	const struct workers *workers);

/* Not ready from now on; returns for how long the server is to go on answering. */
int64_t telemetry_end_ms(struct telemetry *telemetry);
