/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/wire/reply.h"
#include "server/wire/request.h"

/*
 * The life of a query: query_begin reads it and finds its server block, query_run walks
 * the block's chain of plugins until one replies. Both run on the worker that received
 * it, inside one RCU read section for a whole batch; neither allocates, locks nor calls
 * the system.
 */

struct sockaddr;
struct query_worker;
struct router;
struct server_block;
struct query_counters;
struct series;

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

enum verdict {
	VERDICT_REPLY,   /* the reply is complete */
	VERDICT_NEXT,    /* not mine: the next plugin's turn */
	VERDICT_WATCH,   /* the same, but plugin_ops.replied is to see what comes of it */
	VERDICT_SUSPEND, /* the plugin owns the query until it calls query_resume */
	VERDICT_DROP,    /* no reply at all */
};

struct query {
	struct request request;
	struct reply reply;
	enum transport transport;
	const struct sockaddr *client;
	const struct router *router;      /* of the listener it came in by */
	const struct server_block *block; /* NULL: no zone matched */
	struct series *series;            /* counts it when it is finished; may be NULL */
	struct query_counters *counters;  /* the worker's own */
	struct query_worker *worker;      /* NULL: asked without one, none may suspend */
	int64_t received_ns;              /* monotonic, one reading for the batch */
	enum request_verdict parsed;
	uint8_t step;        /* position in the block's chain */
	uint8_t answered_by; /* the number of the plugin that did */
	uint8_t depth;       /* 0: a client's; else a subquery's, and how deep that is */
	uint32_t watchers;   /* bit i: step i of the chain said VERDICT_WATCH */
	bool is_autopath;    /* a search list was walked for it, and not in vain */
	const char *failure; /* why the reply is SERVFAIL, for the errors plugin */
	/*
	 * Set by whoever received the query, and called by query_resume. A plugin that
	 * suspends moves the query to memory of its own first with query_move.
	 */
	void (*resume)(struct query *query, enum verdict verdict);
	void *owner; /* the receiver's */
};

/* The failure where no plugin of the block answers. */
extern const char query_unanswered[];

/* What a worker counts; it alone writes, others read with relaxed loads. */
struct query_counters {
	uint64_t requests[2]; /* by transport */
	uint64_t replies;
	uint64_t dropped; /* requests without a reply: malformed, not queries, by a plugin
			   */
	uint64_t truncated;
	uint64_t refused; /* no server block for the name */
	uint64_t rcodes[24];
	uint64_t suspended;
	uint64_t localhost; /* for names below localhost, where `local` answers them */
};

/*
 * Reads `message` and finds its block; prefetches what query_run will touch. False: no
 * reply is due, the query is finished (and counted). `reply_buffer` takes the reply, at
 * most `reply_size` octets (a UDP reply is limited further by EDNS).
 */
bool query_begin(struct query *query, const struct router *router, const uint8_t *message,
	size_t length, uint8_t *reply_buffer, uint16_t reply_size);

/* Between the two, for batches: asks for the memory of the answer, whose place has been
 * fetched since query_begin. */
void query_prefetch(const struct query *query);

/* Walks the chain. After VERDICT_REPLY, query_finish gives the length to be sent; after
 * VERDICT_SUSPEND the configuration stays until query_release. */
enum verdict query_run(struct query *query);

/* Completes the reply in its buffer, lets the chain's observers (log) see it and counts;
 * returns its length. */
size_t query_finish(struct query *query);

/*
 * What a plugin that has suspended the query calls, on the same worker, once, when the
 * reply is complete or must be dropped, inside a read section: at its end the plugin
 * itself may be gone, as the configuration may have been replaced meanwhile.
 */
void query_resume(struct query *query, enum verdict verdict);

/* The receiver's last act in `resume`; the block must not be looked at any more. */
void query_release(struct query *query);

/*
 * For a suspended query: request bytes, reply and client address moved to one heap
 * object that the caller frees with free(3) after resume. NULL: no memory.
 */
struct query *query_move(const struct query *query);
