/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/query/query.h"

/*
 * A plugin's part in the life of a query. Instances are made from the configuration and
 * immutable while workers use them; what they count goes to the worker's counters.
 */

/* What plugins hold, added up for the page of metrics. */
struct plugin_figures {
	unsigned hosts_count; /* instances of hosts */
	uint64_t hosts_entries;
	int64_t hosts_changed_ms; /* the latest mtime of their files */
	unsigned weight_files;    /* of loadbalance */
	uint64_t weight_failures; /* changes of them that were not taken over */
};

struct plugin_ops {
	const char *name;
	/* Answers, or passes on. NULL: the plugin only observes or only configures. */
	enum verdict (*query)(void *instance, struct query *query);
	/* Sees the reply to a query that it passed on with VERDICT_WATCH, before header
	 * and OPT are written; may put another in its place. Else NULL. */
	void (*replied)(void *instance, struct query *query);
	/* Asks for the memory that tells where `query`'s answer is, then, when that has
	 * come, for the answer. Either may be NULL. */
	void (*prefetch)(void *instance, const struct query *query);
	void (*prefetch_answer)(void *instance, const struct query *query);
	/* Sees each finished reply of its block. May be NULL. */
	void (*observe)(void *instance, const struct query *query);
	/* Both on the control thread, about once a second; either may be NULL. The second
	 * is false as long as the plugin lacks what it needs to answer (/ready). */
	void (*housekeep)(void *instance, int64_t now_ms);
	bool (*is_ready)(const void *instance);
	/* Adds what the plugin holds, on the control thread. May be NULL. */
	void (*measure)(const void *instance, struct plugin_figures *figures);
	void (*free)(void *instance); /* may be NULL */
	bool takes_any_class;         /* is asked about other classes than IN, too */
};

struct plugin_instance {
	const struct plugin_ops *ops;
	void *instance;
};

enum { CHAIN_MAX = 32 };

/* One server block of one listener: its zones lead here. */
struct server_block {
	struct plugin_instance
		chain[CHAIN_MAX]; /* in the fixed order, query plugins only */
	uint8_t chain_length;
	uint8_t numbers[CHAIN_MAX]; /* of the chain's plugins, as series_counters counts
				       them, from 1 */
	struct plugin_instance observers[CHAIN_MAX];
	uint8_t observer_count;
	struct plugin_instance chaos; /* answers class CH; without ops nobody does */
	uint8_t chaos_number;
	bool takes_any_class;  /* a plugin of the chain answers other classes than IN */
	struct edns_nsid nsid; /* told to who asks for it; length 0: none */
	bool is_counted;       /* its queries are, in series (directive prometheus) */
	uint16_t udp_size; /* our EDNS size, 1232 unless configured (DNS flag day 2020) */
	/* Suspended queries of the whole configuration: it is not freed while there are
	 * any. NULL: nobody counts. */
	atomic_uint *suspended;
};
