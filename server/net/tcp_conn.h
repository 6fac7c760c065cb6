/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/net/tcp_table.h"

/*
 * One TCP connection: messages with a length of two octets in front (RFC 1035 4.2.2),
 * as many under way as the limit allows, answered in whatever order they are done
 * (RFC 7766 6.2.1.1). An idle connection holds no buffers. The worker's thread alone.
 */

struct binding;
struct net_counters;
struct net_limits;
struct query_worker;
struct tcp_conn;

LIST_HEAD(tcp_conn_list, tcp_conn);

/* What the connections of one worker share. */
struct tcp_shared {
	struct query_worker *host;
	struct net_counters *counters;
	const struct net_limits *limits;
	struct tcp_table table;
	/* For the connection whose turn it is; what must wait is moved to its own memory.
	 */
	uint8_t *input, *output;
	/* Closed connections with queries still suspended. */
	struct tcp_conn_list remains;
};

/* The buffers and the empty lists. ERR_NOMEM. */
enum err tcp_shared_init(struct tcp_shared *shared, struct query_worker *host,
	struct net_counters *counters, const struct net_limits *limits) MUST_CHECK;

/* Closes what is open. Queries that are still suspended must never be resumed. */
void tcp_shared_deinit(struct tcp_shared *shared);

/* Takes `fd` over, also on failure, and serves it until it is done. ERR_NOMEM. */
enum err tcp_conn_start(struct tcp_shared *shared, int fd, const struct sockaddr *client,
	struct binding *binding) MUST_CHECK;

/* At once; suspended queries find nobody when they resume. */
void tcp_conn_close(struct tcp_conn *conn);

/* Answers what has been received, then closes once everything is sent. `is_last`: asks
 * the router for the last time now, so queries behind as many as may be in flight, or
 * behind replies that the client does not read, are left alone. */
void tcp_conn_drain(struct tcp_conn *conn, bool is_last);

struct tcp_conn *tcp_conn_of(struct tcp_entry *entry);

const struct binding *tcp_conn_binding(const struct tcp_conn *conn);
