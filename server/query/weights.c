/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/weights.h"

#include <stdlib.h>
#include <string.h>

struct weights_name {
	struct dname name;
	uint32_t first, count; /* of its addresses, which are in order */
};

struct weights {
	struct hash_key key;
	struct weights_name *names;
	struct weighted_address *addresses;
	size_t mask;
	uint32_t *slots; /* name + 1; 0: empty. Half of them are, at least */
};

static int compare_octets(const struct ipaddr *a, const uint8_t *address, size_t length)
{
	if (a->length != length)
		return a->length < length ? -1 : 1;
	return memcmp(a->bytes, address, length);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct weighted_address *left = a, *right = b;
	if (left->name != right->name)
		return left->name < right->name ? -1 : 1;
	int result = compare_octets(
		&left->address, right->address.bytes, right->address.length);
	if (result || left->order == right->order)
		return result;
	return left->order < right->order ? -1 : 1;
}

static void fill_slots(struct weights *weights, size_t name_count)
{
	for (size_t i = 0; i < name_count; i++) {
		const struct dname *name = &weights->names[i].name;
		size_t at = hash_bytes(&weights->key, name->bytes, name->length) &
			    weights->mask;
		while (weights->slots[at])
			at = (at + 1) & weights->mask;
		weights->slots[at] = (uint32_t)(i + 1);
	}
}

/* Of addresses in order: each name's are side by side, and none is there twice. */
static void fill_names(struct weights *weights, size_t address_count)
{
	struct weighted_address *addresses = weights->addresses;
	size_t kept = 0;
	for (size_t i = 0; i < address_count; i++) {
		struct weights_name *name = &weights->names[addresses[i].name];
		if (name->count && compare_octets(&addresses[kept - 1].address,
					   addresses[i].address.bytes,
					   addresses[i].address.length) == 0)
			continue;
		if (!name->count)
			name->first = (uint32_t)kept;
		name->count++;
		addresses[kept++] = addresses[i];
	}
}

struct weights *weights_new(const struct hash_key *key, const struct dname *names,
	size_t name_count, const struct weighted_address *addresses, size_t address_count)
{
	size_t slots = 1;
	while (slots < name_count * 2)
		slots *= 2;
	struct weights *weights = calloc(1, sizeof(*weights));
	if (!weights)
		return NULL;
	weights->key = *key;
	weights->mask = slots - 1;
	weights->names = calloc(name_count + 1, sizeof(*weights->names));
	weights->addresses = calloc(address_count + 1, sizeof(*weights->addresses));
	weights->slots = calloc(slots, sizeof(*weights->slots));
	if (!weights->names || !weights->addresses || !weights->slots) {
		weights_free(weights);
		return NULL;
	}
	for (size_t i = 0; i < name_count; i++)
		weights->names[i].name = names[i];
	if (address_count)
		memcpy(weights->addresses, addresses, address_count * sizeof(*addresses));
	qsort(weights->addresses, address_count, sizeof(*addresses), compare_addresses);
	fill_slots(weights, name_count);
	fill_names(weights, address_count);
	return weights;
}

void weights_free(struct weights *weights)
{
	if (!weights)
		return;
	free(weights->names);
	free(weights->addresses);
	free(weights->slots);
	free(weights);
}

const struct weights_name *weights_find(
	const struct weights *weights, const uint8_t *name, size_t length)
{
	size_t at = hash_bytes(&weights->key, name, length) & weights->mask;
	for (; weights->slots[at]; at = (at + 1) & weights->mask) {
		const struct weights_name *found =
			&weights->names[weights->slots[at] - 1];
		if (found->name.length == length &&
			memcmp(found->name.bytes, name, length) == 0)
			return found;
	}
	return NULL;
}

uint8_t weights_get(const struct weights *weights, const struct weights_name *name,
	const uint8_t *address, size_t length)
{
	size_t low = name->first, high = low + name->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct weighted_address *found = &weights->addresses[middle];
		int order = compare_octets(&found->address, address, length);
		if (order == 0)
			return found->weight;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 1;
}
