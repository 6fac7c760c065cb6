/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/hosts/table.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/wire/message.h"
#include "server/wire/octets.h"
#include "server/wire/reverse.h"

enum {
	BLOCK_SIZE = 16384,
	RECORD_HEAD = 12, /* a pointer, type, class, TTL, RDLENGTH */
	/* No message has room for more of one name. */
	RECORDS_MAX = DNS_MESSAGE_MAX / (RECORD_HEAD + 4),
};

/* A name of the table. */
struct entry {
	uint64_t hash;
	struct hosts_records records;
	uint8_t length;
	uint8_t name[];
};

struct hosts_table {
	struct arena arena;
	struct hash_key key;
	const struct entry **slots; /* a power of two of them, at most half in use */
	size_t mask;
	size_t record_count;
	bool has_wildcard;
};

/* A record while the table is built. */
struct item {
	uint64_t hash;
	const uint8_t *name, *rdata;
	uint32_t order;
	uint16_t type;
	uint8_t name_length, rdata_length;
};

struct hosts_builder {
	struct hosts_build_options options;
	struct arena arena; /* of names and rdata */
	struct item *items;
	size_t count, capacity;
};

/* --- gathering --- */

struct hosts_builder *hosts_builder_new(const struct hosts_build_options *options)
{
	struct hosts_builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		return NULL;
	builder->options = *options;
	arena_init(&builder->arena, BLOCK_SIZE);
	return builder;
}

void hosts_builder_free(struct hosts_builder *builder)
{
	if (!builder)
		return;
	arena_deinit(&builder->arena);
	free(builder->items);
	free(builder);
}

static enum err grow(struct hosts_builder *builder)
{
	if (builder->count < builder->capacity)
		return ERR_NONE;
	size_t capacity = builder->capacity * 2 + 64;
	struct item *items = realloc(builder->items, capacity * sizeof(*items));
	if (!items || capacity > UINT32_MAX) {
		builder->items = items ? items : builder->items;
		return ERR_NOMEM;
	}
	builder->items = items;
	builder->capacity = capacity;
	return ERR_NONE;
}

static enum err add_item(struct hosts_builder *builder, const struct dname *name,
	uint16_t type, const void *rdata, size_t length)
{
	enum err err = grow(builder);
	if (err)
		return err;
	uint8_t *copy = arena_alloc(&builder->arena, name->length + length);
	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, name->bytes, name->length);
	memcpy(copy + name->length, rdata, length);
	builder->items[builder->count] = (struct item){
		.hash = hash_bytes(builder->options.key, name->bytes, name->length),
		.name = copy,
		.rdata = copy + name->length,
		.order = (uint32_t)builder->count,
		.type = type,
		.name_length = name->length,
		.rdata_length = (uint8_t)length,
	};
	builder->count++;
	return ERR_NONE;
}

static bool is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

enum err hosts_builder_add(struct hosts_builder *builder, const struct ipaddr *address,
	const struct dname *name)
{
	uint16_t type = address->length == 4 ? TYPE_A : TYPE_AAAA;
	enum err err = add_item(builder, name, type, address->bytes, address->length);
	if (err || !builder->options.has_reverse || is_wildcard(name->bytes))
		return err;
	struct dname reverse;
	reverse_name(address, &reverse);
	return add_item(builder, &reverse, TYPE_PTR, name->bytes, name->length);
}

/* --- the table --- */

/* Names stand together, of each name the types, of each type the records in order. */
static int item_compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->name_length != b->name_length)
		return a->name_length - b->name_length;
	int order = memcmp(a->name, b->name, a->name_length);
	if (!order)
		order = (int)a->type - (int)b->type;
	if (!order)
		order = a->order < b->order ? -1 : 1;
	return order;
}

static bool same_name(const struct item *a, const struct item *b)
{
	return a->hash == b->hash && a->name_length == b->name_length &&
	       memcmp(a->name, b->name, a->name_length) == 0;
}

static bool same_rdata(const struct item *a, const struct item *b)
{
	return a->rdata_length == b->rdata_length &&
	       memcmp(a->rdata, b->rdata, a->rdata_length) == 0;
}

/* Moves what is said for the first time to the front; returns how many those are. */
static size_t keep_different(struct item *items, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count && kept < RECORDS_MAX; i++) {
		size_t j = 0;
		while (j < kept && !same_rdata(&items[i], &items[j]))
			j++;
		if (j == kept)
			items[kept++] = items[i];
	}
	return kept;
}

