/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/store/store_write.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/slab.h"
#include "server/wire/dname_index.h"
#include "server/wire/message.h"
#include "zones/store/builder.h"
#include "zones/store/grace.h"
#include "zones/store/table.h"
#include "zones/store/writer.h"

static struct table *writer_table(const struct store *store)
{
	return table_get(&store->table);
}

static int zone_compare(const void *a, const void *b)
{
	const struct zone_state *left = a, *right = b;
	int order = right->zone.name.length - left->zone.name.length;
	return order ? order
		     : memcmp(left->zone.name.bytes, right->zone.name.bytes,
			       left->zone.name.length);
}

struct store *store_new(
	const struct hash_key *key, const struct store_zone *zones, unsigned zone_count)
{
	assert(zone_count <= STORE_ZONES_MAX);
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->key = *key;
	atomic_init(&store->missing, STORE_MISSING_ALL);
	store->zone_count = zone_count;
	store->zones = calloc(zone_count ? zone_count : 1, sizeof(*store->zones));
	store->writer = calloc(1, sizeof(*store->writer));
	atomic_init(&store->table, table_new(TABLE_SLOTS_MIN));
	atomic_init(&store->absences, table_new(TABLE_SLOTS_MIN));
	atomic_init(&store->services, table_new(TABLE_SLOTS_MIN));
	if (store->writer)
		store->writer->slab = slab_new();
	if (!store->zones || !writer_table(store) || !table_get(&store->absences) ||
		!table_get(&store->services) || !store->writer || !store->writer->slab) {
		store_free(store);
		return NULL;
	}
	for (unsigned i = 0; i < zone_count; i++) {
		store->zones[i].zone = zones[i];
		atomic_init(&store->zones[i].serial, (uint32_t)clock_unix_s());
	}
	qsort(store->zones, zone_count, sizeof(*store->zones), zone_compare);
	_Static_assert(offsetof(struct zone_state, zone.name) == 0, "for the index");
	store->zone_index =
		dname_index_new(store->zones, sizeof(*store->zones), zone_count);
	if (store->zone_index)
		return store;
	store_free(store);
	return NULL;
}

struct store *store_new_alike(const struct store *store)
{
	unsigned count = store->zone_count;
	struct store_zone *zones = calloc(count + 1u, sizeof(*zones));
	if (!zones)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		zones[i] = store->zones[i].zone;
	struct store *alike = store_new(&store->key, zones, count);
	free(zones);
	return alike;
}

void set_free(struct store *store, struct answer_set *set)
{
	const struct rrset *srv = answer_set_find(set, TYPE_SRV);
	if (srv && srv->form == RRSET_TARGETS)
		targets_unref(
			(struct targets *)((const struct srv_data *)srv->data)->targets);
	slab_give(store->writer->slab, set, set->size);
}

void store_reclaim(struct store *store)
{
	struct writer *writer = store->writer;
	if (!writer->retired_count)
		return;
	grace_wait();
	for (size_t i = 0; i < writer->retired_count; i++)
		set_free(store, writer->retired[i]);
	writer->retired_count = 0;
}

size_t store_retired(const struct store *store)
{
	return store->writer->retired_count;
}

void store_retire(struct store *store, struct answer_set *set)
{
	struct writer *writer = store->writer;
	if (writer->retired_count == writer->retired_capacity) {
		size_t capacity = writer->retired_capacity * 2 + 64;
		void *grown = realloc(writer->retired, capacity * sizeof(set));
		if (!grown) {
			/* No memory to remember it by: wait for the readers now. */
			grace_wait();
			set_free(store, set);
			return;
		}
		writer->retired = grown;
		writer->retired_capacity = capacity;
	}
	writer->retired[writer->retired_count++] = set;
}

static void table_free(struct store *store, struct table *table)
{
	struct writer *writer = store->writer;
	for (size_t i = 0; writer && writer->slab && table && i <= table->mask; i++) {
		uint64_t slot = atomic_load(&table->slots[i]);
		if (slot > SLOT_REMOVED)
			set_free(store, (struct answer_set *)slot_set(slot));
	}
	free(table);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	struct writer *writer = store->writer;
	table_free(store, writer_table(store));
	table_free(store, table_get(&store->absences));
	free(table_get(&store->services));
	hash_set_deinit(&store->pods);
	if (writer) {
		for (size_t i = 0; i < writer->retired_count; i++)
			set_free(store, writer->retired[i]);
		free(writer->retired);
		slab_free(writer->slab);
	}
	free(writer);
	dname_index_free(store->zone_index);
	free(store->zones);
	free(store);
}

/* --- names and their ancestors --- */

static struct answer_set *store_get(
	const struct store *store, const struct dname *name, uint64_t hash)
{
	return (struct answer_set *)store_find(store, name->bytes, name->length, hash);
}

static uint64_t name_hash(const struct store *store, const struct dname *name)
{
	return store_hash(store, name->bytes, name->length);
}

