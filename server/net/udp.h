/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * A worker's UDP sockets and the buffers that they share. Set up by the control thread,
 * then the worker's alone, udp_kernel_drops aside.
 */

struct binding;
struct net_counters;
struct query_worker;
struct udp;

/* NULL: no memory. `host` and `counters` are the worker's and outlive this. */
struct udp *udp_new(struct query_worker *host, struct net_counters *counters);

/* Closes the sockets. Queries that are still suspended must never be resumed. */
void udp_free(struct udp *udp);

/*
 * Takes `fd` over, also on failure, and answers what it receives. `has_source`: the
 * kernel says which of our addresses was asked (wildcard addresses). ERR_NOMEM.
 */
enum err udp_give_socket(
	struct udp *udp, int fd, struct binding *binding, bool has_source) MUST_CHECK;

/* Answers what the kernel has received for `binding` until now, then closes its socket,
 * if there is one; with suspended queries once they are answered. */
void udp_close_socket(struct udp *udp, const struct binding *binding);

/* Answers what the kernel has received until now, then receives no more. */
void udp_drain(struct udp *udp);

/* Suspended queries. */
unsigned udp_pending_count(const struct udp *udp);

/* Datagrams that found a receive buffer full. Any thread while no socket comes or goes.
 */
uint64_t udp_kernel_drops(const struct udp *udp);
