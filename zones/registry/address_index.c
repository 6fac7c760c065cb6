/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/address_index.h"

#include <stdlib.h>

void address_index_init(struct address_index *index, const struct hash_key *key)
{
	*index = (struct address_index){.key = key};
}

void address_index_deinit(struct address_index *index)
{
	free(index->slots);
	index->slots = NULL;
	index->capacity = index->count = 0;
}

static uint32_t address_hash(
	const struct address_index *index, const struct ipaddr *address)
{
	uint32_t hash = (uint32_t)hash_bytes(index->key, address->bytes, address->length);
	return hash ? hash : 1;
}

static void slot_place(
	struct address_slot *slots, size_t capacity, struct address_slot slot)
{
	size_t i = slot.hash & (capacity - 1);
	while (slots[i].hash)
		i = (i + 1) & (capacity - 1);
	slots[i] = slot;
}

static enum err address_index_grow(struct address_index *index)
{
	size_t capacity = index->capacity ? index->capacity * 2 : 64;
	struct address_slot *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < index->capacity; i++)
		if (index->slots[i].hash)
			slot_place(slots, capacity, index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->capacity = capacity;
	return ERR_NONE;
}

enum err address_index_add(
	struct address_index *index, const struct ipaddr *address, uint32_t id)
{
	if ((index->count + 1) * 4 > index->capacity * 3) {
		enum err err = address_index_grow(index);
		if (err)
			return err;
	}
	slot_place(index->slots, index->capacity,
		(struct address_slot){address_hash(index, address), id});
	index->count++;
	return ERR_NONE;
}

void address_index_remove(
	struct address_index *index, const struct ipaddr *address, uint32_t id)
{
	if (!index->capacity)
		return;
	size_t mask = index->capacity - 1;
	uint32_t hash = address_hash(index, address);
	size_t i = hash & mask;
	while (index->slots[i].hash &&
		(index->slots[i].hash != hash || index->slots[i].id != id))
		i = (i + 1) & mask;
	if (!index->slots[i].hash)
		return;
	for (size_t j = (i + 1) & mask; index->slots[j].hash; j = (j + 1) & mask) {
		size_t home = index->slots[j].hash & mask;
		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		index->slots[i] = index->slots[j];
		i = j;
	}
	index->slots[i] = (struct address_slot){0};
	index->count--;
}

bool address_index_next(const struct address_index *index, const struct ipaddr *address,
	size_t *position, uint32_t *id)
{
	if (!index->capacity)
		return false;
	size_t mask = index->capacity - 1;
	uint32_t hash = address_hash(index, address);
	for (;; (*position)++) {
		const struct address_slot *slot =
			&index->slots[(hash + *position) & mask];
		if (!slot->hash)
			return false;
		if (slot->hash == hash) {
			*id = slot->id;
			(*position)++;
			return true;
		}
	}
}
