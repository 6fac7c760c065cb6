/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/base/hash.h"
#include "server/wire/dname.h"
#include "zones/store/store.h"

/*
 * The records of a zone file as the query path reads them: lower-case owner name ->
 * record sets, canned as in the store, their rdata uncompressed. Names above existing
 * names are there without records (RFC 8020). Built on the control thread, then
 * immutable.
 */

struct zone;
struct zone_builder;

struct zone_set {
	const struct rrset *rrset;
	const struct zone_set *next; /* of another type */
};

struct zone_node {
	uint64_t hash;
	const uint8_t *name; /* lower-case */
	const struct zone_set *sets;
	uint8_t length;
	bool is_cut; /* has NS records and is not the apex */
	bool has_dname;
	bool is_occluded; /* below a cut or a DNAME: at most glue */
};

/* `name` is lower-case. NULL: there is no such name. */
const struct zone_node *zone_find(
	const struct zone *zone, const uint8_t *name, size_t length, uint64_t hash);
/* The same, hashing here. */
const struct zone_node *zone_find_name(const struct zone *zone, const struct dname *name);

/* NULL: no such type; ANY: the first set. */
const struct rrset *zone_node_find(const struct zone_node *node, uint16_t type);

const struct zone_node *zone_apex(const struct zone *zone);
uint32_t zone_serial(const struct zone *zone);
void zone_free(struct zone *zone);

/* --- building --- */

struct zone_record {
	const struct dname *owner; /* lower-case, in the zone */
	uint16_t type;
	uint32_t ttl_s;
	const uint8_t *rdata;
	uint16_t length;
	unsigned line; /* where it stands, for problems */
};

/* NULL: no memory. */
struct zone_builder *zone_builder_new(
	const struct hash_key *key, const struct dname *origin);
void zone_builder_free(struct zone_builder *builder);

/* Copies the record. ERR_NOMEM. */
enum err zone_builder_add(
	struct zone_builder *builder, const struct zone_record *record) MUST_CHECK;

struct diag_list;

/* The finished zone. Problems name `path` and lines. ERR_INVALID: it has no SOA, or more
 * than one; ERR_NOMEM. */
enum err zone_builder_finish(struct zone_builder *builder, const char *path,
	struct zone **out, struct diag_list *problems) MUST_CHECK;
