/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/config/directive.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct corefile_word word_of(const char *text)
{
	return (struct corefile_word){text, {"conf/Corefile", 1, 1}};
}

static void numbers_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err err;
		int64_t value;
	} cases[] = {
		{"0", ERR_NONE, 0},
		{"3600", ERR_NONE, 3600},
		{"-5", ERR_NONE, -5},
		{"+5", ERR_NONE, 5},
		{"007", ERR_NONE, 7},
		{"9223372036854775807", ERR_NONE, INT64_MAX},
		{"-9223372036854775808", ERR_NONE, INT64_MIN},
		{"9223372036854775808", ERR_RANGE, 0},
		{"99999999999999999999999", ERR_RANGE, 0},
		{"", ERR_SYNTAX, 0},
		{"-", ERR_SYNTAX, 0},
		{"--1", ERR_SYNTAX, 0},
		{" 1", ERR_SYNTAX, 0},
		{"1 ", ERR_SYNTAX, 0},
		{"0x10", ERR_SYNTAX, 0},
		{"1.5", ERR_SYNTAX, 0},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct corefile_word word = word_of(cases[i].text);
		int64_t value = 0;
		assert_int_equal(argument_number(&word, &value), cases[i].err);
		assert_int_equal(value, cases[i].value);
	}
}

static void amounts_of_memory_have_units_of_1024(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err err;
		int64_t bytes;
		const char *shortest; /* what it is written as */
	} cases[] = {
		{"0", ERR_NONE, 0, "0"},
		{"1000", ERR_NONE, 1000, "1000"},
		{"65536", ERR_NONE, 65536, "64KiB"},
		{"64Ki", ERR_NONE, 65536, "64KiB"},
		{"64MiB", ERR_NONE, 67108864, "64MiB"},
		{"2048Mi", ERR_NONE, INT64_C(2147483648), "2GiB"},
		{"3TiB", ERR_NONE, INT64_C(3298534883328), "3TiB"},
		{"8388607TiB", ERR_NONE, INT64_C(9223370937343148032), "8388607TiB"},
		{"8388608TiB", ERR_RANGE, 0, NULL},
		{"9223372036854775808", ERR_RANGE, 0, NULL},
		{"", ERR_SYNTAX, 0, NULL},
		{"64M", ERR_SYNTAX, 0, NULL},
		{"64MB", ERR_SYNTAX, 0, NULL},
		{"64 MiB", ERR_SYNTAX, 0, NULL},
		{"64MiBs", ERR_SYNTAX, 0, NULL},
		{"1.5GiB", ERR_SYNTAX, 0, NULL},
		{"-1", ERR_SYNTAX, 0, NULL},
		{"MiB", ERR_SYNTAX, 0, NULL},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct corefile_word word = word_of(cases[i].text);
		char text[32];
		int64_t bytes = 0;
		assert_int_equal(argument_bytes(&word, &bytes), cases[i].err);
		assert_int_equal(bytes, cases[i].bytes);
		if (!cases[i].err)
			assert_string_equal(
				argument_bytes_text(bytes, text, sizeof(text)),
				cases[i].shortest);
	}
}

static void durations_are_read_as_go_does_and_bare_numbers_as_seconds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"0", 0},
		{"30", 30000},
		{"-30", -30000},
		{"0s", 0},
		{"5s", 5000},
		{"500ms", 500},
		{"1h2m3.5s", 3723500},
		{"1m30s", 90000},
		{"1.5h", 5400000},
		{".5s", 500},
		{"1.s", 1000},
		{"+1s", 1000},
		{"-1.5s", -1500},
		{"2562047h", 9223369200000},
		{"1500us", 1},
		{"1500\u00b5s", 1},
		{"1500\u03bcs", 1},
		{"999999ns", 0},
		{"1000000ns", 1},
		{"0.1s", 100},
		{"0.001s", 1},
		{"0.3333333333333333333333h", 1200000},
		{"1s1s", 2000},
		{"1s500ms", 1500},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct corefile_word word = word_of(cases[i].text);
		int64_t ms;
		assert_int_equal(argument_duration_ms(&word, &ms), ERR_NONE);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err err;
	} cases[] = {
		{"", ERR_SYNTAX},
		{"s", ERR_SYNTAX},
		{".s", ERR_SYNTAX},
		{"-", ERR_SYNTAX},
		{"+-1s", ERR_SYNTAX},
		{"1.5", ERR_SYNTAX},
		{"1 s", ERR_SYNTAX},
		{"1S", ERR_SYNTAX},
		{"1d", ERR_SYNTAX},
		{"1s2", ERR_SYNTAX},
		{"1sm", ERR_SYNTAX},
		{"1..5s", ERR_SYNTAX},
		{"1,5s", ERR_SYNTAX},
		{"soon", ERR_SYNTAX},
		{"2562048h", ERR_RANGE},
		{"9223372036854775807", ERR_RANGE},
		{"99999999999999999999999s", ERR_RANGE},
		{"2562047h2562047h", ERR_RANGE},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct corefile_word word = word_of(cases[i].text);
		int64_t ms = 7;
		assert_int_equal(argument_duration_ms(&word, &ms), cases[i].err);
	}
}

