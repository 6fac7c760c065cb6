/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/file/respond.h"

#include <string.h>

#include "server/query/canned.h"
#include "server/query/target.h"
#include "server/wire/octets.h"
#include "server/wire/reply_names.h"

enum { CHAIN_MAX_LENGTH = 8, RECORD_HEAD = 12, MINIMUM_SIZE = 4, RCODE_YXDOMAIN = 6 };

/* A question on its way through the zones. */
struct response {
	struct query *query;
	struct reply_names names;
	const struct zone *zone;
	struct dname name;  /* that is looked up now, in lower case */
	struct dname owner; /* the same in its spelling */
	size_t place;       /* in the reply; the question's, or the last CNAME's target */
	bool is_first;      /* no CNAME yet */
};

/* What a name is. */
struct place {
	const struct zone_node *node;    /* of the name, or the wildcard; NULL: none */
	const struct zone_node *closest; /* the last name above that exists */
};

/* --- writing --- */

static bool put(struct response *response, enum reply_section section,
	const struct dname *owner, const uint8_t *canned)
{
	const struct named_record record = {
		.owner = owner,
		.type = octets_get_u16(canned + 2),
		.class = CLASS_IN,
		.ttl_s = (uint32_t)octets_get_u16(canned + 6) << 16 |
			 octets_get_u16(canned + 8),
		.rdata = canned + RECORD_HEAD,
		.length = octets_get_u16(canned + 10),
	};
	return reply_add_record(&response->names, section, &record);
}

/* The whole set. False: there is no room. */
static bool put_set(struct response *response, enum reply_section section,
	const struct dname *owner, const struct rrset *rrset)
{
	const uint8_t *at = rrset->data;
	for (unsigned i = 0; i < rrset->count; i++, at += canned_size(at))
		if (!put(response, section, owner, at))
			return false;
	return true;
}

/* The name that a node stands for; nodes are in lower case, as their zones' files hardly
 * ever are not. */
static void node_name(const struct zone_node *node, struct dname *out)
{
	out->length = node->length;
	memcpy(out->bytes, node->name, node->length);
}

static void put_node_set(struct response *response, enum reply_section section,
	const struct zone_node *node, uint16_t type)
{
	struct dname owner;
	const struct rrset *rrset = zone_node_find(node, type);
	if (!rrset)
		return;
	node_name(node, &owner);
	put_set(response, section, &owner, rrset);
}

/* The SOA, whose TTL says how long there is nothing (RFC 2308 3). */
static void put_denial(struct response *response)
{
	const struct zone_node *apex = zone_apex(response->zone);
	const struct rrset *soa = zone_node_find(apex, TYPE_SOA);
	const uint8_t *minimum = soa->data + soa->size - MINIMUM_SIZE;
	uint32_t minimum_s =
		(uint32_t)octets_get_u16(minimum) << 16 | octets_get_u16(minimum + 2);
	uint32_t ttl_s = (uint32_t)octets_get_u16(soa->data + 6) << 16 |
			 octets_get_u16(soa->data + 8);
	struct dname owner;
	node_name(apex, &owner);
	const struct named_record record = {
		.owner = &owner,
		.type = TYPE_SOA,
		.class = CLASS_IN,
		.ttl_s = minimum_s < ttl_s ? minimum_s : ttl_s,
		.rdata = soa->data + RECORD_HEAD,
		.length = octets_get_u16(soa->data + 10),
	};
	reply_add_record(&response->names, SECTION_AUTHORITY, &record);
}

/* Octets of the rdata in front of the name whose addresses belong into the additional
 * section; -1: there is none. */
static int target_offset(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
		return 0;
	case TYPE_MX:
		return 2;
	case TYPE_SRV:
		return 6;
	default:
		return -1;
	}
}

static void put_addresses(struct response *response, const uint8_t *target)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
	struct dname name = {.length = (uint8_t)dname_length(target)};
	dname_lower(name.bytes, target, name.length);
	const struct zone_node *node = zone_find_name(response->zone, &name);
	for (unsigned i = 0; node && i < 2; i++)
		put_node_set(response, SECTION_ADDITIONAL, node, types[i]);
}

