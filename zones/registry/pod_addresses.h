/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/hash.h"
#include "server/base/ipaddr.h"

/*
 * How many pods have an address, by whose they are: a cluster has a hundred
 * thousand, so that an IPv4 address takes 12 octets, an IPv6 address 24. Open
 * addressing, at most three quarters full; whoever has the same address stands
 * in one run. One thread at a time.
 */

struct pod_address_table {
	char *slots; /* NULL: none yet */
	size_t capacity, count;
};

struct pod_addresses {
	const struct hash_key *key; /* borrowed */
	struct pod_address_table ipv4, ipv6;
};

void pod_addresses_init(struct pod_addresses *addresses, const struct hash_key *key);
void pod_addresses_deinit(struct pod_addresses *addresses);

/* One pod more. ERR_NOMEM: as before. */
enum err pod_addresses_add(struct pod_addresses *addresses, const struct ipaddr *address,
	uint32_t whose) MUST_CHECK;
/* One less; there is one. */
void pod_addresses_remove(
	struct pod_addresses *addresses, const struct ipaddr *address, uint32_t whose);

uint32_t pod_addresses_count(const struct pod_addresses *addresses,
	const struct ipaddr *address, uint32_t whose);

/* Whose the address is: *position from 0 on; false at the end. */
bool pod_addresses_next(const struct pod_addresses *addresses,
	const struct ipaddr *address, size_t *position, uint32_t *whose);
