/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Memory for answer sets and pods: a cluster has hundreds of thousands of some
 * dozen octets each, and malloc's header and rounding would be a tenth of the
 * whole and more. Blocks of one size, rounded to 8, go to a free list of that
 * size and come from it; new ones are cut from one large piece after the other.
 * What is free stays ours for blocks of that size. Sizes above SLAB_SIZE_MAX
 * are malloc's. One thread at a time.
 */

enum { SLAB_SIZE_MAX = 1024 };

struct slab;

/* NULL: no memory. */
struct slab *slab_new(void);
/* Every block must have been freed that is larger than SLAB_SIZE_MAX. */
void slab_free(struct slab *slab);

/* Aligned to 8. NULL: no memory. */
void *slab_take(struct slab *slab, size_t size);
void slab_give(struct slab *slab, void *block, size_t size);
