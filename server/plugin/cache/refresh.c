/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/plugin/cache/cache_internal.h"
#include "server/query/series.h"
#include "server/query/subquery.h"
#include "server/query/worker_host.h"
#include "server/wire/reply_body.h"

/*
 * Asking again what there is an entry for: behind the back of who asked (prefetch,
 * serve_stale immediate), or while that one waits for a while (serve_stale verify with a
 * timeout). All on one worker.
 */

struct refresh {
	struct query_timer timer;
	struct cache *cache;   /* stays while something is suspended */
	struct query *waiting; /* the one who asked, moved; NULL: nobody waits */
	int64_t asked_ns;
	struct request request; /* its message is gone */
};

/* NULL: no memory. */
static struct refresh *refresh_new(struct cache *cache, const struct query *query)
{
	struct refresh *refresh = malloc(sizeof(*refresh));
	if (!refresh)
		return NULL;
	*refresh = (struct refresh){
		.cache = cache,
		.asked_ns = query->received_ns,
		.request = query->request,
	};
	refresh->request.message = NULL;
	return refresh;
}

static enum verdict refresh_ask(
	struct refresh *refresh, struct query *query, struct subquery **out)
{
	series_count_cache(query->series, SERIES_CACHE_PREFETCHES, 1);
	return subquery_ask(query, &refresh->request.name, refresh->request.qtype,
		SUBQUERY_BEHIND, out);
}

/* Keeps what came, unless it is a failure: that takes the place of nothing. */
static bool refresh_keep(struct refresh *refresh, struct subquery *subquery)
{
	const struct reply *reply = subquery_reply(subquery);
	if (!reply || cache_has_failed(reply))
		return false;
	struct reply copy = *reply;
	const struct cache_news news = {
		.request = &refresh->request,
		.reply = &copy,
		.asked_ns = refresh->asked_ns,
	};
	cache_keep(refresh->cache, &news);
	return true;
}

/* --- behind the back --- */

static void refresh_done(void *context, struct subquery *subquery)
{
	struct refresh *refresh = context;
	refresh_keep(refresh, subquery);
	subquery_free(subquery);
	free(refresh);
}

void cache_refresh(struct cache *cache, struct query *query, struct cache_entry *entry)
{
	if (!query->worker || !(query->request.flags & DNS_FLAG_RD) ||
		!cache_may_refresh(entry, query->received_ns))
		return;
	struct refresh *refresh = refresh_new(cache, query);
	if (!refresh)
		return;
	struct subquery *subquery;
	switch (refresh_ask(refresh, query, &subquery)) {
	case VERDICT_REPLY:
		refresh_done(refresh, subquery);
		break;
	case VERDICT_SUSPEND:
		subquery_wait(subquery, refresh_done, refresh);
		break;
	default:
		free(refresh);
		break;
	}
}

/* --- while somebody waits --- */

/* The reply to the query: the new one, else a stale one, else the failure. */
static void verify_write(
	struct refresh *refresh, struct query *query, struct subquery *subquery)
{
	bool is_new = refresh_keep(refresh, subquery);
	if (!is_new && cache_stand_in(refresh->cache, query))
		return;
	const struct reply *reply = subquery_reply(subquery);
	if (reply && !reply_put_reply(&query->reply, reply)) {
		query->failure = subquery_failure(subquery);
		return;
	}
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = "nothing came in place of what has expired";
}

static void refresh_answer(struct refresh *refresh)
{
	struct query *query = refresh->waiting;
	refresh->waiting = NULL;
	query_resume(query, VERDICT_REPLY);
	free(query);
}

static void verify_on_due(struct query_timer *timer)
{
	struct refresh *refresh = (struct refresh *)(void *)timer;
	/* It may have had to go meanwhile: then there is nothing better than to wait. */
	if (cache_stand_in(refresh->cache, refresh->waiting))
		refresh_answer(refresh);
}

static void verify_done(void *context, struct subquery *subquery)
{
	struct refresh *refresh = context;
	if (!refresh->waiting) {
		refresh_done(refresh, subquery);
		return;
	}
	refresh->waiting->worker->timer_stop(&refresh->timer);
	verify_write(refresh, refresh->waiting, subquery);
	subquery_free(subquery);
	refresh_answer(refresh);
	free(refresh);
}

static enum verdict verify_wait(
	struct refresh *refresh, struct query *query, struct subquery *subquery)
{
	struct query_worker *worker = query->worker;
	struct query *moved = query_move(query);
	refresh->timer.due = verify_on_due;
	if (moved && !worker->timer_start(worker, &refresh->timer,
			     refresh->cache->options.verify_timeout_ms)) {
		refresh->waiting = moved;
		subquery_wait(subquery, verify_done, refresh);
		return VERDICT_SUSPEND;
	}
	free(moved);
	subquery_wait(subquery, refresh_done, refresh);
	cache_stand_in(refresh->cache, query);
	return VERDICT_REPLY;
}

enum verdict cache_verify(struct cache *cache, struct query *query)
{
	struct refresh *refresh = refresh_new(cache, query);
	struct subquery *subquery;
	if (!refresh)
		return VERDICT_DROP;
	enum verdict verdict = refresh_ask(refresh, query, &subquery);
	if (verdict == VERDICT_SUSPEND)
		return verify_wait(refresh, query, subquery);
	if (verdict == VERDICT_REPLY)
		verify_write(refresh, query, subquery);
	subquery_free(subquery);
	free(refresh);
	return verdict;
}
