/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/forward/exchange.h"
#include "server/plugin/forward/probe.h"
#include "server/query/query.h"
#include "server/wire/dname.h"

/*
 * Inside forward: one question that is asked of upstreams until one of them answers it,
 * or the time is over. Clients that ask the same while it is under way wait for the same
 * answer.
 */

struct forward_guest;

enum {
	ATTEMPTS_MAX = 8, /* of one inquiry under way; then the oldest is given up */
	WAITERS_MAX = 10000,
	QUESTION_MAX = DNAME_MAX + 4,
};

struct waiter {
	struct waiter *next;
	struct query *query;
};

struct inquiry {
	LIST_ENTRY(inquiry) link;
	TAILQ_ENTRY(inquiry) wheel_link;
	struct forward_guest *guest;
	int64_t started_ns, due_ns;
	struct waiter *waiters;
	unsigned waiter_count;
	uint64_t hash;
	uint16_t flags; /* RD, CD, AD as asked */
	uint16_t question_length;
	uint32_t tried; /* upstreams of this round */
	uint32_t plain; /* those that are asked without EDNS */
	unsigned turn;  /* where the order begins, for round robin */
	unsigned attempt_count, round;
	bool is_scheduled, has_do;
	bool is_pausing; /* between two checks */
	enum probe_purpose purpose;
	struct upstream *probed; /* of a probe: alone is asked */
	bool wants_stream;       /* TCP even where UDP could be asked */
	uint8_t *kept; /* an answer that another upstream may better; may be NULL */
	size_t kept_length;
	const char *failure; /* of the last attempt */
	enum edns_ede ede;   /* the same for the client */
	struct attempt attempts[ATTEMPTS_MAX];
	struct dname name;              /* lower case */
	uint8_t question[QUESTION_MAX]; /* as it is spelled, with type and class */
};

/* Lets the query wait for an answer. VERDICT_SUSPEND, or VERDICT_REPLY with an error. */
enum verdict inquiry_ask(struct forward_guest *guest, struct query *query);

/* The same for a query that has been moved and suspended, which it takes over. False:
 * there is no memory, or too much is under way. */
bool inquiry_adopt(struct forward_guest *guest, struct query *moved);

/* A message with the attempt's id came from its upstream. */
void inquiry_on_message(
	struct attempt *attempt, const uint8_t *message, size_t length, bool is_stream);

/* The attempt will not be answered: the next upstream is asked now. */
void inquiry_on_unreachable(struct attempt *attempt);

/* The connection was closed under it: it is sent again. */
void inquiry_on_closed(struct attempt *attempt);

/* Its time on the wheel has come. */
void inquiry_on_time(struct inquiry *inquiry);

/* The worker ends: those who wait get no reply. */
void inquiry_drop(struct inquiry *inquiry);
/* A question of our own to one upstream, not yet sent. NULL: no memory. */
struct inquiry *inquiry_new_probe(struct upstream *upstream, enum probe_purpose purpose,
	const struct dname *name, uint16_t type, uint16_t flags);
bool inquiry_send_probe(struct inquiry *inquiry);
void inquiry_end_probe(struct inquiry *inquiry);
