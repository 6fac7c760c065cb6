/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/reply_check.h"

#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/rdata.h"
#include "server/wire/records.h"
#include "server/wire/reply_names.h"

enum {
	CHAIN_MAX_NAMES = 16, /* the question and what its CNAMEs lead to */
	ZONES_MAX = 8,
	RRSIG_FIXED = 18, /* octets in front of the signer (RFC 4034 3.1) */
	COUNTS_AT = 6,
	ADDITIONALS_AT = 10,
};

bool reply_answers(const uint8_t *message, size_t length, const uint8_t *question,
	size_t question_length)
{
	if (length < DNS_HEADER_SIZE + question_length)
		return false;
	uint16_t flags = octets_get_u16(message + 2);
	return (flags & (DNS_FLAG_QR | DNS_FLAG_OPCODE)) == DNS_FLAG_QR &&
	       octets_get_u16(message + 4) == 1 &&
	       memcmp(message + DNS_HEADER_SIZE, question, question_length) == 0;
}

bool reply_refuses_edns(const uint8_t *message, size_t length, const uint8_t *question,
	size_t question_length)
{
	if (length < DNS_HEADER_SIZE)
		return false;
	uint16_t flags = octets_get_u16(message + 2), rcode = flags & DNS_FLAG_RCODE;
	bool is_bare = length == DNS_HEADER_SIZE && !octets_get_u16(message + 4) &&
		       (flags & (DNS_FLAG_QR | DNS_FLAG_OPCODE)) == DNS_FLAG_QR;
	return (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP) &&
	       !octets_get_u16(message + ADDITIONALS_AT) &&
	       (is_bare || reply_answers(message, length, question, question_length));
}

/* What a message is judged by. */
struct examination {
	struct records start; /* in front of the first record */
	uint16_t qtype, qclass;
	bool has_do;
	unsigned chain_count, zone_count;
	struct dname chain[CHAIN_MAX_NAMES];
	struct dname zones[ZONES_MAX]; /* of the authority section, with a chain name */
};

static bool read_lower(const struct records *records, size_t at, struct dname *out)
{
	if (records_read_name(records, at, out))
		return false;
	dname_lower(out->bytes, out->bytes, out->length);
	return true;
}

static bool chain_has(const struct examination *exam, const struct dname *name)
{
	for (unsigned i = 0; i < exam->chain_count; i++)
		if (dname_equal(&exam->chain[i], name))
			return true;
	return false;
}

static bool is_above_chain(const struct examination *exam, const struct dname *name)
{
	for (unsigned i = 0; i < exam->chain_count; i++)
		if (dname_is_within(&exam->chain[i], name))
			return true;
	return false;
}

static bool is_in_zones(const struct examination *exam, const struct dname *name)
{
	for (unsigned i = 0; i < exam->zone_count; i++)
		if (dname_is_within(name, &exam->zones[i]))
			return true;
	return false;
}

/* One round over the answers; true: the chain has grown. Their order is not relied on. */
static bool grow_chain(struct examination *exam)
{
	struct records records = exam->start;
	struct record record;
	struct dname owner, target;
	unsigned before = exam->chain_count;
	while (records_next(&records, &record) && record.section == SECTION_ANSWER) {
		if (record.type != TYPE_CNAME || exam->chain_count == CHAIN_MAX_NAMES)
			continue;
		if (read_lower(&records, record.at, &owner) && chain_has(exam, &owner) &&
			read_lower(&records, record.rdata, &target) &&
			!chain_has(exam, &target))
			exam->chain[exam->chain_count++] = target;
	}
	return exam->chain_count > before;
}

static void add_zone(struct examination *exam, const struct dname *zone)
{
	if (exam->zone_count < ZONES_MAX && is_above_chain(exam, zone) &&
		!is_in_zones(exam, zone))
		exam->zones[exam->zone_count++] = *zone;
}

/* The zones that the authority section speaks for. The root is everything, so it is none
 * to judge others by. */
static void find_zones(struct examination *exam)
{
	struct records records = exam->start;
	struct record record;
	struct dname zone;
	while (records_next(&records, &record)) {
		if (record.section != SECTION_AUTHORITY)
			continue;
		bool has_zone = false;
		if (record.type == TYPE_SOA || record.type == TYPE_NS)
			has_zone = read_lower(&records, record.at, &zone);
		else if (record.type == TYPE_RRSIG && record.length > RRSIG_FIXED)
			has_zone = read_lower(
				&records, record.rdata + (size_t)RRSIG_FIXED, &zone);
		if (has_zone && zone.length > 1)
			add_zone(exam, &zone);
	}
}

/* _ldap._tcp.example.org is a name of example.org. */
static void add_question_zone(struct examination *exam)
{
	struct dname zone = exam->chain[0];
	while (zone.length > 1 && zone.bytes[1] == '_') {
		uint8_t skip = (uint8_t)(zone.bytes[0] + 1);
		zone.length = (uint8_t)(zone.length - skip);
		memmove(zone.bytes, zone.bytes + skip, zone.length);
	}
	if (zone.length > 1)
		add_zone(exam, &zone);
}

