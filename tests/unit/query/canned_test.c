/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/query/canned.h"
#include "server/query/weights.h"
#include "server/wire/octets.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RECORD = 16, START = 32, SIZE = 512 };

/* `count` A records, 10.0.0.1 and up. */
static struct rrset *make_rrset(unsigned count)
{
	struct rrset *rrset = calloc(1, sizeof(*rrset) + count * RECORD);
	assert_non_null(rrset);
	rrset->type = TYPE_A;
	rrset->count = (uint16_t)count;
	rrset->size = count * RECORD;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *record = rrset->data + i * RECORD;
		octets_put_u16(record, 0xc00c);
		octets_put_u16(record + 2, TYPE_A);
		octets_put_u16(record + 4, CLASS_IN);
		octets_put_u16(record + 10, 4);
		memcpy(record + 12, (const uint8_t[]){10, 0, 0, (uint8_t)(i + 1)}, 4);
	}
	return rrset;
}

/* The last octets of the addresses written, as text. */
static const char *write_order(struct reply *reply, const struct rrset *rrset)
{
	static char text[64];
	uint8_t buffer[SIZE] = {0};
	reply->buffer = buffer;
	reply->length = START;
	unsigned count = canned_write(reply, DNS_HEADER_SIZE, rrset);
	assert_int_equal(reply->length, START + count * RECORD);
	assert_true(reply->length <= reply->capacity);
	for (unsigned i = 0; i < count; i++)
		text[i] = (char)('0' + buffer[START + i * RECORD + 15]);
	text[count] = '\0';
	return text;
}

static void a_rotated_set_begins_where_it_is_told(void **state)
{
	(void)state;
	static const struct {
		uint32_t rotation;
		unsigned room;
		const char *order;
	} cases[] = {
		{0, 4, "1234"},
		{0x3fffffff, 4, "1234"},
		{0x40000000, 4, "2341"},
		{0x80000000, 4, "3412"},
		{0xffffffff, 4, "4123"},
		{0xffffffff, 2, "41"},
		{0x80000000, 3, "341"},
		{0x40000000, 1, "2"},
		{0x40000000, 0, ""},
	};
	struct rrset *rrset = make_rrset(4);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct reply reply = {.rotation = cases[i].rotation};
		reply.capacity = (uint16_t)(START + cases[i].room * RECORD + 3);
		if (cases[i].room == 4)
			reply.capacity = SIZE;
		assert_string_equal(write_order(&reply, rrset), cases[i].order);
	}
	free(rrset);
}

static void preferred_addresses_come_first_and_are_cut_last(void **state)
{
	(void)state;
	/* 10.0.0.4 and .5, then 10.0.0.2 and .3, then the rest; none of IPv6. */
	const struct ipprefix prefixes[] = {
		{{16, {0}}, 0},
		{{4, {10, 0, 0, 4}}, 31},
		{{4, {10, 0, 0, 2}}, 31},
		{{4, {10, 0, 0, 4}}, 30},
	};
	const struct reply_preference preference = {prefixes, COUNT(prefixes)};
	struct rrset *rrset = make_rrset(6);
	struct reply reply = {.preference = &preference, .capacity = SIZE};
	assert_string_equal(write_order(&reply, rrset), "452361");
	reply.rotation = 0x80000000; /* begins at 10.0.0.4 */
	assert_string_equal(write_order(&reply, rrset), "452361");
	reply.rotation = 0xc0000000; /* begins at 10.0.0.5 */
	assert_string_equal(write_order(&reply, rrset), "542361");
	reply.capacity = START + 3 * RECORD;
	assert_string_equal(write_order(&reply, rrset), "542");
	free(rrset);
}

/* Of "a.b": 10.0.0.2 weighs 4, 10.0.0.3 weighs 2, others 1. */
static struct weights *make_weights(void)
{
	static const struct hash_key key = {1, 2};
	static const struct dname name = {.length = 5, .bytes = "\1a\1b"};
	const struct weighted_address addresses[] = {
		{{4, {10, 0, 0, 3}}, 0, 0, 2}, {{4, {10, 0, 0, 2}}, 0, 1, 4},
		{{4, {10, 0, 0, 2}}, 0, 2, 200}, /* the first counts */
		{{4, {192, 0, 2, 1}}, 0, 3, 9},  /* not in the answer */
	};
	struct weights *weights =
		weights_new(&key, &name, 1, addresses, COUNT(addresses));
	assert_non_null(weights);
	return weights;
}

