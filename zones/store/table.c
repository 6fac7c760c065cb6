/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/store/table.h"

#include <assert.h>
#include <stdlib.h>

#include "zones/store/grace.h"

struct table *table_new(size_t slots)
{
	struct table *table = calloc(1, sizeof(*table) + slots * sizeof(uint64_t));
	if (table)
		table->mask = slots - 1;
	return table;
}

static uint64_t slot_make(uint64_t hash, const struct answer_set *set)
{
	uint64_t pointer = (uint64_t)(uintptr_t)set;
	assert(pointer <= SLOT_POINTER);
	return (hash & ~SLOT_POINTER) | pointer;
}

void table_insert(struct table *table, uint64_t hash, const struct answer_set *set)
{
	size_t i = hash & table->mask;
	while (slot_get(table->slots, table->mask, i) > SLOT_REMOVED)
		i = (i + 1) & table->mask;
	table->used += slot_get(table->slots, table->mask, i) == SLOT_EMPTY;
	table->live++;
	table_replace(&table->slots[i], hash, set);
}

_Atomic uint64_t *table_slot(
	struct table *table, uint64_t hash, const struct answer_set *set)
{
	for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
		uint64_t slot = slot_get(table->slots, table->mask, i);
		if (slot == SLOT_EMPTY)
			return NULL;
		if (slot_set(slot) == set)
			return &table->slots[i];
	}
}

void table_replace(_Atomic uint64_t *slot, uint64_t hash, const struct answer_set *set)
{
	atomic_store_explicit(slot, slot_make(hash, set), memory_order_release);
}

void table_delete(struct table *table, _Atomic uint64_t *slot)
{
	table->live--;
	table->used -=
		slots_remove(table->slots, table->mask, (size_t)(slot - table->slots));
}

enum err table_make_room(
	const struct store *store, struct table *_Atomic *at, table_hash hash)
{
	struct table *old = table_get(at);
	size_t slots = old->mask + 1;
	if (old->used + 1 <= slots / 4 * 3)
		return ERR_NONE;
	struct table *table = table_new(slots_grown(slots, old->live));
	if (!table)
		return ERR_NOMEM;
	for (size_t i = 0; i <= old->mask; i++) {
		uint64_t slot = slot_get(old->slots, old->mask, i);
		if (slot <= SLOT_REMOVED)
			continue;
		const struct answer_set *set = slot_set(slot);
		table_insert(table, hash(store, slot, set), set);
	}
	atomic_store_explicit(at, table, memory_order_release);
	grace_wait();
	free(old);
	return ERR_NONE;
}
