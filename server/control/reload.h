/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/control/server.h"

/*
 * Exchanges the running server for what the Corefile says now, whole or not at all: at
 * once on SIGHUP or SIGUSR1, and where the Corefile has `reload`, when its content or
 * that of a file it imports has changed. Control thread only, the counters aside.
 */

struct reload;
struct telemetry;

/* Any thread may read them. */
struct reload_counters {
	atomic_uint_fast64_t done, failed;
	atomic_uint_fast64_t digest; /* of the configuration in force, and its files */
};

/* What is reloaded; all of it outlives the reload, whose events run in `base`. */
struct reload_target {
	struct event_base *base;
	struct workers *const *workers; /* set before the base is dispatched */
	struct server **server;         /* the one in force; exchanged */
	struct telemetry *telemetry;    /* has the queries of a new one counted */
};

/* Catches the signals from now on. ERR_NOMEM. */
enum err reload_new(const struct reload_target *target, struct reload **out) MUST_CHECK;

/* The workers must have stopped. */
void reload_free(struct reload *reload);

/* Begins to look at the Corefile, as often as it says. */
void reload_start(struct reload *reload);

/* Frees configurations whose last query has been answered; to be called now and then. */
void reload_reclaim(struct reload *reload);

/* Valid as long as the reload. */
const struct reload_counters *reload_counters(const struct reload *reload);
