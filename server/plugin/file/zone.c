/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/file/zone.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/diag.h"
#include "server/wire/message.h"
#include "server/wire/octets.h"

enum { RECORD_HEAD = 12, SERIAL_FROM_END = 20 };

struct zone {
	struct arena arena;
	struct hash_key key;
	struct dname origin;
	struct zone_node **slots; /* open addressing, at most half full */
	size_t mask, count;
	const struct zone_node *apex;
};

/* --- reading --- */

const struct zone_node *zone_find(
	const struct zone *zone, const uint8_t *name, size_t length, uint64_t hash)
{
	for (size_t i = hash & zone->mask; zone->slots[i]; i = (i + 1) & zone->mask) {
		const struct zone_node *node = zone->slots[i];
		if (node->hash == hash && node->length == length &&
			memcmp(node->name, name, length) == 0)
			return node;
	}
	return NULL;
}

const struct zone_node *zone_find_name(const struct zone *zone, const struct dname *name)
{
	return zone_find(zone, name->bytes, name->length,
		hash_bytes(&zone->key, name->bytes, name->length));
}

const struct rrset *zone_node_find(const struct zone_node *node, uint16_t type)
{
	if (type == TYPE_ANY)
		return node->sets ? node->sets->rrset : NULL;
	for (const struct zone_set *set = node->sets; set; set = set->next)
		if (set->rrset->type == type)
			return set->rrset;
	return NULL;
}

const struct zone_node *zone_apex(const struct zone *zone)
{
	return zone->apex;
}

uint32_t zone_serial(const struct zone *zone)
{
	const struct rrset *soa = zone_node_find(zone->apex, TYPE_SOA);
	const uint8_t *end = soa->data + soa->size;
	return (uint32_t)octets_get_u16(end - SERIAL_FROM_END) << 16 |
	       octets_get_u16(end - SERIAL_FROM_END + 2);
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->slots);
	arena_deinit(&zone->arena);
	free(zone);
}

/* --- building: the records in order --- */

struct item {
	struct dname *owner; /* only the octets in use */
	const uint8_t *rdata;
	uint32_t ttl_s;
	uint16_t type, length;
	unsigned line;
	size_t order;
};

struct zone_builder {
	struct arena arena; /* of the items */
	struct hash_key key;
	struct dname origin;
	struct item *items;
	size_t count, capacity;
};

struct zone_builder *zone_builder_new(
	const struct hash_key *key, const struct dname *origin)
{
	struct zone_builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		return NULL;
	arena_init(&builder->arena, 65536);
	builder->key = *key;
	builder->origin = *origin;
	return builder;
}

void zone_builder_free(struct zone_builder *builder)
{
	if (!builder)
		return;
	free(builder->items);
	arena_deinit(&builder->arena);
	free(builder);
}

static void *copy_octets(struct arena *arena, const void *octets, size_t length)
{
	void *copy = arena_alloc(arena, length + 1);
	if (copy && length)
		memcpy(copy, octets, length);
	return copy;
}

enum err zone_builder_add(struct zone_builder *builder, const struct zone_record *record)
{
	if (builder->count == builder->capacity) {
		size_t capacity = builder->capacity * 2 + 64;
		void *grown = realloc(builder->items, capacity * sizeof(*builder->items));
		if (!grown)
			return ERR_NOMEM;
		builder->items = grown;
		builder->capacity = capacity;
	}
	struct item *item = &builder->items[builder->count];
	*item = (struct item){
		.owner = copy_octets(
			&builder->arena, record->owner, 1u + record->owner->length),
		.rdata = copy_octets(&builder->arena, record->rdata, record->length),
		.ttl_s = record->ttl_s,
		.type = record->type,
		.length = record->length,
		.line = record->line,
		.order = builder->count,
	};
	if (!item->owner || !item->rdata)
		return ERR_NOMEM;
	builder->count++;
	return ERR_NONE;
}

static int item_compare(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	int order = left->owner->length - right->owner->length;
	if (!order)
		order = memcmp(
			left->owner->bytes, right->owner->bytes, left->owner->length);
	if (!order)
		order = left->type - right->type;
	return order ? order
		     : (left->order > right->order) - (left->order < right->order);
}

