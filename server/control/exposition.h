/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Prometheus's text format, version 0.0.4: a family's head, then its samples. Errors are
 * the stream's.
 */

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { EXPOSITION_LABELS_MAX = 8 };

struct label {
	const char *name, *value;
};

struct labels {
	struct label items[EXPOSITION_LABELS_MAX];
	size_t count;
};

/* A copy with one more label; texts are borrowed. `labels` NULL: none yet. */
struct labels labels_with(
	const struct labels *labels, const char *name, const char *value);

/* `type` is counter, gauge or histogram. */
void exposition_family(FILE *out, const char *name, const char *type, const char *help);

/* One sample. Here and below `labels` NULL: none. */
void exposition_integer(
	FILE *out, const char *name, const struct labels *labels, uint64_t value);
void exposition_seconds(
	FILE *out, const char *name, const struct labels *labels, uint64_t value_ns);

/* A histogram of `count` buckets, each with what is above the bound before it; the last
 * has no bound. */
struct exposition_histogram {
	const uint64_t *buckets;
	const double *bounds; /* count - 1 of them */
	size_t count;
	uint64_t sum;
	bool is_ns; /* the sum is in nanoseconds, to be shown in seconds */
};

/* Nothing where nothing was counted. */
void exposition_histogram(FILE *out, const char *name, const struct labels *labels,
	const struct exposition_histogram *histogram);
