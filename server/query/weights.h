/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/hash.h"
#include "server/base/ipaddr.h"
#include "server/wire/dname.h"

/*
 * How often each address of a name is to come first. Built by the control thread, then
 * immutable and read by the workers. An address that is not there weighs 1.
 */

struct weights;

struct weighted_address {
	struct ipaddr address;
	uint32_t name;  /* index of its name in `names` */
	uint32_t order; /* of two that are alike the lower one counts */
	uint8_t weight;
};

/* Copies in. The names are lower-case, no two alike. NULL: no memory. */
struct weights *weights_new(const struct hash_key *key, const struct dname *names,
	size_t name_count, const struct weighted_address *addresses,
	size_t address_count);
void weights_free(struct weights *weights); /* NULL is fine */

/* The addresses of a lower-case name. NULL: it has no weights. */
struct weights_name;
const struct weights_name *weights_find(
	const struct weights *weights, const uint8_t *name, size_t length);

/* Of an address of 4 or 16 octets. */
uint8_t weights_get(const struct weights *weights, const struct weights_name *name,
	const uint8_t *address, size_t length);
