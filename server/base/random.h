/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Numbers that nobody can guess: the kernel's, fetched in advance, so that each costs no
 * system call of its own. What has been handed out is not kept. One pool belongs to one
 * thread; all zero is a good start.
 */

enum { RANDOM_POOL_SIZE = 1024 };

struct random_pool {
	uint16_t left;
	uint8_t bytes[RANDOM_POOL_SIZE];
};

uint16_t random_u16(struct random_pool *pool);
uint32_t random_u32(struct random_pool *pool);
uint64_t random_u64(struct random_pool *pool);

/* From 0 to bound - 1; `bound` is not 0. */
uint32_t random_below(struct random_pool *pool, uint32_t bound);
