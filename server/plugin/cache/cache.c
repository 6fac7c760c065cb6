/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/cache/cache_internal.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/query/series.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

const struct cache_options cache_options_default = {
	.kinds =
		{
			[CACHE_SUCCESS] = {.capacity = 9984,
				.ttl_max_s = 3600,
				.ttl_min_s = 5},
			[CACHE_DENIAL] = {.capacity = 9984,
				.ttl_max_s = 1800,
				.ttl_min_s = 5},
		},
	.servfail_ms = 5000,
	.prefetch_pause_s = 60,
	.prefetch_percent = 10,
};

static bool is_within(const struct dname *zones, size_t count, const struct dname *name)
{
	for (size_t i = 0; i < count; i++)
		if (dname_is_within(name, &zones[i]))
			return true;
	return false;
}

/* Transfers are no replies to keep. */
static bool is_covered(const struct cache *cache, const struct request *request)
{
	const struct cache_options *options = &cache->options;
	if (request->qtype == TYPE_AXFR || request->qtype == TYPE_IXFR)
		return false;
	return !options->zone_count ||
	       is_within(options->zones, options->zone_count, &request->name);
}

static struct cache_key key_of(const struct cache *cache, const struct request *request)
{
	return cache_key_of(request, cache->owner, cache_owner_salt(cache->owner));
}

/* --- looking for a reply --- */

static bool is_fresh(const struct cache_entry *entry, int64_t now_ns)
{
	return now_ns < entry->expires_ns;
}

/* NULL, or it may be given out, stale or not. */
static struct cache_entry *usable(struct cache_entry *entry, int64_t now_ns)
{
	return entry && now_ns < entry->dead_ns ? entry : NULL;
}

/* Which of the two is given out; NULL: none. */
static struct cache_entry *choose(
	const struct cache *cache, const struct cache_pair *pair, int64_t now_ns)
{
	struct cache_entry *success = usable(pair->entries[CACHE_SUCCESS], now_ns);
	struct cache_entry *denial = usable(pair->entries[CACHE_DENIAL], now_ns);
	if (!denial || !success)
		return success ? success : denial;
	/* A failure passes: what was known before it is better. */
	if (denial->rcode == RCODE_SERVFAIL || cache->options.prefers_positive)
		return success;
	return is_fresh(success, now_ns) && !is_fresh(denial, now_ns) ? success : denial;
}

static struct cache_entry *find(
	const struct cache *cache, const struct request *request, int64_t now_ns)
{
	struct cache_key key = key_of(cache, request);
	struct cache_pair pair = cache_pool_find(cache->pool, &key);
	return choose(cache, &pair, now_ns);
}

/* RFC 6840 5.7: AD says so in a query, too. */
static bool reads_ad(const struct request *request)
{
	return request->edns.has_do || request->flags & DNS_FLAG_AD;
}

static uint32_t ttl_of(
	const struct cache *cache, const struct cache_entry *entry, int64_t now_ns)
{
	int64_t left_s = (entry->expires_ns - now_ns + NS_PER_S - 1) / NS_PER_S;
	/* It may have been stored since the clock was read. */
	if (cache->options.keeps_ttl || left_s > entry->lifetime_s)
		return entry->lifetime_s;
	return (uint32_t)left_s;
}

static void write_fresh(
	const struct cache *cache, const struct cache_entry *entry, struct query *query)
{
	cache_entry_write(entry, &query->reply, ttl_of(cache, entry, query->received_ns),
		reads_ad(&query->request));
	if (entry->rcode != RCODE_SERVFAIL)
		return;
	query->reply.ede = EDE_CACHED_ERROR;
	query->failure = "it failed a moment ago, which is cached";
}

void cache_write_stale(const struct cache_entry *entry, struct query *query)
{
	reply_clear(&query->reply);
	cache_entry_write(
		entry, &query->reply, CACHE_STALE_TTL_S, reads_ad(&query->request));
	query->reply.ede =
		entry->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE_ANSWER;
	query->failure = NULL;
}

/* --- renewing in time --- */

/* Counts that the entry was asked for; true: often enough. */
static bool is_popular(
	const struct cache_options *options, struct cache_entry *entry, uint32_t now_s)
{
	uint32_t hits = atomic_load_explicit(&entry->hits, memory_order_relaxed);
	uint32_t seen_s = atomic_load_explicit(&entry->seen_s, memory_order_relaxed);
	uint32_t next = hits;
	if (hits && now_s - seen_s >= options->prefetch_pause_s)
		next = 1;
	else if (hits < options->prefetch_amount)
		next++;
	/* Workers share the line: it is written when it changes, not for each query. */
	if (next != hits)
		atomic_store_explicit(&entry->hits, next, memory_order_relaxed);
	if (now_s != seen_s)
		atomic_store_explicit(&entry->seen_s, now_s, memory_order_relaxed);
	return next >= options->prefetch_amount;
}

