/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What is counted about the queries of one zone on one listening address, in memory of
 * each worker's own and summed by who reads it. Made by the control thread before the
 * workers count in it; lives as long as the routers that lead to it.
 *
 * The buckets are those of CoreDNS's metrics, so that its dashboards can be kept.
 */

struct query;
struct request;

enum {
	SERIES_TYPES = 20,     /* series_type_names; the last is "other" */
	SERIES_RCODES = 24,    /* above: not counted */
	SERIES_PLUGINS = 48,   /* server_block.numbers; 0: no plugin */
	SERIES_DURATIONS = 17, /* 0.25 ms * 2^n, the last is +Inf */
	SERIES_SIZES = 15,     /* series_size_bounds, the last is +Inf */
	SERIES_TRANSPORTS = 2, /* enum transport */
	SERIES_FAMILIES = 2,   /* IPv4, IPv6 */
	SERIES_DURATION0_NS = 250000,
};

/* What the cache counts. Those of a kind (enum cache_kind) stand together: success, then
 * denial. */
enum series_cache {
	SERIES_CACHE_REQUESTS,
	SERIES_CACHE_HITS,
	SERIES_CACHE_MISSES = SERIES_CACHE_HITS + 2,
	SERIES_CACHE_PREFETCHES,
	SERIES_CACHE_DROPS,
	SERIES_CACHE_STALE,
	SERIES_CACHE_EVICTIONS,
	SERIES_CACHE_COUNTERS = SERIES_CACHE_EVICTIONS + 2,
};

struct series_sizes {
	uint64_t counts[SERIES_SIZES];
	uint64_t octets;
};

/* One worker's counters, or the sums of all. */
struct series_counters {
	uint64_t requests[SERIES_TRANSPORTS][SERIES_FAMILIES][SERIES_TYPES];
	uint64_t dnssec_ok;
	uint64_t template_matches[SERIES_TYPES];
	uint64_t autopaths; /* answered by a name of a search list */
	uint64_t durations[SERIES_DURATIONS];
	uint64_t duration_ns;
	struct series_sizes request_sizes[SERIES_TRANSPORTS];
	struct series_sizes response_sizes[SERIES_TRANSPORTS];
	uint64_t responses[SERIES_PLUGINS][SERIES_RCODES];
	uint64_t cache[SERIES_CACHE_COUNTERS];
};

/* Not cumulative: a bucket has what is above the bound before it. */
extern const uint16_t series_size_bounds[SERIES_SIZES - 1];
extern const char *const series_type_names[SERIES_TYPES];

struct series;

/* NULL: no memory. */
struct series *series_new(unsigned worker_count);
void series_free(struct series *series);

/* Any thread. */
void series_sum(const struct series *series, struct series_counters *out);

/* --- a worker's --- */

/* Which worker this thread is, from 0; before it counts anything. */
void series_register(unsigned worker);

/* Counts a finished query, `length` octets its reply. Its duration is known only when
 * the batch is sent: series_settle, which must come before the thread waits again. */
void series_count(struct series *series, const struct query *query, size_t length);

/* `counter` is of enum series_cache, or one behind it. `series` may be NULL. */
void series_count_cache(struct series *series, unsigned counter, uint64_t amount);

/* A template matches the question. */
void series_count_template(struct series *series, const struct request *request);

/* The replies counted since the last call have been handed to the kernel now. Reads the
 * clock once, and only where something was counted. */
void series_settle(void);
