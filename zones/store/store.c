/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/store/store.h"

#include <string.h>

#include "server/wire/dname_index.h"
#include "zones/store/store_internal.h"

void store_prefetch(const struct store *store, uint64_t hash)
{
	const struct table *table =
		atomic_load_explicit(&store->table, memory_order_consume);
	__builtin_prefetch((const void *)&table->slots[hash & table->mask]);
}

void store_prefetch_set(const struct store *store, uint64_t hash)
{
	const struct table *table =
		atomic_load_explicit(&store->table, memory_order_consume);
	uint64_t slot = atomic_load_explicit(
		&table->slots[hash & table->mask], memory_order_relaxed);
	if (slot <= SLOT_REMOVED) {
		/* It may be a pod's. */
		hash_set_prefetch(&store->pods, hash);
		return;
	}
	const char *set = (const char *)slot_set(slot);
	__builtin_prefetch(set);
	__builtin_prefetch(set + 64);
}

bool store_has_pod(const struct store *store, uint64_t hash)
{
	return hash_set_has(&store->pods, hash);
}

const struct answer_set *store_find(
	const struct store *store, const uint8_t *name, size_t length, uint64_t hash)
{
	return table_find_name(store, &store->table, name, length, hash);
}

uint64_t store_hash(const struct store *store, const uint8_t *name, size_t length)
{
	return hash_bytes(&store->key, name, length);
}

const struct answer_set *store_find_name(
	const struct store *store, const struct dname *name)
{
	uint64_t hash = hash_bytes(&store->key, name->bytes, name->length);
	return store_find(store, name->bytes, name->length, hash);
}

/* The labels in front of a zone's name, and that. */
static void join_name(
	const struct dname *zone, const uint8_t *labels, size_t length, struct dname *out)
{
	memcpy(out->bytes, labels, length);
	memcpy(out->bytes + length, zone->bytes, zone->length);
	out->length = (uint8_t)(length + zone->length);
}

void answer_set_owner(
	const struct store *store, const struct answer_set *set, struct dname *out)
{
	join_name(
		&store->zones[set->zone].zone.name, set->labels, set->label_length, out);
}

static const struct rrset *answer_set_first(const struct answer_set *set)
{
	return (const struct rrset *)(set->labels +
				      answer_label_space(set->label_length));
}

const struct rrset *answer_set_next(
	const struct answer_set *set, const struct rrset *rrset)
{
	const struct rrset *next =
		rrset ? (const void *)((const uint8_t *)rrset + rrset_space(rrset->size))
		      : answer_set_first(set);
	return (const uint8_t *)next < (const uint8_t *)set + set->size ? next : NULL;
}

const struct rrset *answer_set_find(const struct answer_set *set, uint16_t type)
{
	const struct rrset *rrset = answer_set_first(set);
	for (unsigned i = set->rrset_count; i; i--) {
		if (rrset->type == type)
			return rrset;
		rrset = (const void *)((const uint8_t *)rrset + rrset_space(rrset->size));
	}
	return NULL;
}

bool names_next(const struct store *store, const struct rrset *rrset, uint32_t *offset,
	struct dname *out)
{
	const struct names_data *data = (const void *)rrset->data;
	if (*offset + sizeof(*data) >= rrset->size)
		return false;
	const uint8_t *at = data->names + *offset;
	join_name(&store->zones[data->zone].zone.name, at + 1, *at, out);
	*offset += 1u + *at;
	return true;
}

const struct srv_group *srv_group_next(const struct srv_group *group)
{
	size_t ports = (group->port_count + 1u) / 2 * 2;
	return (const void *)((const uint8_t *)group + sizeof(*group) +
			      ports * sizeof(uint16_t));
}

struct target targets_get(const struct targets *targets, uint32_t index)
{
	const uint8_t *at = (const uint8_t *)targets + targets->offsets[index];
	struct target target = {.label = at};
	at += 1 + at[0];
	memcpy(&target.ipv4_count, at, 2);
	memcpy(&target.ipv6_count, at + 2, 2);
	target.ipv4 = at + 4;
	target.ipv6 = target.ipv4 + target.ipv4_count * 4u;
	return target;
}

int store_zone_find(const struct store *store, const struct dname *name)
{
	return dname_index_find(store->zone_index, name);
}

const struct store_zone *store_zone(const struct store *store, unsigned index)
{
	return &store->zones[index].zone;
}

unsigned store_zone_count(const struct store *store)
{
	return store->zone_count;
}

uint32_t store_zone_serial(const struct store *store, unsigned index)
{
	return atomic_load_explicit(&store->zones[index].serial, memory_order_relaxed);
}

unsigned store_missing(const struct store *store)
{
	return atomic_load_explicit(&store->missing, memory_order_acquire);
}

bool store_is_synced(const struct store *store)
{
	return !(store_missing(store) & STORE_MISSING_ALL);
}
