/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the store's tables of 64-bit slots have in common: open addressing with linear
 * probing, at most three quarters full, written by the control thread while workers read
 * (inside a read section, reader.h). A slot goes from empty to a value, to another value
 * of the same key, or to "removed", and from there to any value: a reader in the middle
 * of a probe misses nothing that stays. It goes back to empty only where the next one is
 * empty, for then no probe leads over it.
 */

#define SLOT_EMPTY   UINT64_C(0)
#define SLOT_REMOVED UINT64_C(1)

/* --- the writer --- */

/* `mask` is the number of slots, a power of two, less one. */
static inline uint64_t slot_get(const _Atomic uint64_t *slots, size_t mask, size_t i)
{
	return atomic_load_explicit(&slots[i & mask], memory_order_relaxed);
}

/* Returns how many slots are empty again. */
static inline size_t slots_remove(_Atomic uint64_t *slots, size_t mask, size_t i)
{
	size_t emptied = 0;
	if (slot_get(slots, mask, i + 1) != SLOT_EMPTY) {
		atomic_store_explicit(&slots[i], SLOT_REMOVED, memory_order_release);
		return 0;
	}
	do {
		atomic_store_explicit(&slots[i], SLOT_EMPTY, memory_order_release);
		emptied++;
		i = (i - 1) & mask;
	} while (slot_get(slots, mask, i) == SLOT_REMOVED);
	return emptied;
}

/* How many slots a table is to have that would be more than three quarters full: twice as
 * many, or as many when most of its slots are of what was removed. */
static inline size_t slots_grown(size_t slots, size_t live)
{
	return live + 1 > slots / 2 ? slots * 2 : slots;
}
