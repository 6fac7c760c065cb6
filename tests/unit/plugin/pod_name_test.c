/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/plugin/kubernetes/pod_name.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In front of a label whose length is the digit 2. */
static enum err parse(const char *label, size_t length, struct ipaddr *out)
{
	struct dname name = {.length = (uint8_t)(length + 53)};
	name.bytes[0] = (uint8_t)length;
	memcpy(name.bytes + 1, label, length);
	name.bytes[length + 1] = '2';
	memset(name.bytes + length + 2, '3', '2');
	return pod_name_parse(&name, out);
}

static void labels_with_an_address_are_read(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"1-2-3-4", "1.2.3.4"},
		{"255-255-255-255", "255.255.255.255"},
		{"0-0-0-0", "0.0.0.0"},
		{"fd00--1", "fd00::1"},
		{"--1", "::1"},
		{"--", "::"},
		{"fd00--", "fd00::"},
		{"1--2-3", "1::2:3"},
		{"1-2--3", "1:2::3"},
		{"2001-db8-0-0-0-0-0-1", "2001:db8::1"},
		{"2001-0db8-0000-0000-0000-0000-0000-0001", "2001:db8::1"},
		{"FD00--A", "fd00::a"},
		{"1-2-3-4-5-6-7-8", "1:2:3:4:5:6:7:8"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ipaddr address;
		char text[IPADDR_TEXT_SIZE];
		assert_int_equal(
			parse(cases[i][0], strlen(cases[i][0]), &address), ERR_NONE);
		assert_string_equal(ipaddr_format(&address, text), cases[i][1]);
	}
}

static void other_labels_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *label;
		size_t length;
	} cases[] = {
		{"", 0},
		{"web", 3},
		{"-", 1},
		{"---", 3},
		{"1-2-3", 5},
		{"1-2-3-4-5", 9},
		{"1-2-3-256", 9},
		{"1-2-3-04", 8},
		{"1-2-3-", 6},
		{"-1-2-3", 6},
		{"1.2.3.4", 7},
		{"1-2-3.4", 7},
		{"fd00::1", 7},
		{"fd00:-1", 7},
		{"--ffff-1.2.3.4", 14},
		{"1--2--3", 7},
		{"1-2-3-4-5-6-7-8-9", 17},
		{"fd00--g", 7},
		{"fd00--12345", 11},
		{"1-2-3-4\0", 8},
		{"\0001-2-3-4", 8},
		{"fe80--1%1", 9},
		{"1-2-3-4 ", 8},
		{" 1-2-3-4", 8},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ipaddr address;
		assert_int_equal(
			parse(cases[i].label, cases[i].length, &address), ERR_SYNTAX);
	}
}

/* A label has at most 63 octets; none is read behind its end. */
static void only_the_label_is_read(void **state)
{
	(void)state;
	struct ipaddr address;
	char text[IPADDR_TEXT_SIZE];
	assert_int_equal(parse("1-2-3-45", 7, &address), ERR_NONE);
	assert_string_equal(ipaddr_format(&address, text), "1.2.3.4");
	/* Nor is anything written but an address. */
	static const struct ipaddr before = {4, {1, 2, 3, 4}};
	assert_int_equal(parse("9-9-9-256", 9, &address), ERR_SYNTAX);
	assert_memory_equal(&address, &before, sizeof(before));
	char label[64];
	memset(label, '1', sizeof(label));
	assert_int_equal(parse(label, 63, &address), ERR_SYNTAX);
	assert_int_equal(parse(label, 64, &address), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_with_an_address_are_read),
		cmocka_unit_test(other_labels_are_refused),
		cmocka_unit_test(only_the_label_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
