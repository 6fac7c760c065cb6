/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/answer.h"

#include <string.h>

#include "server/query/canned.h"
#include "server/wire/octets.h"

enum {
	RECORD_HEAD = 12,     /* a pointer, type, class, TTL, RDLENGTH */
	POINTER_MAX = 0x3fff, /* the farthest that a pointer reaches (RFC 1035 4.1.4) */
	SRV_FIXED = 6,        /* priority, weight, port */
	SOA_NUMBERS = 20,
	SOA_REFRESH_S = 7200,
	SOA_RETRY_S = 1800,
	SOA_EXPIRE_S = 86400,
	SOA_TTL_MAX_S = 300,
};

struct answer_owner answer_owner_question(const struct reply *reply,
	const struct request *request, const struct store *store, unsigned zone)
{
	return (struct answer_owner){
		.offset = DNS_HEADER_SIZE,
		.length = request->name.length,
		.zone_length = store_zone(store, zone)->name.length,
		.name = request->name.bytes,
		.spelled = reply->buffer + DNS_HEADER_SIZE,
	};
}

static size_t room(const struct reply *reply)
{
	return (size_t)(reply->capacity - reply->length);
}

static uint8_t *here(const struct reply *reply)
{
	return reply->buffer + reply->length;
}

/* Everything of a record up to its rdata; the owner is a pointer. */
static void put_head(
	uint8_t *at, uint16_t owner, uint16_t type, uint32_t ttl_s, size_t rdata_length)
{
	octets_put_u16(at, (uint16_t)(0xc000 | owner));
	octets_put_u16(at + 2, type);
	octets_put_u16(at + 4, CLASS_IN);
	octets_put_u32(at + 6, ttl_s);
	octets_put_u16(at + 10, (uint16_t)rdata_length);
}

static void put_canned(struct reply *reply, uint16_t offset, const struct rrset *rrset)
{
	unsigned count = canned_write(reply, offset, rrset);
	reply->answer_count = (uint16_t)(reply->answer_count + count);
	if (count < rrset->count)
		reply->is_truncated = true;
}

/* The addresses that a name has, whose owner stands at `name_at`, into the additional
 * section. */
static void put_set_addresses(
	struct reply *reply, const struct answer_set *set, size_t name_at)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
	for (unsigned i = 0; i < 2; i++) {
		const struct rrset *rrset = answer_set_find(set, types[i]);
		if (!rrset || rrset->size > room(reply))
			continue;
		unsigned count = canned_write(reply, (uint16_t)name_at, rrset);
		reply->additional_count = (uint16_t)(reply->additional_count + count);
	}
}

/* One record and room for its rdata, which is returned; NULL: the reply is full. */
static uint8_t *put_record(struct reply *reply, const struct answer_owner *owner,
	uint16_t type, uint32_t ttl_s, size_t rdata_length)
{
	if (room(reply) < RECORD_HEAD + rdata_length) {
		reply->is_truncated = true;
		return NULL;
	}
	uint8_t *at = here(reply);
	put_head(at, owner->offset, type, ttl_s, rdata_length);
	reply->length = (uint16_t)(reply->length + RECORD_HEAD + rdata_length);
	reply->answer_count++;
	return at + RECORD_HEAD;
}

void answer_address(struct reply *reply, const struct answer_owner *owner,
	const uint8_t *address, size_t length, uint32_t ttl_s)
{
	uint8_t *at =
		put_record(reply, owner, length == 4 ? TYPE_A : TYPE_AAAA, ttl_s, length);
	if (at)
		memcpy(at, address, length);
}

/* --- SRV --- */

/* One record up to its target, for which there is room then; NULL: the reply is full. */
static uint8_t *put_srv(struct reply *reply, const struct answer_owner *owner,
	uint32_t ttl_s, uint16_t weight, uint16_t port, size_t target_length)
{
	uint8_t *at =
		put_record(reply, owner, TYPE_SRV, ttl_s, SRV_FIXED + target_length);
	if (!at)
		return NULL;
	octets_put_u16(at, 0);
	octets_put_u16(at + 2, weight);
	octets_put_u16(at + 4, port);
	return at + SRV_FIXED;
}

/* The addresses of one family of one target. */
struct family {
	uint16_t type;
	size_t size; /* octets of an address */
	unsigned count;
	const uint8_t *octets;
};

static struct family target_family(const struct target *target, bool is_ipv6)
{
	if (is_ipv6)
		return (struct family){TYPE_AAAA, 16, target->ipv6_count, target->ipv6};
	return (struct family){TYPE_A, 4, target->ipv4_count, target->ipv4};
}

