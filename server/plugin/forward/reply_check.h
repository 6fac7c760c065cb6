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
 * not belong the others are copied to `cleaned`, of DNS_MESSAGE_MAX octets. ERR_SYNTAX:
 * the message is malformed.
 */
enum err reply_examine(const uint8_t *message, size_t length, const struct dname *name,
	bool has_do, uint8_t *cleaned, struct reply_facts *out) MUST_CHECK;
