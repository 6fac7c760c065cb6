/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "server/wire/octets.h"
#include "zones/store/builder.h"

/* --- the buffer under both builders --- */

/* Room for `count` more octets, cleared; NULL and has_failed: no memory. */
static uint8_t *buffer_extend(struct buffer *buffer, size_t count)
{
	if (buffer->has_failed)
		return NULL;
	if (buffer->capacity - buffer->length < count) {
		size_t capacity = buffer->capacity ? buffer->capacity : 256;
		while (capacity - buffer->length < count)
			capacity *= 2;
		uint8_t *bytes = realloc(buffer->bytes, capacity);
		if (!bytes) {
			buffer->has_failed = true;
			return NULL;
		}
		buffer->bytes = bytes;
		buffer->capacity = capacity;
	}
	uint8_t *at = buffer->bytes + buffer->length;
	memset(at, 0, count);
	buffer->length += count;
	return at;
}

static void buffer_reset(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->has_failed = false;
}

/* --- answer sets --- */

struct answer_builder *answer_builder_new(const struct store *store)
{
	struct answer_builder *builder = calloc(1, sizeof(*builder));
	if (builder)
		builder->store = store;
	return builder;
}

void answer_builder_free(struct answer_builder *builder)
{
	if (!builder)
		return;
	free(builder->image.bytes);
	free(builder);
}

void answer_begin(
	struct answer_builder *builder, const struct dname *owner, unsigned zone)
{
	buffer_reset(&builder->image);
	builder->owner = *owner;
	builder->targets = NULL;
	builder->rrset_at = 0;
	size_t labels =
		(size_t)owner->length - builder->store->zones[zone].zone.name.length;
	size_t size = sizeof(struct answer_set) + answer_label_space(labels);
	struct answer_set *set = (void *)buffer_extend(&builder->image, size);
	if (!set)
		return;
	set->zone = (uint8_t)zone;
	set->label_length = (uint8_t)labels;
	memcpy(set->labels, owner->bytes, labels);
}

/* The rrset being built; the image may have moved since it was begun. */
static struct rrset *answer_rrset(struct answer_builder *builder)
{
	return (void *)(builder->image.bytes + builder->rrset_at);
}

static void answer_begin_rrset(
	struct answer_builder *builder, uint16_t type, enum rrset_form form)
{
	answer_end(builder);
	size_t at = builder->image.length;
	struct rrset *rrset = (void *)buffer_extend(&builder->image, sizeof(*rrset));
	if (!rrset)
		return;
	builder->rrset_at = at;
	rrset->type = type;
	rrset->form = form;
	((struct answer_set *)builder->image.bytes)->rrset_count++;
}

static uint8_t *answer_extend(struct answer_builder *builder, size_t count)
{
	uint8_t *at = buffer_extend(&builder->image, count);
	if (!at)
		return NULL;
	struct rrset *rrset = answer_rrset(builder);
	rrset->size += (uint32_t)count;
	if (rrset->count < UINT16_MAX)
		rrset->count++;
	return at;
}

void answer_add(struct answer_builder *builder, uint16_t type, uint32_t ttl_s,
	const void *rdata, size_t length)
{
	if (builder->image.has_failed)
		return;
	if (!builder->rrset_at || answer_rrset(builder)->type != type)
		answer_begin_rrset(builder, type, RRSET_CANNED);
	uint8_t *record = answer_extend(builder, 12 + length);
	if (!record)
		return;
	octets_put_u16(record, 0xc000 | DNS_HEADER_SIZE);
	octets_put_u16(record + 2, type);
	octets_put_u16(record + 4, CLASS_IN);
	octets_put_u32(record + 6, ttl_s);
	octets_put_u16(record + 10, (uint16_t)length);
	memcpy(record + 12, rdata, length);
}

void answer_add_name(struct answer_builder *builder, uint16_t type, unsigned zone,
	const struct dname *name)
{
	if (builder->image.has_failed)
		return;
	if (!builder->rrset_at || answer_rrset(builder)->type != type) {
		answer_begin_rrset(builder, type, RRSET_NAMES);
		struct names_data *data = (void *)answer_extend(builder, sizeof(*data));
		if (!data)
			return;
		data->zone = (uint8_t)zone;
		answer_rrset(builder)->count = 0;
	}
	size_t zone_length = builder->store->zones[zone].zone.name.length;
	assert(name->length >= zone_length);
	size_t labels = name->length - zone_length;
	uint8_t *at = answer_extend(builder, 1 + labels);
	if (!at)
		return;
	*at = (uint8_t)labels;
	memcpy(at + 1, name->bytes, labels);
}

static size_t addresses_size(const struct target_addresses *addresses)
{
	return addresses->ipv4_count * 4u + addresses->ipv6_count * 16u;
}

static void addresses_write(const struct target_addresses *addresses, uint8_t *out)
{
	size_t octets4 = addresses->ipv4_count * 4u;
	if (octets4)
		memcpy(out, addresses->ipv4, octets4);
	if (addresses->ipv6_count)
		memcpy(out + octets4, addresses->ipv6, addresses->ipv6_count * 16u);
}

