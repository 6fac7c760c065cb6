/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/forward_series.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/counter.h"

struct forward_series {
	unsigned worker_count;
	struct forward_counts counts[];
};

struct forward_series *forward_series_new(unsigned worker_count)
{
	struct forward_series *series =
		calloc(1, sizeof(*series) + worker_count * sizeof(series->counts[0]));
	if (series)
		series->worker_count = worker_count;
	return series;
}

void forward_series_free(struct forward_series *series)
{
	free(series);
}

void forward_series_sum(const struct forward_series *series, struct forward_counts *out)
{
	/* It is nothing but counters. */
	uint64_t *to = (uint64_t *)out;
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < series->worker_count; i++) {
		const uint64_t *from = (const uint64_t *)&series->counts[i];
		for (size_t k = 0; k < sizeof(*out) / sizeof(*to); k++)
			to[k] += counter_read(&from[k]);
	}
}

struct forward_counts *forward_series_of(struct forward_series *series, unsigned worker)
{
	return series && worker < series->worker_count ? &series->counts[worker] : NULL;
}

void forward_series_count(struct forward_counts *counts, unsigned rcode, int64_t ns)
{
	if (!counts || rcode >= SERIES_RCODES)
		return;
	unsigned bucket = 0;
	while (bucket + 1 < SERIES_DURATIONS && ns > (int64_t)SERIES_DURATION0_NS
								<< bucket)
		bucket++;
	counter_add(&counts->durations[rcode][bucket], 1);
	counter_add(&counts->duration_ns[rcode], (uint64_t)ns);
}
