/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include "server/base/err.h"

/*
 * What a worker is to the plugins that wait for something: its event loop, and a place
 * for what they keep per worker. Worker's own thread only.
 */

struct event_base;
struct server_block;

/*
 * State that a plugin keeps on one worker, made when the first query there needs it; to
 * be embedded. `leave` is called on the worker's thread, in a read section, when the
 * configuration of the plugin goes and nothing of it is suspended any more, or when the
 * thread ends: then queries that are still suspended are resumed with VERDICT_DROP. It
 * removes its events and frees the state.
 */
struct query_guest {
	LIST_ENTRY(query_guest) link;
	const void *configuration;
	void (*leave)(struct query_guest *guest);
};

/* What is due on a worker later; to be embedded. `due` is called once in a read section,
 * and may free it. */
struct query_timer {
	void (*due)(struct query_timer *timer);
	void *private; /* the event loop's */
};

struct query_worker {
	unsigned number; /* from 0 */
	struct event_base *base;
	LIST_HEAD(query_guests, query_guest) guests;
	/* Timers: ERR_NOMEM, it is not due. Stopping one that was due is fine. */
	enum err (*timer_start)(
		struct query_worker *worker, struct query_timer *timer, int64_t wait_ms);
	void (*timer_stop)(struct query_timer *timer);
};

/* `block` is that of the query at hand; leave must be set. */
void query_guest_join(struct query_worker *worker, struct query_guest *guest,
	const struct server_block *block);

/* The guests of a configuration leave (server_block.suspended names it); NULL: all. */
void query_worker_evict(struct query_worker *worker, const void *configuration);
