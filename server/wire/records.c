/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/records.h"

#include <string.h>

#include "server/wire/cursor.h"
#include "server/wire/octets.h"
#include "server/wire/rdata.h"

enum { SECTIONS = 3 };

/*
 * The name at `at` into `out`, unless that is NULL; where it ends there into *end. What a
 * pointer leads to must lie wholly in front of what has been read so far, as a prior
 * occurrence does (RFC 1035 4.1.4).
 */
static bool read_name(
	const struct records *records, size_t at, struct dname *out, size_t *end)
{
	const uint8_t *message = records->message;
	size_t start = at, bound = records->length, used = 0;
	*end = 0;
	for (;;) {
		if (at >= bound)
			return false;
		uint8_t octet = message[at];
		if ((octet & 0xc0) == 0xc0) {
			if (at + 1 >= bound)
				return false;
			if (!*end)
				*end = at + 2;
			at = octets_get_u16(message + at) & 0x3fff;
			if (at >= start || at < DNS_HEADER_SIZE)
				return false;
			bound = start;
			start = at;
			continue;
		}
		size_t size = octet + 1u;
		if (octet > DNAME_LABEL_MAX || at + size > bound ||
			used + size > DNAME_MAX)
			return false;
		if (out)
			memcpy(out->bytes + used, message + at, size);
		used += size;
		at += size;
		if (octet)
			continue;
		if (!*end)
			*end = at;
		if (out)
			out->length = (uint8_t)used;
		return true;
	}
}

enum err records_init(struct records *records, const uint8_t *message, size_t length)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX)
		return ERR_SYNTAX;
	*records = (struct records){
		.message = message, .length = (uint16_t)length, .at = DNS_HEADER_SIZE};
	for (unsigned i = 0; i < SECTIONS; i++)
		records->left[i] = octets_get_u16(message + 6 + 2 * (size_t)i);
	unsigned questions = octets_get_u16(message + 4);
	if (!questions)
		return ERR_NONE;
	size_t end;
	if (questions > 1 || !read_name(records, DNS_HEADER_SIZE, NULL, &end) ||
		end + 4 > length)
		return ERR_SYNTAX;
	records->at = (uint16_t)(end + 4);
	records->question_length = (uint16_t)(records->at - DNS_HEADER_SIZE);
	return ERR_NONE;
}

void records_init_reply(struct records *records, const struct reply *reply)
{
	uint16_t start = (uint16_t)(reply->owner_end - reply->buffer);
	*records = (struct records){
		.message = reply->buffer,
		.length = reply->length,
		.at = start,
		.question_length = (uint16_t)(start - DNS_HEADER_SIZE),
		.left = {reply->answer_count, reply->authority_count,
			reply->additional_count},
	};
}

bool records_next(struct records *records, struct record *out)
{
	unsigned section = 0;
	while (section < SECTIONS && !records->left[section])
		section++;
	if (records->is_bad || section == SECTIONS)
		return false;
	size_t end;
	records->is_bad = true;
	if (!read_name(records, records->at, NULL, &end))
		return false;
	struct cursor cursor =
		cursor_init(records->message + end, (size_t)records->length - end);
	out->section = (enum reply_section)section;
	out->at = records->at;
	out->type = cursor_u16(&cursor);
	out->class = cursor_u16(&cursor);
	out->ttl_s = (uint32_t)cursor_u16(&cursor) << 16;
	out->ttl_s |= cursor_u16(&cursor);
	out->length = cursor_u16(&cursor);
	out->rdata = (uint16_t)(cursor.at - records->message);
	cursor_skip(&cursor, out->length);
	if (cursor.has_failed)
		return false;
	records->at = (uint16_t)(cursor.at - records->message);
	records->left[section]--;
	records->is_bad = false;
	return true;
}

enum err records_read_name(const struct records *records, size_t at, struct dname *out)
{
	size_t end;
	return read_name(records, at, out, &end) ? ERR_NONE : ERR_SYNTAX;
}

/* The octets of a rdata in front of its names; false: it is too short for them. */
static bool skip_fixed(const struct records *records, const struct rdata_layout *layout,
	size_t *at, size_t end)
{
	*at += layout->fixed;
	for (unsigned i = 0; i < layout->strings && *at < end; i++)
		*at += records->message[*at] + 1u;
	return *at < end;
}

uint16_t records_read_rdata(
	const struct records *records, const struct record *record, uint8_t *out)
{
	const struct rdata_layout *layout = rdata_layout(record->type);
	size_t start = record->rdata, end = start + record->length, at = start;
	if (!layout || !skip_fixed(records, layout, &at, end))
		return 0;
	size_t length = at - start;
	memcpy(out, records->message + start, length);
	for (unsigned i = 0; i < layout->names; i++) {
		struct dname name;
		if (at >= end || !read_name(records, at, &name, &at) || at > end)
			return 0;
		memcpy(out + length, name.bytes, name.length);
		length += name.length;
	}
	if (length + (end - at) > RDATA_NAMES_MAX)
		return 0;
	memcpy(out + length, records->message + at, end - at);
	return (uint16_t)(length + (end - at));
}
