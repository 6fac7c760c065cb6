/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/hash.h"

#include <sys/random.h>

#include "server/base/log.h"
#include "server/base/word.h"

void hash_key_init(struct hash_key *key)
{
	/* Requests of up to 256 bytes are served whole once the pool is ready. */
	if (getrandom(key, sizeof(*key), 0) != (ssize_t)sizeof(*key))
		log_fatal("no random numbers from the kernel");
}

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_absorb(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t length)
{
	struct sip s = {
		key->k0 ^ 0x736f6d6570736575,
		key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261,
		key->k1 ^ 0x7465646279746573,
	};
	const unsigned char *p = data, *end = p + length;
	for (; end - p >= WORD_SIZE; p += WORD_SIZE)
		sip_absorb(&s, word_load(p));
	uint64_t word = 0;
	if (length < WORD_SIZE)
		for (size_t i = 0; i < length; i++)
			word |= (uint64_t)p[i] << 8 * i;
	else if (p < end)
		word = word_load_last(end, (unsigned)(end - p));
	sip_absorb(&s, word | (uint64_t)length << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
