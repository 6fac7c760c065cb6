/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/folder.h"

enum { SLOTS_MIN = 64, LISTS_MIN = 16, DATA_MIN = 64 };

void ledger_init(struct ledger *ledger)
{
	*ledger = (struct ledger){0};
	hash_key_init(&ledger->key);
}

void ledger_deinit(struct ledger *ledger)
{
	for (size_t id = 1; id < ledger->list_count; id++) {
		if (!ledger->lists[id])
			continue;
		free(ledger->lists[id]->data);
		free(ledger->lists[id]);
	}
	free(ledger->lists);
	free(ledger->slots);
}

/* A free id; 0 is none. */
static uint32_t ledger_find_id(struct ledger *ledger)
{
	if (!ledger->free_id)
		ledger->free_id = 1;
	for (; ledger->free_id < ledger->list_count; ledger->free_id++)
		if (!ledger->lists[ledger->free_id])
			return (uint32_t)ledger->free_id;
	if (ledger->list_count == ledger->list_capacity) {
		size_t capacity =
			ledger->list_capacity ? ledger->list_capacity * 2 : LISTS_MIN;
		struct ledger_list **lists =
			realloc(ledger->lists, capacity * sizeof(struct ledger_list *));
		if (!lists)
			return 0;
		ledger->lists = lists;
		ledger->list_capacity = capacity;
	}
	if (!ledger->list_count)
		ledger->lists[ledger->list_count++] = NULL;
	ledger->lists[ledger->list_count] = NULL;
	return (uint32_t)ledger->list_count++;
}

struct ledger_list *ledger_list_new(struct ledger *ledger, struct folder_file *file)
{
	struct ledger_list *list = calloc(1, sizeof(*list));
	if (!list)
		return NULL;
	list->id = ledger_find_id(ledger);
	if (!list->id) {
		free(list);
		return NULL;
	}
	list->file = file;
	list->sequence = ++ledger->sequence;
	ledger->lists[list->id] = list;
	return list;
}

void ledger_list_free(struct ledger *ledger, struct ledger_list *list)
{
	if (!list)
		return;
	if (ledger->lists[list->id] == list)
		ledger_retire(ledger, list);
	free(list->data);
	free(list);
}

static size_t ledger_entry_size(const char *entry)
{
	size_t ns = strlen(entry + 1) + 1;
	return 1 + ns + strlen(entry + 1 + ns) + 1;
}

static uint32_t ledger_hash(const struct ledger *ledger, const char *entry, size_t size)
{
	return (uint32_t)hash_bytes(&ledger->key, entry, size);
}

static const char *ledger_entry_at(
	const struct ledger *ledger, const struct ledger_slot *slot)
{
	return ledger->lists[slot->list]->data + slot->offset;
}

static bool ledger_slot_matches(const struct ledger *ledger,
	const struct ledger_slot *slot, uint32_t hash, const char *entry, size_t size)
{
	if (slot->hash != hash)
		return false;
	const char *there = ledger_entry_at(ledger, slot);
	return ledger_entry_size(there) == size && memcmp(there, entry, size) == 0;
}

static void ledger_place(struct ledger_slot *slots, size_t count, struct ledger_slot slot)
{
	size_t at = slot.hash & (count - 1);
	while (slots[at].list)
		at = (at + 1) & (count - 1);
	slots[at] = slot;
}

/* Room for one more. */
static enum err ledger_grow(struct ledger *ledger)
{
	if (ledger->used + 1 <= ledger->slot_count / 4 * 3)
		return ERR_NONE;
	size_t count = ledger->slot_count ? ledger->slot_count * 2 : SLOTS_MIN;
	struct ledger_slot *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < ledger->slot_count; i++)
		if (ledger->slots[i].list)
			ledger_place(slots, count, ledger->slots[i]);
	free(ledger->slots);
	ledger->slots = slots;
	ledger->slot_count = count;
	return ERR_NONE;
}

/* Appends without moving list->size: the entry counts once it is in the index. */
static enum err ledger_append(
	struct ledger_list *list, const struct object *object, size_t *size)
{
	size_t ns = strlen(object->ns) + 1;
	size_t name = strlen(object->name) + 1;
	*size = 1 + ns + name;
	if (*size > UINT32_MAX / 4 - list->size)
		return ERR_NOMEM;
	uint32_t needed = list->size + (uint32_t)*size;
	if (needed > list->capacity) {
		uint32_t capacity = list->capacity ? list->capacity : DATA_MIN;
		while (capacity < needed)
			capacity *= 2;
		char *data = realloc(list->data, capacity);
		if (!data)
			return ERR_NOMEM;
		list->data = data;
		list->capacity = capacity;
	}
	char *at = list->data + list->size;
	at[0] = (char)object->kind;
	memcpy(at + 1, object->ns, ns);
	memcpy(at + 1 + ns, object->name, name);
	return ERR_NONE;
}

