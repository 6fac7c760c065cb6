/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/plugin/cache/pool.h"
#include "server/query/plugin.h"

/*
 * The cache plugin: keeps the replies of the plugins behind it, mostly those of forward,
 * and gives them out again. It stands directly before those, never in front of what
 * knows its answers itself.
 */

struct cache_limits {
	size_t capacity; /* entries */
	uint32_t ttl_max_s, ttl_min_s;
	bool keeps_zero; /* the minimum holds for records that are not to be kept, TTL 0,
			    too */
	/* Names that are not kept. */
	bool is_disabled;
	const struct dname *excepted;
	size_t excepted_count;
};

enum cache_refresh_mode {
	CACHE_IMMEDIATE, /* the stale reply goes out, then the others are asked */
	CACHE_VERIFY,    /* it goes out when the others cannot answer */
};

struct cache_options {
	const struct dname *zones; /* none: all that the block has */
	size_t zone_count;
	struct cache_limits kinds[CACHE_KINDS];
	int64_t servfail_ms; /* 0: SERVFAIL is not kept */
	/* Entries that were asked for `prefetch_amount` times without a pause of
	 * `prefetch_pause_s` are renewed when a part of their time is left. 0: none. */
	uint32_t prefetch_amount, prefetch_pause_s, prefetch_percent;
	int64_t stale_ms; /* how long entries are given out beyond their time; 0: not */
	enum cache_refresh_mode stale_mode;
	int64_t verify_timeout_ms; /* 0: as long as it takes */
	bool prefers_positive;     /* even a stale success to a denial */
	bool keeps_ttl;            /* TTLs do not age */
};

/* The defaults of CoreDNS. */
extern const struct cache_options cache_options_default;

/* `options` must outlive the instance, which holds a reference to the pool. ERR_NOMEM. */
enum err cache_new(const struct cache_options *options, struct cache_pool *pool,
	struct plugin_instance *out) MUST_CHECK;

/* How many entries an instance of this plugin has. Any thread. */
size_t cache_entry_count(const void *instance, enum cache_kind kind);
