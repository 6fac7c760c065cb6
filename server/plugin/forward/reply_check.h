/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/wire/dname.h"

/*
 * Inside forward: what of an upstream's message is believed. It must answer the question
 * that was asked, and only records that have to do with it are passed on: in the answer
 * section those of the chain of names that begins with the question (RFC 5452 6), in the
 * others those of a zone that one of these names is in. Pure functions, any thread.
 */

/* Is it a reply to exactly this question, octet for octet? The id has been compared. */
bool reply_answers(const uint8_t *message, size_t length, const uint8_t *question,
	size_t question_length);

/*
 * Does the server not know EDNS (RFC 6891 7)? It finds an error in the question where
 * there is none, with an OPT in neither its reply nor, mostly, any question.
 */
bool reply_refuses_edns(const uint8_t *message, size_t length, const uint8_t *question,
	size_t question_length);

/* How a message is read. */
enum {
	EXAMINE_DNSSEC = 1, /* records of DNSSEC belong to it, as they were asked for */
	EXAMINE_COPY = 2, /* it is copied in any case, names spelled as the question's */
};

struct reply_facts {
	uint16_t flags; /* the header's */
	uint16_t rcode; /* 12 bits with that of the OPT */
	uint16_t answer_count;
	bool has_foreign;       /* some records do not belong */
	const uint8_t *message; /* the whole, or what was left of it */
	size_t length;
};

/*
 * Reads a message that answers. `name` is the question's, in lower case. If records do
 * not belong the others are copied to `cleaned`, of DNS_MESSAGE_MAX octets; there names
 * that end as the question's point to it. ERR_SYNTAX: the message is malformed.
 */
enum err reply_examine(const uint8_t *message, size_t length, const struct dname *name,
	unsigned how, uint8_t *cleaned, struct reply_facts *out) MUST_CHECK;
