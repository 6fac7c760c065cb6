/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/records.h"
#include "server/wire/reply.h"

/*
 * Records of any owner into a reply, with their names compressed (RFC 1035 4.1.4): the
 * owners, and the names in rdata of the types of RFC 1035. Worker threads.
 */

enum { REPLY_NAMES_MAX = 64 };

/* Where names stand in the reply that later ones may point to. */
struct reply_names {
	struct reply *reply;
	unsigned count;
	uint16_t places[REPLY_NAMES_MAX];
};

struct named_record {
	const struct dname *owner;
	uint16_t type, class;
	uint32_t ttl_s;
	const uint8_t *rdata; /* its names uncompressed, and well formed */
	uint16_t length;
};

/* For a reply that has its question and, if more, records that nobody points to. */
void reply_names_init(struct reply_names *names, struct reply *reply);

/* A name that stands in the reply at `place`, too: later ones may point to it. */
void reply_names_note(struct reply_names *names, size_t place);

/* Appends the record; sections in their order. False: there is no room, which sets TC
 * where it belonged into the answer section. */
bool reply_add_record(struct reply_names *names, enum reply_section section,
	const struct named_record *record);

/* The record of another message. False: no room, or its names are malformed; only the
 * former sets TC. */
bool reply_copy_record(struct reply_names *names, enum reply_section section,
	const struct records *from, const struct record *record);

/* What another reply says besides its records: rcode, flags, the reason of an error. */
void reply_copy_state(struct reply *reply, const struct reply *from);
