/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/hash.h"
#include "server/base/ipaddr.h"
#include "server/wire/dname.h"
#include "zones/store/store.h"

/*
 * What a hosts file says, as the records that questions get: built on the control thread,
 * then immutable and read by the workers. Reverse names are names like any other.
 */

struct hosts_table;
struct hosts_builder;

/* What a name has; each canned, as in the store, or NULL. */
struct hosts_records {
	const struct rrset *ipv4, *ipv6, *ptr;
};

struct hosts_build_options {
	const struct hash_key *key; /* that of questions */
	uint32_t ttl_s;
	bool has_reverse; /* PTR records are made of the addresses */
};

/* --- building --- */

/* NULL: no memory. */
struct hosts_builder *hosts_builder_new(const struct hosts_build_options *options);
void hosts_builder_free(struct hosts_builder *builder);

/* The lower-case name has the address; what is said twice counts once. ERR_NOMEM. */
enum err hosts_builder_add(struct hosts_builder *builder, const struct ipaddr *address,
	const struct dname *name) MUST_CHECK;

/* The table, in the order in which things were added. ERR_NOMEM. */
enum err hosts_builder_finish(
	struct hosts_builder *builder, struct hosts_table **out) MUST_CHECK;

/* --- reading --- */

void hosts_table_free(struct hosts_table *table);

/* Of a lower-case name and its hash; "*.example.org" stands for the names right below
 * example.org that are not there themselves. NULL: none. */
const struct hosts_records *hosts_table_find(
	const struct hosts_table *table, const struct dname *name, uint64_t hash);

/* Records in it. */
size_t hosts_table_count(const struct hosts_table *table);
