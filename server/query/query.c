/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/query.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/counter.h"
#include "server/query/plugin.h"
#include "server/query/router.h"
#include "server/query/series.h"

enum { DEFAULT_UDP_SIZE = 1232 };

const char query_unanswered[] = "no plugin of the server block answers this name";

static uint16_t our_udp_size(const struct query *query)
{
	return query->block ? query->block->udp_size : DEFAULT_UDP_SIZE;
}

bool query_begin(struct query *query, const struct router *router, const uint8_t *message,
	size_t length, uint8_t *reply_buffer, uint16_t reply_size)
{
	struct request *request = &query->request;
	counter_add(&query->counters->requests[query->transport], 1);
	query->parsed = request_parse(request, message, length, router_key(router));
	query->router = router;
	query->block = NULL;
	query->step = 0;
	query->answered_by = 0;
	query->depth = 0;
	query->watchers = 0;
	query->is_autopath = false;
	query->failure = NULL;
	if (query->parsed == REQUEST_DROP) {
		counter_add(&query->counters->dropped, 1);
		return false;
	}
	query->series = router_unrouted(router);
	const struct route *route =
		query->parsed == REQUEST_OK ? router_find(router, request) : NULL;
	if (route) {
		query->block = route->block;
		query->series = route->series;
	}
	uint16_t size = reply_size;
	if (query->transport == TRANSPORT_UDP) {
		uint16_t limit = reply_udp_limit(&request->edns, our_udp_size(query));
		size = limit < size ? limit : size;
	}
	reply_init(&query->reply, request, reply_buffer, size);
	if (request->edns.has_nsid && query->block && query->block->nsid.length)
		reply_reserve_nsid(&query->reply, &query->block->nsid);
	for (unsigned i = 0; query->block && i < query->block->chain_length; i++) {
		const struct plugin_instance *plugin = &query->block->chain[i];
		if (plugin->ops->prefetch)
			plugin->ops->prefetch(plugin->instance, query);
	}
	return true;
}

void query_prefetch(const struct query *query)
{
	for (unsigned i = 0; query->block && i < query->block->chain_length; i++) {
		const struct plugin_instance *plugin = &query->block->chain[i];
		if (plugin->ops->prefetch_answer)
			plugin->ops->prefetch_answer(plugin->instance, query);
	}
}

/* The rcode that stands before any plugin is asked; RCODE_NOERROR: ask them. */
static enum dns_rcode query_early_rcode(const struct query *query)
{
	switch (query->parsed) {
	case REQUEST_FORMERR:
		return RCODE_FORMERR;
	case REQUEST_NOTIMP:
		return RCODE_NOTIMP;
	case REQUEST_BADVERS:
		return RCODE_BADVERS;
	default:
		break;
	}
	if (!query->block)
		return RCODE_REFUSED;
	uint16_t class = query->request.qclass;
	if (class == CLASS_IN || query->block->takes_any_class ||
		(class == CLASS_CH && query->block->chaos.ops))
		return RCODE_NOERROR;
	return RCODE_REFUSED;
}

/* The last that passed the query on sees its reply first. */
static void query_tell_watchers(struct query *query)
{
	uint8_t step = query->step;
	while (query->watchers) {
		unsigned watcher = 31u - (unsigned)__builtin_clz(query->watchers);
		query->watchers &= ~(1u << watcher);
		const struct plugin_instance *plugin = &query->block->chain[watcher];
		query->step = (uint8_t)(watcher + 1);
		plugin->ops->replied(plugin->instance, query);
	}
	query->step = step;
}

static enum verdict query_end(struct query *query, enum verdict verdict)
{
	const struct server_block *block = query->block;
	query->answered_by = block->numbers[query->step - 1];
	if (verdict == VERDICT_REPLY && query->watchers)
		query_tell_watchers(query);
	/* What a subquery comes to is its client's query's to count. */
	if (verdict == VERDICT_DROP && !query->depth)
		counter_add(&query->counters->dropped, 1);
	if (verdict == VERDICT_SUSPEND) {
		if (!query->depth)
			counter_add(&query->counters->suspended, 1);
		if (block->suspended)
			atomic_fetch_add_explicit(
				block->suspended, 1, memory_order_relaxed);
	}
	return verdict;
}

