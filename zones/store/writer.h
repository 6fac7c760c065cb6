/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "zones/store/store_internal.h"

/* What the files of the store's writer share. Control thread only. */

struct writer {
	struct slab *slab;
	struct answer_set **retired; /* which readers may still hold */
	size_t retired_count, retired_capacity;
	size_t bytes;
};

/* A set without records. NULL: no memory. */
struct answer_set *set_new_empty(
	struct store *store, const struct dname *name, unsigned zone, bool is_implied);
void set_free(struct store *store, struct answer_set *set);

/* Frees the set once no reader can see it any more. */
void store_retire(struct store *store, struct answer_set *set);

/* --- hints.c --- */

/* The set has gone (`new` is NULL) or given way to `new`: if it stood for its first
 * label, that is `new` from now on. */
void hints_follow(struct store *store, struct answer_set *old, struct answer_set *new);

/* The table's hash of a set that is found by its whole name. */
uint64_t name_table_hash(
	const struct store *store, uint64_t slot, const struct answer_set *set);
