/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/store/hash_set.h"

#include <stdlib.h>

#include "zones/store/grace.h"

enum { SLOTS_MIN = 64 };

static struct hash_slots *writer_slots(const struct hash_set *set)
{
	return atomic_load_explicit(&set->slots, memory_order_relaxed);
}

/* Where `value` stands; else the first slot that it may be put into. */
static _Atomic uint64_t *find_slot(struct hash_slots *slots, uint64_t value)
{
	_Atomic uint64_t *removed = NULL;
	for (size_t i = value & slots->mask;; i = (i + 1) & slots->mask) {
		_Atomic uint64_t *slot = &slots->slots[i];
		uint64_t have = atomic_load_explicit(slot, memory_order_relaxed);
		if (have == value)
			return slot;
		if (have == SLOT_EMPTY)
			return removed ? removed : slot;
		if (have == SLOT_REMOVED && !removed)
			removed = slot;
	}
}

bool hash_set_has(const struct hash_set *set, uint64_t hash)
{
	const struct hash_slots *slots =
		atomic_load_explicit(&set->slots, memory_order_consume);
	uint64_t value = hash_slot_value(hash);
	if (!slots)
		return false;
	for (size_t i = value & slots->mask;; i = (i + 1) & slots->mask) {
		uint64_t have =
			atomic_load_explicit(&slots->slots[i], memory_order_relaxed);
		if (have == value)
			return true;
		if (have == SLOT_EMPTY)
			return false;
	}
}

void hash_set_deinit(struct hash_set *set)
{
	free(writer_slots(set));
	atomic_init(&set->slots, NULL);
}

/* Nothing reads the slots yet, and there is room. */
static void place(struct hash_slots *slots, uint64_t value)
{
	atomic_store_explicit(find_slot(slots, value), value, memory_order_relaxed);
	slots->used++;
	slots->live++;
}

/* A larger table, or one of the same size without the slots that were removed. The old
 * one is waited for at once, as it is large; that is rare. */
static enum err make_room(struct hash_set *set)
{
	struct hash_slots *old = writer_slots(set);
	size_t count = old ? old->mask + 1 : SLOTS_MIN;
	if (old && old->used + 1 <= count / 4 * 3)
		return ERR_NONE;
	if (old)
		count = slots_grown(count, old->live);
	struct hash_slots *slots = calloc(1, sizeof(*slots) + count * sizeof(uint64_t));
	if (!slots)
		return ERR_NOMEM;
	slots->mask = count - 1;
	for (size_t i = 0; old && i <= old->mask; i++) {
		uint64_t value =
			atomic_load_explicit(&old->slots[i], memory_order_relaxed);
		if (value >= HASH_SLOT_FIRST)
			place(slots, value);
	}
	atomic_store_explicit(&set->slots, slots, memory_order_release);
	if (old)
		grace_wait();
	free(old);
	return ERR_NONE;
}

enum err hash_set_put(struct hash_set *set, uint64_t hash, bool *is_new)
{
	uint64_t value = hash_slot_value(hash);
	struct hash_slots *slots = writer_slots(set);
	*is_new = !slots || atomic_load_explicit(find_slot(slots, value),
				    memory_order_relaxed) != value;
	if (!*is_new)
		return ERR_NONE;
	enum err err = make_room(set);
	if (err)
		return err;
	slots = writer_slots(set);
	_Atomic uint64_t *slot = find_slot(slots, value);
	slots->used += atomic_load_explicit(slot, memory_order_relaxed) == SLOT_EMPTY;
	slots->live++;
	atomic_store_explicit(slot, value, memory_order_relaxed);
	return ERR_NONE;
}

bool hash_set_remove(struct hash_set *set, uint64_t hash)
{
	uint64_t value = hash_slot_value(hash);
	struct hash_slots *slots = writer_slots(set);
	_Atomic uint64_t *slot = slots ? find_slot(slots, value) : NULL;
	if (!slot || atomic_load_explicit(slot, memory_order_relaxed) != value)
		return false;
	slots->live--;
	slots->used -=
		slots_remove(slots->slots, slots->mask, (size_t)(slot - slots->slots));
	return true;
}

size_t hash_set_count(const struct hash_set *set)
{
	const struct hash_slots *slots = writer_slots(set);
	return slots ? slots->live : 0;
}

size_t hash_set_bytes(const struct hash_set *set)
{
	const struct hash_slots *slots = writer_slots(set);
	return slots ? sizeof(*slots) + (slots->mask + 1) * sizeof(uint64_t) : 0;
}
