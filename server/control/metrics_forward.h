/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "server/base/err.h"

/* The series of upstreams, for metrics.c, which has the lock. They last as long as the
 * process. */

struct metrics_upstream;
struct server_block;

/* Gives the forward plugins of the block their series. ERR_NOMEM. */
enum err metrics_forward_plan(struct metrics_upstream **list,
	const struct server_block *block, unsigned worker_count) MUST_CHECK;

void metrics_forward_write(const struct metrics_upstream *list, FILE *out);
void metrics_forward_free(struct metrics_upstream *list);