static bool wants_prefetch(
	const struct cache *cache, struct cache_entry *entry, int64_t now_ns)
{
	const struct cache_options *options = &cache->options;
	if (!is_popular(options, entry, (uint32_t)(now_ns / NS_PER_S)))
		return false;
	uint64_t part = (uint64_t)entry->lifetime_s * options->prefetch_percent;
	int64_t threshold_s = (int64_t)((part + 99) / 100);
	return entry->expires_ns - now_ns <= threshold_s * NS_PER_S;
}

/* The last attempt to renew it is long enough ago. */
static bool cache_is_due(const struct cache_entry *entry, int64_t now_ns)
{
	return atomic_load_explicit(&entry->retry_s, memory_order_relaxed) <=
	       (uint32_t)(now_ns / NS_PER_S);
}

bool cache_may_refresh(struct cache_entry *entry, int64_t now_ns)
{
	uint32_t now_s = (uint32_t)(now_ns / NS_PER_S);
	uint32_t retry_s = atomic_load_explicit(&entry->retry_s, memory_order_relaxed);
	/* Of several workers one has it. */
	return retry_s <= now_s &&
	       atomic_compare_exchange_strong_explicit(&entry->retry_s, &retry_s,
		       now_s + CACHE_RECHECK_S, memory_order_relaxed,
		       memory_order_relaxed);
}

/* --- the life of a query --- */

/* Those who look behind the cache first, unless it failed a short while ago. Others may
 * wait for the same: whoever is asked there sees to that. */
static enum verdict verify(struct cache *cache, struct query *query)
{
	if (!cache->options.verify_timeout_ms || !query->worker ||
		!(query->request.flags & DNS_FLAG_RD))
		return VERDICT_WATCH;
	return cache_verify(cache, query);
}

static enum verdict give_stale(
	struct cache *cache, struct query *query, struct cache_entry *entry)
{
	enum verdict verdict = VERDICT_DROP;
	if (cache->options.stale_mode == CACHE_VERIFY &&
		cache_is_due(entry, query->received_ns))
		verdict = verify(cache, query);
	if (verdict != VERDICT_DROP)
		return verdict;
	cache_write_stale(entry, query);
	series_count_cache(query->series, SERIES_CACHE_STALE, 1);
	if (cache->options.stale_mode == CACHE_IMMEDIATE)
		cache_refresh(cache, query, entry);
	return VERDICT_REPLY;
}

static enum verdict cache_query(void *instance, struct query *query)
{
	struct cache *cache = instance;
	int64_t now_ns = query->received_ns;
	if (!is_covered(cache, &query->request))
		return VERDICT_NEXT;
	struct cache_entry *entry = find(cache, &query->request, now_ns);
	series_count_cache(query->series, SERIES_CACHE_REQUESTS, 1);
	if (!entry) {
		series_count_cache(query->series, SERIES_CACHE_MISSES, 1);
		return VERDICT_WATCH;
	}
	series_count_cache(query->series, (unsigned)SERIES_CACHE_HITS + entry->kind, 1);
	cache_entry_use(entry);
	if (!is_fresh(entry, now_ns))
		return give_stale(cache, query, entry);
	write_fresh(cache, entry, query);
	if (cache->options.prefetch_amount && wants_prefetch(cache, entry, now_ns))
		cache_refresh(cache, query, entry);
	return VERDICT_REPLY;
}

/* --- keeping a reply --- */

/* How long it is kept; 0: not at all. */
static int64_t lifetime_ms(const struct cache_options *options, const struct reply *reply,
	const struct cache_finding *finding)
{
	const struct cache_limits *limits = &options->kinds[finding->kind];
	if (reply->rcode == RCODE_SERVFAIL)
		return options->servfail_ms;
	uint32_t ttl_s = finding->ttl_s;
	/* RFC 1035 3.2.1: for this exchange only. */
	if (!ttl_s && !limits->keeps_zero)
		return 0;
	if (ttl_s < limits->ttl_min_s)
		ttl_s = limits->ttl_min_s;
	if (ttl_s > limits->ttl_max_s)
		ttl_s = limits->ttl_max_s;
	return (int64_t)ttl_s * 1000;
}