/* Addresses of the names that the set points at, glue included. */
static void put_additional(struct response *response, const struct rrset *rrset)
{
	int offset = target_offset(rrset->type);
	if (offset < 0 || response->query->reply.is_minimal ||
		response->query->reply.is_truncated)
		return;
	const uint8_t *at = rrset->data;
	for (unsigned i = 0; i < rrset->count; i++, at += canned_size(at))
		put_addresses(response, at + RECORD_HEAD + offset);
}

/* Addresses are rotated and sorted as the reply asks for, if a pointer reaches the name.
 */
static void put_answer(struct response *response, const struct rrset *rrset)
{
	struct reply *reply = &response->query->reply;
	bool is_address = rrset->type == TYPE_A || rrset->type == TYPE_AAAA;
	if (is_address && response->place <= 0x3fff) {
		unsigned count = canned_write(reply, (uint16_t)response->place, rrset);
		reply->answer_count = (uint16_t)(reply->answer_count + count);
		reply->is_truncated |= count < rrset->count;
	} else {
		put_set(response, SECTION_ANSWER, &response->owner, rrset);
	}
}

/* --- finding --- */

static size_t parent_skip(const struct dname *name, size_t at)
{
	return at + name->bytes[at] + 1u;
}

/* The node of the name itself, else the closest one above that counts and the wildcard
 * below that (RFC 4592 3.3.1). */
static struct place find(const struct response *response)
{
	const struct dname *name = &response->name;
	const struct zone_node *apex = zone_apex(response->zone);
	const struct zone_node *node =
		response->is_first ? zone_find(response->zone, name->bytes, name->length,
					     response->query->request.hash)
				   : zone_find_name(response->zone, name);
	if (node && !node->is_occluded)
		return (struct place){node, node};
	struct dname above;
	for (size_t at = parent_skip(name, 0); name->length - at >= apex->length;
		at = parent_skip(name, at)) {
		above.length = (uint8_t)(name->length - at);
		memcpy(above.bytes, name->bytes + at, above.length);
		node = zone_find_name(response->zone, &above);
		if (node && !node->is_occluded)
			break;
	}
	struct place place = {NULL, node ? node : apex};
	node_name(place.closest, &above);
	if (!place.closest->is_cut && !place.closest->has_dname &&
		!dname_prepend(&above, "*", 1))
		place.node = zone_find_name(response->zone, &above);
	return place;
}

/* --- the steps --- */

/* The servers that have the rest; not our answer, unless a CNAME led here. */
static void refer(struct response *response, const struct zone_node *cut)
{
	const struct rrset *ns = zone_node_find(cut, TYPE_NS);
	if (response->is_first)
		response->query->reply.is_authoritative = false;
	put_node_set(response, SECTION_AUTHORITY, cut, TYPE_NS);
	if (response->query->request.edns.has_do)
		put_node_set(response, SECTION_AUTHORITY, cut, TYPE_DS);
	put_additional(response, ns);
}

/* Appends an alias of the name at hand and goes on to its target. False: no room. */
static bool step_to(struct response *response, const uint8_t *target, uint32_t ttl_s)
{
	struct reply *reply = &response->query->reply;
	struct dname *name = &response->name;
	const struct named_record cname = {
		.owner = &response->owner,
		.type = TYPE_CNAME,
		.class = CLASS_IN,
		.ttl_s = ttl_s,
		.rdata = target,
		.length = (uint16_t)dname_length(target),
	};
	size_t at = reply->length;
	if (!reply_add_record(&response->names, SECTION_ANSWER, &cname))
		return false;
	while (reply->buffer[at] && reply->buffer[at] <= DNAME_LABEL_MAX)
		at += reply->buffer[at] + 1u;
	response->place = at + (reply->buffer[at] ? RECORD_HEAD : RECORD_HEAD - 1);
	response->owner.length = (uint8_t)cname.length;
	memcpy(response->owner.bytes, target, cname.length);
	name->length = response->owner.length;
	dname_lower(name->bytes, target, name->length);
	response->is_first = false;
	return true;
}

