/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Writes DNS messages octet by octet, the wrong ones as well as the right ones: nothing
 * is checked but that there is room, and the counts are what the test makes them.
 */

enum { PACKET_SIZE = 66000 }; /* a little more than a message can have */

/* Where the counts stand in the header. */
enum packet_count {
	PACKET_QUESTIONS = 4,
	PACKET_ANSWERS = 6,
	PACKET_AUTHORITIES = 8,
	PACKET_ADDITIONALS = 10
};

struct packet {
	size_t length;
	uint8_t bytes[PACKET_SIZE];
};

/* A header with these flags and no records. */
void packet_init(struct packet *packet, uint16_t id, uint16_t flags);

void packet_put(struct packet *packet, const void *bytes, size_t length);
void packet_put_u16(struct packet *packet, uint16_t value);
void packet_set_count(struct packet *packet, enum packet_count which, uint16_t value);
void packet_add_count(struct packet *packet, enum packet_count which);

/* The name in presentation format, taken as it is spelled; class IN. */
void packet_put_question(struct packet *packet, const char *name, uint16_t type);

/* An OPT without options; `ttl_high` is extended rcode and version, `ttl_low` the flags.
 */
void packet_put_opt(
	struct packet *packet, uint16_t udp_size, uint16_t ttl_high, uint16_t ttl_low);

/* One question with RD, and an OPT unless `udp_size` is 0. */
void packet_query(
	struct packet *packet, const char *name, uint16_t type, uint16_t udp_size);
