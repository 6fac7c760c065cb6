/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/order.h"

#include <string.h>

#include "server/query/canned.h"
#include "server/wire/octets.h"
#include "server/wire/records.h"

enum {
	SET_MAX = 128, /* of a larger one the order does not matter */
	RECORD_HEAD = 12,
	RECORD_MAX = RECORD_HEAD + 16,
	START = DNS_HEADER_SIZE + DNAME_MAX + 1,
};

/* Addresses of one type and owner, one behind the other. */
struct set {
	struct dname owner;
	enum reply_section section;
	uint16_t type;
	unsigned count;
	uint16_t places[SET_MAX];
};

/* The set as one of the store, which is written as the reply asks for. */
union canned {
	struct rrset rrset;
	uint8_t bytes[sizeof(struct rrset) + SET_MAX * RECORD_MAX];
};

static void order_set(struct reply *reply, const struct set *set)
{
	union canned canned;
	uint8_t written[START + SET_MAX * RECORD_MAX];
	size_t length = set->type == TYPE_A ? 4 : 16, size = RECORD_HEAD + length;
	if (set->count < 2)
		return;
	canned.rrset = (struct rrset){
		.type = set->type,
		.count = (uint16_t)set->count,
		.size = (uint32_t)(set->count * size),
	};
	memset(canned.rrset.data, 0, canned.rrset.size);
	for (unsigned i = 0; i < set->count; i++) {
		uint8_t *record = canned.rrset.data + i * size;
		octets_put_u16(record + RECORD_HEAD - 2, (uint16_t)length);
		memcpy(record + RECORD_HEAD, reply->buffer + set->places[i], length);
	}
	struct reply scratch = {
		.buffer = written,
		.capacity = sizeof(written),
		.length = START,
		.rotation = reply->rotation,
		.preference = reply->preference,
		.weights = reply->weights,
		.draw = reply->draw,
	};
	memcpy(written + DNS_HEADER_SIZE, set->owner.bytes, set->owner.length);
	(void)canned_write(&scratch, DNS_HEADER_SIZE, &canned.rrset);
	for (unsigned i = 0; i < set->count; i++)
		memcpy(reply->buffer + set->places[i],
			written + START + i * size + RECORD_HEAD, length);
}

static bool is_address(const struct record *record)
{
	return (record->type == TYPE_A && record->length == 4) ||
	       (record->type == TYPE_AAAA && record->length == 16);
}

static bool is_of(
	const struct set *set, const struct record *record, const struct dname *owner)
{
	return set->count && set->count < SET_MAX && set->type == record->type &&
	       set->section == record->section && set->owner.length == owner->length &&
	       memcmp(set->owner.bytes, owner->bytes, owner->length) == 0;
}

void order_addresses(struct reply *reply)
{
	struct records records;
	struct record record;
	struct set set = {.count = 0};
	if (!reply->rotation && !reply->preference && !reply->weights)
		return;
	records_init_reply(&records, reply);
	while (records_next(&records, &record)) {
		struct dname owner;
		if (!is_address(&record) ||
			records_read_name(&records, record.at, &owner))
			continue;
		if (!is_of(&set, &record, &owner)) {
			order_set(reply, &set);
			set.owner = owner;
			set.section = record.section;
			set.type = record.type;
			set.count = 0;
		}
		set.places[set.count++] = record.rdata;
	}
	order_set(reply, &set);
}
