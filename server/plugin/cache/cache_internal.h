/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/cache/cache.h"

/* Inside the cache plugin. */

enum {
	CACHE_STALE_TTL_S = 30, /* RFC 8767 4 */
	CACHE_RECHECK_S = 30,   /* between attempts to renew (RFC 8767 5) */
};

struct series;

struct cache {
	struct cache_options options;
	struct cache_pool *pool;
	struct cache_owner *owner;
};

/* A reply that came from behind. */
struct cache_news {
	const struct request *request; /* its message need not be there any more */
	struct reply *reply;
	int64_t asked_ns;
	struct series *series; /* that counts it; may be NULL */
};

/* Keeps the reply if that is to be kept; then its TTLs become what they will be. */
void cache_keep(struct cache *cache, const struct cache_news *news);

/* The failure is one that a stale reply may stand in for (RFC 8767 4). */
static inline bool cache_has_failed(const struct reply *reply)
{
	return reply->rcode != RCODE_NOERROR && reply->rcode != RCODE_NXDOMAIN;
}

/* Makes the entry, which has expired, the reply. */
void cache_write_stale(const struct cache_entry *entry, struct query *query);

/* What is asked in the query is asked behind the cache again, for the entry to be
 * replaced; not if that was tried a short while ago. The query is not waited with. */
void cache_refresh(struct cache *cache, struct query *query, struct cache_entry *entry);

/* For VERIFY with a timeout: the same, but the query waits so long. VERDICT_REPLY: there
 * is a reply already. VERDICT_DROP: nobody could be asked. */
enum verdict cache_verify(struct cache *cache, struct query *query);

/* Makes what there is, stale or not, the reply in place of a failure. False: there is
 * nothing. */
bool cache_stand_in(const struct cache *cache, struct query *query);

/* True once in a while: then it is the caller's to renew the entry. */
bool cache_may_refresh(struct cache_entry *entry, int64_t now_ns);
