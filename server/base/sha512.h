/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* SHA-512 (FIPS 180-4), for telling contents apart, not for secrets. Pure functions. */

enum { SHA512_SIZE = 64, SHA512_BLOCK = 128, SHA512_TEXT_SIZE = 2 * SHA512_SIZE + 1 };

struct sha512 {
	uint64_t state[8];
	uint64_t length; /* octets added */
	uint8_t block[SHA512_BLOCK];
};

void sha512_init(struct sha512 *hash);
void sha512_add(struct sha512 *hash, const void *data, size_t length);

/* The digest as lower-case hexadecimal, as sha512sum(1) prints it. Returns `out`. */
const char *sha512_finish(struct sha512 *hash, char out[SHA512_TEXT_SIZE]);
