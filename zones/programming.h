/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zones/registry/registry.h"

/*
 * How long it took from a change of endpoints in the cluster, of which the slice tells
 * when it was (endpoints.kubernetes.io/last-change-trigger-time), until it is answered.
 * Control thread only.
 */

enum programming_kind {
	PROGRAMMING_CLUSTER_IP,
	PROGRAMMING_HEADLESS_SELECTOR,
	PROGRAMMING_HEADLESS_PLAIN,
	PROGRAMMING_KINDS,
};

enum {
	PROGRAMMING_BUCKETS = 21, /* 1 ms * 2^n, the last is +Inf */
	PROGRAMMING_BUCKET0_MS = 1,
};

/* Nothing but counters of 64 bits. */
struct programming_counters {
	uint64_t counts[PROGRAMMING_KINDS][PROGRAMMING_BUCKETS]; /* not cumulative */
	uint64_t sums_ms[PROGRAMMING_KINDS];
};

struct programming_change {
	int64_t triggered_ms;
	enum programming_kind kind;
};

/* The changes of a batch. All zero to begin with. */
struct programming {
	struct programming_change *changes;
	size_t count, capacity;
};

void programming_deinit(struct programming *programming);

/* A slice of the batch at hand. Without memory it is not counted. */
void programming_note(struct programming *programming, const struct registry *registry,
	const struct object *slice);

/* They are answered as of `unix_ms`. */
void programming_count(struct programming *programming, int64_t unix_ms,
	struct programming_counters *counters);
