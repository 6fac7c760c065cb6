/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * An arena: many small allocations that live and die together. Memory comes in blocks
 * of at least `block_size` bytes; arena_reset keeps the largest for the next use.
 * One arena belongs to one thread.
 */

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t block_size;
};

void arena_init(struct arena *arena, size_t block_size);
void arena_deinit(struct arena *arena);

/* Everything handed out is gone; the largest block is kept. */
void arena_reset(struct arena *arena);

/* Aligned for any type, not cleared. NULL: no memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* The same, cleared, for `count` objects. NULL also when the product overflows. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A copy of `length` bytes with a NUL behind it. NULL: no memory. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