struct zone_list {
	char text[4096];
	size_t count;
};

static void zone_list_add(void *context, const struct dname *zone)
{
	struct zone_list *list = context;
	char text[DNAME_TEXT_SIZE];
	dname_to_text(zone->bytes, text);
	if (list->count++)
		strcat(list->text, " ");
	if (list->count <= 4)
		strcat(list->text, text);
}

static void zones_are_names_or_what_a_prefix_stands_for(void **state)
{
	(void)state;
	static const struct {
		const char *text, *zones;
		size_t count;
	} cases[] = {
		{"Example.ORG", "example.org.", 1},
		{".", ".", 1},
		{"example.org.:53", "example.org.", 1},
		{"dns://example.org", "example.org.", 1},
		{"10.0.0.0/8", "10.in-addr.arpa.", 1},
		{"10.255.0.1/15", "254.10.in-addr.arpa. 255.10.in-addr.arpa.", 2},
		{"fd00::/7", "c.f.ip6.arpa. d.f.ip6.arpa.", 2},
		{"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa.", 1},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct zone_list list = {.count = 0};
		assert_int_equal(
			argument_zones(cases[i].text, zone_list_add, &list), ERR_NONE);
		assert_string_equal(list.text, cases[i].zones);
		assert_int_equal(list.count, cases[i].count);
	}
}

static void the_widest_splits_have_their_number_of_zones(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {{"0.0.0.0/1", 128}, {"10.0.0.0/17", 128}, {"10.0.0.0/9", 128},
		{"10.0.0.0/31", 2}, {"::/1", 8}, {"::/125", 8}, {"::/128", 1}};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct zone_list list = {.count = 0};
		assert_int_equal(
			argument_zones(cases[i].text, zone_list_add, &list), ERR_NONE);
		assert_int_equal(list.count, cases[i].count);
	}
}

static void what_is_no_zone_is_refused_without_a_call(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "a..b", "10.0.0.0/33", "::/129",
		"tls://a", "10.0.0.0/08x", "1:2/3", "a:99999"};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct zone_list list = {.count = 0};
		assert_int_equal(
			argument_zones(cases[i], zone_list_add, &list), ERR_SYNTAX);
		assert_int_equal(list.count, 0);
	}
}

static void paths_are_relative_to_the_file_they_stand_in(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"Corefile", "zones/a", "zones/a"},
		{"conf/Corefile", "zones/a", "conf/zones/a"},
		{"/etc/coredns/Corefile", "../a", "/etc/coredns/../a"},
		{"/Corefile", "a", "/a"},
		{"conf/Corefile", "/var/a", "/var/a"},
	};
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct corefile_word word = {cases[i][1], {cases[i][0], 1, 1}};
		char *path = argument_path(&word);
		assert_string_equal(path, cases[i][2]);
		free(path);
	}
}

static void the_last_option_of_a_name_counts(void **state)
{
	(void)state;
	const struct corefile_directive body[] = {
		{.name = word_of("ttl"), .argument_count = 1},
		{.name = word_of("pods")},
		{.name = word_of("ttl"), .argument_count = 2},
	};
	const struct corefile_directive directive = {
		.name = word_of("kubernetes"), .body = body, .body_count = 3};
	assert_ptr_equal(directive_option(&directive, "ttl"), &body[2]);
	assert_ptr_equal(directive_option(&directive, "pods"), &body[1]);
	assert_null(directive_option(&directive, "labels"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(amounts_of_memory_have_units_of_1024),
		cmocka_unit_test(
			durations_are_read_as_go_does_and_bare_numbers_as_seconds),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(zones_are_names_or_what_a_prefix_stands_for),
		cmocka_unit_test(the_widest_splits_have_their_number_of_zones),
		cmocka_unit_test(what_is_no_zone_is_refused_without_a_call),
		cmocka_unit_test(paths_are_relative_to_the_file_they_stand_in),
		cmocka_unit_test(the_last_option_of_a_name_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
