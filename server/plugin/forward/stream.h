/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/plugin/forward/exchange.h"
#include "server/plugin/forward/tls.h"

/*
 * Inside forward: connections to one upstream, by TCP or TLS. They are kept, carry many
 * questions at once (RFC 7766 6.2.1), and answers come in any order.
 */

struct stream;

enum {
	STREAM_IN_FLIGHT_MAX = 128, /* then another connection is made */
	STREAMS_MAX = 16,           /* to one upstream */
};

LIST_HEAD(stream_list, stream);

struct stream_pool {
	struct stream_list streams;
	struct stream_list dead; /* not yet freed */
	unsigned count;
	struct tls_memory memory;
	int64_t complained_ns; /* of a certificate, to the log */
};

/* Sends the message, whose id becomes the attempt's, by a connection that is there or a
 * new one; `is_retry`: only by a new one. False: it cannot be sent. */
bool stream_pool_send(struct stream_pool *pool, struct attempt *attempt, uint8_t *message,
	size_t length, bool is_retry);

/* Closes what has been idle for long enough; true: connections are left. */
bool stream_pool_sweep(struct stream_pool *pool);

/* Nothing may be under way. */
void stream_pool_close(struct stream_pool *pool);
