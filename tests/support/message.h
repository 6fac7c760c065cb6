/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <ldns/ldns.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that ldns writes, compressed as it does, and reads. */

enum {
	MESSAGE_SIZE = 8192,
	MESSAGE_ALL_TYPES = 10,
};

struct message {
	size_t length;
	uint8_t bytes[MESSAGE_SIZE];
};

/* A record of every type that has names, and of some that have none; ends with NULL. */
extern const char *const message_all_types[MESSAGE_ALL_TYPES + 1];

/* The reply to a question for addresses of `question`; lists of records in presentation
 * format end with NULL, or are NULL. */
void message_make(struct message *message, const char *question,
	const char *const *answer, const char *const *authority);

/* NULL: ldns does not take it. The caller frees. */
ldns_pkt *message_parse(const uint8_t *bytes, size_t length);

/* The records of a section, a line each. The caller frees. */
char *message_section_text(const ldns_pkt *pkt, ldns_pkt_section section);