/* Those of the name at `name_at`, into the additional section: all or none. False: they
 * do not fit. */
static bool put_addresses(
	struct reply *reply, size_t name_at, uint32_t ttl_s, const struct family *family)
{
	size_t record = RECORD_HEAD + family->size;
	if (room(reply) < record * family->count)
		return false;
	for (unsigned i = 0; i < family->count; i++) {
		uint8_t *at = here(reply);
		put_head(at, (uint16_t)name_at, family->type, ttl_s, family->size);
		memcpy(at + RECORD_HEAD, family->octets + i * family->size, family->size);
		reply->length = (uint16_t)(reply->length + record);
	}
	reply->additional_count = (uint16_t)(reply->additional_count + family->count);
	return true;
}

/* --- SRV with one target --- */

/* As in all SRV records: the labels as stored, the zone as it was asked for. */
static void answer_one(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct answer_set *set,
	const struct rrset *rrset)
{
	const struct srv_one *one = (const void *)rrset->data;
	uint32_t ttl_s = store_zone(store, set->zone)->ttl_s;
	size_t skip = (size_t)(one->skip + owner->surplus);
	size_t length = owner->length - skip, stored = length - owner->zone_length;
	size_t name_at = reply->length + RECORD_HEAD + SRV_FIXED;
	for (unsigned i = 0; i < rrset->count; i++) {
		uint8_t *at =
			put_srv(reply, owner, ttl_s, one->weight, one->ports[i], length);
		if (!at)
			return;
		memcpy(at, owner->name + skip, stored);
		memcpy(at + stored, owner->spelled + skip + stored, owner->zone_length);
	}
	if (reply->is_minimal || name_at > POINTER_MAX)
		return;
	if (!one->skip) {
		put_set_addresses(reply, set, name_at);
		return;
	}
	const uint8_t *octets = (const uint8_t *)(one->ports + rrset->count);
	const struct target target = {
		.ipv4 = octets,
		.ipv4_count = one->ipv4_count,
		.ipv6 = octets + one->ipv4_count * 4u,
		.ipv6_count = one->ipv6_count,
	};
	struct family ipv4 = target_family(&target, false),
		      ipv6 = target_family(&target, true);
	if (put_addresses(reply, name_at, ttl_s, &ipv4))
		put_addresses(reply, name_at, ttl_s, &ipv6);
}

/* --- names --- */

static void answer_names(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct answer_set *set,
	const struct rrset *rrset)
{
	struct dname name;
	uint32_t offset = 0;
	while (names_next(store, rrset, &offset, &name)) {
		uint8_t *at = put_record(reply, owner, rrset->type,
			store_zone(store, set->zone)->ttl_s, name.length);
		if (!at)
			return;
		memcpy(at, name.bytes, name.length);
	}
}

/* --- SRV with a table of targets --- */

/* What does not change from record to record of one SRV set. */
struct srv_writer {
	struct reply *reply;
	const struct srv_data *data;
	const struct rrset *rrset;
	const struct answer_owner *owner;
	size_t skip;        /* octets of the owner in front of the service's name */
	size_t base_length; /* octets of the service's name */
};

/* The target: its label, the service's name as stored, the zone as it was asked for. */
static void put_target(
	const struct srv_writer *writer, uint8_t *at, const struct target *target)
{
	const struct answer_owner *owner = writer->owner;
	const uint8_t *name = target_name(target);
	if (name) {
		memcpy(at, name, dname_length(name));
		return;
	}
	size_t label = target->label[0] ? target->label[0] + 1u : 0;
	size_t zone_at = (size_t)owner->length - owner->zone_length;
	size_t stored = zone_at - writer->skip;
	memcpy(at, target->label, label);
	memcpy(at + label, owner->name + writer->skip, stored);
	memcpy(at + label + stored, owner->spelled + zone_at, owner->zone_length);
}

static size_t target_length(const struct srv_writer *writer, const struct target *target)
{
	const uint8_t *name = target_name(target);
	if (name)
		return dname_length(name);
	return (target->label[0] ? target->label[0] + 1u : 0) + writer->base_length;
}

/* The group's targets in the order of this reply. */
static struct target group_target(
	const struct srv_writer *writer, const struct srv_group *group, uint32_t index)
{
	uint32_t at = canned_first(writer->reply, group->target_count) + index;
	if (at >= group->target_count)
		at -= group->target_count;
	return targets_get(writer->data->targets, group->first + at);
}

