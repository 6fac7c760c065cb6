/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/forward/inquiry.h"

/* Inside forward: the message that asks an upstream. */

struct random_pool;

enum { QUESTION_MESSAGE_MAX = DNS_HEADER_SIZE + QUESTION_MAX + EDNS_OPT_SIZE };

/* The inquiry's question, whose id is still to be set; returns its length. */
size_t question_write(const struct inquiry *inquiry, bool has_edns, uint8_t *out);

/* Each letter of the name at `question` becomes a capital or not by chance, as many more
 * bits that a forged reply has to guess. */
void question_spell(uint8_t *question, struct random_pool *random);
