/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/latency.h"

#include <stdio.h>
#include <stdlib.h>

void latencies_add(struct latencies *latencies, int64_t ns)
{
	if (latencies->count == latencies->capacity) {
		latencies->capacity =
			latencies->capacity ? latencies->capacity * 2 : 1024;
		latencies->ns = reallocarray(
			latencies->ns, latencies->capacity, sizeof(*latencies->ns));
	}
	if (!latencies->ns) {
		perror("latencies");
		exit(1);
	}
	latencies->ns[latencies->count++] = ns;
}

static int ns_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double percentile_ms(const struct latencies *latencies, unsigned percent)
{
	if (!latencies->count)
		return -1;
	size_t place = (latencies->count - 1) * percent / 100;
	return (double)latencies->ns[place] / 1e6;
}

void latencies_print(struct latencies *latencies)
{
	if (latencies->count)
		qsort(latencies->ns, latencies->count, sizeof(*latencies->ns),
			ns_compare);
	printf("median_ms %.3f p99_ms %.3f max_ms %.3f", percentile_ms(latencies, 50),
		percentile_ms(latencies, 99), percentile_ms(latencies, 100));
}
