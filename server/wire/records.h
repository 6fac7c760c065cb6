/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/wire/dname.h"
#include "server/wire/reply.h"

/*
 * The records of a message that somebody else wrote, one after the other. Nothing is
 * read beyond its end, and a compression pointer only leads backwards, so that no message
 * makes the walk long (RFC 9267 2). Pure functions, any thread.
 */

struct records {
	const uint8_t *message;
	uint16_t length;
	uint16_t at;              /* behind the record read last */
	uint16_t question_length; /* octets of the question section */
	uint16_t left[3];         /* records to come, by section */
	bool is_bad;              /* the message breaks off or has a malformed record */
};

struct record {
	enum reply_section section;
	uint16_t at;     /* in the message; there its owner begins */
	uint16_t rdata;  /* there its rdata begins; the TTL stands 6 octets before */
	uint16_t length; /* of the rdata */
	uint16_t type, class;
	uint32_t ttl_s;
};

enum {
	/* The longest rdata with names in it, uncompressed: that of NAPTR. */
	RDATA_NAMES_MAX = 4 + 3 * 256 + DNAME_MAX,
};

/* Behind the questions of `message`, at most one. ERR_SYNTAX: there is no header, or the
 * question is malformed. */
enum err records_init(
	struct records *records, const uint8_t *message, size_t length) MUST_CHECK;

/* What has been written into a reply; its header may not be there yet. */
void records_init_reply(struct records *records, const struct reply *reply);

/* False: there are no more, or is_bad. */
bool records_next(struct records *records, struct record *out);

/* The name at `at`, spelled as it stands there. ERR_SYNTAX. */
enum err records_read_name(
	const struct records *records, size_t at, struct dname *out) MUST_CHECK;

/*
 * The rdata of a type that has names (rdata_layout), with the names uncompressed, into
 * RDATA_NAMES_MAX octets; returned is its length. 0: it is malformed. Of other types the
 * rdata stands in the message as it is.
 */
uint16_t records_read_rdata(
	const struct records *records, const struct record *record, uint8_t *out);
