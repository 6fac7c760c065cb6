/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/wire/request.h"

/*
 * A reply written in place into the worker's buffer: header and question of the
 * request, then whole records, answer before authority before additional, then the OPT.
 * Records that do not fit are left out; a record left out of the answer section sets TC
 * (RFC 2181 9).
 */

struct reply {
	uint8_t *buffer;
	uint16_t capacity; /* limit of the transport and the client, room for the OPT
			      taken off */
	uint16_t length;   /* octets written */
	uint16_t rcode;    /* 12 bits with EDNS */
	uint16_t answer_count, authority_count, additional_count;
	bool is_authoritative;
	bool is_truncated;
	enum edns_ede ede;  /* sent where the request had an OPT and there is room */
	bool has_opt;       /* the request had one, so has the reply */
	uint8_t *owner_end; /* behind the question */
};

/* The limit for a UDP reply: min(what the client takes, what we send) (RFC 6891 6.2.5).
 */
uint16_t reply_udp_limit(const struct edns *edns, uint16_t our_size);

/* Starts the reply to `request`: `size` octets of `buffer` may be used in all. */
void reply_init(struct reply *reply, const struct request *request, uint8_t *buffer,
	uint16_t size);

/* Forgets everything behind the question. */
void reply_clear(struct reply *reply);

/* Writes header and OPT; returns the length of the whole message. `udp_size` is our own
 * EDNS size. */
size_t reply_finish(
	struct reply *reply, const struct request *request, uint16_t udp_size);
