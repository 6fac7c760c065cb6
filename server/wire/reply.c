/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/reply.h"

#include <assert.h>
#include <string.h>

#include "server/wire/octets.h"

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
	reply->ede = EDE_NONE;
	reply->has_opt = has_opt;
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
	reply->ede = EDE_NONE;
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
	octets_put_u16(opt + 9, 0);
	/* The room for the OPT alone was kept free. */
	bool has_ede = reply->ede != EDE_NONE &&
		       reply->length + EDNS_EDE_SIZE <= reply->capacity;
	reply->length += EDNS_OPT_SIZE;
	if (!has_ede)
		return;
	octets_put_u16(opt + 9, EDNS_EDE_SIZE);
	octets_put_u16(opt + 11, EDNS_OPTION_EDE);
	octets_put_u16(opt + 13, 2);
	octets_put_u16(opt + 15, (uint16_t)reply->ede);
	reply->length += EDNS_EDE_SIZE;
}

size_t reply_finish(struct reply *reply, const struct request *request, uint16_t udp_size)
{
	uint16_t flags = DNS_FLAG_QR | (reply->rcode & DNS_FLAG_RCODE);
	flags |= request->flags & (DNS_FLAG_OPCODE | DNS_FLAG_RD | DNS_FLAG_CD);
	if (reply->is_authoritative)
		flags |= DNS_FLAG_AA;
	if (reply->is_truncated)
		flags |= DNS_FLAG_TC;
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
