/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"

/*
 * A worker's TCP listeners and their connections. Set up by the control thread, then the
 * worker's alone.
 */

struct binding;
struct net_counters;
struct net_limits;
struct query_worker;
struct tcp;

/* NULL: no memory. `host`, `counters` and `limits` are the worker's and outlive this. */
struct tcp *tcp_new(struct query_worker *host, struct net_counters *counters,
	const struct net_limits *limits);

/* Closes everything. Queries that are still suspended must never be resumed. */
void tcp_free(struct tcp *tcp);

/* Takes the listening `fd` over, also on failure. ERR_NOMEM. */
enum err tcp_give_listener(struct tcp *tcp, int fd, struct binding *binding) MUST_CHECK;

/* Accepts and answers what has been received for `binding` until now, closes its
 * listener, if there is one, and each of its connections once its replies are sent. */
void tcp_close_listener(struct tcp *tcp, const struct binding *binding);

/* Accepts and answers what has been received until now, closes the listeners, and each
 * connection once its replies are sent. */
void tcp_drain(struct tcp *tcp);

unsigned tcp_connection_count(const struct tcp *tcp);
