/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/err.h"

/*
 * How long a thread's turn on a cpu is, in nanoseconds, 100 us to 100 ms. Linux runs the
 * thread with the earliest virtual deadline, and a short turn has an early one: a thread
 * that mostly waits is run as soon as it wakes, ahead of those that keep that cpu busy.
 * It gets no more of the cpu for it. That is so since Linux 6.12
 * (Documentation/scheduler/sched-eevdf.rst); earlier versions take the length and do
 * nothing with it.
 */

/* For the calling thread alone, not for those that it makes. A policy other than the
 * usual one is left alone. ERR_IO: the system does not permit it. */
enum err turn_set_length(int64_t ns) MUST_CHECK;

/* That of the calling thread. 0: the system does not say, as none before Linux 6.12. */
int64_t turn_length(void);
