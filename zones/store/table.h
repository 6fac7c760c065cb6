/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "zones/store/store_internal.h"

/* The writer's side of the store's tables. Control thread only. */

enum { TABLE_SLOTS_MIN = 64 };

/* `slots` is a power of two. NULL: no memory. */
struct table *table_new(size_t slots);

static inline struct table *table_get(struct table *const _Atomic *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

/* There must be room: table_make_room. */
void table_insert(struct table *table, uint64_t hash, const struct answer_set *set);

/* The slot that holds `set` itself; NULL: none. */
_Atomic uint64_t *table_slot(
	struct table *table, uint64_t hash, const struct answer_set *set);

/* Readers see either of the two. */
void table_replace(_Atomic uint64_t *slot, uint64_t hash, const struct answer_set *set);
void table_delete(struct table *table, _Atomic uint64_t *slot);

/* Gives the hash that a set was inserted with; `slot` holds its high half. */
typedef uint64_t (*table_hash)(
	const struct store *store, uint64_t slot, const struct answer_set *set);

/* Makes room for one more: a larger table, or one of the same size without the slots
 * that were removed. The old one is waited for at once, as it is large; that is rare.
 * ERR_NOMEM: as before. */
enum err table_make_room(
	const struct store *store, struct table *_Atomic *at, table_hash hash) MUST_CHECK;
