/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/plugin/forward/exchange.h"

/*
 * Inside forward: connected UDP sockets to one upstream. Each has a source port drawn at
 * random and is replaced after a while, so that who wants to forge a reply has to guess
 * the port as well as the id (RFC 5452 9.2). The kernel passes on only what comes from
 * the upstream's address and port.
 */

struct udp_source;

enum {
	UDP_POOL_SIZE = 16,
	UDP_MESSAGE_MAX = 4096, /* what we ask for is less */
};

struct udp_pool {
	struct udp_source *sources[UDP_POOL_SIZE]; /* in use; may be NULL */
	struct udp_source *retired;                /* wait for their last replies */
};

/* Sends the message, whose first two octets become the attempt's id, from one of the
 * sockets. False: it cannot be sent, errno says why. */
bool udp_pool_send(struct udp_pool *pool, struct attempt *attempt, uint8_t *message,
	size_t length, int64_t now_ns);

/* Closes what is not needed; true: sockets are left. */
bool udp_pool_sweep(struct udp_pool *pool, int64_t now_ns);

/* Nothing may be under way. */
void udp_pool_close(struct udp_pool *pool);
