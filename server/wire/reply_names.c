/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/reply_names.h"

#include <ctype.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/rdata.h"

enum {
	FIXED_SIZE = 10, /* type, class, TTL, RDLENGTH */
	POINTER_MAX = 0x3fff,
};

/* The places of the name's labels, of which the first `length` octets stand at `at`. */
static void names_note(
	struct reply_names *names, size_t at, const uint8_t *name, size_t length)
{
	const uint8_t *end = name + length;
	while (name < end && *name && names->count < REPLY_NAMES_MAX &&
		at <= POINTER_MAX) {
		names->places[names->count++] = (uint16_t)at;
		at += *name + 1u;
		name += *name + 1u;
	}
}

void reply_names_init(struct reply_names *names, struct reply *reply)
{
	const uint8_t *question = reply->buffer + DNS_HEADER_SIZE;
	names->reply = reply;
	names->count = 0;
	if (reply->owner_end > question)
		names_note(names, DNS_HEADER_SIZE, question, DNAME_MAX);
}

void reply_names_note(struct reply_names *names, size_t place)
{
	const uint8_t *name = names->reply->buffer + place;
	size_t length = 0;
	while (name[length] && name[length] <= DNAME_LABEL_MAX)
		length += name[length] + 1u;
	names_note(names, place, name, length);
}

static bool label_equal(const uint8_t *a, const uint8_t *b)
{
	if (*a != *b)
		return false;
	for (unsigned i = 1; i <= *a; i++)
		if (tolower(a[i]) != tolower(b[i]))
			return false;
	return true;
}

/* Whether the name in the reply at `place`, written by us, is `name`. */
static bool stands_at(const struct reply *reply, size_t place, const uint8_t *name)
{
	const uint8_t *at = reply->buffer + place;
	for (;;) {
		while ((*at & 0xc0) == 0xc0)
			at = reply->buffer + (octets_get_u16(at) & POINTER_MAX);
		if (!label_equal(at, name))
			return false;
		if (!*name)
			return true;
		at += *at + 1u;
		name += *name + 1u;
	}
}

/* 0: nowhere. */
static uint16_t names_find(const struct reply_names *names, const uint8_t *name)
{
	for (unsigned i = 0; i < names->count; i++)
		if (stands_at(names->reply, names->places[i], name))
			return names->places[i];
	return 0;
}

/* Appends the name, what it ends with as a pointer to where that stands already. */
static bool put_name(struct reply_names *names, const uint8_t *name, bool may_compress)
{
	struct reply *reply = names->reply;
	const uint8_t *rest = name;
	uint16_t place = 0;
	while (may_compress && *rest && !(place = names_find(names, rest)))
		rest += *rest + 1u;
	size_t own = place ? (size_t)(rest - name) : dname_length(name);
	size_t size = own + (place ? 2 : 0);
	if ((size_t)reply->capacity - reply->length < size)
		return false;
	size_t at = reply->length;
	memcpy(reply->buffer + at, name, own);
	if (place)
		octets_put_u16(reply->buffer + at + own, (uint16_t)(0xc000 | place));
	reply->length = (uint16_t)(at + size);
	if (may_compress)
		names_note(names, at, name, own);
	return true;
}

static bool put_octets(struct reply *reply, const void *octets, size_t length)
{
	if ((size_t)reply->capacity - reply->length < length)
		return false;
	memcpy(reply->buffer + reply->length, octets, length);
	reply->length = (uint16_t)(reply->length + length);
	return true;
}

/* Octets of a rdata in front of its names. */
static size_t fixed_length(const struct rdata_layout *layout, const uint8_t *rdata)
{
	size_t length = layout->fixed;
	for (unsigned i = 0; i < layout->strings; i++)
		length += rdata[length] + 1u;
	return length;
}

static bool put_rdata(struct reply_names *names, const struct named_record *record)
{
	const struct rdata_layout *layout = rdata_layout(record->type);
	const uint8_t *at = record->rdata, *end = at + record->length;
	if (!layout)
		return put_octets(names->reply, at, record->length);
	size_t fixed = fixed_length(layout, at);
	if (!put_octets(names->reply, at, fixed))
		return false;
	at += fixed;
	for (unsigned i = 0; i < layout->names; i++) {
		if (!put_name(names, at, layout->may_be_compressed))
			return false;
		at += dname_length(at);
	}
	return put_octets(names->reply, at, (size_t)(end - at));
}

static bool put_record(struct reply_names *names, const struct named_record *record)
{
	struct reply *reply = names->reply;
	uint8_t fixed[FIXED_SIZE];
	octets_put_u16(fixed, record->type);
	octets_put_u16(fixed + 2, record->class);
	octets_put_u32(fixed + 4, record->ttl_s);
	if (!put_name(names, record->owner->bytes, true) ||
		!put_octets(reply, fixed, sizeof(fixed)))
		return false;
	uint16_t start = reply->length;
	if (!put_rdata(names, record))
		return false;
	octets_put_u16(reply->buffer + start - 2, (uint16_t)(reply->length - start));
	return true;
}

bool reply_add_record(struct reply_names *names, enum reply_section section,
	const struct named_record *record)
{
	struct reply *reply = names->reply;
	uint16_t length = reply->length;
	unsigned count = names->count;
	if (!put_record(names, record)) {
		reply->length = length;
		names->count = count;
		reply->is_truncated |= section == SECTION_ANSWER;
		return false;
	}
	uint16_t *counts[] = {
		&reply->answer_count, &reply->authority_count, &reply->additional_count};
	++*counts[section];
	return true;
}

bool reply_copy_record(struct reply_names *names, enum reply_section section,
	const struct records *from, const struct record *record)
{
	struct dname owner;
	uint8_t rdata[RDATA_NAMES_MAX];
	struct named_record copy = {
		.owner = &owner,
		.type = record->type,
		.class = record->class,
		.ttl_s = record->ttl_s,
		.rdata = from->message + record->rdata,
		.length = record->length,
	};
	if (records_read_name(from, record->at, &owner))
		return false;
	if (rdata_layout(record->type)) {
		copy.rdata = rdata;
		copy.length = records_read_rdata(from, record, rdata);
		if (!copy.length)
			return false;
	}
	return reply_add_record(names, section, &copy);
}

void reply_copy_state(struct reply *reply, const struct reply *from)
{
	reply->rcode = from->rcode;
	reply->is_authoritative = from->is_authoritative;
	reply->is_truncated |= from->is_truncated;
	reply->flags_set |= from->flags_set;
	reply->flags_cleared |= from->flags_cleared;
	reply->ede = from->ede;
	reply->ede_length = from->ede_length;
	memcpy(reply->ede_text, from->ede_text, from->ede_length);
}
