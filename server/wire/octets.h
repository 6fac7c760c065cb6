/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

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
