/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/base/hash.h"
#include "server/base/ipaddr.h"

/*
 * Address -> ids of the services that have it, many to many. Eight octets an entry: the
 * address is kept as a hash, so a find may also give ids of others, and the caller looks
 * at the service. Open addressing, at most three quarters full. Control thread only.
 */

struct address_slot {
	uint32_t hash; /* 0: free */
	uint32_t id;
};

struct address_index {
	const struct hash_key *key;
	struct address_slot *slots;
	size_t capacity, count;
};

void address_index_init(struct address_index *index, const struct hash_key *key);
void address_index_deinit(struct address_index *index);

/* The pair may be added more than once and then counts as often. ERR_NOMEM. */
enum err address_index_add(struct address_index *index, const struct ipaddr *address,
	uint32_t id) MUST_CHECK;
/* Takes one such pair out, if there is one. */
void address_index_remove(
	struct address_index *index, const struct ipaddr *address, uint32_t id);

/* Candidates from *position (0 at first) on; false at the end. */
bool address_index_next(const struct address_index *index, const struct ipaddr *address,
	size_t *position, uint32_t *id);
