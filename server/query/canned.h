/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/reply.h"
#include "zones/store/store.h"

/* Copying canned records of the store into a reply. Worker threads, inside a read
 * section. */

/* Whole records, as many as fit; their owner becomes the name at `offset`. Sets of
 * addresses are rotated and sorted as the reply asks for. Returns how many were written,
 * which the caller counts. */
unsigned canned_write(struct reply *reply, uint16_t offset, const struct rrset *rrset);

/* Where a rotated round over `count` items begins. */
static inline uint32_t canned_first(const struct reply *reply, uint32_t count)
{
	return (uint32_t)((uint64_t)reply->rotation * count >> 32);
}
