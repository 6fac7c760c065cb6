/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/dname_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"

enum { DIRECT_MAX = 4 }; /* so few are looked at one after the other */

struct dname_index {
	const char *items;
	size_t stride, count;
	uint64_t lengths[4]; /* bit n: a name has n octets */
	size_t mask;
	uint16_t slots[]; /* item + 1; 0: empty. Half of them are, at least */
};

static const struct dname *item_name(const struct dname_index *index, size_t item)
{
	return (const struct dname *)(const void *)(index->items + item * index->stride);
}

/* Without a key: who asks cannot choose the names that are in the table, and the most
 * that they can probe is one run of it for each label. */
static size_t name_hash(const uint8_t *name, size_t length)
{
	uint64_t hash = length, word;
	for (; length >= 8; length -= 8, name += 8) {
		memcpy(&word, name, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, name, length);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return (size_t)(hash ^ hash >> 29);
}

static void index_add(struct dname_index *index, size_t item)
{
	const struct dname *name = item_name(index, item);
	size_t at = name_hash(name->bytes, name->length) & index->mask;
	while (index->slots[at])
		at = (at + 1) & index->mask;
	index->slots[at] = (uint16_t)(item + 1);
	index->lengths[name->length / 64] |= UINT64_C(1) << name->length % 64;
}

struct dname_index *dname_index_new(const void *items, size_t stride, size_t count)
{
	assert(count <= UINT16_MAX);
	size_t slots = 1;
	while (slots < count * 2)
		slots *= 2;
	struct dname_index *index =
		calloc(1, sizeof(*index) + slots * sizeof(index->slots[0]));
	if (!index)
		return NULL;
	index->items = items;
	index->stride = stride;
	index->count = count;
	index->mask = slots - 1;
	for (size_t i = 0; i < count; i++)
		index_add(index, i);
	return index;
}

void dname_index_free(struct dname_index *index)
{
	free(index);
}

/* -1: it is not there. */
static int index_probe(
	const struct dname_index *index, const uint8_t *name, size_t length)
{
	size_t at = name_hash(name, length) & index->mask;
	for (; index->slots[at]; at = (at + 1) & index->mask) {
		const struct dname *item = item_name(index, index->slots[at] - 1u);
		if (item->length == length && memcmp(item->bytes, name, length) == 0)
			return index->slots[at] - 1;
	}
	return -1;
}

/* The same as dname_is_within, which is not asked for every query. */
static inline bool is_within(const struct dname *name, const struct dname *zone)
{
	if (zone->length == 1)
		return true;
	if (name->length < zone->length)
		return false;
	size_t start = (size_t)(name->length - zone->length), at = 0;
	if (!octets_equal(name->bytes + start, zone->bytes, zone->length))
		return false;
	while (at < start)
		at += name->bytes[at] + 1u;
	return at == start;
}

static int find_directly(const struct dname_index *index, const struct dname *name)
{
	const char *at = index->items;
	for (unsigned i = 0; i < index->count; i++, at += index->stride) {
		const struct dname *item = (const struct dname *)(const void *)at;
		if (is_within(name, item))
			return (int)i;
	}
	return -1;
}

int dname_index_find(const struct dname_index *index, const struct dname *name)
{
	if (index->count <= DIRECT_MAX)
		return find_directly(index, name);
	/* From the whole name on, a label less each time. */
	for (size_t at = 0; at < name->length; at += name->bytes[at] + 1u) {
		size_t length = name->length - at;
		if (!(index->lengths[length / 64] >> length % 64 & 1))
			continue;
		int item = index_probe(index, name->bytes + at, length);
		if (item >= 0)
			return item;
	}
	return -1;
}