/* How many items from `first` on have its owner. */
static size_t run_length(const struct zone_builder *builder, size_t first)
{
	const struct item *item = &builder->items[first];
	size_t count = 1;
	while (first + count < builder->count) {
		const struct item *next = item + count;
		if (next->owner->length != item->owner->length ||
			memcmp(next->owner->bytes, item->owner->bytes,
				item->owner->length) != 0)
			break;
		count++;
	}
	return count;
}

/* --- building: the nodes --- */

/* Everything that finishing needs. */
struct making {
	const struct zone_builder *builder;
	struct zone *zone;
	const char *path;
	struct diag_list *problems;
};

static enum err table_grow(struct zone *zone)
{
	size_t slots = zone->slots ? (zone->mask + 1) * 2 : 64;
	struct zone_node **grown = calloc(slots, sizeof(*grown));
	if (!grown)
		return ERR_NOMEM;
	for (size_t i = 0; zone->slots && i <= zone->mask; i++) {
		struct zone_node *node = zone->slots[i];
		if (!node)
			continue;
		size_t at = node->hash & (slots - 1);
		while (grown[at])
			at = (at + 1) & (slots - 1);
		grown[at] = node;
	}
	free(zone->slots);
	zone->slots = grown;
	zone->mask = slots - 1;
	return ERR_NONE;
}

/* The node of the name, made if there is none. NULL: no memory. */
static struct zone_node *node_at(struct zone *zone, const uint8_t *name, size_t length)
{
	uint64_t hash = hash_bytes(&zone->key, name, length);
	if (!zone->slots || zone->count * 2 > zone->mask) {
		if (table_grow(zone))
			return NULL;
	}
	struct zone_node *node = (struct zone_node *)zone_find(zone, name, length, hash);
	if (node)
		return node;
	node = arena_calloc(&zone->arena, 1, sizeof(*node));
	if (!node)
		return NULL;
	node->name = copy_octets(&zone->arena, name, length);
	node->length = (uint8_t)length;
	node->hash = hash;
	if (!node->name)
		return NULL;
	size_t at = hash & zone->mask;
	while (zone->slots[at])
		at = (at + 1) & zone->mask;
	zone->slots[at] = node;
	zone->count++;
	return node;
}

static bool is_repeated(const struct item *items, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (items[i].length == items[index].length &&
			memcmp(items[i].rdata, items[index].rdata, items[i].length) == 0)
			return true;
	return false;
}

static uint8_t *put_canned(uint8_t *at, const struct item *item, uint32_t ttl_s)
{
	octets_put_u16(at, 0xc000 | DNS_HEADER_SIZE);
	octets_put_u16(at + 2, item->type);
	octets_put_u16(at + 4, CLASS_IN);
	octets_put_u32(at + 6, ttl_s);
	octets_put_u16(at + 10, item->length);
	memcpy(at + RECORD_HEAD, item->rdata, item->length);
	return at + RECORD_HEAD + item->length;
}

/* The records of one set, with the TTL of the first (RFC 2181 5.2), each once. */
static enum err add_set(struct making *making, struct zone_node *node,
	const struct item *items, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += RECORD_HEAD + items[i].length;
	struct arena *arena = &making->zone->arena;
	struct rrset *rrset = arena_alloc(arena, sizeof(*rrset) + size + 8);
	struct zone_set *set = arena_alloc(arena, sizeof(*set));
	if (!rrset || !set)
		return ERR_NOMEM;
	*rrset = (struct rrset){.type = items->type};
	uint8_t *at = rrset->data;
	for (size_t i = 0; i < count; i++) {
		if (is_repeated(items, i) || rrset->count == UINT16_MAX)
			continue;
		at = put_canned(at, &items[i], items->ttl_s);
		rrset->count++;
	}
	rrset->size = (uint32_t)(at - rrset->data);
	*set = (struct zone_set){rrset, node->sets};
	node->sets = set;
	return ERR_NONE;
}

static void warn(const struct making *making, const struct item *item, const char *text)
{
	diag_add(making->problems, SEVERITY_WARNING, making->path, item->line, 0, "%s",
		text);
}

