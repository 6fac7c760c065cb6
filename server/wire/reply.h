/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/ipaddr.h"
#include "server/wire/request.h"

/*
 * A reply written in place into the worker's buffer: header and question of the
 * request, then whole records, answer before authority before additional, then the OPT.
 * Records that do not fit are left out; a record left out of the answer section sets TC
 * (RFC 2181 9).
 */

struct weights;

struct reply {
	uint8_t *buffer;
	uint16_t capacity; /* limit of the transport and the client, room for the OPT
			      taken off */
	uint16_t length;   /* octets written */
	uint16_t rcode;    /* 12 bits with EDNS */
	uint16_t answer_count, authority_count, additional_count;
	bool is_authoritative;
	bool is_truncated;
	bool has_left_out;  /* what of another's message had no room, in any section */
	enum edns_ede ede;  /* sent where the request had an OPT and there is room */
	uint8_t ede_length; /* octets of ede_text */
	bool has_opt;       /* the request had one, so has the reply */
	uint8_t *owner_end; /* behind the question */
	/* How the reply is to be written, for as long as nothing is written yet. */
	const struct edns_nsid *nsid;      /* sent in the OPT; reply_reserve_nsid */
	uint16_t flags_set, flags_cleared; /* whatever the answer would make of them */
	bool is_minimal;   /* a positive answer brings no additional records */
	uint32_t rotation; /* where in 2^32 sets of addresses begin; 0: as stored */
	const struct reply_preference *preference; /* NULL: none */
	const struct weights *weights; /* choose which address is first; NULL: none */
	uint32_t draw;                 /* where in 2^32 that choice falls */

	char ede_text[EDNS_EDE_TEXT_MAX]; /* EXTRA-TEXT, UTF-8 (RFC 8914 2) */
};

/* Addresses in the first prefix come first, then those in the second, ... */
struct reply_preference {
	const struct ipprefix *prefixes;
	size_t count;
};

enum reply_section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

/* A record whose owner is a name that stands in the message, mostly the question's. */
struct reply_record {
	uint16_t owner;    /* that name's place; DNS_HEADER_SIZE: the question's */
	const char *label; /* one in front of it; NULL: none */
	uint16_t type, class;
	uint32_t ttl_s;
	const void *rdata;
	uint16_t length;
};

/* The limit for a UDP reply: min(what the client takes, what we send) (RFC 6891 6.2.5).
 */
uint16_t reply_udp_limit(const struct edns *edns, uint16_t our_size);

/* Appends the record; sections in their order. False: there is no room, which sets TC
 * where it belonged into the answer section. */
bool reply_add(struct reply *reply, enum reply_section section,
	const struct reply_record *record);

/* Keeps room for the identifier. Before anything is written; there must be an OPT. */
void reply_reserve_nsid(struct reply *reply, const struct edns_nsid *nsid);

/* Starts the reply to `request`: `size` octets of `buffer` may be used in all. */
void reply_init(struct reply *reply, const struct request *request, uint8_t *buffer,
	uint16_t size);

/* Forgets everything behind the question. */
void reply_clear(struct reply *reply);

/* The reason of an error for people: `text` and, unless NULL, behind it the label at
 * `label`, length octet first. What is longer than EDNS_EDE_TEXT_MAX is cut. */
void reply_set_ede(
	struct reply *reply, enum edns_ede ede, const char *text, const uint8_t *label);

/* Writes header and OPT; returns the length of the whole message. `udp_size` is our own
 * EDNS size. */
size_t reply_finish(
	struct reply *reply, const struct request *request, uint16_t udp_size);
