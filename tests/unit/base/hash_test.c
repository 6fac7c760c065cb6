/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/base/hash.h"

/* SipHash-1-3 of 00 01 02 ... as CPython 3.11, another implementation, gives it. */
static void the_hash_is_siphash_1_3(void **state)
{
	(void)state;
	static const struct {
		struct hash_key key;
		size_t length;
		uint64_t hash;
	} cases[] = {
		{{0, 0}, 0, 0xd1fba762150c532c},
		{{0, 0}, 1, 0x68a914128e01e473},
		{{0, 0}, 7, 0x2f098ab0c751325a},
		{{0, 0}, 8, 0xead411e67ebe2eea},
		{{0, 0}, 9, 0x75927f9d95124362},
		{{0, 0}, 63, 0x385d3e39e5f37359},
		{{0, 0}, 255, 0x5dc1f93ea135eb43},
		{{0xaed66ce184be2329, 0xebe9bbf1f1499052}, 7, 0xfd15e78052a69ddf},
		{{0xaed66ce184be2329, 0xebe9bbf1f1499052}, 16, 0x12e9d283f9f37002},
		{{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 15, 0x94ace24d68c18cf8},
		{{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 255, 0xd02008474fae02c8},
	};
	uint8_t data[256];
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_true(hash_bytes(&cases[i].key, data, cases[i].length) ==
			    cases[i].hash);
}

static void the_place_of_the_octets_does_not_matter(void **state)
{
	(void)state;
	const struct hash_key key = {3, 4};
	uint8_t data[64 + 8];
	for (size_t length = 0; length <= 64; length++) {
		uint64_t first = 0;
		for (size_t shift = 0; shift < 8; shift++) {
			memset(data, (int)shift, sizeof(data));
			for (size_t i = 0; i < length; i++)
				data[shift + i] = (uint8_t)(i * 7);
			uint64_t hash = hash_bytes(&key, data + shift, length);
			if (!shift)
				first = hash;
			assert_true(hash == first);
		}
	}
}

static void keys_are_drawn_anew(void **state)
{
	(void)state;
	struct hash_key a, b;
	hash_key_init(&a);
	hash_key_init(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_true(hash_bytes(&a, "web", 3) != hash_bytes(&b, "web", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_siphash_1_3),
		cmocka_unit_test(the_place_of_the_octets_does_not_matter),
		cmocka_unit_test(keys_are_drawn_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
