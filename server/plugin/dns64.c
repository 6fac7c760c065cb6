/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/dns64.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/query/subquery.h"
#include "server/wire/reply_names.h"

enum { TTL_MAX_S = 600 }; /* where no SOA says more (RFC 6147 5.1.7) */

/* A query that waits, first for the reply to its own question, then for the addresses. */
struct pending {
	struct query *query; /* moved */
	const struct dns64_options *options;
	uint32_t ttl_s; /* the most that an address may have */
};

void dns64_translate(const struct ipprefix *prefix, const uint8_t *ipv4, uint8_t *out)
{
	unsigned at = prefix->bits / 8u;
	memset(out, 0, 16);
	memcpy(out, prefix->address.bytes, at);
	for (unsigned i = 0; i < 4; i++, at++) {
		/* Bits 64 to 71 are 0. */
		at += at == 8;
		out[at] = ipv4[i];
	}
}

/* --- the reply to the question for AAAA --- */

static void put_name(const struct query *query, struct dname *out)
{
	out->length = query->request.name.length;
	memcpy(out->bytes, query->request.message + DNS_HEADER_SIZE, out->length);
}

/* What is left as it is: a name that does not exist (RFC 6147 5.1.2), one that has
 * addresses (5.1.1). *ttl_s is that of the SOA. */
static bool is_to_be_translated(
	const struct dns64_options *options, const struct reply *reply, uint32_t *ttl_s)
{
	struct records records;
	struct record record;
	bool has_address = false;
	*ttl_s = TTL_MAX_S;
	if (!reply || reply->rcode == RCODE_NXDOMAIN || reply->is_truncated)
		return false;
	records_init_reply(&records, reply);
	while (records_next(&records, &record)) {
		if (record.section == SECTION_ANSWER && record.type == TYPE_AAAA)
			has_address = true;
		if (record.section == SECTION_AUTHORITY && record.type == TYPE_SOA)
			*ttl_s = record.ttl_s;
	}
	return options->translates_all || !has_address;
}

/* --- the reply with translated addresses --- */

static void copy_record(struct reply_names *names, const struct pending *pending,
	const struct records *from, const struct record *record)
{
	struct dname owner;
	uint8_t address[16];
	bool is_address = record->section == SECTION_ANSWER && record->type == TYPE_A &&
			  record->length == 4;
	if (!is_address) {
		reply_copy_record(names, record->section, from, record);
		return;
	}
	if (records_read_name(from, record->at, &owner))
		return;
	dns64_translate(
		&pending->options->prefix, from->message + record->rdata, address);
	const struct named_record copy = {
		.owner = &owner,
		.type = TYPE_AAAA,
		.class = record->class,
		.ttl_s = record->ttl_s < pending->ttl_s ? record->ttl_s : pending->ttl_s,
		.rdata = address,
		.length = sizeof(address),
	};
	reply_add_record(names, record->section, &copy);
}

/* Into the query's reply, which is as it was without DNS64 where there is none. */
static void put_translated(const struct pending *pending, const struct reply *from)
{
	struct reply *reply = &pending->query->reply;
	struct reply_names names;
	struct records records;
	struct record record;
	if (!from || from->rcode != RCODE_NOERROR)
		return;
	reply_clear(reply);
	reply_names_init(&names, reply);
	records_init_reply(&records, from);
	while (records_next(&records, &record))
		copy_record(&names, pending, &records, &record);
	reply_copy_state(reply, from);
	pending->query->failure = NULL;
}

/* The reply as it came. */
static enum verdict put_reply(struct query *query, struct subquery *subquery)
{
	const struct reply *from = subquery_reply(subquery);
	struct reply_names names;
	struct records records;
	struct record record;
	if (!from)
		return VERDICT_DROP;
	reply_names_init(&names, &query->reply);
	records_init_reply(&records, from);
	while (records_next(&records, &record))
		reply_copy_record(&names, record.section, &records, &record);
	reply_copy_state(&query->reply, from);
	query->failure = subquery_failure(subquery);
	return VERDICT_REPLY;
}

