/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "zones/synth/synth_internal.h"

/* Open addressing over names copied into an arena; a service has few names or, headless,
 * as many as endpoints. */
struct name_set {
	struct arena arena;
	uint8_t **slots; /* length octet, then the name */
	size_t capacity, count;
};

struct name_set *name_set_new(void)
{
	struct name_set *set = calloc(1, sizeof(*set));
	if (set)
		arena_init(&set->arena, 16384);
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
	if (set->slots)
		memset(set->slots, 0, set->capacity * sizeof(*set->slots));
	set->count = 0;
}

/* The names of one service differ early and share their end: FNV-1a over all of it. Long
 * probes would cost time on the control thread only. */
static size_t name_hash(const uint8_t *bytes, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (size_t)(hash ^ hash >> 32);
}

/* The slot of the name, or the free one where it would go. */
static uint8_t **find_slot(
	uint8_t **slots, size_t capacity, const uint8_t *bytes, uint8_t length)
{
	size_t i = name_hash(bytes, length) & (capacity - 1);
	while (slots[i] &&
		(slots[i][0] != length || memcmp(slots[i] + 1, bytes, length) != 0))
		i = (i + 1) & (capacity - 1);
	return &slots[i];
}

static enum err name_set_grow(struct name_set *set)
{
	size_t capacity = set->capacity ? set->capacity * 2 : 64;
	uint8_t **slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < set->capacity; i++)
		if (set->slots[i])
			*find_slot(slots, capacity, set->slots[i] + 1, set->slots[i][0]) =
				set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->capacity = capacity;
	return ERR_NONE;
}

enum err name_set_add(struct name_set *set, const struct dname *name)
{
	if ((set->count + 1) * 2 > set->capacity) {
		enum err err = name_set_grow(set);
		if (err)
			return err;
	}
	uint8_t **slot = find_slot(set->slots, set->capacity, name->bytes, name->length);
	if (*slot)
		return ERR_NONE;
	uint8_t *copy = arena_alloc(&set->arena, name->length + 1u);
	if (!copy)
		return ERR_NOMEM;
	copy[0] = name->length;
	memcpy(copy + 1, name->bytes, name->length);
	*slot = copy;
	set->count++;
	return ERR_NONE;
}

bool name_set_has(const struct name_set *set, const struct dname *name)
{
	return set->count &&
	       *find_slot(set->slots, set->capacity, name->bytes, name->length);
}
