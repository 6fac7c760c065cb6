/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* A number below `below`, from a sequence that is the same in every run (Knuth's MMIX).
 */
static inline unsigned draw_below(uint64_t *random, unsigned below)
{
	*random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*random >> 33) % below;
}