/* One target's records, one a port. False: the reply is full. */
static bool put_target_records(const struct srv_writer *writer,
	const struct srv_group *group, const struct target *target)
{
	struct reply *reply = writer->reply;
	size_t length = target_length(writer, target);
	for (unsigned i = 0; i < group->port_count; i++) {
		uint8_t *at = put_srv(reply, writer->owner, writer->data->ttl_s,
			writer->data->weight, group->ports[i], length);
		if (!at)
			return false;
		put_target(writer, at, target);
	}
	return true;
}

static bool put_all_records(const struct srv_writer *writer)
{
	const struct srv_group *group = (const void *)(writer->data + 1);
	for (unsigned i = 0; i < writer->rrset->count; i++) {
		for (uint32_t j = 0; j < group->target_count; j++) {
			struct target target = group_target(writer, group, j);
			if (!put_target_records(writer, group, &target))
				return false;
		}
		group = srv_group_next(group);
	}
	return true;
}

/* As put_addresses; behind what a pointer reaches the owner is written out (large TCP
 * replies). */
static bool put_target_addresses(const struct srv_writer *writer, size_t name_at,
	const struct target *target, bool is_ipv6)
{
	struct reply *reply = writer->reply;
	uint32_t ttl_s = writer->data->ttl_s;
	struct family family = target_family(target, is_ipv6);
	if (name_at <= POINTER_MAX)
		return put_addresses(reply, name_at, ttl_s, &family);
	size_t owner = target_length(writer, target);
	size_t record = owner - 2 + RECORD_HEAD + family.size;
	if (room(reply) < record * family.count)
		return false;
	for (unsigned i = 0; i < family.count; i++) {
		uint8_t *at = here(reply);
		put_head(at + owner - 2, 0, family.type, ttl_s, family.size);
		put_target(writer, at, target);
		memcpy(at + record - family.size, family.octets + i * family.size,
			family.size);
		reply->length = (uint16_t)(reply->length + record);
	}
	reply->additional_count = (uint16_t)(reply->additional_count + family.count);
	return true;
}

/* Goes over the answer section again in the order it was written, so that each target's
 * name is known by its place. `at` is where the first record begins. */
static void put_all_addresses(const struct srv_writer *writer, size_t at)
{
	const struct srv_group *group = (const void *)(writer->data + 1);
	for (unsigned i = 0; i < writer->rrset->count; i++) {
		for (uint32_t j = 0; j < group->target_count; j++) {
			struct target target = group_target(writer, group, j);
			size_t name_at = at + RECORD_HEAD + SRV_FIXED;
			if (group->has_additional &&
				(!put_target_addresses(writer, name_at, &target, false) ||
					!put_target_addresses(
						writer, name_at, &target, true)))
				return;
			at += (RECORD_HEAD + SRV_FIXED + target_length(writer, &target)) *
			      group->port_count;
		}
		group = srv_group_next(group);
	}
}

static void answer_targets(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct answer_set *set,
	const struct rrset *rrset)
{
	(void)store;
	(void)set;
	const struct srv_data *data = (const void *)rrset->data;
	size_t skip = (size_t)(data->skip + owner->surplus);
	const struct srv_writer writer = {
		reply, data, rrset, owner, skip, (size_t)owner->length - skip};
	size_t start = reply->length;
	if (put_all_records(&writer) && !reply->is_minimal)
		put_all_addresses(&writer, start);
}

/* --- NS --- */

/* Octets of the NS rdata's own labels; a pointer to the apex may follow, and the last
 * octet tells: a name without pointer ends with the root's 0. */
static size_t ns_own_length(const uint8_t *rdata, size_t length)
{
	return rdata[length - 1] ? length - 2 : length;
}

/* The name that an NS rdata stands for. */
static void read_ns_name(const uint8_t *rdata, size_t length,
	const struct answer_owner *owner, struct dname *out)
{
	size_t own = ns_own_length(rdata, length);
	memcpy(out->bytes, rdata, own);
	out->length = (uint8_t)own;
	if (own == length)
		return;
	memcpy(out->bytes + own, owner->name, owner->length);
	out->length = (uint8_t)(own + owner->length);
}

/* Behind a CNAME the apex is not the question: the pointers go to where it stands. */
static void move_ns_pointers(uint8_t *at, const uint8_t *end, uint16_t offset)
{
	for (; at < end; at += canned_size(at)) {
		size_t length = canned_size(at) - RECORD_HEAD;
		size_t own = ns_own_length(at + RECORD_HEAD, length);
		if (own < length)
			octets_put_u16(
				at + RECORD_HEAD + own, (uint16_t)(0xc000 | offset));
	}
}

