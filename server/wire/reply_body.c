/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/reply_body.h"

#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/records.h"

/* How much of the message is taken. */
struct extent {
	uint16_t end; /* the first octet that is not */
	uint16_t counts[3];
	bool is_truncated, has_left_out;
};

static bool is_same_set(
	const struct records *records, const struct record *a, const struct record *b)
{
	struct dname one, other;
	if (a->section != b->section || a->type != b->type ||
		records_read_name(records, a->at, &one) ||
		records_read_name(records, b->at, &other))
		return false;
	return one.length == other.length &&
	       memcmp(one.bytes, other.bytes, one.length) == 0;
}

/* Whether the record begins a set, behind which the message may be cut. */
static bool may_cut(const struct records *records, const struct record *record,
	const struct record *previous)
{
	return record->section == SECTION_ANSWER || !previous->class ||
	       !is_same_set(records, previous, record);
}

/* Walks to the end all the same: what breaks off later is not to be believed. */
static enum err measure(
	struct records *records, size_t room, bool is_minimal, struct extent *out)
{
	struct extent taken = {.end = records->at}, whole = taken;
	struct record record, previous = {.class = 0};
	uint16_t start = records->at;
	bool is_full = false;
	while (records_next(records, &record)) {
		is_full |= record.type == TYPE_OPT ||
			   (is_minimal && record.section != SECTION_ANSWER &&
				   taken.counts[SECTION_ANSWER]);
		if (is_full)
			continue;
		/* What was taken so far is whole where a new set begins. */
		if (may_cut(records, &record, &previous))
			whole = taken;
		previous = record;
		if ((size_t)(records->at - start) > room) {
			is_full = true;
			taken = whole;
			taken.has_left_out = true;
			taken.is_truncated = record.section == SECTION_ANSWER;
			continue;
		}
		taken.end = records->at;
		taken.counts[record.section]++;
	}
	*out = taken;
	return records->is_bad ? ERR_SYNTAX : ERR_NONE;
}

/* `records` stands behind the question. */
static enum err put_records(struct reply *reply, struct records *records)
{
	struct extent extent;
	uint16_t start = (uint16_t)(reply->owner_end - reply->buffer);
	if (records->at != start)
		return ERR_SYNTAX;
	enum err err = measure(
		records, (size_t)reply->capacity - start, reply->is_minimal, &extent);
	if (err)
		return err;
	memcpy(reply->buffer + start, records->message + start,
		(size_t)extent.end - start);
	reply->length = extent.end;
	reply->answer_count = extent.counts[SECTION_ANSWER];
	reply->authority_count = extent.counts[SECTION_AUTHORITY];
	reply->additional_count = extent.counts[SECTION_ADDITIONAL];
	reply->is_truncated = extent.is_truncated;
	reply->has_left_out = extent.has_left_out;
	return ERR_NONE;
}

enum err reply_put_body(struct reply *reply, const uint8_t *message, size_t length)
{
	struct records records;
	if (records_init(&records, message, length))
		return ERR_SYNTAX;
	enum err err = put_records(reply, &records);
	if (!err)
		reply->rcode = octets_get_u16(message + 2) & DNS_FLAG_RCODE;
	return err;
}

enum err reply_put_reply(struct reply *reply, const struct reply *other)
{
	struct records records;
	records_init_reply(&records, other);
	enum err err = put_records(reply, &records);
	if (err)
		return err;
	reply->rcode = other->rcode;
	reply->is_authoritative = other->is_authoritative;
	reply->is_truncated |= other->is_truncated;
	reply->has_left_out |= other->has_left_out;
	reply->flags_set |= (uint16_t)(other->flags_set & ~reply->flags_cleared);
	reply->ede = other->ede;
	reply->ede_length = other->ede_length;
	memcpy(reply->ede_text, other->ede_text, other->ede_length);
	return ERR_NONE;
}
