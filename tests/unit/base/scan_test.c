/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/base/scan.h"

enum { LENGTH_MAX = 40 };

static void each_octet_is_plain_or_ends_the_run_wherever_it_stands(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		bool is_special =
			octet < 0x20 || octet > 0x7f || octet == '"' || octet == '\\';
		assert_int_equal(scan_is_special((char)octet), is_special);
		for (size_t at = 0; at < LENGTH_MAX; at++) {
			char text[LENGTH_MAX];
			memset(text, 'a', sizeof(text));
			text[at] = (char)octet;
			const char *expected = text + (is_special ? at : LENGTH_MAX);
			assert_ptr_equal(scan_plain(text, text + sizeof(text)), expected);
		}
	}
}

static void the_first_of_two_is_found(void **state)
{
	(void)state;
	static const char specials[] = {'"', '\\', '\0', '\x1f', '\x80', '\xff'};
	for (size_t first = 0; first < LENGTH_MAX; first++)
		for (size_t second = first; second < LENGTH_MAX; second++)
			for (size_t i = 0; i < sizeof(specials); i++) {
				char text[LENGTH_MAX];
				memset(text, i % 2 ? '~' : ' ', sizeof(text));
				text[second] = specials[(i + 1) % sizeof(specials)];
				text[first] = specials[i];
				assert_ptr_equal(scan_plain(text, text + sizeof(text)),
					text + first);
			}
}

/* In memory of exactly its size, for a sanitizer to see. */
static void nothing_behind_the_end_is_read(void **state)
{
	(void)state;
	for (size_t length = 0; length < LENGTH_MAX; length++) {
		char *text = malloc(length ? length : 1);
		assert_non_null(text);
		memset(text, 'x', length);
		assert_ptr_equal(scan_plain(text, text + length), text + length);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_octet_is_plain_or_ends_the_run_wherever_it_stands),
		cmocka_unit_test(the_first_of_two_is_found),
		cmocka_unit_test(nothing_behind_the_end_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
