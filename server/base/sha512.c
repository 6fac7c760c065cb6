/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/sha512.h"

#include <stdio.h>
#include <string.h>

enum { ROUNDS = 80, WORDS = 16, LENGTH_AT = SHA512_BLOCK - 16 };

/* The first 64 bits of the fractional parts of the cube roots of the first 80 primes
 * (FIPS 180-4 4.2.3). */
static const uint64_t constants[ROUNDS] = {
	0x428a2f98d728ae22,
	0x7137449123ef65cd,
	0xb5c0fbcfec4d3b2f,
	0xe9b5dba58189dbbc,
	0x3956c25bf348b538,
	0x59f111f1b605d019,
	0x923f82a4af194f9b,
	0xab1c5ed5da6d8118,
	0xd807aa98a3030242,
	0x12835b0145706fbe,
	0x243185be4ee4b28c,
	0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f,
	0x80deb1fe3b1696b1,
	0x9bdc06a725c71235,
	0xc19bf174cf692694,
	0xe49b69c19ef14ad2,
	0xefbe4786384f25e3,
	0x0fc19dc68b8cd5b5,
	0x240ca1cc77ac9c65,
	0x2de92c6f592b0275,
	0x4a7484aa6ea6e483,
	0x5cb0a9dcbd41fbd4,
	0x76f988da831153b5,
	0x983e5152ee66dfab,
	0xa831c66d2db43210,
	0xb00327c898fb213f,
	0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2,
	0xd5a79147930aa725,
	0x06ca6351e003826f,
	0x142929670a0e6e70,
	0x27b70a8546d22ffc,
	0x2e1b21385c26c926,
	0x4d2c6dfc5ac42aed,
	0x53380d139d95b3df,
	0x650a73548baf63de,
	0x766a0abb3c77b2a8,
	0x81c2c92e47edaee6,
	0x92722c851482353b,
	0xa2bfe8a14cf10364,
	0xa81a664bbc423001,
	0xc24b8b70d0f89791,
	0xc76c51a30654be30,
	0xd192e819d6ef5218,
	0xd69906245565a910,
	0xf40e35855771202a,
	0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8,
	0x1e376c085141ab53,
	0x2748774cdf8eeb99,
	0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63,
	0x4ed8aa4ae3418acb,
	0x5b9cca4f7763e373,
	0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc,
	0x78a5636f43172f60,
	0x84c87814a1f0ab72,
	0x8cc702081a6439ec,
	0x90befffa23631e28,
	0xa4506cebde82bde9,
	0xbef9a3f7b2c67915,
	0xc67178f2e372532b,
	0xca273eceea26619c,
	0xd186b8c721c0c207,
	0xeada7dd6cde0eb1e,
	0xf57d4f7fee6ed178,
	0x06f067aa72176fba,
	0x0a637dc5a2c898a6,
	0x113f9804bef90dae,
	0x1b710b35131c471b,
	0x28db77f523047d84,
	0x32caab7b40c72493,
	0x3c9ebe0a15c9bebc,
	0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6,
	0x597f299cfc657e2a,
	0x5fcb6fab3ad6faec,
	0x6c44198c4a475817,
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word >> bits | word << (64 - bits);
}

static uint64_t read_word(const uint8_t *at)
{
	uint64_t word = 0;
	for (unsigned i = 0; i < 8; i++)
		word = word << 8 | at[i];
	return word;
}

static void write_word(uint8_t *at, uint64_t word)
{
	for (unsigned i = 8; i; i--, word >>= 8)
		at[i - 1] = (uint8_t)word;
}

/* FIPS 180-4 6.4.2, steps 1 and 2 in one round: the schedule is a ring of 16 words. */
static uint64_t schedule(uint64_t *ring, unsigned round)
{
	if (round < WORDS)
		return ring[round];
	uint64_t two = ring[(round - 2) % WORDS], fifteen = ring[(round - 15) % WORDS];
	uint64_t sigma1 = rotate(two, 19) ^ rotate(two, 61) ^ two >> 6;
	uint64_t sigma0 = rotate(fifteen, 1) ^ rotate(fifteen, 8) ^ fifteen >> 7;
	return ring[round % WORDS] += sigma1 + ring[(round - 7) % WORDS] + sigma0;
}

static void process_block(struct sha512 *hash)
{
	uint64_t ring[WORDS], w[8];
	for (unsigned i = 0; i < WORDS; i++)
		ring[i] = read_word(hash->block + (size_t)8 * i);
	memcpy(w, hash->state, sizeof(w));
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t sum1 = rotate(w[4], 14) ^ rotate(w[4], 18) ^ rotate(w[4], 41);
		uint64_t choice = (w[4] & w[5]) ^ (~w[4] & w[6]);
		uint64_t t1 =
			w[7] + sum1 + choice + constants[round] + schedule(ring, round);
		uint64_t sum0 = rotate(w[0], 28) ^ rotate(w[0], 34) ^ rotate(w[0], 39);
		uint64_t majority = (w[0] & w[1]) ^ (w[0] & w[2]) ^ (w[1] & w[2]);
		memmove(w + 1, w, 7 * sizeof(w[0]));
		w[4] += t1;
		w[0] = t1 + sum0 + majority;
	}
	for (unsigned i = 0; i < 8; i++)
		hash->state[i] += w[i];
}

void sha512_init(struct sha512 *hash)
{
	static const uint64_t initial[8] = {
		0x6a09e667f3bcc908,
		0xbb67ae8584caa73b,
		0x3c6ef372fe94f82b,
		0xa54ff53a5f1d36f1,
		0x510e527fade682d1,
		0x9b05688c2b3e6c1f,
		0x1f83d9abfb41bd6b,
		0x5be0cd19137e2179,
	};
	memcpy(hash->state, initial, sizeof(initial));
	hash->length = 0;
}

void sha512_add(struct sha512 *hash, const void *data, size_t length)
{
	const uint8_t *from = data;
	while (length) {
		size_t used = hash->length % SHA512_BLOCK;
		size_t part = SHA512_BLOCK - used < length ? SHA512_BLOCK - used : length;
		memcpy(hash->block + used, from, part);
		hash->length += part;
		from += part;
		length -= part;
		if (hash->length % SHA512_BLOCK == 0)
			process_block(hash);
	}
}

const char *sha512_finish(struct sha512 *hash, char out[SHA512_TEXT_SIZE])
{
	uint64_t bits = hash->length * 8;
	static const uint8_t padding[SHA512_BLOCK] = {0x80};
	uint8_t length[16] = {0};
	size_t used = hash->length % SHA512_BLOCK;
	size_t pad = (used < LENGTH_AT ? LENGTH_AT : LENGTH_AT + SHA512_BLOCK) - used;
	write_word(length + 8, bits);
	sha512_add(hash, padding, pad);
	sha512_add(hash, length, sizeof(length));
	for (unsigned i = 0; i < 8; i++)
		snprintf(out + (size_t)16 * i, 17, "%016llx",
			(unsigned long long)hash->state[i]);
	return out;
}