/* The order of 10.0.0.1 to 10.0.0.4 for the question `name` (wire format). */
static const char *write_weighed(
	const struct weights *weights, uint32_t draw, const char *name)
{
	static char text[8];
	struct rrset *rrset = make_rrset(4);
	uint8_t buffer[SIZE] = {0};
	memcpy(buffer + DNS_HEADER_SIZE, name, strlen(name) + 1);
	struct reply reply = {.buffer = buffer,
		.length = START,
		.capacity = SIZE,
		.weights = weights,
		.draw = draw};
	assert_int_equal(canned_write(&reply, DNS_HEADER_SIZE, rrset), 4);
	for (unsigned i = 0; i < 4; i++)
		text[i] = (char)('0' + buffer[START + i * RECORD + 15]);
	free(rrset);
	return text;
}

/* Eight eighths: 1 is first in one, 2 in four, 3 in two, 4 in one of them. The chosen one
 * and the first one change places, all others stay. */
static void the_first_address_is_chosen_by_weight(void **state)
{
	(void)state;
	static const char *const orders[] = {
		"1234", "2134", "2134", "2134", "2134", "3214", "3214", "4231"};
	struct weights *weights = make_weights();
	for (uint32_t i = 0; i < COUNT(orders); i++) {
		assert_string_equal(write_weighed(weights, i << 29, "\1a\1b"), orders[i]);
		assert_string_equal(
			write_weighed(weights, (i << 29) + 0x1fffffff, "\1A\1B"),
			orders[i]);
	}
	weights_free(weights);
}

static void without_weights_of_the_name_each_address_weighs_the_same(void **state)
{
	(void)state;
	static const char *const orders[] = {"1234", "2134", "3214", "4231"};
	struct weights *weights = make_weights();
	for (uint32_t i = 0; i < COUNT(orders); i++)
		assert_string_equal(write_weighed(weights, i << 30, "\1c\1b"), orders[i]);
	weights_free(weights);
}

static void preferred_addresses_come_before_weighed_ones(void **state)
{
	(void)state;
	const struct ipprefix prefix = {{4, {10, 0, 0, 3}}, 32};
	const struct reply_preference preference = {&prefix, 1};
	struct weights *weights = make_weights();
	struct rrset *rrset = make_rrset(4);
	/* The question is the root: no weights. */
	struct reply reply = {.preference = &preference,
		.weights = weights,
		.draw = 3u << 30,
		.capacity = SIZE};
	assert_string_equal(write_order(&reply, rrset), "3421");
	reply.capacity = START + 2 * RECORD;
	assert_string_equal(write_order(&reply, rrset), "34");
	free(rrset);
	weights_free(weights);
}

static void what_is_no_address_stays_in_order(void **state)
{
	(void)state;
	struct rrset *rrset = make_rrset(4);
	rrset->type = TYPE_TXT;
	struct reply reply = {.rotation = 0x80000000, .capacity = SIZE};
	assert_string_equal(write_order(&reply, rrset), "1234");
	free(rrset);
}

static void the_owner_becomes_the_name_asked_for(void **state)
{
	(void)state;
	struct rrset *rrset = make_rrset(3);
	uint8_t buffer[SIZE] = {0};
	struct reply reply = {.buffer = buffer,
		.length = START,
		.capacity = SIZE,
		.rotation = 1u << 31};
	assert_int_equal(canned_write(&reply, 0x1d, rrset), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(octets_get_u16(buffer + START + i * RECORD), 0xc01d);
	free(rrset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rotated_set_begins_where_it_is_told),
		cmocka_unit_test(preferred_addresses_come_first_and_are_cut_last),
		cmocka_unit_test(the_first_address_is_chosen_by_weight),
		cmocka_unit_test(
			without_weights_of_the_name_each_address_weighs_the_same),
		cmocka_unit_test(preferred_addresses_come_before_weighed_ones),
		cmocka_unit_test(what_is_no_address_stays_in_order),
		cmocka_unit_test(the_owner_becomes_the_name_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
