/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/cidr_alloc.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A linear-probing table whose layout is unique for its content (Blelloch and Golovin,
 * "Strongly History-Independent Hashing with Applications", 2007): entries have a fixed
 * order, and on each slot that an entry passed over on its way from home stands one that
 * precedes it. Only the taken slots are in memory, in a chained map from slot to entry.
 *
 * The chains are threaded through the entries, so that moving one never allocates: once
 * a change has begun it cannot fail.
 */

enum {
	FIRST_BUCKETS = 16,
	FIRST_SLOT_OFFSET = 2, /* behind the network address and the first one */
};

static const uint64_t MAX_SIZE = (uint64_t)1 << 32;

struct entry {
	struct entry *next_by_slot, *next_by_name, *next_moved;
	uint64_t hash;
	uint32_t slot;     /* not while it waits */
	bool is_waiting;   /* a service without a slot */
	unsigned reserves; /* 0: a service */
	const char *name;  /* behind the namespace in `text` */
	char text[];
};

struct cidr_alloc {
	struct ipprefix prefix;
	uint64_t slots; /* of the range */
	uint64_t taken;
	struct entry **by_slot, **by_name;
	size_t buckets; /* of each of the two, a power of two */
	struct entry *
		*waiting; /* services without a slot, the one to be served next last */
	size_t waiting_count, waiting_capacity;
	struct entry *moved_first, **moved_end;
	cidr_alloc_moved moved;
	void *context;
};

