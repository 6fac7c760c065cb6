/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

/* Eight octets at once, wherever they stand. Any thread. */

enum { WORD_SIZE = 8 };

/* The first octet is the lowest, on every machine. */
static inline uint64_t word_load(const void *octets)
{
	uint64_t word;
	memcpy(&word, octets, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The last `count` octets in front of `end`, 1 to 8, as word_load would have them if
 * zeros followed. Eight octets must stand there. */
static inline uint64_t word_load_last(const void *end, unsigned count)
{
	return word_load((const char *)end - WORD_SIZE) >> (WORD_SIZE - count) * 8;
}