/* A class other than IN: the plugins that take any, then chaos. */
static enum verdict query_run_class(struct query *query)
{
	const struct server_block *block = query->block;
	while (query->step < block->chain_length) {
		const struct plugin_instance *plugin = &block->chain[query->step++];
		if (!plugin->ops->takes_any_class)
			continue;
		enum verdict verdict = plugin->ops->query(plugin->instance, query);
		if (verdict != VERDICT_NEXT)
			return query_end(query, verdict);
	}
	if (query->request.qclass == CLASS_CH && block->chaos.ops) {
		query->answered_by = block->chaos_number;
		return block->chaos.ops->query(block->chaos.instance, query);
	}
	query->reply.rcode = RCODE_REFUSED;
	return VERDICT_REPLY;
}

enum verdict query_run(struct query *query)
{
	enum dns_rcode early = query_early_rcode(query);
	if (early != RCODE_NOERROR) {
		query->reply.rcode = early;
		if (early == RCODE_REFUSED && !query->depth)
			counter_add(&query->counters->refused, 1);
		return VERDICT_REPLY;
	}
	const struct server_block *block = query->block;
	if (query->request.qclass != CLASS_IN)
		return query_run_class(query);
	while (query->step < block->chain_length) {
		unsigned step = query->step++;
		const struct plugin_instance *plugin = &block->chain[step];
		enum verdict verdict = plugin->ops->query(plugin->instance, query);
		if (verdict == VERDICT_WATCH)
			query->watchers |= 1u << step;
		else if (verdict != VERDICT_NEXT)
			return query_end(query, verdict);
	}
	/* No plugin of the block is there for this name. */
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = query_unanswered;
	if (query->watchers)
		query_tell_watchers(query);
	return VERDICT_REPLY;
}

void query_resume(struct query *query, enum verdict verdict)
{
	if (verdict == VERDICT_REPLY && query->watchers)
		query_tell_watchers(query);
	query->resume(query, verdict);
}

size_t query_finish(struct query *query)
{
	struct query_counters *counters = query->counters;
	size_t length = reply_finish(&query->reply, &query->request, our_udp_size(query));
	counter_add(&counters->replies, 1);
	if (query->reply.rcode < sizeof(counters->rcodes) / sizeof(counters->rcodes[0]))
		counter_add(&counters->rcodes[query->reply.rcode], 1);
	if (query->reply.is_truncated)
		counter_add(&counters->truncated, 1);
	for (unsigned i = 0; query->block && i < query->block->observer_count; i++) {
		const struct plugin_instance *plugin = &query->block->observers[i];
		plugin->ops->observe(plugin->instance, query);
	}
	if (query->series)
		series_count(query->series, query, length);
	return length;
}

void query_release(struct query *query)
{
	if (query->block->suspended)
		atomic_fetch_sub_explicit(
			query->block->suspended, 1, memory_order_release);
	query->block = NULL;
}

/* One block of memory: the query, the request's octets, the client's address, the reply.
 */
struct query *query_move(const struct query *query)
{
	size_t request_at = sizeof(*query);
	size_t client_at = (request_at + query->request.length + 15) & ~(size_t)15;
	size_t client_size = query->client->sa_family == AF_INET6
				     ? sizeof(struct sockaddr_in6)
				     : sizeof(struct sockaddr_in);
	size_t reply_at = client_at + sizeof(struct sockaddr_storage);
	size_t reply_size = query->reply.capacity + (size_t)EDNS_OPT_SIZE;
	if (query->reply.nsid)
		reply_size += 4u + query->reply.nsid->length;
	uint8_t *block = malloc(reply_at + reply_size);
	if (!block)
		return NULL;
	struct query *moved = (struct query *)block;
	*moved = *query;
	memcpy(block + request_at, query->request.message, query->request.length);
	moved->request.message = block + request_at;
	memcpy(block + client_at, query->client, client_size);
	moved->client = (const struct sockaddr *)(block + client_at);
	memcpy(block + reply_at, query->reply.buffer, query->reply.length);
	moved->reply.buffer = block + reply_at;
	moved->reply.owner_end =
		block + reply_at + (query->reply.owner_end - query->reply.buffer);
	return moved;
}