static uint64_t hash_append(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

/* Not keyed: replicas and versions must agree on it. */
static uint64_t service_hash(const char *ns, const char *name)
{
	uint64_t hash = hash_append(0xcbf29ce484222325, ns);
	hash = hash_append(hash_append(hash, "/"), name);
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
	return hash ^ hash >> 33;
}

static bool entry_precedes(const struct entry *a, const struct entry *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash;
	int order = strcmp(a->text, b->text);
	return order ? order < 0 : strcmp(a->name, b->name) < 0;
}

static struct entry **slot_bucket(const struct cidr_alloc *alloc, uint64_t slot)
{
	uint64_t mixed = (slot * 0x9e3779b97f4a7c15) >> 32;
	return &alloc->by_slot[mixed & (alloc->buckets - 1)];
}

static struct entry **name_bucket(const struct cidr_alloc *alloc, uint64_t hash)
{
	return &alloc->by_name[hash & (alloc->buckets - 1)];
}

static struct entry *slot_find(const struct cidr_alloc *alloc, uint64_t slot)
{
	struct entry *entry = *slot_bucket(alloc, slot);
	while (entry && entry->slot != slot)
		entry = entry->next_by_slot;
	return entry;
}

static void slot_put(struct cidr_alloc *alloc, struct entry *entry, uint64_t slot)
{
	struct entry **bucket = slot_bucket(alloc, slot);
	entry->slot = (uint32_t)slot;
	entry->next_by_slot = *bucket;
	*bucket = entry;
	alloc->taken++;
}

static void slot_clear(struct cidr_alloc *alloc, struct entry *entry)
{
	struct entry **link = slot_bucket(alloc, entry->slot);
	while (*link != entry)
		link = &(*link)->next_by_slot;
	*link = entry->next_by_slot;
	alloc->taken--;
}

static struct entry **name_link(
	const struct cidr_alloc *alloc, const char *ns, const char *name)
{
	uint64_t hash = service_hash(ns, name);
	struct entry **link = name_bucket(alloc, hash);
	for (; *link; link = &(*link)->next_by_name) {
		if ((*link)->hash == hash && strcmp((*link)->text, ns) == 0 &&
			strcmp((*link)->name, name) == 0)
			break;
	}
	return link;
}

/* A table that cannot grow still works. */
static void buckets_grow(struct cidr_alloc *alloc)
{
	size_t old = alloc->buckets;
	if (alloc->taken + alloc->waiting_count < old)
		return;
	struct entry **by_slot = calloc(old * 2, sizeof(struct entry *));
	struct entry **by_name = calloc(old * 2, sizeof(struct entry *));
	if (!by_slot || !by_name) {
		free(by_slot);
		free(by_name);
		return;
	}
	struct entry **old_by_slot = alloc->by_slot, **old_by_name = alloc->by_name;
	alloc->by_slot = by_slot;
	alloc->by_name = by_name;
	alloc->buckets = old * 2;
	alloc->taken = 0;
	for (size_t i = 0; i < old; i++) {
		struct entry *entry, *next;
		for (entry = old_by_slot[i]; entry; entry = next) {
			next = entry->next_by_slot;
			slot_put(alloc, entry, entry->slot);
		}
		for (entry = old_by_name[i]; entry; entry = next) {
			next = entry->next_by_name;
			struct entry **bucket = name_bucket(alloc, entry->hash);
			entry->next_by_name = *bucket;
			*bucket = entry;
		}
	}
	free(old_by_slot);
	free(old_by_name);
}

static uint64_t slot_next(const struct cidr_alloc *alloc, uint64_t slot)
{
	return slot + 1 == alloc->slots ? 0 : slot + 1;
}

static uint64_t slot_distance(const struct cidr_alloc *alloc, uint64_t from, uint64_t to)
{
	return to >= from ? to - from : to + alloc->slots - from;
}

static uint64_t entry_home(const struct cidr_alloc *alloc, const struct entry *entry)
{
	return entry->hash % alloc->slots;
}

/* Room for one more to wait. Called before a change, where failure is still harmless;
 * a change makes at most one service wait, and none while a slot is free. */
static enum err waiting_make_room(struct cidr_alloc *alloc)
{
	if (alloc->taken < alloc->slots || alloc->waiting_count < alloc->waiting_capacity)
		return ERR_NONE;
	size_t capacity = alloc->waiting_capacity ? alloc->waiting_capacity * 2 : 16;
	struct entry **waiting =
		reallocarray(alloc->waiting, capacity, sizeof(struct entry *));
	if (!waiting)
		return ERR_NOMEM;
	alloc->waiting = waiting;
	alloc->waiting_capacity = capacity;
	return ERR_NONE;
}

/* The number of waiting ones that come after `entry` in the order. */
static size_t waiting_position(const struct cidr_alloc *alloc, const struct entry *entry)
{
	size_t low = 0, high = alloc->waiting_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (entry_precedes(entry, alloc->waiting[middle]))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void waiting_put(struct cidr_alloc *alloc, struct entry *entry)
{
	size_t at = waiting_position(alloc, entry);
	assert(alloc->waiting_count < alloc->waiting_capacity);
	memmove(&alloc->waiting[at + 1], &alloc->waiting[at],
		(alloc->waiting_count - at) * sizeof(struct entry *));
	alloc->waiting[at] = entry;
	alloc->waiting_count++;
	entry->is_waiting = true;
}

static void waiting_clear(struct cidr_alloc *alloc, struct entry *entry)
{
	size_t at = waiting_position(alloc, entry);
	alloc->waiting_count--;
	memmove(&alloc->waiting[at], &alloc->waiting[at + 1],
		(alloc->waiting_count - at) * sizeof(struct entry *));
	entry->is_waiting = false;
}

static void moved_note(struct cidr_alloc *alloc, struct entry *entry)
{
	entry->next_moved = NULL;
	*alloc->moved_end = entry;
	alloc->moved_end = &entry->next_moved;
}

/* Last in a change, so that whoever is told finds all as it will stay. */
static void moved_report(struct cidr_alloc *alloc)
{
	struct entry *entry = alloc->moved_first;
	alloc->moved_first = NULL;
	alloc->moved_end = &alloc->moved_first;
	for (; entry && alloc->moved; entry = entry->next_moved)
		alloc->moved(alloc->context, entry->text, entry->name);
}

/* Goes on with the search of `entry`, which has been at `tried` slots from its home on.
 * Where it meets one that it precedes they change places and the other goes on; each
 * carried entry comes after the one before, so that none is carried twice. */
static void slot_search(struct cidr_alloc *alloc, struct entry *entry, uint64_t tried)
{
	/* What waits comes after all that stand on a slot. */
	if (alloc->waiting_count &&
		!entry_precedes(entry, alloc->waiting[alloc->waiting_count - 1]))
		tried = alloc->slots;
	uint64_t slot =
		alloc->slots ? (entry_home(alloc, entry) + tried) % alloc->slots : 0;
	for (; tried < alloc->slots; tried++, slot = slot_next(alloc, slot)) {
		struct entry *there = slot_find(alloc, slot);
		if (!there) {
			slot_put(alloc, entry, slot);
			return;
		}
		if (there->reserves || !entry_precedes(entry, there))
			continue;
		slot_clear(alloc, there);
		slot_put(alloc, entry, slot);
		moved_note(alloc, there);
		entry = there;
		tried = slot_distance(alloc, entry_home(alloc, entry), slot);
	}
	waiting_put(alloc, entry);
}

/* Closes the gap at `hole`: the first entry behind it that passed over it on its way
 * from home moves in, which leaves a gap where it stood. Behind a free slot there is
 * none. */
static void slot_fill(struct cidr_alloc *alloc, uint64_t hole)
{
	uint64_t at = slot_next(alloc, hole);
	for (; at != hole; at = slot_next(alloc, at)) {
		struct entry *entry = slot_find(alloc, at);
		if (!entry)
			break;
		if (entry->reserves || slot_distance(alloc, entry_home(alloc, entry),
					       at) < slot_distance(alloc, hole, at))
			continue;
		slot_clear(alloc, entry);
		slot_put(alloc, entry, hole);
		moved_note(alloc, entry);
		hole = at;
	}
	if (!alloc->waiting_count)
		return;
	/* Some waited, so all slots were taken and this is the only one to be had. */
	struct entry *entry = alloc->waiting[--alloc->waiting_count];
	entry->is_waiting = false;
	slot_put(alloc, entry, hole);
	moved_note(alloc, entry);
}

struct cidr_alloc *cidr_alloc_new(
	const struct ipprefix *prefix, cidr_alloc_moved moved, void *context)
{
	struct cidr_alloc *alloc = calloc(1, sizeof(*alloc));
	if (!alloc)
		return NULL;
	unsigned host_bits = prefix->address.length * 8U - prefix->bits;
	uint64_t size = host_bits < 32 ? (uint64_t)1 << host_bits : MAX_SIZE;
	uint64_t kept = FIRST_SLOT_OFFSET + (prefix->address.length == 4);
	alloc->prefix = *prefix;
	alloc->slots = size > kept ? size - kept : 0;
	alloc->moved = moved;
	alloc->context = context;
	alloc->moved_end = &alloc->moved_first;
	alloc->buckets = FIRST_BUCKETS;
	alloc->by_slot = calloc(FIRST_BUCKETS, sizeof(struct entry *));
	alloc->by_name = calloc(FIRST_BUCKETS, sizeof(struct entry *));
	if (alloc->by_slot && alloc->by_name)
		return alloc;
	cidr_alloc_free(alloc);
	return NULL;
}

void cidr_alloc_free(struct cidr_alloc *alloc)
{
	if (!alloc)
		return;
	for (size_t i = 0; i < alloc->buckets && alloc->by_slot; i++) {
		struct entry *entry = alloc->by_slot[i];
		while (entry) {
			struct entry *next = entry->next_by_slot;
			free(entry);
			entry = next;
		}
	}
	for (size_t i = 0; i < alloc->waiting_count; i++)
		free(alloc->waiting[i]);
	free(alloc->waiting);
	free(alloc->by_slot);
	free(alloc->by_name);
	free(alloc);
}

static struct entry *entry_new(const char *ns, const char *name)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	struct entry *entry = calloc(1, sizeof(*entry) + ns_size + name_size);
	if (!entry)
		return NULL;
	memcpy(entry->text, ns, ns_size);
	memcpy(entry->text + ns_size, name, name_size);
	entry->name = entry->text + ns_size;
	entry->hash = service_hash(ns, name);
	return entry;
}

enum err cidr_alloc_add(struct cidr_alloc *alloc, const char *ns, const char *name)
{
	if (*name_link(alloc, ns, name))
		return ERR_EXISTS;
	struct entry *entry = entry_new(ns, name);
	if (!entry || waiting_make_room(alloc)) {
		free(entry);
		return ERR_NOMEM;
	}
	buckets_grow(alloc);
	struct entry **bucket = name_bucket(alloc, entry->hash);
	entry->next_by_name = *bucket;
	*bucket = entry;
	slot_search(alloc, entry, 0);
	moved_report(alloc);
	return entry->is_waiting ? ERR_RANGE : ERR_NONE;
}

void cidr_alloc_remove(struct cidr_alloc *alloc, const char *ns, const char *name)
{
	struct entry **link = name_link(alloc, ns, name);
	struct entry *entry = *link;
	if (!entry)
		return;
	*link = entry->next_by_name;
	if (entry->is_waiting) {
		waiting_clear(alloc, entry);
	} else {
		slot_clear(alloc, entry);
		slot_fill(alloc, entry->slot);
	}
	free(entry);
	moved_report(alloc);
}

/* The last four bytes as a number: all that differs between two slots. */
static uint32_t address_tail(const struct ipaddr *address)
{
	const uint8_t *tail = address->bytes + address->length - 4;
	return (uint32_t)tail[0] << 24 | (uint32_t)tail[1] << 16 |
	       (uint32_t)tail[2] << 8 | tail[3];
}

static bool slot_of_address(
	const struct cidr_alloc *alloc, const struct ipaddr *address, uint64_t *slot)
{
	const struct ipaddr *base = &alloc->prefix.address;
	if (!ipprefix_contains(&alloc->prefix, address) ||
		memcmp(address->bytes, base->bytes, base->length - 4U) != 0)
		return false;
	uint32_t offset = address_tail(address) - address_tail(base);
	*slot = (uint64_t)offset - FIRST_SLOT_OFFSET;
	return offset >= FIRST_SLOT_OFFSET && *slot < alloc->slots;
}

enum err cidr_alloc_reserve(struct cidr_alloc *alloc, const struct ipaddr *address)
{
	uint64_t slot;
	if (!slot_of_address(alloc, address, &slot))
		return ERR_NONE;
	struct entry *there = slot_find(alloc, slot);
	if (there && there->reserves) {
		there->reserves++;
		return ERR_NONE;
	}
	struct entry *entry = entry_new("", "");
	if (!entry || waiting_make_room(alloc)) {
		free(entry);
		return ERR_NOMEM;
	}
	buckets_grow(alloc);
	entry->reserves = 1;
	if (there)
		slot_clear(alloc, there);
	slot_put(alloc, entry, slot);
	if (there) {
		uint64_t home = entry_home(alloc, there);
		moved_note(alloc, there);
		slot_search(alloc, there, slot_distance(alloc, home, slot) + 1);
	}
	moved_report(alloc);
	return ERR_NONE;
}

void cidr_alloc_release(struct cidr_alloc *alloc, const struct ipaddr *address)
{
	uint64_t slot;
	if (!slot_of_address(alloc, address, &slot))
		return;
	struct entry *entry = slot_find(alloc, slot);
	if (!entry || !entry->reserves || --entry->reserves > 0)
		return;
	slot_clear(alloc, entry);
	free(entry);
	slot_fill(alloc, slot);
	moved_report(alloc);
}

bool cidr_alloc_find(const struct cidr_alloc *alloc, const char *ns, const char *name,
	struct ipaddr *out)
{
	const struct entry *entry = *name_link(alloc, ns, name);
	if (!entry || entry->is_waiting)
		return false;
	struct ipaddr address = alloc->prefix.address;
	uint32_t tail = address_tail(&address) + entry->slot + FIRST_SLOT_OFFSET;
	for (int i = 1; i <= 4; i++, tail >>= 8)
		address.bytes[address.length - i] = (uint8_t)tail;
	*out = address;
	return true;
}
