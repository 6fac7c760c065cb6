/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data */
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *arena, size_t block_size)
{
	*arena = (struct arena){.block_size = block_size};
}

static void arena_free_blocks(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_deinit(struct arena *arena)
{
	arena_free_blocks(arena->blocks);
	arena->blocks = NULL;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *keep = arena->blocks;
	if (!keep)
		return;
	for (struct arena_block *block = keep->next; block; block = block->next)
		if (block->size > keep->size)
			keep = block;
	struct arena_block **link = &arena->blocks;
	while (*link != keep)
		link = &(*link)->next;
	*link = keep->next;
	arena_free_blocks(arena->blocks);
	keep->next = NULL;
	keep->used = 0;
	arena->blocks = keep;
}

static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
	size_t data = size > arena->block_size ? size : arena->block_size;
	if (data > SIZE_MAX - sizeof(struct arena_block))
		return NULL;
	struct arena_block *block = malloc(sizeof(*block) + data);
	if (!block)
		return NULL;
	block->size = data;
	block->used = 0;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) / align * align;
	struct arena_block *block = arena->blocks;
	if (!block || block->size - block->used < size)
		block = arena_grow(arena, size);
	if (!block)
		return NULL;
	void *memory = block->data + block->used;
	block->used += size;
	return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	void *memory = arena_alloc(arena, count * size);
	if (memory)
		memset(memory, 0, count * size);
	return memory;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);
	if (copy) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}
