/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/known.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 64 };

void known_init(struct known *known, const struct hash_key *key)
{
	*known = (struct known){.key = *key};
}

void known_deinit(struct known *known)
{
	free(known->slots);
	*known = (struct known){.key = known->key};
}

uint32_t known_version(const char *text)
{
	uint64_t version = 0;
	/* Opaque by contract, a number in truth: either way, texts that differ give
	 * numbers that differ but by chance. */
	for (; *text; text++)
		version = version * 10 + ((unsigned char)*text - (uint64_t)'0');
	return (uint32_t)(version & 0x7fffffff);
}

uint64_t known_id(const struct known *known, const char *ns, const char *name)
{
	struct hash_key key = known->key;
	key.k0 ^= hash_bytes(&known->key, ns, strlen(ns));
	uint64_t hash = hash_bytes(&key, name, strlen(name));
	return hash ? hash : 1;
}

static bool slot_is_free(const struct known_slot *slot)
{
	return !slot->hash[0] && !slot->hash[1];
}

/* The slot with the hash, or the free one where it would be. There is one. */
static struct known_slot *find_slot(const struct known *known, uint64_t hash)
{
	size_t mask = known->capacity - 1;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct known_slot *slot = &known->slots[i];
		if (slot_is_free(slot) ||
			(slot->hash[0] == (uint32_t)hash && slot->hash[1] == hash >> 32))
			return slot;
	}
}

static uint64_t slot_hash(const struct known_slot *slot)
{
	return slot->hash[0] | (uint64_t)slot->hash[1] << 32;
}

static enum err known_resize(struct known *known, size_t capacity)
{
	struct known_slot *old = known->slots;
	size_t old_capacity = known->capacity;
	struct known_slot *slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return ERR_NOMEM;
	known->slots = slots;
	known->capacity = capacity;
	for (size_t i = 0; i < old_capacity; i++)
		if (!slot_is_free(&old[i]))
			*find_slot(known, slot_hash(&old[i])) = old[i];
	free(old);
	return ERR_NONE;
}

enum err known_put(struct known *known, const char *ns, const char *name,
	uint32_t version, bool *is_same)
{
	if (known->count >= known->capacity / 4 * 3) {
		enum err err = known_resize(
			known, known->capacity ? known->capacity * 2 : CAPACITY_MIN);
		if (err)
			return err;
	}
	uint64_t hash = known_id(known, ns, name);
	struct known_slot *slot = find_slot(known, hash);
	*is_same = !slot_is_free(slot) && slot->version == version;
	known->count += slot_is_free(slot);
	*slot = (struct known_slot){
		.hash = {(uint32_t)hash, (uint32_t)(hash >> 32)},
		.version = version & 0x7fffffff,
		.mark = known->mark & 1,
	};
	return ERR_NONE;
}

static struct known_slot *known_find(
	const struct known *known, const char *ns, const char *name)
{
	if (!known->count)
		return NULL;
	struct known_slot *slot = find_slot(known, known_id(known, ns, name));
	return slot_is_free(slot) ? NULL : slot;
}

bool known_has(const struct known *known, const char *ns, const char *name)
{
	return known_find(known, ns, name);
}

bool known_find_id(const struct known *known, uint64_t id, uint32_t *version)
{
	const struct known_slot *slot = known->count ? find_slot(known, id) : NULL;
	if (!slot || slot_is_free(slot))
		return false;
	*version = slot->version;
	return true;
}

bool known_mark(struct known *known, uint64_t id, uint32_t *version)
{
	if (!known_find_id(known, id, version))
		return false;
	find_slot(known, id)->mark = known->mark & 1;
	return true;
}

enum err known_each_unmarked(const struct known *known,
	enum err (*each)(void *context, uint64_t id, uint32_t version), void *context)
{
	enum err err = ERR_NONE;
	for (size_t i = 0; i < known->capacity && !err; i++) {
		const struct known_slot *slot = &known->slots[i];
		if (!slot_is_free(slot) && slot->mark != known->mark)
			err = each(context, slot_hash(slot), slot->version);
	}
	return err;
}

/* Those behind it close up, so that no search ends too early. */
static void remove_slot(struct known *known, size_t hole)
{
	size_t mask = known->capacity - 1;
	for (size_t i = (hole + 1) & mask; !slot_is_free(&known->slots[i]);
		i = (i + 1) & mask) {
		size_t home = slot_hash(&known->slots[i]) & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		known->slots[hole] = known->slots[i];
		hole = i;
	}
	memset(&known->slots[hole], 0, sizeof(known->slots[hole]));
	known->count--;
}

void known_remove(struct known *known, const char *ns, const char *name)
{
	struct known_slot *slot = known_find(known, ns, name);
	if (slot)
		remove_slot(known, (size_t)(slot - known->slots));
}

void known_begin(struct known *known)
{
	/* A list that was given up has left marks of both kinds. */
	for (size_t i = 0; i < known->capacity; i++)
		known->slots[i].mark = 0;
	known->mark = 1;
}

size_t known_sweep(struct known *known)
{
	size_t before = known->count;
	for (size_t i = 0; i < known->capacity;) {
		const struct known_slot *slot = &known->slots[i];
		/* Another one may have moved to its place. */
		if (slot_is_free(slot) || slot->mark == known->mark)
			i++;
		else
			remove_slot(known, i);
	}
	return before - known->count;
}
