/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/hash.h"
#include "server/wire/dname.h"
#include "server/wire/edns.h"
#include "server/wire/message.h"

/*
 * A request read once from the wire: header, question, OPT. The message stays the
 * caller's and must outlive the struct.
 */

struct request {
	const uint8_t *message;
	uint16_t length;
	uint16_t id;
	uint16_t flags; /* the header's second 16 bits */
	uint16_t qtype, qclass;
	uint16_t question_length; /* octets of the question section: name, type, class; 0:
				     none */
	uint8_t label_count;      /* of the question name, the root not counted */
	uint64_t hash;            /* of the lower-case question name */
	struct edns edns;
	struct dname name; /* the question name in lower case */
};

enum request_verdict {
	REQUEST_OK,
	REQUEST_DROP, /* not a query (QR set) or too short to have an id: no reply */
	REQUEST_FORMERR,
	REQUEST_NOTIMP,  /* opcode other than QUERY */
	REQUEST_BADVERS, /* EDNS version above 0 */
};

/*
 * Reads `message`. After REQUEST_FORMERR and REQUEST_NOTIMP the question may be missing
 * (question_length 0); everything that a reply to the error needs is set.
 */
enum request_verdict request_parse(struct request *request, const uint8_t *message,
	size_t length, const struct hash_key *key);
