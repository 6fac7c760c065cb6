/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "zones/store/store.h"

/*
 * The writer's side of the store. Control thread only. What is replaced is freed by
 * store_reclaim, after every reader that may still see it has ended its read section.
 */

struct answer_builder;

/* `zones` is copied; serials begin with the Unix time. NULL: no memory. */
struct store *store_new(
	const struct hash_key *key, const struct store_zone *zones, unsigned zone_count);
/* An empty one of the same zones, which have the same indices. NULL: no memory. */
struct store *store_new_alike(const struct store *store);
/* No reader may be left. */
void store_free(struct store *store);

/*
 * The name exists from now on with exactly these record sets, its ancestors too.
 * Nothing is published when it has them already. ERR_NOMEM: as before.
 */
enum err store_put(struct store *store, struct answer_builder *builder) MUST_CHECK;

/* The name has no records any more; it stays while names below it exist. ERR_NOMEM: as
 * before. */
enum err store_remove(struct store *store, const struct dname *name) MUST_CHECK;

/* The name, in `zone` (an index), is a pod's from now on, or none's any more. ERR_NOMEM:
 * as before. */
enum err store_put_pod(
	struct store *store, const struct dname *name, unsigned zone) MUST_CHECK;
void store_remove_pod(struct store *store, const struct dname *name, unsigned zone);

/*
 * What is known of names that do not exist; it moves no serial. The name is absent for
 * this reason, ABSENCE_NONE: for none. ERR_NOMEM: as before.
 */
enum err store_put_absence(struct store *store, const struct dname *name, unsigned zone,
	enum absence absence) MUST_CHECK;

/* The name is a service's: if it has a set and none stands for its label yet, this one
 * does until it is removed. ERR_NOMEM: it does not. */
enum err store_put_service(struct store *store, const struct dname *name) MUST_CHECK;

/* Ends a change: the serial of each zone that changed moves forward. Returns whether any
 * did. */
bool store_commit(struct store *store);

/* The serials of zones that `previous` has, too, continue behind its own: it is about to
 * take that store's place. */
void store_follow(struct store *store, const struct store *previous);

/* Returns when what readers could find before the call is out of their reach. */
void store_wait_for_readers(void);

/* Of enum store_missing; STORE_MISSING_ALL at first. */
void store_set_missing(struct store *store, unsigned missing);
/* Nothing is missing, or all. */
void store_set_synced(struct store *store, bool is_synced);

/* Waits for the readers and frees what was replaced; cheap when nothing was. */
void store_reclaim(struct store *store);

/* How much waits for store_reclaim. */
size_t store_retired(const struct store *store);

struct store_size {
	size_t names; /* answer sets */
	size_t pods;  /* names of pods, which have none */
	size_t bytes; /* of sets, their targets, and the tables of all */
};

struct store_size store_size(const struct store *store);

/* Every set in no order; stops when `each` returns false. */
void store_each(const struct store *store,
	bool (*each)(void *context, const struct answer_set *set), void *context);

/* --- building an answer set --- */

/*
 * Collects one name's record sets for the store that it was made with. Reused from name
 * to name, so that nothing is allocated once it has grown. Errors stick and come out of
 * store_put. Records of one type are added one after the other, none twice.
 */
struct answer_builder *answer_builder_new(const struct store *store);
void answer_builder_free(struct answer_builder *builder);

/* Begins a name in `zone` (an index), lower-case. */
void answer_begin(
	struct answer_builder *builder, const struct dname *owner, unsigned zone);

/* One record with rdata as it goes on the wire (without compression, or pointing into
 * the question). */
void answer_add(struct answer_builder *builder, uint16_t type, uint32_t ttl_s,
	const void *rdata, size_t length);

/* One record whose rdata is a name in `zone` (an index), with the TTL of the owner's. */
void answer_add_name(struct answer_builder *builder, uint16_t type, unsigned zone,
	const struct dname *name);

/* The SRV set with one target, which is the owner without its first `skip` octets: a
 * record a port, with the TTL of the zone; `ports` without repetition. `addresses` are
 * the target's, up to 255 of a family; NULL where it is the owner. */
struct target_addresses;
void answer_add_one_srv(struct answer_builder *builder, uint16_t weight, uint8_t skip,
	const uint16_t *ports, uint16_t port_count,
	const struct target_addresses *addresses);

/* Any other SRV set: `targets` gains a reference when the set is stored. */
void answer_begin_srv(struct answer_builder *builder, struct targets *targets,
	uint16_t weight, uint32_t ttl_s, uint8_t skip);
/* One group; `ports` without repetition. */
void answer_add_srv_group(struct answer_builder *builder, uint32_t first, uint32_t count,
	bool has_additional, const uint16_t *ports, uint16_t port_count);

/* --- building targets --- */

struct targets_builder;

struct target_addresses {
	const uint8_t *ipv4;
	uint16_t ipv4_count;
	const uint8_t *ipv6;
	uint16_t ipv6_count;
};

struct targets_builder *targets_builder_new(void);
void targets_builder_free(struct targets_builder *builder);
void targets_reset(struct targets_builder *builder);

/* One target: `label` without length octet, 0 to 63 octets; 4 and 16 octets an address,
 * NULL where there is none.
 */
void targets_add(struct targets_builder *builder, const void *label, size_t label_length,
	const struct target_addresses *addresses);

/* One target of any name. */
void targets_add_name(struct targets_builder *builder, const struct dname *name,
	const struct target_addresses *addresses);

/*
 * The finished table with one reference, the caller's: `previous` itself when it holds
 * the same, so that a set built on it compares equal. NULL: no memory.
 */
struct targets *targets_finish(
	struct targets_builder *builder, const struct targets *previous);
void targets_unref(struct targets *targets);
