/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/local.h"

#include <string.h>

#include "server/base/counter.h"
#include "server/wire/octets.h"

enum { TTL_S = 604800 };

/* What a query is about. */
struct local_name {
	size_t zone_length; /* octets of the zone's name, at the end of the question's */
	bool exists;
	bool is_localhost; /* has addresses */
};

static const struct dname reverse_zones[] = {
	{.length = 16, .bytes = "\0010\7in-addr\4arpa"},
	{.length = 18, .bytes = "\003127\7in-addr\4arpa"},
	{.length = 18, .bytes = "\003255\7in-addr\4arpa"},
};
static const struct dname localhost = {.length = 11, .bytes = "\11localhost"};
static const struct dname loopback = {
	.length = 24, .bytes = "\0011\0010\0010\003127\7in-addr\4arpa"};

static bool find_localhost(const struct dname *name, struct local_name *out)
{
	*out = (struct local_name){localhost.length, true, true};
	if (dname_is_within(name, &localhost))
		return true;
	/* What a search list makes of "localhost"; such a name is its own zone. */
	out->zone_length = name->length;
	return name->length > localhost.length &&
	       memcmp(name->bytes, localhost.bytes, localhost.length - 1u) == 0;
}

static bool find_reverse(const struct dname *name, struct local_name *out)
{
	for (size_t i = 0; i < sizeof(reverse_zones) / sizeof(reverse_zones[0]); i++) {
		const struct dname *zone = &reverse_zones[i];
		if (!dname_is_within(name, zone))
			continue;
		/* A name above an existing one exists as well (RFC 8020). */
		*out = (struct local_name){
			.zone_length = zone->length,
			.exists = name->length == zone->length ||
				  dname_is_within(&loopback, name),
		};
		return true;
	}
	return false;
}

static void add_soa(
	struct query *query, const struct local_name *found, enum reply_section section)
{
	static const char names[] = "\11localhost\0\4root\11localhost";
	uint8_t rdata[sizeof(names) + 20] = {0};
	memcpy(rdata, names, sizeof(names));
	octets_put_u32(rdata + sizeof(names), 1);
	octets_put_u32(rdata + sizeof(names) + 16, TTL_S);
	const struct reply_record record = {
		.owner = (uint16_t)(DNS_HEADER_SIZE + query->request.name.length -
				    found->zone_length),
		.type = TYPE_SOA,
		.class = CLASS_IN,
		.ttl_s = TTL_S,
		.rdata = rdata,
		.length = sizeof(rdata),
	};
	reply_add(&query->reply, section, &record);
}

static void add_answer(
	struct query *query, uint16_t type, const void *rdata, uint16_t length)
{
	const struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.type = type,
		.class = CLASS_IN,
		.ttl_s = TTL_S,
		.rdata = rdata,
		.length = length,
	};
	reply_add(&query->reply, SECTION_ANSWER, &record);
}

static void answer_local(struct query *query, const struct local_name *found)
{
	static const uint8_t ipv4[] = {127, 0, 0, 1};
	static const uint8_t ipv6[16] = {[15] = 1};
	uint16_t type = query->request.qtype;
	bool is_apex = query->request.name.length == found->zone_length;
	bool is_loopback = dname_equal(&query->request.name, &loopback);
	if (found->is_localhost && type == TYPE_A)
		add_answer(query, TYPE_A, ipv4, sizeof(ipv4));
	else if (found->is_localhost && type == TYPE_AAAA)
		add_answer(query, TYPE_AAAA, ipv6, sizeof(ipv6));
	else if (is_apex && type == TYPE_SOA)
		add_soa(query, found, SECTION_ANSWER);
	else if (is_apex && type == TYPE_NS)
		add_answer(query, TYPE_NS, localhost.bytes, localhost.length);
	else if (is_loopback && type == TYPE_PTR)
		add_answer(query, TYPE_PTR, localhost.bytes, localhost.length);
	else
		add_soa(query, found, SECTION_AUTHORITY);
}

static enum verdict local_plugin_query(void *instance, struct query *query)
{
	(void)instance;
	struct local_name found;
	if (!find_localhost(&query->request.name, &found) &&
		!find_reverse(&query->request.name, &found))
		return VERDICT_NEXT;
	if (found.is_localhost && !dname_equal(&query->request.name, &localhost))
		counter_add(&query->counters->localhost, 1);
	if (!found.exists)
		query->reply.rcode = RCODE_NXDOMAIN;
	answer_local(query, &found);
	return VERDICT_REPLY;
}

struct plugin_instance local_plugin_instance(void)
{
	static const struct plugin_ops ops = {
		.name = "local", .query = local_plugin_query};
	return (struct plugin_instance){&ops, NULL};
}