static void answer_ns(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct rrset *rrset)
{
	size_t at = reply->length;
	put_canned(reply, owner->offset, rrset);
	size_t end = reply->length;
	if (owner->offset != DNS_HEADER_SIZE)
		move_ns_pointers(reply->buffer + at, reply->buffer + end, owner->offset);
	/* Addresses whose owner no pointer reaches are left out. */
	while (at < end && at + RECORD_HEAD <= POINTER_MAX && !reply->is_truncated &&
		!reply->is_minimal) {
		const uint8_t *record = reply->buffer + at;
		struct dname name;
		read_ns_name(record + RECORD_HEAD, canned_size(record) - RECORD_HEAD,
			owner, &name);
		const struct answer_set *set = store_find_name(store, &name);
		if (set)
			put_set_addresses(reply, set, at + RECORD_HEAD);
		at += canned_size(record);
	}
}

static void answer_canned(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct answer_set *set,
	const struct rrset *rrset)
{
	(void)set;
	if (rrset->type == TYPE_NS)
		answer_ns(reply, store, owner, rrset);
	else
		put_canned(reply, owner->offset, rrset);
}

void answer_rrset(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct answer_set *set,
	const struct rrset *rrset)
{
	static void (*const writers[])(struct reply *, const struct store *,
		const struct answer_owner *, const struct answer_set *,
		const struct rrset *) = {
		[RRSET_CANNED] = answer_canned,
		[RRSET_TARGETS] = answer_targets,
		[RRSET_ONE] = answer_one,
		[RRSET_NAMES] = answer_names,
	};
	writers[rrset->form](reply, store, owner, set, rrset);
}

/* --- SOA --- */

/* A label, and perhaps another, in front of the zone's name, which is a pointer unless
 * it is the root. Length octets first; an empty label is none. */
static uint8_t *put_below_zone(
	uint8_t *at, const void *label, const uint8_t *second, uint16_t zone_at)
{
	const uint8_t *labels[] = {label, second};
	for (unsigned i = 0; i < 2; i++) {
		size_t length = *labels[i] ? *labels[i] + 1u : 0;
		memcpy(at, labels[i], length);
		at += length;
	}
	if (!zone_at) {
		*at++ = 0;
		return at;
	}
	octets_put_u16(at, (uint16_t)(0xc000 | zone_at));
	return at + 2;
}

/* False: no room. */
static bool put_soa(struct reply *reply, const struct store *store, unsigned index,
	const struct answer_owner *owner)
{
	const struct store_zone *zone = store_zone(store, index);
	uint16_t zone_at = 0;
	if (zone->name.length > 1)
		zone_at = (uint16_t)(owner->offset + owner->length - zone->name.length);
	static const uint8_t none[1], dns[] = {3, 'd', 'n', 's'};
	const uint8_t *apex = zone->apex_label;
	uint8_t record[64 + 2 * (DNAME_LABEL_MAX + 1)];
	uint8_t *rdata = put_below_zone(record, "", none, zone_at) + 10;
	uint8_t *at = *apex ? put_below_zone(rdata, "\3ns1", apex, zone_at)
			    : put_below_zone(rdata, "\2ns", dns, zone_at);
	at = put_below_zone(at, "\12hostmaster", apex, zone_at);
	octets_put_u32(at, store_zone_serial(store, index));
	octets_put_u32(at + 4, SOA_REFRESH_S);
	octets_put_u32(at + 8, SOA_RETRY_S);
	octets_put_u32(at + 12, SOA_EXPIRE_S);
	octets_put_u32(at + 16, zone->ttl_s);
	at += SOA_NUMBERS;
	uint8_t *fixed = rdata - 10;
	octets_put_u16(fixed, TYPE_SOA);
	octets_put_u16(fixed + 2, CLASS_IN);
	bool is_short = *apex || zone->ttl_s < SOA_TTL_MAX_S;
	octets_put_u32(fixed + 4, is_short ? zone->ttl_s : SOA_TTL_MAX_S);
	octets_put_u16(fixed + 8, (uint16_t)(at - rdata));
	size_t length = (size_t)(at - record);
	if (room(reply) < length)
		return false;
	memcpy(here(reply), record, length);
	reply->length = (uint16_t)(reply->length + length);
	return true;
}

void answer_soa(struct reply *reply, const struct store *store, unsigned zone,
	const struct answer_owner *owner)
{
	if (put_soa(reply, store, zone, owner))
		reply->answer_count++;
	else
		reply->is_truncated = true;
}

/* RFC 2181 9: a missing authority section needs no TC where it is not a referral. */
void answer_authority_soa(struct reply *reply, const struct store *store, unsigned zone,
	const struct answer_owner *owner)
{
	if (put_soa(reply, store, zone, owner))
		reply->authority_count++;
}
