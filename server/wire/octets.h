/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/base/word.h"

/* Integers in network byte order at any address; the caller knows that there is room. */

static inline uint16_t octets_get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t octets_get_u32(const uint8_t *at)
{
	return (uint32_t)octets_get_u16(at) << 16 | octets_get_u16(at + 2);
}

static inline void octets_put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void octets_put_u32(uint8_t *at, uint32_t value)
{
	octets_put_u16(at, (uint16_t)(value >> 16));
	octets_put_u16(at + 2, (uint16_t)value);
}

/* memcmp without a call: of names mostly a few words are all there is to compare. From
 * the end, where names differ; the last word overlaps the one before it. */
static inline bool octets_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
	if (length < WORD_SIZE)
		return memcmp(a, b, length) == 0;
	for (; length > WORD_SIZE; length -= WORD_SIZE) {
		size_t last = length - WORD_SIZE;
		if (word_load(a + last) != word_load(b + last))
			return false;
		if (last < WORD_SIZE)
			break;
	}
	return word_load(a) == word_load(b);
}
