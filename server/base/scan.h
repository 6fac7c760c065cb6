/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/word.h"

/* Looking for the next octet that matters in a text, eight at a time. Any thread. */

static inline uint64_t scan_each(uint8_t octet)
{
	return octet * UINT64_C(0x0101010101010101);
}

/* The highest bit of each octet that is less than `limit`, at most 0x80. Behind the first
 * one there may be bits of others, too, as subtraction borrows from the octet above. */
static inline uint64_t scan_less(uint64_t octets, uint8_t limit)
{
	return (octets - scan_each(limit)) & ~octets & scan_each(0x80);
}

/* Is this what ends a run of plain characters in a JSON string (RFC 8259 7)? A quote, a
 * backslash, a control character, or what is not ASCII. */
static inline bool scan_is_special(char c)
{
	unsigned char octet = (unsigned char)c;
	return octet < 0x20 || octet >= 0x80 || octet == '"' || octet == '\\';
}

/* The first such octet from `at` on; `end`: there is none in front of it. */
static inline const char *scan_plain(const char *at, const char *end)
{
	for (; end - at >= WORD_SIZE; at += WORD_SIZE) {
		uint64_t octets = word_load(at);
		uint64_t special = scan_less(octets, 0x20) |
				   scan_less(octets ^ scan_each('"'), 1) |
				   scan_less(octets ^ scan_each('\\'), 1) |
				   (octets & scan_each(0x80));
		if (special)
			return at + __builtin_ctzll(special) / 8;
	}
	while (at < end && !scan_is_special(*at))
		at++;
	return at;
}
