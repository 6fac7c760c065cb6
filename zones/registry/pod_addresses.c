/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/pod_addresses.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

struct slot {
	uint32_t whose;
	uint32_t pods; /* 0: free */
	uint8_t address[];
};

/* A table and an address that is looked for in it. */
struct search {
	struct pod_address_table *table;
	const struct hash_key *key;
	const struct ipaddr *address;
	size_t stride;
};

static struct search search_of(
	const struct pod_addresses *addresses, const struct ipaddr *address)
{
	const struct pod_address_table *table =
		address->length == 4 ? &addresses->ipv4 : &addresses->ipv6;
	return (struct search){
		.table = (struct pod_address_table *)table,
		.key = addresses->key,
		.address = address,
		.stride = sizeof(struct slot) + address->length,
	};
}

static struct slot *slot_at(char *slots, size_t stride, size_t index)
{
	return (struct slot *)(void *)(slots + index * stride);
}

static size_t home_of(const struct search *search, const uint8_t *bytes, size_t capacity)
{
	return hash_bytes(search->key, bytes, search->address->length) & (capacity - 1);
}

/* The slot `from` or behind, which is free or has the address; where it is. */
static struct slot *next_slot(const struct search *search, size_t *from)
{
	const struct pod_address_table *table = search->table;
	for (;; *from = (*from + 1) & (table->capacity - 1)) {
		struct slot *slot = slot_at(table->slots, search->stride, *from);
		if (!slot->pods || memcmp(slot->address, search->address->bytes,
					   search->address->length) == 0)
			return slot;
	}
}

/* The slot of the pair, or the free one where it would be. */
static struct slot *find_slot(const struct search *search, uint32_t whose, size_t *index)
{
	size_t mask = search->table->capacity - 1;
	*index = home_of(search, search->address->bytes, mask + 1);
	for (;; *index = (*index + 1) & mask) {
		struct slot *slot = next_slot(search, index);
		if (!slot->pods || slot->whose == whose)
			return slot;
	}
}

void pod_addresses_init(struct pod_addresses *addresses, const struct hash_key *key)
{
	*addresses = (struct pod_addresses){.key = key};
}

void pod_addresses_deinit(struct pod_addresses *addresses)
{
	free(addresses->ipv4.slots);
	free(addresses->ipv6.slots);
	*addresses = (struct pod_addresses){.key = addresses->key};
}

static enum err make_room(const struct search *search)
{
	struct pod_address_table *table = search->table;
	size_t stride = search->stride;
	if ((table->count + 1) * 4 <= table->capacity * 3)
		return ERR_NONE;
	size_t capacity = table->capacity ? table->capacity * 2 : CAPACITY_MIN;
	char *slots = calloc(capacity, stride);
	if (!slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < table->capacity; i++) {
		const struct slot *old = slot_at(table->slots, stride, i);
		if (!old->pods)
			continue;
		size_t at = home_of(search, old->address, capacity);
		while (slot_at(slots, stride, at)->pods)
			at = (at + 1) & (capacity - 1);
		memcpy(slots + at * stride, old, stride);
	}
	free(table->slots);
	table->slots = slots;
	table->capacity = capacity;
	return ERR_NONE;
}

enum err pod_addresses_add(
	struct pod_addresses *addresses, const struct ipaddr *address, uint32_t whose)
{
	const struct search search = search_of(addresses, address);
	size_t index;
	enum err err = make_room(&search);
	if (err)
		return err;
	struct slot *slot = find_slot(&search, whose, &index);
	if (!slot->pods) {
		slot->whose = whose;
		memcpy(slot->address, address->bytes, address->length);
		search.table->count++;
	}
	slot->pods++;
	return ERR_NONE;
}

/* Those behind it close up, so that no search ends too early. */
static void close_gap(const struct search *search, size_t hole)
{
	const struct pod_address_table *table = search->table;
	size_t mask = table->capacity - 1, stride = search->stride;
	for (size_t i = (hole + 1) & mask;; i = (i + 1) & mask) {
		const struct slot *slot = slot_at(table->slots, stride, i);
		if (!slot->pods)
			break;
		size_t home = home_of(search, slot->address, table->capacity);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		memcpy(table->slots + hole * stride, slot, stride);
		hole = i;
	}
	slot_at(table->slots, stride, hole)->pods = 0;
}

void pod_addresses_remove(
	struct pod_addresses *addresses, const struct ipaddr *address, uint32_t whose)
{
	const struct search search = search_of(addresses, address);
	size_t index;
	assert(search.table->capacity);
	struct slot *slot = find_slot(&search, whose, &index);
	assert(slot->pods);
	if (--slot->pods)
		return;
	search.table->count--;
	close_gap(&search, index);
}

uint32_t pod_addresses_count(const struct pod_addresses *addresses,
	const struct ipaddr *address, uint32_t whose)
{
	const struct search search = search_of(addresses, address);
	size_t index;
	return search.table->capacity ? find_slot(&search, whose, &index)->pods : 0;
}

bool pod_addresses_next(const struct pod_addresses *addresses,
	const struct ipaddr *address, size_t *position, uint32_t *whose)
{
	const struct search search = search_of(addresses, address);
	size_t capacity = search.table->capacity;
	if (!capacity)
		return false;
	size_t home = home_of(&search, address->bytes, capacity);
	size_t index = (home + *position) & (capacity - 1);
	const struct slot *slot = next_slot(&search, &index);
	*position = ((index - home) & (capacity - 1)) + 1;
	if (slot->pods)
		*whose = slot->whose;
	return slot->pods;
}
