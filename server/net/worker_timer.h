/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/worker_host.h"

/* The timers of plugins, on the worker's event loop. */

/* Lets plugins on this worker have timers. */
void worker_timer_init(struct query_worker *host);
