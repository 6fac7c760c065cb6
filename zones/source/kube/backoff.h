/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * How long to wait before the next attempt: 100 ms after the first failure, twice as
 * long after each further one, at most 30 s; a quarter less to a quarter more, so that
 * replicas do not come back together.
 */

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 30000 };

struct backoff {
	int64_t next_ms; /* 0: no failure yet */
};

/* After a failure. At least `at_least_ms`, which the server may have asked for. */
int64_t backoff_wait_ms(struct backoff *backoff, int64_t at_least_ms);
void backoff_reset(struct backoff *backoff);

/* A number from `low` to `high` by chance. */
int64_t backoff_between(int64_t low, int64_t high);
