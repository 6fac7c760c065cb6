/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/question.h"

#include <ctype.h>
#include <string.h>

#include "server/base/random.h"
#include "server/wire/octets.h"

enum {
	UDP_SIZE = 1232, /* DNS flag day 2020 */
	EDNS_DO = 0x8000,
	COUNTS_AT = 4,
	CASE_BIT = 0x20,
};

size_t question_write(const struct inquiry *inquiry, bool has_edns, uint8_t *out)
{
	uint8_t *at = out + DNS_HEADER_SIZE;
	memset(out, 0, DNS_HEADER_SIZE);
	octets_put_u16(out + 2, inquiry->flags);
	octets_put_u16(out + COUNTS_AT, 1);
	memcpy(at, inquiry->question, inquiry->question_length);
	at += inquiry->question_length;
	if (!has_edns)
		return (size_t)(at - out);
	octets_put_u16(out + COUNTS_AT + 6, 1);
	memset(at, 0, EDNS_OPT_SIZE);
	octets_put_u16(at + 1, TYPE_OPT);
	octets_put_u16(at + 3, UDP_SIZE);
	octets_put_u16(at + 7, inquiry->has_do ? EDNS_DO : 0);
	return (size_t)(at + EDNS_OPT_SIZE - out);
}

void question_spell(uint8_t *question, struct random_pool *random)
{
	uint32_t bits = 0;
	unsigned left = 0;
	for (uint8_t *label = question; *label; label += *label + 1)
		for (unsigned i = 1; i <= *label; i++) {
			if (!isalpha(label[i]))
				continue;
			if (!left) {
				bits = random_u32(random);
				left = 32;
			}
			label[i] ^= bits & 1 ? CASE_BIT : 0;
			bits >>= 1;
			left--;
		}
}
