/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/base/sha512.h"

/* Digests of the octets 0, 1, ... 250, 0, 1, ... as CPython's hashlib gives them: empty,
 * with the padding in the last block and in one more, whole blocks. */
static const struct {
	size_t length;
	const char *digest;
} cases[] = {
	{0, "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
	{3, "8081da5f9c1e3d0e1aa16f604d5e5064543cff5d7bace2bb312252461e151b3f"
	    "e0f034ea8dc1dacff3361a892d625fbe1b614cda265f87a473c24b0fa1d91dfd"},
	{111, "a1a111449b198d9b1f538bad7f3fc1022b3a5b1a5e90a0bc860de8512746cbc3"
	      "1599e6c834de3a3235327af0b51ff57bf7acf1974a73014d9c3953812edc7c8d"},
	{112, "c5fbd731d19d2ae1180f001be72c2c1aaba1d7b094b3748880e24593b8e117a7"
	      "50e11c1bd867cc2f96dace8c8b74abd2d5c4f236be444e77d30d1916174070b9"},
	{127, "eab89674feaa34e27aebeeff3c0a4d70070bb872d5e9f186cf1dbbdee517b6e3"
	      "5724d629ff025a5b07185e911ada7e3c8acf830aa0e4f71777bd2d44f504f7f0"},
	{128, "1dffd5e3adb71d45d2245939665521ae001a317a03720a45732ba1900ca3b835"
	      "1fc5c9b4ca513eba6f80bc7b1d1fdad4abd13491cb824d61b08d8c0e1561b3f7"},
	{129, "1d9da57fbbdab09afb3506ab2d223d06109d65c1c8ad197f50138f714bc4c3f2"
	      "fe5787922639c680acad1c651f955990425954ce2cba0c5cc83f2667d878eb0f"},
	{239, "cb4c7fd522756d5781ad3a4f590a1d862906b960e7720136cb3fb36b563caa1e"
	      "a5689134291fa79c80ccc2b4092b41df32ebdcb36dbe79db483440228c1622a8"},
	{240, "6c48466c9f6c07e4ab762c696b7eeb35cfe236fca73683e5fab873ac3489b4d2"
	      "eb3d7afcce7e8165dbbf37aded3b5b0c889c0b7e0f1790a8330d8677429d91a5"},
	{256, "7ff1cd1e9773a4b7ba1f40e642db0d879bd5f6cc151a7d3401a0bc7778b8270c"
	      "108b530fb195f2383f4cec8cf05778e6af4db56811673371674cec1524488f83"},
	{1000, "5096498d96f50f9a137c4db5b8b0cd38383ad55350fb5a98805fedc31fa1262f"
	       "1f0cf4d6f12d7ecd8dedd933a4c9126344fe22e937a8ad35fdeae1e876ae698b"},
};

static void octets_fill(uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i % 251);
}

static void the_digest_is_sha_512(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t data[1000];
		char text[SHA512_TEXT_SIZE];
		struct sha512 hash;
		octets_fill(data, cases[i].length);
		sha512_init(&hash);
		sha512_add(&hash, data, cases[i].length);
		assert_string_equal(sha512_finish(&hash, text), cases[i].digest);
	}
}

static void parts_make_no_difference(void **state)
{
	(void)state;
	uint8_t data[1000];
	octets_fill(data, sizeof(data));
	for (size_t part = 1; part <= 300; part++) {
		char text[SHA512_TEXT_SIZE];
		struct sha512 hash;
		sha512_init(&hash);
		for (size_t at = 0; at < sizeof(data); at += part)
			sha512_add(&hash, data + at,
				sizeof(data) - at < part ? sizeof(data) - at : part);
		assert_string_equal(sha512_finish(&hash, text),
			cases[sizeof(cases) / sizeof(cases[0]) - 1].digest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_digest_is_sha_512),
		cmocka_unit_test(parts_make_no_difference),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
