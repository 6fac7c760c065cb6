/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/request.h"

#include <string.h>

#include "server/wire/cursor.h"
#include "server/wire/octets.h"

/* More records than this in a query are not sane: one SOA for IXFR, OPT and TSIG. */
enum { ANSWERS_MAX = 1, AUTHORITIES_MAX = 1, ADDITIONALS_MAX = 2 };

/* The question name, without compression: there is nothing in front of it to point at.
 * Returns false when it is malformed, else its octets and labels are set. */
static bool request_parse_name(struct request *request, struct cursor *cursor)
{
	const uint8_t *name = cursor->at;
	size_t left = cursor_left(cursor), length = 0;
	unsigned labels = 0;
	while (length < left && name[length]) {
		if (name[length] > DNAME_LABEL_MAX)
			return false;
		length += name[length] + 1u;
		labels++;
	}
	length++;
	if (length > left || length > DNAME_MAX)
		return false;
	dname_lower(request->name.bytes, name, length);
	request->name.length = (uint8_t)length;
	request->label_count = (uint8_t)labels;
	cursor->at += length;
	return true;
}

static bool request_parse_question(struct request *request, struct cursor *cursor)
{
	const uint8_t *start = cursor->at;
	if (!request_parse_name(request, cursor))
		return false;
	request->qtype = cursor_u16(cursor);
	request->qclass = cursor_u16(cursor);
	if (cursor->has_failed)
		return false;
	request->question_length = (uint16_t)(cursor->at - start);
	return true;
}

/* The owner of a record may be compressed; it is stepped over, never followed, so a
 * pointer loop costs nothing (RFC 9267 2). */
static void skip_owner(struct cursor *cursor)
{
	for (;;) {
		uint8_t octet = cursor_u8(cursor);
		if (!octet)
			return;
		if ((octet & 0xc0) == 0xc0) {
			cursor_skip(cursor, 1);
			return;
		}
		if (octet & 0xc0) {
			cursor->has_failed = true;
			return;
		}
		cursor_skip(cursor, octet);
	}
}

/* The options must fill the OPT exactly; unknown ones are ignored (RFC 6891 6.1.2). */
static bool request_parse_options(struct request *request, struct cursor options)
{
	while (cursor_left(&options)) {
		uint16_t code = cursor_u16(&options);
		cursor_skip(&options, cursor_u16(&options));
		if (options.has_failed)
			return false;
		request->edns.has_nsid |= code == EDNS_OPTION_NSID;
	}
	return true;
}

/* One record behind the question. `may_be_opt`: it stands in the additional section. */
static bool request_parse_record(
	struct request *request, struct cursor *cursor, bool may_be_opt)
{
	bool owner_is_root = cursor_left(cursor) && *cursor->at == 0;
	skip_owner(cursor);
	uint16_t type = cursor_u16(cursor);
	uint16_t class = cursor_u16(cursor);
	uint16_t ttl_high = cursor_u16(cursor);
	uint16_t ttl_low = cursor_u16(cursor);
	uint16_t rdata_length = cursor_u16(cursor);
	const uint8_t *rdata = cursor->at;
	cursor_skip(cursor, rdata_length);
	if (cursor->has_failed)
		return false;
	if (type != TYPE_OPT)
		return true;
	/* RFC 6891 6.1.1: one OPT, owned by the root, in the additional section. */
	if (!may_be_opt || !owner_is_root || request->edns.is_present)
		return false;
	request->edns = (struct edns){
		.is_present = true,
		.has_do = ttl_low & 0x8000,
		.version = (uint8_t)ttl_high,
		.udp_size = class < DNS_UDP_SIZE ? DNS_UDP_SIZE : class,
	};
	/* RFC 6891 6.1.3: what a later version's options look like is unknown. */
	return request->edns.version ||
	       request_parse_options(request, cursor_init(rdata, rdata_length));
}

static bool request_parse_records(struct request *request, struct cursor *cursor)
{
	unsigned answers = octets_get_u16(request->message + 6);
	unsigned authorities = octets_get_u16(request->message + 8);
	unsigned additionals = octets_get_u16(request->message + 10);
	if (answers > ANSWERS_MAX || authorities > AUTHORITIES_MAX ||
		additionals > ADDITIONALS_MAX)
		return false;
	unsigned count = answers + authorities + additionals;
	for (unsigned i = 0; i < count; i++)
		if (!request_parse_record(request, cursor, i >= answers + authorities))
			return false;
	return true;
}

enum request_verdict request_parse(struct request *request, const uint8_t *message,
	size_t length, const struct hash_key *key)
{
	if (length < DNS_HEADER_SIZE || length > DNS_MESSAGE_MAX)
		return REQUEST_DROP;
	request->message = message;
	request->length = (uint16_t)length;
	request->id = octets_get_u16(message);
	request->flags = octets_get_u16(message + 2);
	request->question_length = 0;
	request->qtype = request->qclass = 0;
	request->edns = (struct edns){0};
	if (request->flags & DNS_FLAG_QR)
		return REQUEST_DROP;
	if ((request->flags & DNS_FLAG_OPCODE) >> DNS_OPCODE_SHIFT != OPCODE_QUERY)
		return REQUEST_NOTIMP;
	if (octets_get_u16(message + 4) != 1)
		return REQUEST_FORMERR;

	struct cursor cursor =
		cursor_init(message + DNS_HEADER_SIZE, length - DNS_HEADER_SIZE);
	if (!request_parse_question(request, &cursor) ||
		!request_parse_records(request, &cursor))
		return REQUEST_FORMERR;
	if (request->edns.version)
		return REQUEST_BADVERS;
	request->hash = hash_bytes(key, request->name.bytes, request->name.length);
	return REQUEST_OK;
}