static void check_aliases(
	const struct making *making, const struct item *items, size_t count)
{
	size_t aliases = 0;
	const struct item *alias = NULL;
	for (size_t i = 0; i < count; i++)
		if (items[i].type == TYPE_CNAME) {
			aliases++;
			alias = &items[i];
		}
	if (aliases > 1)
		warn(making, alias, "a second CNAME of one name; the first counts");
	else if (aliases && count > 1)
		warn(making, alias, "a CNAME beside other records of its name");
}

static enum err add_node(struct making *making, const struct item *items, size_t count)
{
	const struct dname *owner = items->owner;
	struct zone_node *node = node_at(making->zone, owner->bytes, owner->length);
	if (!node)
		return ERR_NOMEM;
	check_aliases(making, items, count);
	bool is_apex = owner->length == making->zone->origin.length;
	for (size_t i = 0; i < count;) {
		size_t set = 1;
		while (i + set < count && items[i + set].type == items[i].type)
			set++;
		size_t kept = items[i].type == TYPE_CNAME ? 1 : set;
		enum err err = add_set(making, node, &items[i], kept);
		if (err)
			return err;
		node->is_cut |= items[i].type == TYPE_NS && !is_apex;
		node->has_dname |= items[i].type == TYPE_DNAME;
		i += set;
	}
	return ERR_NONE;
}

/* The names above it, up to the apex. */
static enum err add_ancestors(struct zone *zone, const struct dname *owner)
{
	const uint8_t *at = owner->bytes;
	size_t length = owner->length;
	while (length > zone->origin.length) {
		if (!node_at(zone, at, length))
			return ERR_NOMEM;
		length -= *at + 1u;
		at += *at + 1u;
	}
	return ERR_NONE;
}

static bool is_below_cut(const struct zone *zone, const struct zone_node *node)
{
	const uint8_t *at = node->name;
	size_t length = node->length;
	while (length > zone->origin.length) {
		length -= *at + 1u;
		at += *at + 1u;
		const struct zone_node *above =
			zone_find(zone, at, length, hash_bytes(&zone->key, at, length));
		if (above && (above->is_cut || above->has_dname))
			return true;
	}
	return false;
}

static enum err check_soa(const struct making *making)
{
	const struct zone *zone = making->zone;
	const struct rrset *soa =
		zone->apex ? zone_node_find(zone->apex, TYPE_SOA) : NULL;
	if (soa && soa->count == 1)
		return ERR_NONE;
	char text[DNAME_TEXT_SIZE];
	diag_add(making->problems, SEVERITY_ERROR, making->path, 1, 0,
		"the zone \"%.300s\" has %s SOA record",
		dname_to_text(zone->origin.bytes, text), soa ? "more than one" : "no");
	return ERR_INVALID;
}

static enum err make_nodes(struct making *making)
{
	const struct zone_builder *builder = making->builder;
	struct zone *zone = making->zone;
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < builder->count;) {
		size_t count = run_length(builder, i);
		err = add_node(making, &builder->items[i], count);
		if (!err)
			err = add_ancestors(zone, builder->items[i].owner);
		i += count;
	}
	if (err)
		return err;
	if (!zone->slots)
		err = table_grow(zone);
	if (err)
		return err;
	zone->apex = zone_find_name(zone, &zone->origin);
	for (size_t i = 0; i <= zone->mask; i++)
		if (zone->slots[i])
			zone->slots[i]->is_occluded = is_below_cut(zone, zone->slots[i]);
	return check_soa(making);
}

enum err zone_builder_finish(struct zone_builder *builder, const char *path,
	struct zone **out, struct diag_list *problems)
{
	struct zone *zone = calloc(1, sizeof(*zone));
	if (!zone)
		return ERR_NOMEM;
	arena_init(&zone->arena, 65536);
	zone->key = builder->key;
	zone->origin = builder->origin;
	if (builder->count)
		qsort(builder->items, builder->count, sizeof(*builder->items),
			item_compare);
	struct making making = {builder, zone, path, problems};
	enum err err = make_nodes(&making);
	if (err) {
		zone_free(zone);
		return err;
	}
	*out = zone;
	return ERR_NONE;
}
