/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/http.h"

/* The page /metrics: everything that Prometheus is told. */

struct metrics;
struct status;

struct scrape {
	struct metrics *metrics;
	struct status *status;
	const struct http_watch *health; /* the HTTP thread's */
	int64_t start_unix_s;            /* when the process began */
};

/* `context` is a struct scrape. On the HTTP thread. */
void page_metrics(void *context, struct http_reply *reply);
