/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "server/query/series.h"

/*
 * What is counted about an upstream, in memory of each worker's own and summed by who
 * reads it. Made by the control thread before workers count in it, and outlives the
 * configurations that name the upstream.
 */

enum forward_proto { PROTO_UDP, PROTO_TCP, PROTO_TLS, FORWARD_PROTOS };

struct forward_counts {
	/* By rcode; not cumulative: a bucket has what is above the bound before it. */
	uint64_t durations[SERIES_RCODES][SERIES_DURATIONS];
	uint64_t duration_ns[SERIES_RCODES];
	uint64_t hits[FORWARD_PROTOS];   /* questions by a connection that was there */
	uint64_t misses[FORWARD_PROTOS]; /* by a new one */
	uint64_t failed_checks;
	uint64_t rejects; /* questions above max_concurrent */
	uint64_t broken;  /* asked although all are down */
	uint64_t wrong;   /* messages that answered nothing asked */
};

struct forward_series;

/* NULL: no memory. */
struct forward_series *forward_series_new(unsigned worker_count);
void forward_series_free(struct forward_series *series);

/* Any thread. */
void forward_series_sum(const struct forward_series *series, struct forward_counts *out);

/* The worker's own part, for counter_add. NULL: `series` is, or has no such worker. */
struct forward_counts *forward_series_of(struct forward_series *series, unsigned worker);

void forward_series_count(struct forward_counts *counts, unsigned rcode, int64_t ns);
