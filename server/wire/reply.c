/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/reply.h"

#include <assert.h>
#include <string.h>

#include "server/wire/octets.h"

enum {
	RECORD_HEAD = 12, /* a pointer, type, class, TTL, RDLENGTH */
	OPTION_HEAD = 4,  /* code, length */
};

uint16_t reply_udp_limit(const struct edns *edns, uint16_t our_size)
{
	if (!edns->is_present)
		return DNS_UDP_SIZE;
	return edns->udp_size < our_size ? edns->udp_size : our_size;
}

void reply_init(struct reply *reply, const struct request *request, uint8_t *buffer,
	uint16_t size)
{
	/* A question is at most 255 + 4 octets, so header, question and OPT always fit.
	 */
	assert(size >= DNS_UDP_SIZE);
	bool has_opt = request->edns.is_present;
	reply->buffer = buffer;
	reply->capacity = (uint16_t)(has_opt ? size - EDNS_OPT_SIZE : size);
	reply->length = (uint16_t)(DNS_HEADER_SIZE + request->question_length);
	reply->rcode = RCODE_NOERROR;
	reply->answer_count = reply->authority_count = reply->additional_count = 0;
	reply->is_authoritative = reply->is_truncated = false;
	reply->has_left_out = false;
	reply->ede = EDE_NONE;
	reply->ede_length = 0;
	reply->has_opt = has_opt;
	reply->nsid = NULL;
	reply->flags_set = reply->flags_cleared = 0;
	reply->is_minimal = false;
	reply->rotation = 0;
	reply->preference = NULL;
	reply->weights = NULL;
	reply->owner_end = buffer + reply->length;
	memcpy(buffer + DNS_HEADER_SIZE, request->message + DNS_HEADER_SIZE,
		request->question_length);
}

void reply_clear(struct reply *reply)
{
	reply->length = (uint16_t)(reply->owner_end - reply->buffer);
	reply->rcode = RCODE_NOERROR;
	reply->answer_count = reply->authority_count = reply->additional_count = 0;
	reply->is_authoritative = reply->is_truncated = false;
	reply->has_left_out = false;
	reply->ede = EDE_NONE;
	reply->ede_length = 0;
}

static void put_ede_text(struct reply *reply, const void *text, size_t length)
{
	size_t room = EDNS_EDE_TEXT_MAX - reply->ede_length;
	if (length > room)
		length = room;
	memcpy(reply->ede_text + reply->ede_length, text, length);
	reply->ede_length = (uint8_t)(reply->ede_length + length);
}

void reply_set_ede(
	struct reply *reply, enum edns_ede ede, const char *text, const uint8_t *label)
{
	reply->ede = ede;
	reply->ede_length = 0;
	put_ede_text(reply, text, strlen(text));
	if (label)
		put_ede_text(reply, label + 1, label[0]);
}

void reply_reserve_nsid(struct reply *reply, const struct edns_nsid *nsid)
{
	assert(reply->has_opt && nsid->length <= EDNS_NSID_MAX);
	reply->nsid = nsid;
	reply->capacity = (uint16_t)(reply->capacity - OPTION_HEAD - nsid->length);
}

/* The record's owner; returns what is behind it. */
static uint8_t *reply_write_owner(uint8_t *at, const struct reply_record *record)
{
	if (record->label) {
		size_t length = strlen(record->label);
		*at++ = (uint8_t)length;
		memcpy(at, record->label, length);
		at += length;
	}
	octets_put_u16(at, (uint16_t)(0xc000 | record->owner));
	return at + 2;
}

bool reply_add(struct reply *reply, enum reply_section section,
	const struct reply_record *record)
{
	size_t label = record->label ? strlen(record->label) + 1 : 0;
	size_t size = label + RECORD_HEAD + record->length;
	if ((size_t)(reply->capacity - reply->length) < size) {
		reply->is_truncated |= section == SECTION_ANSWER;
		return false;
	}
	uint8_t *at = reply_write_owner(reply->buffer + reply->length, record);
	octets_put_u16(at, record->type);
	octets_put_u16(at + 2, record->class);
	octets_put_u32(at + 4, record->ttl_s);
	octets_put_u16(at + 8, record->length);
	memcpy(at + 10, record->rdata, record->length);
	reply->length = (uint16_t)(reply->length + size);
	uint16_t *counts[] = {
		&reply->answer_count, &reply->authority_count, &reply->additional_count};
	++*counts[section];
	return true;
}

/* Returns what is behind the option. */
static uint8_t *opt_write_option(
	uint8_t *at, uint16_t code, const uint8_t *data, uint16_t length)
{
	octets_put_u16(at, code);
	octets_put_u16(at + 2, length);
	memcpy(at + OPTION_HEAD, data, length);
	return at + OPTION_HEAD + length;
}

/* RFC 6891 6.1.3: the upper bits of the rcode, version 0, DO as it came. */
static void reply_write_opt(
	struct reply *reply, const struct request *request, uint16_t udp_size)
{
	uint8_t *opt = reply->buffer + reply->length;
	opt[0] = 0;
	octets_put_u16(opt + 1, TYPE_OPT);
	octets_put_u16(opt + 3, udp_size);
	opt[5] = (uint8_t)(reply->rcode >> 4);
	opt[6] = 0;
	octets_put_u16(opt + 7, request->edns.has_do ? 0x8000 : 0);
	uint8_t *options = opt + EDNS_OPT_SIZE, *at = options;
	if (reply->nsid)
		at = opt_write_option(
			at, EDNS_OPTION_NSID, reply->nsid->data, reply->nsid->length);
	/* The room for OPT and identifier alone was kept free. */
	size_t room = (size_t)reply->capacity - reply->length;
	if (reply->ede != EDE_NONE && room >= EDNS_EDE_SIZE) {
		uint8_t data[2 + EDNS_EDE_TEXT_MAX];
		/* The text is the first thing to go (RFC 8914 3). */
		uint16_t text = reply->ede_length;
		if (room < (size_t)EDNS_EDE_SIZE + text)
			text = 0;
		octets_put_u16(data, (uint16_t)reply->ede);
		memcpy(data + 2, reply->ede_text, text);
		at = opt_write_option(at, EDNS_OPTION_EDE, data, (uint16_t)(2 + text));
	}
	octets_put_u16(opt + 9, (uint16_t)(at - options));
	reply->length = (uint16_t)(at - reply->buffer);
}

size_t reply_finish(struct reply *reply, const struct request *request, uint16_t udp_size)
{
	uint16_t flags = DNS_FLAG_QR | (reply->rcode & DNS_FLAG_RCODE);
	flags |= request->flags & (DNS_FLAG_OPCODE | DNS_FLAG_RD | DNS_FLAG_CD);
	if (reply->is_authoritative)
		flags |= DNS_FLAG_AA;
	if (reply->is_truncated)
		flags |= DNS_FLAG_TC;
	flags = (uint16_t)((flags & ~reply->flags_cleared) | reply->flags_set);
	uint8_t *header = reply->buffer;
	octets_put_u16(header, request->id);
	octets_put_u16(header + 2, flags);
	octets_put_u16(header + 4, request->question_length ? 1 : 0);
	octets_put_u16(header + 6, reply->answer_count);
	octets_put_u16(header + 8, reply->authority_count);
	octets_put_u16(header + 10,
		(uint16_t)(reply->additional_count + (reply->has_opt ? 1 : 0)));
	if (reply->has_opt)
		reply_write_opt(reply, request, udp_size);
	return reply->length;
}
