/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/ptable.h"

#include <assert.h>
#include <stdlib.h>

void ptable_init(struct ptable *table, const struct ptable_type *type)
{
	*table = (struct ptable){.type = type};
}

void ptable_deinit(struct ptable *table)
{
	free(table->slots);
	table->slots = NULL;
	table->capacity = table->count = 0;
}

void *ptable_find(const struct ptable *table, uint64_t hash, const void *key)
{
	if (!table->capacity)
		return NULL;
	size_t mask = table->capacity - 1;
	for (size_t i = hash & mask; table->slots[i]; i = (i + 1) & mask)
		if (table->type->has_key(table->slots[i], key))
			return table->slots[i];
	return NULL;
}

static void ptable_place(
	void **slots, size_t capacity, const struct ptable_type *type, void *object)
{
	size_t i = type->hash(object) & (capacity - 1);
	while (slots[i])
		i = (i + 1) & (capacity - 1);
	slots[i] = object;
}

enum err ptable_add(struct ptable *table, void *object)
{
	if ((table->count + 1) * 4 > table->capacity * 3) {
		size_t capacity = table->capacity ? table->capacity * 2 : 16;
		void **slots = calloc(capacity, sizeof(*slots));
		if (!slots)
			return ERR_NOMEM;
		for (size_t i = 0; i < table->capacity; i++)
			if (table->slots[i])
				ptable_place(
					slots, capacity, table->type, table->slots[i]);
		free(table->slots);
		table->slots = slots;
		table->capacity = capacity;
	}
	ptable_place(table->slots, table->capacity, table->type, object);
	table->count++;
	return ERR_NONE;
}

/* Where the object stands. */
static size_t ptable_index(const struct ptable *table, const void *object)
{
	assert(table->count);
	size_t mask = table->capacity - 1;
	size_t i = table->type->hash(object) & mask;
	while (table->slots[i] != object)
		i = (i + 1) & mask;
	return i;
}

void ptable_replace(struct ptable *table, const void *old, void *object)
{
	table->slots[ptable_index(table, old)] = object;
}

void ptable_remove(struct ptable *table, const void *object)
{
	size_t mask = table->capacity - 1;
	size_t i = ptable_index(table, object);
	/* Close the gap: whatever stands behind it and belongs at or before it moves
	 * up.
	 */
	for (size_t j = (i + 1) & mask; table->slots[j]; j = (j + 1) & mask) {
		size_t home = table->type->hash(table->slots[j]) & mask;
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		table->slots[i] = table->slots[j];
		i = j;
	}
	table->slots[i] = NULL;
	table->count--;
}

void *ptable_next(const struct ptable *table, size_t *position)
{
	while (*position < table->capacity) {
		void *object = table->slots[(*position)++];
		if (object)
			return object;
	}
	return NULL;
}