void answer_add_one_srv(struct answer_builder *builder, uint16_t weight, uint8_t skip,
	const uint16_t *ports, uint16_t port_count,
	const struct target_addresses *addresses)
{
	static const struct target_addresses none;
	if (!addresses)
		addresses = &none;
	assert(addresses->ipv4_count <= UINT8_MAX && addresses->ipv6_count <= UINT8_MAX);
	answer_begin_rrset(builder, TYPE_SRV, RRSET_ONE);
	struct srv_one *one = (void *)answer_extend(builder,
		sizeof(*one) + port_count * sizeof(uint16_t) + addresses_size(addresses));
	if (!one)
		return;
	one->weight = weight;
	one->skip = skip;
	one->ipv4_count = (uint8_t)addresses->ipv4_count;
	one->ipv6_count = (uint8_t)addresses->ipv6_count;
	memcpy(one->ports, ports, port_count * sizeof(uint16_t));
	addresses_write(addresses, (uint8_t *)(one->ports + port_count));
	answer_rrset(builder)->count = port_count;
}

void answer_begin_srv(struct answer_builder *builder, struct targets *targets,
	uint16_t weight, uint32_t ttl_s, uint8_t skip)
{
	assert(!builder->targets);
	answer_begin_rrset(builder, TYPE_SRV, RRSET_TARGETS);
	struct srv_data *data = (void *)answer_extend(builder, sizeof(*data));
	if (!data)
		return;
	*data = (struct srv_data){
		.targets = targets, .ttl_s = ttl_s, .weight = weight, .skip = skip};
	answer_rrset(builder)->count = 0;
	builder->targets = targets;
}

void answer_add_srv_group(struct answer_builder *builder, uint32_t first, uint32_t count,
	bool has_additional, const uint16_t *ports, uint16_t port_count)
{
	size_t padded = (port_count + 1u) / 2 * 2;
	struct srv_group *group = (void *)answer_extend(
		builder, sizeof(*group) + padded * sizeof(uint16_t));
	if (!group)
		return;
	group->first = first;
	group->target_count = count;
	group->port_count = port_count;
	group->has_additional = has_additional;
	memcpy(group->ports, ports, port_count * sizeof(uint16_t));
}

void answer_end(struct answer_builder *builder)
{
	if (!builder->image.has_failed)
		buffer_extend(&builder->image, -builder->image.length & 7);
}

/* --- targets --- */

struct targets_builder {
	struct buffer bytes;   /* the targets, as they will stand behind the offsets */
	struct buffer offsets; /* of each in `bytes`, uint32_t */
};

struct targets_builder *targets_builder_new(void)
{
	return calloc(1, sizeof(struct targets_builder));
}

void targets_builder_free(struct targets_builder *builder)
{
	if (!builder)
		return;
	free(builder->bytes.bytes);
	free(builder->offsets.bytes);
	free(builder);
}

void targets_reset(struct targets_builder *builder)
{
	buffer_reset(&builder->bytes);
	buffer_reset(&builder->offsets);
}

void targets_add(struct targets_builder *builder, const void *label, size_t label_length,
	const struct target_addresses *addresses)
{
	uint32_t offset = (uint32_t)builder->bytes.length;
	uint8_t *slot = buffer_extend(&builder->offsets, sizeof(offset));
	uint8_t *at = buffer_extend(
		&builder->bytes, 1 + label_length + 4 + addresses_size(addresses));
	if (!slot || !at)
		return;
	memcpy(slot, &offset, sizeof(offset));
	*at++ = (uint8_t)label_length;
	memcpy(at, label, label_length);
	at += label_length;
	memcpy(at, &addresses->ipv4_count, 2);
	memcpy(at + 2, &addresses->ipv6_count, 2);
	addresses_write(addresses, at + 4);
}

void targets_add_name(struct targets_builder *builder, const struct dname *name,
	const struct target_addresses *addresses)
{
	/* Filled up where it is no longer than a label may be. */
	uint8_t octets[DNAME_MAX] = {0};
	size_t length = name->length;
	if (length <= DNAME_LABEL_MAX)
		length = DNAME_LABEL_MAX + 1;
	memcpy(octets, name->bytes, name->length);
	targets_add(builder, octets, length, addresses);
}

struct targets *targets_finish(
	struct targets_builder *builder, const struct targets *previous)
{
	if (builder->bytes.has_failed || builder->offsets.has_failed)
		return NULL;
	size_t head = sizeof(struct targets) + builder->offsets.length;
	size_t size = head + builder->bytes.length;
	struct targets *targets = malloc(size);
	if (!targets)
		return NULL;
	targets->references = 1;
	targets->size = (uint32_t)size;
	targets->count = (uint32_t)(builder->offsets.length / sizeof(uint32_t));
	for (uint32_t i = 0; i < targets->count; i++) {
		uint32_t offset;
		memcpy(&offset, builder->offsets.bytes + i * sizeof(offset), 4);
		targets->offsets[i] = offset + (uint32_t)head;
	}
	memcpy((uint8_t *)targets + head, builder->bytes.bytes, builder->bytes.length);
	const size_t fixed = offsetof(struct targets, count);
	if (!previous || previous->size != targets->size ||
		memcmp((const char *)previous + fixed, (const char *)targets + fixed,
			size - fixed) != 0)
		return targets;
	free(targets);
	return targets_ref((struct targets *)previous);
}

struct targets *targets_ref(struct targets *targets)
{
	targets->references++;
	return targets;
}

void targets_unref(struct targets *targets)
{
	if (targets && --targets->references == 0)
		free(targets);
}
