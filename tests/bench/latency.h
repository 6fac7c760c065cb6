/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How long many things took. Starts as zeros. */
struct latencies {
	int64_t *ns;
	size_t count, capacity;
};

/* Ends the process when there is no memory. */
void latencies_add(struct latencies *latencies, int64_t ns);

/* Prints "median_ms N p99_ms N max_ms N", -1 where nothing was added. */
void latencies_print(struct latencies *latencies);
