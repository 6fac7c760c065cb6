/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/reply.h"
#include "zones/store/store.h"

/*
 * Writing what the store holds into a reply. Records that do not fit are left out at a
 * record boundary; in the answer section that sets TC, in the additional section whole
 * record sets are left out silently (RFC 2181 9). Worker threads, inside a read section.
 */

/* The name that records are written for, where it stands in the reply and its zone. */
struct answer_owner {
	uint16_t offset;        /* in the message, for compression pointers */
	uint8_t length;         /* octets of the name */
	uint8_t zone_length;    /* octets of its zone's name, at its end */
	int16_t surplus;        /* octets it has in front that the stored name has not */
	const uint8_t *name;    /* in lower case */
	const uint8_t *spelled; /* as it stands in the message */
};

/* The question name, in the store's zone `zone`. */
struct answer_owner answer_owner_question(const struct reply *reply,
	const struct request *request, const struct store *store, unsigned zone);

/* An rrset of `set` in the store into the answer section; SRV and NS bring the addresses
 * of their targets along. A canned one may be in no store and no set. */
void answer_rrset(struct reply *reply, const struct store *store,
	const struct answer_owner *owner, const struct answer_set *set,
	const struct rrset *rrset);

/* One address record that is not in the store. */
void answer_address(struct reply *reply, const struct answer_owner *owner,
	const uint8_t *address, size_t length, uint32_t ttl_s);

/* The SOA of the owner's zone, made now for its serial: as the answer to a question for
 * it, or in the authority section of a negative reply (RFC 2308 3). */
void answer_soa(struct reply *reply, const struct store *store, unsigned zone,
	const struct answer_owner *owner);
void answer_authority_soa(struct reply *reply, const struct store *store, unsigned zone,
	const struct answer_owner *owner);