static const struct rrset *make_rrset(
	struct hosts_table *table, const struct item *items, size_t count, uint32_t ttl_s)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += RECORD_HEAD + items[i].rdata_length;
	struct rrset *rrset = arena_alloc(&table->arena, sizeof(*rrset) + size);
	if (!rrset)
		return NULL;
	*rrset = (struct rrset){
		.type = items[0].type,
		.count = (uint16_t)count,
		.size = (uint32_t)size,
	};
	uint8_t *at = rrset->data;
	for (size_t i = 0; i < count; i++) {
		octets_put_u16(at, 0xc000 | DNS_HEADER_SIZE);
		octets_put_u16(at + 2, items[i].type);
		octets_put_u16(at + 4, CLASS_IN);
		octets_put_u32(at + 6, ttl_s);
		octets_put_u16(at + 10, items[i].rdata_length);
		memcpy(at + RECORD_HEAD, items[i].rdata, items[i].rdata_length);
		at += RECORD_HEAD + items[i].rdata_length;
	}
	table->record_count += count;
	return rrset;
}

static const struct entry **find_slot(const struct hosts_table *table,
	const uint8_t *name, size_t length, uint64_t hash)
{
	size_t at = hash & table->mask;
	const struct entry *entry;
	while ((entry = table->slots[at]) &&
		(entry->hash != hash || entry->length != length ||
			memcmp(entry->name, name, length) != 0))
		at = (at + 1) & table->mask;
	return &table->slots[at];
}

/* Of the items, all of one name, sorted. */
static enum err add_entry(
	struct hosts_table *table, struct item *items, size_t count, uint32_t ttl_s)
{
	const struct item *first = &items[0];
	struct entry *entry =
		arena_calloc(&table->arena, 1, sizeof(*entry) + first->name_length);
	if (!entry)
		return ERR_NOMEM;
	entry->hash = first->hash;
	entry->length = first->name_length;
	memcpy(entry->name, first->name, first->name_length);
	table->has_wildcard |= is_wildcard(entry->name);
	*find_slot(table, entry->name, entry->length, entry->hash) = entry;
	for (size_t end, at = 0; at < count; at = end) {
		for (end = at + 1; end < count && items[end].type == items[at].type;)
			end++;
		const struct rrset *rrset = make_rrset(
			table, items + at, keep_different(items + at, end - at), ttl_s);
		if (!rrset)
			return ERR_NOMEM;
		if (rrset->type == TYPE_A)
			entry->records.ipv4 = rrset;
		else if (rrset->type == TYPE_AAAA)
			entry->records.ipv6 = rrset;
		else
			entry->records.ptr = rrset;
	}
	return ERR_NONE;
}

static enum err fill(struct hosts_table *table, struct hosts_builder *builder)
{
	struct item *items = builder->items;
	size_t size = 16;
	while (size < builder->count * 2)
		size *= 2;
	table->slots = calloc(size, sizeof(*table->slots));
	if (!table->slots)
		return ERR_NOMEM;
	table->mask = size - 1;
	if (builder->count)
		qsort(items, builder->count, sizeof(*items), item_compare);
	for (size_t end, at = 0; at < builder->count; at = end) {
		for (end = at + 1;
			end < builder->count && same_name(&items[end], &items[at]);)
			end++;
		enum err err =
			add_entry(table, items + at, end - at, builder->options.ttl_s);
		if (err)
			return err;
	}
	builder->count = 0;
	return ERR_NONE;
}

enum err hosts_builder_finish(struct hosts_builder *builder, struct hosts_table **out)
{
	struct hosts_table *table = calloc(1, sizeof(*table));
	if (!table)
		return ERR_NOMEM;
	arena_init(&table->arena, BLOCK_SIZE);
	table->key = *builder->options.key;
	enum err err = fill(table, builder);
	if (err) {
		hosts_table_free(table);
		return err;
	}
	*out = table;
	return ERR_NONE;
}

void hosts_table_free(struct hosts_table *table)
{
	if (!table)
		return;
	arena_deinit(&table->arena);
	free(table->slots);
	free(table);
}

/* --- reading --- */

/* What "*" in place of the name's first label has. */
static const struct entry *find_wildcard(
	const struct hosts_table *table, const struct dname *name)
{
	if (name->length == 1)
		return NULL;
	struct dname wildcard = {.length = 2, .bytes = "\1*"};
	size_t label = name->bytes[0] + 1u;
	memcpy(wildcard.bytes + 2, name->bytes + label, name->length - label);
	wildcard.length = (uint8_t)(2 + name->length - label);
	uint64_t hash = hash_bytes(&table->key, wildcard.bytes, wildcard.length);
	return *find_slot(table, wildcard.bytes, wildcard.length, hash);
}

const struct hosts_records *hosts_table_find(
	const struct hosts_table *table, const struct dname *name, uint64_t hash)
{
	const struct entry *entry = *find_slot(table, name->bytes, name->length, hash);
	if (!entry && table->has_wildcard)
		entry = find_wildcard(table, name);
	return entry ? &entry->records : NULL;
}

size_t hosts_table_count(const struct hosts_table *table)
{
	return table->record_count;
}
