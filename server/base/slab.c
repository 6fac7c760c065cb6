/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { PIECE_SIZE = 64 << 10, CLASSES = SLAB_SIZE_MAX / 8 + 1 };

struct slab_block {
	struct slab_block *next;
};

struct slab_piece {
	struct slab_piece *next;
	uint64_t data[PIECE_SIZE / 8 - 1];
};

struct slab {
	struct slab_piece *pieces; /* newest first */
	size_t left;               /* words of the newest that are not cut yet */
	struct slab_block *free[CLASSES];
};

/* A sanitizer is to see each block by itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CUTS_PIECES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CUTS_PIECES 0
#endif
#endif
#ifndef CUTS_PIECES
#define CUTS_PIECES 1
#endif

struct slab *slab_new(void)
{
	return calloc(1, sizeof(struct slab));
}

void slab_free(struct slab *slab)
{
	if (!slab)
		return;
	while (slab->pieces) {
		struct slab_piece *next = slab->pieces->next;
		free(slab->pieces);
		slab->pieces = next;
	}
	free(slab);
}

static bool slab_has_class(size_t size)
{
	return CUTS_PIECES && size <= SLAB_SIZE_MAX;
}

void *slab_take(struct slab *slab, size_t size)
{
	if (!slab_has_class(size))
		return malloc(size);
	size_t words = size ? (size + 7) / 8 : 1;
	struct slab_block *block = slab->free[words];
	if (block) {
		slab->free[words] = block->next;
		return block;
	}
	if (slab->left < words) {
		struct slab_piece *piece = malloc(sizeof(*piece));
		if (!piece)
			return NULL;
		piece->next = slab->pieces;
		slab->pieces = piece;
		slab->left = sizeof(piece->data) / sizeof(piece->data[0]);
	}
	slab->left -= words;
	return &slab->pieces->data[slab->left];
}

void slab_give(struct slab *slab, void *block, size_t size)
{
	if (!slab_has_class(size)) {
		free(block);
		return;
	}
	size_t words = size ? (size + 7) / 8 : 1;
	struct slab_block *freed = block;
	freed->next = slab->free[words];
	slab->free[words] = freed;
}
