/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "zones/store/store_write.h"
#include "zones/store/table.h"
#include "zones/store/writer.h"

/*
 * What is known of names that do not exist, in two tables of their own, so that neither
 * a lookup nor a dump meets it: absences have sets without records, found by name; of
 * the services with the same label in a zone one is in the second table, which points at
 * its set in the first. One and not all: a label that every namespace has would make a
 * probe as long as there are namespaces.
 */

static uint64_t label_hash(const struct store *store, unsigned zone, const uint8_t *label)
{
	return hash_bytes(&store->key, label, label[0] + 1u) ^
	       zone * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t service_table_hash(
	const struct store *store, uint64_t slot, const struct answer_set *set)
{
	(void)slot;
	return label_hash(store, set->zone, set->labels);
}

/* --- readers --- */

const struct answer_set *store_find_service(
	const struct store *store, unsigned zone, const uint8_t *label)
{
	uint64_t hash = label_hash(store, zone, label);
	const struct table *table =
		atomic_load_explicit(&store->services, memory_order_consume);
	for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
		uint64_t slot =
			atomic_load_explicit(&table->slots[i], memory_order_consume);
		if (slot == SLOT_EMPTY)
			return NULL;
		if (slot >> 48 != hash >> 48 || slot == SLOT_REMOVED)
			continue;
		const struct answer_set *set = slot_set(slot);
		if (set->zone == zone && memcmp(set->labels, label, label[0] + 1u) == 0)
			return set;
	}
}

enum absence store_find_absence(
	const struct store *store, const uint8_t *name, size_t length, uint64_t hash)
{
	const struct answer_set *set =
		table_find_name(store, &store->absences, name, length, hash);
	return set ? (enum absence)set->absence : ABSENCE_NONE;
}

/* --- the writer --- */

static void absence_remove(struct store *store, struct answer_set *set, uint64_t hash)
{
	struct table *table = table_get(&store->absences);
	_Atomic uint64_t *slot = table_slot(table, hash, set);
	assert(slot);
	table_delete(table, slot);
	store->writer->bytes -= set->size;
	store_retire(store, set);
}

enum err store_put_absence(struct store *store, const struct dname *name, unsigned zone,
	enum absence absence)
{
	uint64_t hash = store_hash(store, name->bytes, name->length);
	struct answer_set *old = (struct answer_set *)table_find_name(
		store, &store->absences, name->bytes, name->length, hash);
	if (old ? old->absence == absence : absence == ABSENCE_NONE)
		return ERR_NONE;
	if (absence == ABSENCE_NONE) {
		absence_remove(store, old, hash);
		return ERR_NONE;
	}
	enum err err = table_make_room(store, &store->absences, name_table_hash);
	if (err)
		return err;
	struct answer_set *set = set_new_empty(store, name, zone, false);
	if (!set)
		return ERR_NOMEM;
	set->hash = (uint32_t)hash;
	set->absence = absence;
	if (old)
		absence_remove(store, old, hash);
	table_insert(table_get(&store->absences), hash, set);
	store->writer->bytes += set->size;
	return ERR_NONE;
}

enum err store_put_service(struct store *store, const struct dname *name)
{
	struct answer_set *set = (struct answer_set *)store_find_name(store, name);
	if (!set || set->is_implied || store_find_service(store, set->zone, set->labels))
		return ERR_NONE;
	enum err err = table_make_room(store, &store->services, service_table_hash);
	if (err)
		return err;
	set->is_namesake = true;
	table_insert(table_get(&store->services),
		label_hash(store, set->zone, set->labels), set);
	return ERR_NONE;
}

void hints_follow(struct store *store, struct answer_set *old, struct answer_set *new)
{
	if (!old->is_namesake)
		return;
	struct table *table = table_get(&store->services);
	uint64_t hash = label_hash(store, old->zone, old->labels);
	_Atomic uint64_t *slot = table_slot(table, hash, old);
	assert(slot);
	old->is_namesake = false;
	if (!new) {
		table_delete(table, slot);
		return;
	}
	new->is_namesake = true;
	table_replace(slot, hash, new);
}