uint64_t name_table_hash(
	const struct store *store, uint64_t slot, const struct answer_set *set)
{
	(void)store;
	return (slot & ~SLOT_POINTER) | set->hash;
}

static enum err store_insert(struct store *store, struct answer_set *set, uint64_t hash)
{
	enum err err = table_make_room(store, &store->table, name_table_hash);
	if (err)
		return err;
	set->hash = (uint32_t)hash;
	table_insert(writer_table(store), hash, set);
	store->writer->bytes += set->size;
	return ERR_NONE;
}

static void store_delete(struct store *store, struct answer_set *set, uint64_t hash)
{
	struct table *table = writer_table(store);
	_Atomic uint64_t *slot = table_slot(table, hash, set);
	assert(slot);
	table_delete(table, slot);
	hints_follow(store, set, NULL);
	store->writer->bytes -= set->size;
	store_retire(store, set);
}

static void store_replace(struct store *store, struct answer_set *old,
	struct answer_set *set, uint64_t hash)
{
	_Atomic uint64_t *slot = table_slot(writer_table(store), hash, old);
	assert(slot);
	set->hash = (uint32_t)hash;
	set->children = old->children;
	table_replace(slot, hash, set);
	hints_follow(store, old, set->is_implied ? NULL : set);
	store->writer->bytes += set->size;
	store->writer->bytes -= old->size;
	store_retire(store, old);
}

static bool is_apex(const struct store *store, const struct dname *name, unsigned zone)
{
	return name->length == store->zones[zone].zone.name.length;
}

static struct dname parent_of(const struct dname *name)
{
	struct dname parent;
	size_t skip = name->bytes[0] + 1u;
	parent.length = (uint8_t)(name->length - skip);
	memcpy(parent.bytes, name->bytes + skip, parent.length);
	return parent;
}

struct answer_set *set_new_empty(
	struct store *store, const struct dname *name, unsigned zone, bool is_implied)
{
	size_t labels = (size_t)name->length - store->zones[zone].zone.name.length;
	size_t size = sizeof(struct answer_set) + answer_label_space(labels);
	struct answer_set *set = slab_take(store->writer->slab, size);
	if (!set)
		return NULL;
	memset(set, 0, size);
	set->size = (uint32_t)size;
	set->zone = (uint8_t)zone;
	set->is_implied = is_implied;
	set->label_length = (uint8_t)labels;
	memcpy(set->labels, name->bytes, labels);
	return set;
}

static void parent_release(struct store *store, const struct dname *name, unsigned zone)
{
	if (is_apex(store, name, zone))
		return;
	struct dname parent = parent_of(name);
	uint64_t hash = name_hash(store, &parent);
	struct answer_set *set = store_get(store, &parent, hash);
	assert(set && set->children);
	if (--set->children == 0 && set->is_implied) {
		parent_release(store, &parent, zone);
		store_delete(store, set, hash);
	}
}

/* Counts one more name below the parent of `name`, which comes to exist with all above
 * it if it did not (RFC 8020). Recursion is bounded by the labels of a name. */
static enum err parent_hold(struct store *store, const struct dname *name, unsigned zone)
{
	if (is_apex(store, name, zone))
		return ERR_NONE;
	struct dname parent = parent_of(name);
	uint64_t hash = name_hash(store, &parent);
	struct answer_set *set = store_get(store, &parent, hash);
	if (set) {
		set->children++;
		return ERR_NONE;
	}
	enum err err = parent_hold(store, &parent, zone);
	if (err)
		return err;
	set = set_new_empty(store, &parent, zone, true);
	err = set ? store_insert(store, set, hash) : ERR_NOMEM;
	if (err) {
		if (set)
			set_free(store, set);
		parent_release(store, &parent, zone);
		return err;
	}
	set->children = 1;
	return ERR_NONE;
}

/* --- what the control thread calls --- */

static bool set_is_same(
	const struct answer_set *set, const struct answer_builder *builder)
{
	const size_t fixed = offsetof(struct answer_set, labels);
	const struct answer_set *image = (const void *)builder->image.bytes;
	return set->size == builder->image.length && set->zone == image->zone &&
	       set->rrset_count == image->rrset_count &&
	       set->label_length == image->label_length &&
	       memcmp(set->labels, image->labels, set->size - fixed) == 0;
}

static struct answer_set *set_new(
	struct store *store, const struct answer_builder *builder)
{
	struct answer_set *set = slab_take(store->writer->slab, builder->image.length);
	if (!set)
		return NULL;
	memcpy(set, builder->image.bytes, builder->image.length);
	set->size = (uint32_t)builder->image.length;
	if (builder->targets)
		targets_ref(builder->targets);
	return set;
}