/* RFC 6672 2.2: what is in front of the owner goes in front of the target. False: the
 * reply is there. */
static bool step_by_dname(struct response *response, const struct zone_node *node)
{
	const struct rrset *dname = zone_node_find(node, TYPE_DNAME);
	const uint8_t *rest = dname->data + RECORD_HEAD;
	size_t own = (size_t)response->name.length - node->length;
	size_t length = dname_length(rest);
	put_node_set(response, SECTION_ANSWER, node, TYPE_DNAME);
	if (own + length > DNAME_MAX) {
		response->query->reply.rcode = RCODE_YXDOMAIN;
		return false;
	}
	uint8_t target[DNAME_MAX];
	memcpy(target, response->owner.bytes, own);
	memcpy(target + own, rest, length);
	uint32_t ttl_s = (uint32_t)octets_get_u16(dname->data + 6) << 16 |
			 octets_get_u16(dname->data + 8);
	return step_to(response, target, ttl_s);
}

static void answer_nothing(struct response *response, bool exists)
{
	if (!exists)
		response->query->reply.rcode = RCODE_NXDOMAIN;
	put_denial(response);
}

/* What the name has of the type; with an answer the zone's servers. False: the reply is
 * there. */
static bool step_at(struct response *response, const struct zone_node *node)
{
	uint16_t type = response->query->request.qtype;
	const struct rrset *rrset = zone_node_find(node, type);
	const struct rrset *cname = zone_node_find(node, TYPE_CNAME);
	if (!rrset && cname) {
		const uint8_t *at = cname->data;
		return step_to(response, at + RECORD_HEAD,
			(uint32_t)octets_get_u16(at + 6) << 16 | octets_get_u16(at + 8));
	}
	if (!rrset) {
		answer_nothing(response, true);
		return false;
	}
	put_answer(response, rrset);
	const struct zone_node *apex = zone_apex(response->zone);
	bool is_ns = rrset->type == TYPE_NS && node == apex;
	const struct rrset *servers = zone_node_find(apex, TYPE_NS);
	if (!is_ns && servers && !response->query->reply.is_minimal)
		put_node_set(response, SECTION_AUTHORITY, apex, TYPE_NS);
	put_additional(response, rrset);
	return false;
}

/* False: the reply is there. */
static bool step(struct response *response, const struct place *place)
{
	const struct zone_node *closest = place->closest;
	bool asks_parent = response->query->request.qtype == TYPE_DS && place->node;
	if (closest->is_cut && !asks_parent) {
		refer(response, closest);
		return false;
	}
	if (closest->has_dname && !place->node)
		return step_by_dname(response, closest);
	if (place->node)
		return step_at(response, place->node);
	answer_nothing(response, false);
	return false;
}

static enum verdict fail(struct query *query)
{
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = "the chain of CNAMEs is too long or a circle";
	return VERDICT_REPLY;
}

enum verdict zone_respond(struct query *query, const struct zone *zone, bool may_pass,
	const struct zone_finder *finder)
{
	struct response response = {
		.query = query,
		.zone = zone,
		.name = query->request.name,
		.place = DNS_HEADER_SIZE,
		.is_first = true,
	};
	response.owner.length = response.name.length;
	memcpy(response.owner.bytes, query->reply.buffer + DNS_HEADER_SIZE,
		response.name.length);
	reply_names_init(&response.names, &query->reply);
	query->reply.is_authoritative = true;
	for (unsigned length = 0;; length++) {
		struct place place = find(&response);
		bool is_missing = !place.node && !place.closest->is_cut &&
				  !place.closest->has_dname;
		if (is_missing && may_pass && response.is_first) {
			query->reply.is_authoritative = false;
			return VERDICT_NEXT;
		}
		if (!step(&response, &place) || query->reply.is_truncated)
			return VERDICT_REPLY;
		if (length + 1 == CHAIN_MAX_LENGTH)
			return fail(query);
		const struct zone *next = finder->find(finder->context, &response.name);
		if (!next)
			return target_follow(query, response.place);
		response.zone = next;
	}
}
