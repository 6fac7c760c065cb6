/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/packet.h"

#include <assert.h>
#include <string.h>

#include "server/wire/dname.h"
#include "server/wire/message.h"
#include "server/wire/octets.h"

void packet_init(struct packet *packet, uint16_t id, uint16_t flags)
{
	memset(packet->bytes, 0, DNS_HEADER_SIZE);
	octets_put_u16(packet->bytes, id);
	octets_put_u16(packet->bytes + 2, flags);
	packet->length = DNS_HEADER_SIZE;
}

void packet_put(struct packet *packet, const void *bytes, size_t length)
{
	assert(length <= PACKET_SIZE - packet->length);
	memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += length;
}

void packet_put_u16(struct packet *packet, uint16_t value)
{
	uint8_t octets[2];
	octets_put_u16(octets, value);
	packet_put(packet, octets, sizeof(octets));
}

void packet_set_count(struct packet *packet, enum packet_count which, uint16_t value)
{
	octets_put_u16(packet->bytes + which, value);
}

void packet_add_count(struct packet *packet, enum packet_count which)
{
	uint16_t count = octets_get_u16(packet->bytes + which);
	packet_set_count(packet, which, (uint16_t)(count + 1));
}

void packet_put_question(struct packet *packet, const char *name, uint16_t type)
{
	struct dname wire;
	enum err err = dname_from_text(name, &wire);
	assert(!err);
	packet_put(packet, wire.bytes, wire.length);
	packet_put_u16(packet, type);
	packet_put_u16(packet, CLASS_IN);
	packet_add_count(packet, PACKET_QUESTIONS);
}

void packet_put_opt(
	struct packet *packet, uint16_t udp_size, uint16_t ttl_high, uint16_t ttl_low)
{
	packet_put(packet, "", 1);
	packet_put_u16(packet, TYPE_OPT);
	packet_put_u16(packet, udp_size);
	packet_put_u16(packet, ttl_high);
	packet_put_u16(packet, ttl_low);
	packet_put_u16(packet, 0);
	packet_add_count(packet, PACKET_ADDITIONALS);
}

void packet_query(
	struct packet *packet, const char *name, uint16_t type, uint16_t udp_size)
{
	packet_init(packet, 0x1234, DNS_FLAG_RD);
	packet_put_question(packet, name, type);
	if (udp_size)
		packet_put_opt(packet, udp_size, 0, 0);
}
