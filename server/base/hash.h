/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012): a keyed hash, so that nobody outside can
 * choose names that collide in our tables. The key is drawn once per process.
 */

struct hash_key {
	uint64_t k0, k1;
};

/* Draws a key from getrandom(2). */
void hash_key_init(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length);
