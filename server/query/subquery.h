/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/query.h"

/*
 * Another question on behalf of a client's query: what a search list makes of a name, the
 * target of a CNAME, the addresses that are to be translated, an answer that is renewed.
 * It goes through the chain as if the same client had asked it, but is not counted and
 * not logged. One heap object each. Worker threads, in a read section.
 */

struct dname;
struct subquery;

enum subquery_where {
	SUBQUERY_BEHIND, /* the plugins of the block behind the one that asks */
	SUBQUERY_SERVER, /* all of the server block that the name leads to */
};

enum {
	SUBQUERY_DEPTH_MAX = 9,     /* one in the other; a chain of 8 names and its end */
	SUBQUERY_REPLY_SIZE = 4096, /* of the reply to a query that came by UDP */
};

/*
 * Asks `name`, spelled as it is, for `type`. VERDICT_REPLY: *out has the reply.
 * VERDICT_SUSPEND: it comes later, subquery_wait says to whom, and nothing has been
 * called yet; the caller suspends `query` in turn, or lets it go on. VERDICT_DROP: there
 * will be none, as there is no memory, it is too deep, or a plugin drops it; *out is
 * NULL.
 */
enum verdict subquery_ask(struct query *query, const struct dname *name, uint16_t type,
	enum subquery_where where, struct subquery **out);

/* After VERDICT_SUSPEND: called once on the same worker in a read section. It ends with
 * subquery_free. */
void subquery_wait(struct subquery *subquery,
	void (*done)(void *context, struct subquery *subquery), void *context);

/* What was replied, without header and OPT; to be walked with records_init_reply. NULL:
 * nothing, it was dropped. Valid until subquery_free, and in `done` no longer than that
 * returns. */
const struct reply *subquery_reply(const struct subquery *subquery);

/* Why the reply is SERVFAIL; NULL: not told. */
const char *subquery_failure(const struct subquery *subquery);

/* Nobody is there for its name: no server block, or no plugin in that. */
bool subquery_is_unanswered(const struct subquery *subquery);

/* NULL is fine. Not while it is waited for. */
void subquery_free(struct subquery *subquery);
