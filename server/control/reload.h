/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/server.h"

/*
 * Exchanges the running server for what the Corefile says now, whole or not at all: at
 * once on SIGHUP or SIGUSR1, and where the Corefile has `reload`, when its content or
 * that of a file it imports has changed. Control thread only.
 */

struct reload;
struct telemetry;

/* What is reloaded; all of it outlives the reload, whose events run in `base`. */
struct reload_target {
	struct event_base *base;
	struct workers *const *workers; /* set before the base is dispatched */
	struct server **server;         /* the one in force; exchanged */
	struct telemetry *telemetry;    /* follows the exchange */
};

/* Catches the signals from now on. ERR_NOMEM. */
enum err reload_new(const struct reload_target *target, struct reload **out) MUST_CHECK;

/* The workers must have stopped. */
void reload_free(struct reload *reload);

/* Begins to look at the Corefile, as often as it says. */
void reload_start(struct reload *reload);

/* Frees configurations whose last query has been answered; to be called now and then. */
void reload_reclaim(struct reload *reload);

/* How many reloads were refused. */
uint64_t reload_failed(const struct reload *reload);