static bool is_dnssec(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 ||
	       type == TYPE_DS;
}

static bool answer_belongs(const struct examination *exam, const struct dname *owner,
	const struct record *record)
{
	uint16_t type = record->type;
	bool is_asked = type == exam->qtype || exam->qtype == TYPE_ANY;
	bool is_signature = type == TYPE_RRSIG && exam->has_do;
	if (chain_has(exam, owner))
		return is_asked || is_signature || type == TYPE_CNAME ||
		       type == TYPE_DNAME;
	return (type == TYPE_DNAME || is_signature) && is_above_chain(exam, owner);
}

static bool authority_belongs(const struct examination *exam, const struct dname *owner,
	const struct record *record)
{
	if (record->type == TYPE_SOA || record->type == TYPE_NS)
		return is_above_chain(exam, owner);
	return is_dnssec(record->type) && exam->has_do &&
	       (is_in_zones(exam, owner) || is_above_chain(exam, owner));
}

static bool additional_belongs(const struct examination *exam, const struct dname *owner,
	const struct record *record)
{
	bool is_address = record->type == TYPE_A || record->type == TYPE_AAAA;
	return (is_address || (record->type == TYPE_RRSIG && exam->has_do)) &&
	       is_in_zones(exam, owner);
}

static bool record_belongs(const struct examination *exam, const struct records *records,
	const struct record *record)
{
	static bool (*const judges[])(const struct examination *exam,
		const struct dname *owner, const struct record *record) = {
		[SECTION_ANSWER] = answer_belongs,
		[SECTION_AUTHORITY] = authority_belongs,
		[SECTION_ADDITIONAL] = additional_belongs,
	};
	struct dname owner;
	return record->class == exam->qclass && read_lower(records, record->at, &owner) &&
	       judges[record->section](exam, &owner, record);
}

/* The message again, from the records that belong. */
static void copy_what_belongs(
	const struct examination *exam, uint8_t *cleaned, struct reply_facts *facts)
{
	struct records records = exam->start;
	struct record record;
	struct reply reply = {
		.buffer = cleaned,
		.capacity = DNS_MESSAGE_MAX,
		.length = records.at,
		.owner_end = cleaned + records.at,
	};
	struct reply_names names;
	memcpy(cleaned, records.message, records.at);
	reply_names_init(&names, &reply);
	while (records_next(&records, &record))
		if (record.type != TYPE_OPT && record_belongs(exam, &records, &record))
			(void)reply_copy_record(
				&names, record.section, &records, &record);
	octets_put_u16(cleaned + COUNTS_AT, reply.answer_count);
	octets_put_u16(cleaned + COUNTS_AT + 2, reply.authority_count);
	octets_put_u16(cleaned + COUNTS_AT + 4, reply.additional_count);
	facts->message = cleaned;
	facts->length = reply.length;
	facts->answer_count = reply.answer_count;
}

static bool rdata_is_sound(const struct records *records, const struct record *record)
{
	uint8_t rdata[RDATA_NAMES_MAX];
	if (record->type == TYPE_A)
		return record->length == 4;
	if (record->type == TYPE_AAAA)
		return record->length == 16;
	return !rdata_layout(record->type) || records_read_rdata(records, record, rdata);
}

enum err reply_examine(const uint8_t *message, size_t length, const struct dname *name,
	unsigned how, uint8_t *cleaned, struct reply_facts *out)
{
	struct records records;
	struct record record;
	if (records_init(&records, message, length) || !records.question_length)
		return ERR_SYNTAX;
	struct examination exam = {
		.start = records,
		.qtype = octets_get_u16(message + records.at - 4),
		.qclass = octets_get_u16(message + records.at - 2),
		.has_do = how & EXAMINE_DNSSEC,
		.chain_count = 1,
	};
	exam.chain[0] = *name;
	if (exam.qtype != TYPE_CNAME && exam.qtype != TYPE_ANY)
		while (grow_chain(&exam))
			;
	find_zones(&exam);
	add_question_zone(&exam);
	*out = (struct reply_facts){
		.flags = octets_get_u16(message + 2),
		.message = message,
		.length = length,
	};
	out->rcode = out->flags & DNS_FLAG_RCODE;
	while (records_next(&records, &record)) {
		if (record.type == TYPE_OPT) {
			out->rcode = (uint16_t)(out->rcode | record.ttl_s >> 24 << 4);
			continue;
		}
		if (!rdata_is_sound(&records, &record))
			return ERR_SYNTAX;
		out->answer_count += record.section == SECTION_ANSWER;
		out->has_foreign |= !record_belongs(&exam, &records, &record);
	}
	if (records.is_bad)
		return ERR_SYNTAX;
	if (out->has_foreign || (how & EXAMINE_COPY))
		copy_what_belongs(&exam, cleaned, out);
	return ERR_NONE;
}