enum err store_put(struct store *store, struct answer_builder *builder)
{
	answer_end(builder);
	if (builder->image.has_failed)
		return ERR_NOMEM;
	const struct dname *owner = &builder->owner;
	uint64_t hash = name_hash(store, owner);
	struct answer_set *old = store_get(store, owner, hash);
	if (old && set_is_same(old, builder)) {
		/* Readers do not look at it: no answer changes. */
		old->is_implied = false;
		return ERR_NONE;
	}
	struct answer_set *set = set_new(store, builder);
	if (!set)
		return ERR_NOMEM;
	unsigned zone = set->zone;
	if (old) {
		store_replace(store, old, set, hash);
	} else {
		enum err err = parent_hold(store, owner, zone);
		if (!err) {
			err = store_insert(store, set, hash);
			if (err)
				parent_release(store, owner, zone);
		}
		if (err) {
			set_free(store, set);
			return err;
		}
	}
	store->zones[zone].has_changed = true;
	return ERR_NONE;
}

enum err store_remove(struct store *store, const struct dname *name)
{
	uint64_t hash = name_hash(store, name);
	struct answer_set *old = store_get(store, name, hash);
	if (!old || old->is_implied)
		return ERR_NONE;
	unsigned zone = old->zone;
	if (old->children && !old->rrset_count) {
		old->is_implied = true;
		hints_follow(store, old, NULL);
		return ERR_NONE;
	}
	if (old->children) {
		struct answer_set *set = set_new_empty(store, name, zone, true);
		if (!set)
			return ERR_NOMEM;
		store_replace(store, old, set, hash);
	} else {
		parent_release(store, name, zone);
		store_delete(store, old, hash);
	}
	store->zones[zone].has_changed = true;
	return ERR_NONE;
}

enum err store_put_pod(struct store *store, const struct dname *name, unsigned zone)
{
	uint64_t hash = name_hash(store, name);
	bool is_new;
	enum err err = hash_set_put(&store->pods, hash, &is_new);
	if (!err && is_new)
		store->zones[zone].has_changed = true;
	return err;
}

void store_remove_pod(struct store *store, const struct dname *name, unsigned zone)
{
	uint64_t hash = name_hash(store, name);
	if (hash_set_remove(&store->pods, hash))
		store->zones[zone].has_changed = true;
}

/* RFC 1982: forward, with the clock where that is forward. */
static uint32_t serial_next(uint32_t serial, uint32_t now)
{
	return (int32_t)(now - (serial + 1)) > 0 ? now : serial + 1;
}

bool store_commit(struct store *store)
{
	bool has_changed = false;
	uint32_t now = (uint32_t)clock_unix_s();
	for (unsigned i = 0; i < store->zone_count; i++) {
		struct zone_state *zone = &store->zones[i];
		if (!zone->has_changed)
			continue;
		uint32_t serial =
			atomic_load_explicit(&zone->serial, memory_order_relaxed);
		atomic_store_explicit(
			&zone->serial, serial_next(serial, now), memory_order_relaxed);
		zone->has_changed = false;
		has_changed = true;
	}
	return has_changed;
}

static void zone_follow(struct zone_state *zone, const struct zone_state *previous)
{
	uint32_t serial = atomic_load_explicit(&zone->serial, memory_order_relaxed);
	uint32_t before = atomic_load_explicit(&previous->serial, memory_order_relaxed);
	atomic_store_explicit(
		&zone->serial, serial_next(before, serial), memory_order_relaxed);
}

void store_follow(struct store *store, const struct store *previous)
{
	for (unsigned i = 0; i < store->zone_count; i++)
		for (unsigned j = 0; j < previous->zone_count; j++)
			if (dname_equal(&store->zones[i].zone.name,
				    &previous->zones[j].zone.name))
				zone_follow(&store->zones[i], &previous->zones[j]);
}

void store_wait_for_readers(void)
{
	grace_wait();
}

void store_set_missing(struct store *store, unsigned missing)
{
	atomic_store_explicit(&store->missing, missing, memory_order_release);
}

void store_set_synced(struct store *store, bool is_synced)
{
	store_set_missing(store, is_synced ? 0 : STORE_MISSING_ALL);
}

static size_t table_bytes(const struct table *table)
{
	return (table->mask + 1) * sizeof(uint64_t);
}

struct store_size store_size(const struct store *store)
{
	return (struct store_size){
		.names = writer_table(store)->live,
		.pods = hash_set_count(&store->pods),
		.bytes = store->writer->bytes + table_bytes(writer_table(store)) +
			 table_bytes(table_get(&store->absences)) +
			 table_bytes(table_get(&store->services)) +
			 hash_set_bytes(&store->pods),
	};
}

void store_each(const struct store *store,
	bool (*each)(void *context, const struct answer_set *set), void *context)
{
	const struct table *table = writer_table(store);
	for (size_t i = 0; i <= table->mask; i++) {
		uint64_t slot =
			atomic_load_explicit(&table->slots[i], memory_order_relaxed);
		if (slot > SLOT_REMOVED && !each(context, slot_set(slot)))
			return;
	}
}
