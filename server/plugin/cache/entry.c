/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/cache/entry.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/canned.h"
#include "server/query/order.h"
#include "server/wire/octets.h"
#include "server/wire/records.h"
#include "server/wire/reply_body.h"
#include "server/wire/reply_names.h"

enum {
	PASSES_MAX = 8, /* over the answers, while a chain of CNAMEs goes on */
	TTL_BEFORE_RDATA = 6,
	SOA_FIXED = 20, /* the numbers behind its two names */
	RUN_OWNER = 2,  /* a compression pointer */
	RUN_FIXED = RUN_OWNER + 10,
};

struct cache_key cache_key_of(
	const struct request *request, const struct cache_owner *owner, uint64_t salt)
{
	uint64_t question = request->qtype | (uint64_t)request->qclass << 16 |
			    (uint64_t)request->name.length << 32;
	if (request->edns.has_do)
		question |= (uint64_t)1 << 40;
	if (request->flags & DNS_FLAG_CD)
		question |= (uint64_t)1 << 41;
	/* The name's hash is keyed, so nobody chooses what this comes to. */
	uint64_t hash = (request->hash ^ salt) + question * 0x9e3779b97f4a7c15;
	return (struct cache_key){
		.hash = hash ^ hash >> 29,
		.question = question,
		.name = request->name.bytes,
		.owner = owner,
	};
}

/* --- what a reply is worth --- */

/* Where a chain of CNAMEs has come to. */
struct chain {
	struct dname at;
	bool has_moved;  /* in this pass */
	bool has_begun;  /* some answer is of the name asked for */
	bool has_answer; /* the type asked for is at its end */
};

/* One pass over the answers; mostly the chain stands in its order. */
static void chain_follow(
	struct chain *chain, const struct records *start, const struct request *request)
{
	struct records records = *start;
	struct record record;
	struct dname name;
	chain->has_moved = false;
	while (records_next(&records, &record) && record.section == SECTION_ANSWER) {
		bool is_wanted =
			record.type == request->qtype || request->qtype == TYPE_ANY;
		if ((!is_wanted && record.type != TYPE_CNAME) ||
			record.class != request->qclass ||
			records_read_name(&records, record.at, &name))
			continue;
		dname_lower(name.bytes, name.bytes, name.length);
		if (!dname_equal(&name, &chain->at))
			continue;
		chain->has_begun = true;
		chain->has_answer |= is_wanted;
		if (is_wanted || records_read_name(&records, record.rdata, &name))
			return;
		dname_lower(chain->at.bytes, name.bytes, name.length);
		chain->at.length = name.length;
		chain->has_moved = true;
	}
}

/* RFC 1034 3.6.2: the type asked for stands at the end of the chain. */
static void chain_read(
	struct chain *chain, const struct records *start, const struct request *request)
{
	*chain = (struct chain){.at = request->name, .has_moved = true};
	for (unsigned i = 0; i < PASSES_MAX && chain->has_moved && !chain->has_answer;
		i++)
		chain_follow(chain, start, request);
}

/* RFC 2308 5: the SOA's own TTL counts as well as this. */
static void read_minimum(const struct records *records, const struct record *record,
	struct cache_finding *out, bool *has_soa)
{
	const uint8_t *end = records->message + record->rdata + record->length;
	if (record->length < SOA_FIXED)
		return;
	uint32_t minimum = octets_get_u32(end - 4);
	*has_soa = true;
	if (out->kind == CACHE_DENIAL && minimum < out->ttl_s)
		out->ttl_s = minimum;
}

/* False: it is malformed, or holds what speaks of one exchange only. */
static bool read_ttls(
	const struct records *start, struct cache_finding *out, bool *has_soa)
{
	struct records records = *start;
	struct record record;
	while (records_next(&records, &record)) {
		/* RFC 2181 8: with the top bit set it is 0. */
		uint32_t ttl_s = record.ttl_s > INT32_MAX ? 0 : record.ttl_s;
		if (record.type == TYPE_OPT || record.type == TYPE_TSIG)
			return false;
		if (ttl_s < out->ttl_s)
			out->ttl_s = ttl_s;
		out->ttl_count++;
		if (record.type == TYPE_SOA && record.section == SECTION_AUTHORITY)
			read_minimum(&records, &record, out, has_soa);
	}
	return !records.is_bad;
}