/* --- asking --- */

static void drop_late(void *context, struct subquery *subquery)
{
	(void)context;
	subquery_free(subquery);
}

/* Suspends the query until `done` has the reply. False: no memory, nobody waits. */
static bool wait_for(struct pending *pending, struct subquery *subquery,
	void (*done)(void *context, struct subquery *subquery))
{
	struct pending *moved = malloc(sizeof(*moved));
	struct query *query = moved ? query_move(pending->query) : NULL;
	if (!query) {
		free(moved);
		subquery_wait(subquery, drop_late, NULL);
		return false;
	}
	*moved = *pending;
	moved->query = query;
	subquery_wait(subquery, done, moved);
	return true;
}

static void resume(struct pending *pending, enum verdict verdict)
{
	struct query *query = pending->query;
	free(pending);
	query_resume(query, verdict);
	free(query);
}

static void on_addresses(void *context, struct subquery *subquery)
{
	struct pending *pending = context;
	put_translated(pending, subquery_reply(subquery));
	subquery_free(subquery);
	resume(pending, VERDICT_REPLY);
}

/* The addresses of the name; the query has the reply without them. `is_moved`: it is in
 * memory of its own already, and so is `pending`. */
static enum verdict ask_addresses(struct pending *pending, bool is_moved)
{
	struct dname name;
	struct subquery *subquery;
	put_name(pending->query, &name);
	switch (subquery_ask(pending->query, &name, TYPE_A, SUBQUERY_BEHIND, &subquery)) {
	case VERDICT_REPLY:
		put_translated(pending, subquery_reply(subquery));
		subquery_free(subquery);
		return VERDICT_REPLY;
	case VERDICT_SUSPEND:
		if (is_moved)
			subquery_wait(subquery, on_addresses, pending);
		else if (!wait_for(pending, subquery, on_addresses))
			return VERDICT_REPLY;
		return VERDICT_SUSPEND;
	default:
		return VERDICT_REPLY;
	}
}

static enum verdict take_reply(
	struct pending *pending, struct subquery *subquery, bool is_moved)
{
	bool is_wanted = is_to_be_translated(
		pending->options, subquery_reply(subquery), &pending->ttl_s);
	enum verdict verdict = put_reply(pending->query, subquery);
	subquery_free(subquery);
	return is_wanted ? ask_addresses(pending, is_moved) : verdict;
}

static void on_reply(void *context, struct subquery *subquery)
{
	struct pending *pending = context;
	enum verdict verdict = take_reply(pending, subquery, true);
	if (verdict != VERDICT_SUSPEND)
		resume(pending, verdict);
}

static enum verdict dns64_plugin_query(void *instance, struct query *query)
{
	struct pending pending = {.query = query, .options = instance};
	struct dname name;
	struct subquery *subquery;
	/* Who validates translates, too (RFC 6147 5.5). */
	bool validates =
		query->request.edns.has_do && (query->request.flags & DNS_FLAG_CD);
	if (query->request.qtype != TYPE_AAAA || validates ||
		(query->client->sa_family == AF_INET && !pending.options->allows_ipv4))
		return VERDICT_NEXT;
	put_name(query, &name);
	switch (subquery_ask(query, &name, TYPE_AAAA, SUBQUERY_BEHIND, &subquery)) {
	case VERDICT_REPLY:
		return take_reply(&pending, subquery, false);
	case VERDICT_SUSPEND:
		if (wait_for(&pending, subquery, on_reply))
			return VERDICT_SUSPEND;
		query->reply.rcode = RCODE_SERVFAIL;
		query->failure = "no memory to translate addresses";
		return VERDICT_REPLY;
	default:
		return VERDICT_DROP;
	}
}

struct plugin_instance dns64_plugin_instance(const struct dns64_options *options)
{
	static const struct plugin_ops ops = {
		.name = "dns64", .query = dns64_plugin_query};
	return (struct plugin_instance){&ops, (void *)options};
}