static struct ledger_list *ledger_first(
	struct ledger_list *first, struct ledger_list *candidate)
{
	if (!first || strcmp(candidate->file->path, first->file->path) < 0)
		return candidate;
	return first;
}

enum err ledger_add(struct ledger *ledger, struct ledger_list *list,
	const struct object *object, struct ledger_list **other)
{
	size_t size;
	enum err err = ledger_append(list, object, &size);
	if (!err)
		err = ledger_grow(ledger);
	if (err)
		return err;
	const char *entry = list->data + list->size;
	uint32_t hash = ledger_hash(ledger, entry, size);
	size_t at = hash & (ledger->slot_count - 1);
	struct ledger_list *first = NULL;
	for (; ledger->slots[at].list; at = (at + 1) & (ledger->slot_count - 1)) {
		if (!ledger_slot_matches(ledger, &ledger->slots[at], hash, entry, size))
			continue;
		if (ledger->slots[at].list == list->id)
			return ERR_EXISTS;
		first = ledger_first(first, ledger->lists[ledger->slots[at].list]);
	}
	ledger->slots[at] = (struct ledger_slot){hash, list->id, list->size};
	ledger->used++;
	list->size += (uint32_t)size;
	*other = first;
	return ERR_NONE;
}

void ledger_list_trim(struct ledger_list *list)
{
	char *data = list->size ? realloc(list->data, list->size) : NULL;
	if (!data)
		return;
	list->data = data;
	list->capacity = list->size;
}

/* Linear probing without tombstones: what follows the hole moves up where it may. */
static void ledger_clear_slot(struct ledger *ledger, size_t hole)
{
	size_t mask = ledger->slot_count - 1;
	for (size_t at = (hole + 1) & mask; ledger->slots[at].list;
		at = (at + 1) & mask) {
		size_t home = ledger->slots[at].hash & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		ledger->slots[hole] = ledger->slots[at];
		hole = at;
	}
	ledger->slots[hole] = (struct ledger_slot){0};
	ledger->used--;
}

void ledger_retire(struct ledger *ledger, struct ledger_list *list)
{
	for (uint32_t offset = 0; offset < list->size;) {
		const char *entry = list->data + offset;
		size_t size = ledger_entry_size(entry);
		size_t at = ledger_hash(ledger, entry, size) & (ledger->slot_count - 1);
		while (ledger->slots[at].list != list->id ||
			ledger->slots[at].offset != offset)
			at = (at + 1) & (ledger->slot_count - 1);
		ledger_clear_slot(ledger, at);
		offset += (uint32_t)size;
	}
	ledger->lists[list->id] = NULL;
	if (list->id < ledger->free_id)
		ledger->free_id = list->id;
	list->sequence = ++ledger->sequence;
}

void ledger_restore(struct ledger *ledger, struct ledger_list *list)
{
	list->id = ledger_find_id(ledger);
	assert(list->id);
	ledger->lists[list->id] = list;
	for (uint32_t offset = 0; offset < list->size;) {
		const char *entry = list->data + offset;
		size_t size = ledger_entry_size(entry);
		uint32_t hash = ledger_hash(ledger, entry, size);
		ledger_place(ledger->slots, ledger->slot_count,
			(struct ledger_slot){hash, list->id, offset});
		ledger->used++;
		offset += (uint32_t)size;
	}
	list->sequence = ++ledger->sequence;
}

static size_t ledger_put_string(char *out, const char *text)
{
	size_t size = strlen(text) + 1;
	memcpy(out, text, size);
	return size;
}

struct ledger_list *ledger_find(
	const struct ledger *ledger, const struct ledger_entry *entry)
{
	/* Names that passed the checks: at most 253 bytes each. */
	char key[1 + 2 * 256];
	if (!ledger->slot_count || strlen(entry->ns) > 253 || strlen(entry->name) > 253)
		return NULL;
	key[0] = (char)entry->kind;
	size_t size = 1;
	size += ledger_put_string(key + size, entry->ns);
	size += ledger_put_string(key + size, entry->name);
	uint32_t hash = ledger_hash(ledger, key, size);
	size_t mask = ledger->slot_count - 1;
	struct ledger_list *first = NULL;
	for (size_t at = hash & mask; ledger->slots[at].list; at = (at + 1) & mask)
		if (ledger_slot_matches(ledger, &ledger->slots[at], hash, key, size))
			first = ledger_first(
				first, ledger->lists[ledger->slots[at].list]);
	return first;
}

bool ledger_list_next(
	const struct ledger_list *list, uint32_t *offset, struct ledger_entry *entry)
{
	if (*offset >= list->size)
		return false;
	const char *at = list->data + *offset;
	entry->kind = (enum object_kind)at[0];
	entry->ns = at + 1;
	entry->name = entry->ns + strlen(entry->ns) + 1;
	*offset += (uint32_t)ledger_entry_size(at);
	return true;
}