enum cache_grade cache_examine(const struct request *request, const struct reply *reply,
	struct cache_finding *out)
{
	struct records records;
	struct chain chain;
	bool has_soa = false;
	records_init_reply(&records, reply);
	chain_read(&chain, &records, request);
	*out = (struct cache_finding){.ttl_s = INT32_MAX, .kind = CACHE_DENIAL};
	if (reply->rcode == RCODE_NOERROR && chain.has_answer)
		out->kind = CACHE_SUCCESS;
	if (!read_ttls(&records, out, &has_soa))
		return CACHE_FOREIGN;
	if (reply->is_truncated || reply->has_left_out)
		return CACHE_UNFIT;
	if (reply->rcode == RCODE_SERVFAIL)
		return CACHE_GOOD;
	if (reply->rcode != RCODE_NOERROR && reply->rcode != RCODE_NXDOMAIN)
		return CACHE_UNFIT;
	if (reply->answer_count && !chain.has_begun)
		return CACHE_FOREIGN;
	return out->kind == CACHE_SUCCESS || has_soa ? CACHE_GOOD : CACHE_UNFIT;
}

/* --- making one --- */

bool cache_clean(const struct reply *reply, uint8_t *buffer, struct reply *out)
{
	struct records records;
	struct record record;
	struct reply_names names;
	size_t start = (size_t)(reply->owner_end - reply->buffer);
	memcpy(buffer, reply->buffer, start);
	*out = *reply;
	out->buffer = buffer;
	out->owner_end = buffer + start;
	out->length = (uint16_t)start;
	out->capacity = DNS_MESSAGE_MAX;
	out->answer_count = out->authority_count = out->additional_count = 0;
	records_init_reply(&records, reply);
	reply_names_init(&names, out);
	while (records_next(&records, &record))
		if (!reply_copy_record(&names, record.section, &records, &record))
			return false;
	return !records.is_bad;
}

/* Behind the message, at the next even place. */
static uint16_t *ttl_offsets(const struct cache_entry *entry)
{
	return (uint16_t *)(void *)(entry->message + ((entry->length + 1u) & ~1u));
}

static bool is_address(const struct record *record)
{
	return (record->type == TYPE_A && record->length == 4) ||
	       (record->type == TYPE_AAAA && record->length == 16);
}

/* Addresses one behind the other, all of the same size and owner, so that any order of
 * them is as good: nothing that points into them notices. */
static void note_run(struct cache_entry *entry, const struct record *record)
{
	const uint8_t *message = entry->message;
	uint16_t size = (uint16_t)(RUN_FIXED + record->length);
	if (record->section != SECTION_ANSWER || !is_address(record) ||
		record->rdata - record->at != RUN_FIXED)
		return;
	bool goes_on =
		entry->run_count && entry->run_size == size &&
		entry->run_at + entry->run_count * size == record->at &&
		memcmp(message + entry->run_at, message + record->at, RUN_OWNER + 4) == 0;
	if (goes_on) {
		entry->run_count++;
		return;
	}
	entry->run_at = record->at;
	entry->run_size = size;
	entry->run_count = 1;
}

static void write_message(
	struct cache_entry *entry, const struct cache_key *key, const struct reply *reply)
{
	uint8_t *message = entry->message;
	size_t name_length = key->question >> 32 & 0xff;
	memset(message, 0, DNS_HEADER_SIZE);
	octets_put_u16(message + 2, (uint16_t)(DNS_FLAG_QR | entry->rcode));
	octets_put_u16(message + 4, 1);
	octets_put_u16(message + 6, reply->answer_count);
	octets_put_u16(message + 8, reply->authority_count);
	octets_put_u16(message + 10, reply->additional_count);
	memcpy(message + DNS_HEADER_SIZE, reply->buffer + DNS_HEADER_SIZE,
		reply->length - (size_t)DNS_HEADER_SIZE);
	memcpy(message + DNS_HEADER_SIZE, key->name, name_length);
}

