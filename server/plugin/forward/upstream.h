/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/plugin/forward/stream.h"
#include "server/plugin/forward/udp_pool.h"

/*
 * Inside forward: what a worker knows of an upstream, and which one is asked next. An
 * upstream that has let a question wait, and has not been heard since, is suspect: others
 * are asked first, so that one that is dead costs only those who find it out.
 */

struct forward_counts;
struct forward_guest;
struct forward_upstream;
struct random_pool;

/* Round trips, smoothed (RFC 6298 2); microseconds. */
struct rtt {
	int32_t smoothed, variation; /* 0: nothing measured yet */
};

struct upstream {
	struct forward_guest *guest;
	const struct forward_upstream *options;
	unsigned index;
	struct rtt rtt;
	struct forward_counts *counts; /* the worker's own; NULL: not counted */
	int64_t heard_ns;              /* when the last reply came */
	int64_t suspect_ns;            /* since when it is; 0: it is not */
	unsigned relapses;             /* how often it became so in a row */
	int64_t plain_ns; /* since when it is known not to know EDNS; 0: it is not */
	struct udp_pool udp;
	struct stream_pool streams;
};

enum {
	RTT_FLOOR_MS = 30,
	RTT_FIRST_MS = 400, /* nothing is known yet */
	RTT_CEILING_MS = 1500,
	/* How long one is suspect where no check will clear it, at first and at most. */
	SUSPECT_MS = 1000,
	SUSPECT_MAX_MS = 30000,
	/* Then one that did not know EDNS may have learnt it. */
	PLAIN_MS = 600000,
};

void rtt_add(struct rtt *rtt, int64_t sample_ns);

/* How long an answer may take before another upstream is asked. */
int64_t rtt_patience_ns(const struct rtt *rtt);

/* Is it asked without EDNS? */
bool upstream_is_plain(const struct upstream *upstream, int64_t now_ns);

bool upstream_is_suspect(const struct upstream *upstream, int64_t now_ns);

/* A reply of it came, to a question sent at `sent_ns`. */
void upstream_hear(struct upstream *upstream, int64_t sent_ns, int64_t now_ns);

/* A question sent at `sent_ns` has waited in vain; true: it is suspect from now on. */
bool upstream_miss(struct upstream *upstream, int64_t sent_ns, int64_t now_ns);

/* What is to be chosen from: bit i of each set is upstream i. */
struct pick {
	unsigned count;
	uint32_t tried, suspect, down;
	unsigned first; /* where the policy's order begins */
};

/* The next to be asked, those that are well first; below 0: all have been. */
int pick_next(const struct pick *pick);
