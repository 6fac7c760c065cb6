/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "zones/synth/synth_internal.h"

/* A slot counts when it was filled since the last reset. */
struct name_slot {
	uint8_t *name; /* length octet, then the name */
	uint32_t round;
};

/* Open addressing over names copied into an arena; a service has few names or, headless,
 * as many as endpoints. A reset costs nothing, for after one large service there may
 * come many small ones. */
struct name_set {
	struct arena arena;
	struct name_slot *slots;
	size_t capacity, count;
	uint32_t round;
};

struct name_set *name_set_new(void)
{
	struct name_set *set = calloc(1, sizeof(*set));
	if (set) {
		arena_init(&set->arena, 16384);
		set->round = 1;
	}
	return set;
}

void name_set_free(struct name_set *set)
{
	if (!set)
		return;
	arena_deinit(&set->arena);
	free(set->slots);
	free(set);
}

void name_set_reset(struct name_set *set)
{
	arena_reset(&set->arena);
	set->count = 0;
	if (++set->round)
		return;
	if (set->slots)
		memset(set->slots, 0, set->capacity * sizeof(*set->slots));
	set->round = 1;
}

/* In the manner of FNV-1a, eight octets at a time. Long probes would cost time on the
 * control thread only. */
static size_t name_hash(const uint8_t *bytes, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325), octets;
	for (; length >= sizeof(octets); length -= sizeof(octets)) {
		memcpy(&octets, bytes, sizeof(octets));
		hash = (hash ^ octets) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
		bytes += sizeof(octets);
	}
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (size_t)(hash ^ hash >> 32);
}

static bool slot_is_taken(const struct name_set *set, const struct name_slot *slot)
{
	return slot->round == set->round;
}

/* The slot of the name, or the free one where it would go. */
static struct name_slot *find_slot(
	const struct name_set *set, const uint8_t *bytes, uint8_t length)
{
	size_t mask = set->capacity - 1, i = name_hash(bytes, length) & mask;
	for (;; i = (i + 1) & mask) {
		struct name_slot *slot = &set->slots[i];
		if (!slot_is_taken(set, slot) ||
			(slot->name[0] == length &&
				memcmp(slot->name + 1, bytes, length) == 0))
			return slot;
	}
}

static enum err name_set_grow(struct name_set *set)
{
	struct name_set grown = *set;
	grown.capacity = set->capacity ? set->capacity * 2 : 64;
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < set->capacity; i++) {
		const struct name_slot *slot = &set->slots[i];
		if (slot_is_taken(set, slot))
			*find_slot(&grown, slot->name + 1, slot->name[0]) = *slot;
	}
	free(set->slots);
	*set = grown;
	return ERR_NONE;
}

enum err name_set_add(struct name_set *set, const struct dname *name)
{
	if ((set->count + 1) * 2 > set->capacity) {
		enum err err = name_set_grow(set);
		if (err)
			return err;
	}
	struct name_slot *slot = find_slot(set, name->bytes, name->length);
	if (slot_is_taken(set, slot))
		return ERR_NONE;
	uint8_t *copy = arena_alloc(&set->arena, name->length + 1u);
	if (!copy)
		return ERR_NOMEM;
	copy[0] = name->length;
	memcpy(copy + 1, name->bytes, name->length);
	*slot = (struct name_slot){copy, set->round};
	set->count++;
	return ERR_NONE;
}

bool name_set_has(const struct name_set *set, const struct dname *name)
{
	return set->count &&
	       slot_is_taken(set, find_slot(set, name->bytes, name->length));
}