struct cache_entry *cache_entry_new(const struct cache_key *key,
	const struct reply *reply, const struct cache_finding *finding)
{
	size_t message_size = (reply->length + 1u) & ~1u;
	size_t size = sizeof(struct cache_entry) + message_size +
		      finding->ttl_count * sizeof(uint16_t);
	struct cache_entry *entry = malloc(size);
	if (!entry)
		return NULL;
	*entry = (struct cache_entry){
		.size = malloc_usable_size(entry) + sizeof(size_t),
		.hash = key->hash,
		.question = key->question,
		.owner = key->owner,
		.length = reply->length,
		.kind = (uint8_t)finding->kind,
		.rcode = (uint8_t)reply->rcode,
		.is_authentic = reply->flags_set & DNS_FLAG_AD,
	};
	write_message(entry, key, reply);
	struct records records;
	struct record record;
	records_init_reply(&records, reply);
	uint16_t *offsets = ttl_offsets(entry);
	while (records_next(&records, &record) && entry->ttl_count < finding->ttl_count) {
		offsets[entry->ttl_count++] = (uint16_t)(record.rdata - TTL_BEFORE_RDATA);
		note_run(entry, &record);
	}
	return entry;
}

void cache_entry_free(struct cache_entry *entry)
{
	free(entry);
}

/* --- giving it out --- */

/* The records, the addresses among them beginning with another one. */
static void copy_rotated(const struct cache_entry *entry, struct reply *reply)
{
	uint32_t first = canned_first(reply, entry->run_count);
	size_t start = (size_t)(reply->owner_end - reply->buffer);
	size_t run = entry->run_at,
	       end = run + (size_t)entry->run_count * entry->run_size;
	size_t split = run + (size_t)first * entry->run_size, back = end - split;
	const uint8_t *from = entry->message;
	uint8_t *to = reply->buffer;
	memcpy(to + start, from + start, run - start);
	memcpy(to + run, from + split, back);
	memcpy(to + run + back, from + run, split - run);
	memcpy(to + end, from + end, entry->length - end);
}

static void copy_whole(const struct cache_entry *entry, struct reply *reply)
{
	const uint8_t *message = entry->message;
	size_t start = (size_t)(reply->owner_end - reply->buffer);
	if (reply->rotation && entry->run_count > 1)
		copy_rotated(entry, reply);
	else
		memcpy(reply->buffer + start, message + start, entry->length - start);
	reply->length = entry->length;
	reply->answer_count = octets_get_u16(message + 6);
	reply->authority_count = octets_get_u16(message + 8);
	reply->additional_count = octets_get_u16(message + 10);
}

void cache_entry_write(const struct cache_entry *entry, struct reply *reply,
	uint32_t ttl_s, bool reads_ad)
{
	if (entry->length <= reply->capacity)
		copy_whole(entry, reply);
	else if (reply_put_body(reply, entry->message, entry->length))
		reply->is_truncated = true;
	if (reply->preference || reply->weights)
		order_addresses(reply);
	reply->rcode = entry->rcode;
	reply->is_authoritative = false;
	reply->flags_set |= (uint16_t)(DNS_FLAG_RA & ~reply->flags_cleared);
	if (entry->is_authentic && reads_ad)
		reply->flags_set |= DNS_FLAG_AD;
	const uint16_t *offsets = ttl_offsets(entry);
	for (unsigned i = 0; i < entry->ttl_count && offsets[i] < reply->length; i++)
		octets_put_u32(reply->buffer + offsets[i], ttl_s);
}

void cache_cap_ttls(struct reply *reply, uint32_t ttl_s)
{
	struct records records;
	struct record record;
	records_init_reply(&records, reply);
	while (records_next(&records, &record))
		octets_put_u32(reply->buffer + record.rdata - TTL_BEFORE_RDATA, ttl_s);
}
