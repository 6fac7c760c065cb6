/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/subquery.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/plugin.h"
#include "server/query/router.h"
#include "server/wire/octets.h"

enum {
	REQUEST_SIZE = DNS_HEADER_SIZE + DNAME_MAX + 4 + EDNS_OPT_SIZE,
	EDNS_DO = 0x8000,
};

struct subquery {
	struct query query;
	const struct reply *reply; /* NULL: none */
	const char *failure;
	void (*done)(void *context, struct subquery *subquery);
	void *context;
	struct sockaddr_storage client;
	uint8_t request[REQUEST_SIZE];
	uint8_t buffer[]; /* of the reply */
};

/* The query that a plugin moved has its reply. */
static void subquery_resume(struct query *moved, enum verdict verdict)
{
	struct subquery *subquery = moved->owner;
	subquery->reply = verdict == VERDICT_REPLY ? &moved->reply : NULL;
	subquery->failure = moved->failure;
	subquery->done(subquery->context, subquery);
	query_release(moved);
}

/* RD, CD and DO are the client's; the size is what our buffer takes. */
static size_t write_request(const struct request *client, const struct dname *name,
	uint16_t type, uint16_t udp_size, uint8_t *out)
{
	memset(out, 0, REQUEST_SIZE);
	octets_put_u16(
		out + 2, client->flags & (DNS_FLAG_RD | DNS_FLAG_CD | DNS_FLAG_AD));
	octets_put_u16(out + 4, 1);
	memcpy(out + DNS_HEADER_SIZE, name->bytes, name->length);
	uint8_t *at = out + DNS_HEADER_SIZE + name->length;
	octets_put_u16(at, type);
	octets_put_u16(at + 2, CLASS_IN);
	at += 4;
	if (!client->edns.is_present)
		return (size_t)(at - out);
	octets_put_u16(out + 10, 1);
	octets_put_u16(at + 1, TYPE_OPT);
	octets_put_u16(at + 3, udp_size);
	octets_put_u16(at + 7, client->edns.has_do ? EDNS_DO : 0);
	return (size_t)(at + EDNS_OPT_SIZE - out);
}

static uint16_t reply_size(const struct query *query)
{
	return query->transport == TRANSPORT_TCP ? DNS_MESSAGE_MAX : SUBQUERY_REPLY_SIZE;
}

static struct subquery *subquery_new(
	const struct query *query, const struct dname *name, uint16_t type)
{
	uint16_t size = reply_size(query);
	struct subquery *subquery = malloc(sizeof(*subquery) + size);
	if (!subquery)
		return NULL;
	size_t client_size = query->client->sa_family == AF_INET6
				     ? sizeof(struct sockaddr_in6)
				     : sizeof(struct sockaddr_in);
	memcpy(&subquery->client, query->client, client_size);
	subquery->reply = NULL;
	subquery->failure = NULL;
	subquery->done = NULL;
	struct query *own = &subquery->query;
	*own = (struct query){
		.transport = query->transport,
		.client = (const struct sockaddr *)&subquery->client,
		.router = query->router,
		.counters = query->counters,
		.worker = query->worker,
		.received_ns = query->received_ns,
		.depth = (uint8_t)(query->depth + 1),
		.resume = subquery_resume,
		.owner = subquery,
	};
	size_t length =
		write_request(&query->request, name, type, size, subquery->request);
	own->parsed = request_parse(
		&own->request, subquery->request, length, router_key(query->router));
	reply_init(&own->reply, &own->request, subquery->buffer, size);
	return subquery;
}

static void find_block(
	struct query *own, const struct query *query, enum subquery_where where)
{
	if (where == SUBQUERY_BEHIND) {
		own->block = query->block;
		own->step = query->step;
		/* As plugins in front have asked for it. */
		own->reply.rotation = query->reply.rotation;
		own->reply.preference = query->reply.preference;
		own->reply.is_minimal = query->reply.is_minimal;
		return;
	}
	const struct route *route = router_find(query->router, &own->request);
	own->block = route ? route->block : NULL;
}

enum verdict subquery_ask(struct query *query, const struct dname *name, uint16_t type,
	enum subquery_where where, struct subquery **out)
{
	*out = NULL;
	if (query->depth >= SUBQUERY_DEPTH_MAX)
		return VERDICT_DROP;
	struct subquery *subquery = subquery_new(query, name, type);
	if (!subquery)
		return VERDICT_DROP;
	struct query *own = &subquery->query;
	find_block(own, query, where);
	enum verdict verdict = query_run(own);
	if (verdict == VERDICT_DROP) {
		free(subquery);
		return VERDICT_DROP;
	}
	if (verdict == VERDICT_REPLY) {
		subquery->reply = &own->reply;
		subquery->failure = own->failure;
	}
	*out = subquery;
	return verdict;
}

void subquery_wait(struct subquery *subquery,
	void (*done)(void *context, struct subquery *subquery), void *context)
{
	subquery->done = done;
	subquery->context = context;
}

const struct reply *subquery_reply(const struct subquery *subquery)
{
	return subquery->reply;
}

const char *subquery_failure(const struct subquery *subquery)
{
	return subquery->failure;
}

bool subquery_is_unanswered(const struct subquery *subquery)
{
	return !subquery->query.block || subquery->failure == query_unanswered;
}

void subquery_free(struct subquery *subquery)
{
	free(subquery);
}
