/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* CPU time from the scheduler's own account: the clock ticks of /proc/PID/stat are too
 * coarse for a run of half a second. Both take numbers with commas, or NULL. */

/* Nanoseconds that all threads of these processes have run. */
uint64_t processes_cpu_ns(const char *pids);

/* Nanoseconds that these threads have run. */
uint64_t threads_cpu_ns(const char *tids);