static void put(struct cache *cache, const struct cache_news *news,
	const struct reply *clean, const struct cache_finding *finding, int64_t lifetime)
{
	const struct cache_options *options = &cache->options;
	struct cache_key key = key_of(cache, news->request);
	struct cache_entry *entry = cache_entry_new(&key, clean, finding);
	if (!entry)
		return;
	int64_t now_ns = clock_now_ns();
	bool is_failure = entry->rcode == RCODE_SERVFAIL;
	if (now_ns < news->asked_ns)
		now_ns = news->asked_ns;
	entry->lifetime_s = (uint32_t)((lifetime + 999) / 1000);
	entry->expires_ns = now_ns + lifetime * NS_PER_MS;
	entry->dead_ns =
		entry->expires_ns + (is_failure ? 0 : options->stale_ms * NS_PER_MS);
	bool keeps_other = finding->kind == CACHE_DENIAL &&
			   (is_failure || options->prefers_positive);
	int evicted = cache_pool_put(cache->pool, entry, now_ns, keeps_other);
	if (evicted > 0)
		series_count_cache(news->series,
			(unsigned)SERIES_CACHE_EVICTIONS + finding->kind,
			(uint64_t)evicted);
}

/* The clean reply takes the place of the other one, if it fits. */
static void pass_on(const struct reply *clean, struct reply *reply)
{
	size_t start = (size_t)(reply->owner_end - reply->buffer);
	if (clean->length > reply->capacity)
		return;
	memcpy(reply->buffer + start, clean->buffer + start, clean->length - start);
	reply->length = clean->length;
}

void cache_keep(struct cache *cache, const struct cache_news *news)
{
	static _Thread_local uint8_t scratch[DNS_MESSAGE_MAX];
	struct cache_finding finding;
	const struct request *request = news->request;
	/* Who does not want recursion is told less than others. */
	if (!(request->flags & DNS_FLAG_RD))
		return;
	enum cache_grade grade = cache_examine(request, news->reply, &finding);
	if (grade == CACHE_FOREIGN)
		series_count_cache(news->series, SERIES_CACHE_DROPS, 1);
	if (grade != CACHE_GOOD)
		return;
	int64_t lifetime = lifetime_ms(&cache->options, news->reply, &finding);
	if (!lifetime)
		return;
	struct reply clean;
	if (!cache_clean(news->reply, scratch, &clean)) {
		series_count_cache(news->series, SERIES_CACHE_DROPS, 1);
		return;
	}
	/* The first reply is not to promise more than those after it. */
	cache_cap_ttls(&clean, (uint32_t)((lifetime + 999) / 1000));
	pass_on(&clean, news->reply);
	const struct cache_limits *limits = &cache->options.kinds[finding.kind];
	if (limits->is_disabled ||
		is_within(limits->excepted, limits->excepted_count, &request->name))
		return;
	put(cache, news, &clean, &finding, lifetime);
}

bool cache_stand_in(const struct cache *cache, struct query *query)
{
	int64_t now_ns = query->received_ns;
	struct cache_entry *entry =
		cache->options.stale_ms ? find(cache, &query->request, now_ns) : NULL;
	if (!entry || entry->rcode == RCODE_SERVFAIL)
		return false;
	atomic_store_explicit(&entry->retry_s,
		(uint32_t)(now_ns / NS_PER_S) + CACHE_RECHECK_S, memory_order_relaxed);
	cache_write_stale(entry, query);
	series_count_cache(query->series, SERIES_CACHE_STALE, 1);
	return true;
}

static void cache_replied(void *instance, struct query *query)
{
	struct cache *cache = instance;
	const struct cache_news news = {
		.request = &query->request,
		.reply = &query->reply,
		.asked_ns = query->received_ns,
		.series = query->series,
	};
	if (!cache_has_failed(&query->reply) || !cache_stand_in(cache, query))
		cache_keep(cache, &news);
}

/* --- life --- */

static void cache_housekeep(void *instance, int64_t now_ms)
{
	const struct cache *cache = instance;
	cache_pool_sweep(cache->pool, now_ms * NS_PER_MS);
}

static void cache_free(void *instance)
{
	struct cache *cache = instance;
	struct cache_pool *pool = cache->pool;
	cache_owner_free(cache->owner);
	cache_pool_unref(pool);
	free(cache);
}

enum err cache_new(const struct cache_options *options, struct cache_pool *pool,
	struct plugin_instance *out)
{
	/* No prefetch: questions for the cluster would pay for what they never look at.
	 */
	static const struct plugin_ops ops = {
		.name = "cache",
		.query = cache_query,
		.replied = cache_replied,
		.housekeep = cache_housekeep,
		.free = cache_free,
	};
	struct cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return ERR_NOMEM;
	const size_t capacities[CACHE_KINDS] = {
		options->kinds[CACHE_SUCCESS].capacity,
		options->kinds[CACHE_DENIAL].capacity,
	};
	cache->options = *options;
	cache->owner = cache_owner_new(pool, capacities);
	if (!cache->owner) {
		free(cache);
		return ERR_NOMEM;
	}
	cache->pool = cache_pool_ref(pool);
	out->ops = &ops;
	out->instance = cache;
	return ERR_NONE;
}

size_t cache_entry_count(const void *instance, enum cache_kind kind)
{
	const struct cache *cache = instance;
	return cache_owner_count(cache->owner, kind);
}
