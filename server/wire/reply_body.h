/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/wire/reply.h"

/*
 * A whole message as the body of a reply to the same question: what is behind the
 * question is copied octet for octet, as its compression pointers hold there too.
 * Worker threads.
 */

/*
 * The records of `message`, whose question is as long as that of the reply, up to an OPT;
 * counts and the lower four bits of its rcode are taken over, flags are the caller's.
 * What does not fit is left out: from the answer section record by record, which sets TC,
 * of the other sections whole record sets. A reply that is_minimal takes only the answer
 * section where there is one. ERR_SYNTAX: the message is malformed, the
 * reply is as it was.
 */
enum err reply_put_body(
	struct reply *reply, const uint8_t *message, size_t length) MUST_CHECK;

/* The same of another reply to the same question, with all of its rcode, its flags and
 * its extended error. */
enum err reply_put_reply(struct reply *reply, const struct reply *other) MUST_CHECK;
