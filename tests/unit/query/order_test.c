/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/query/order.h"
#include "server/wire/records.h"
#include "server/wire/reply_names.h"

enum { SIZE = 4096 };

struct rig {
	struct reply reply;
	struct reply_names names;
	uint8_t buffer[SIZE];
};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

/* A reply to a question for www.test. */
static void rig_init(struct rig *rig)
{
	struct dname name = name_of("www.test");
	memset(rig, 0, sizeof(*rig));
	memcpy(rig->buffer + DNS_HEADER_SIZE, name.bytes, name.length);
	rig->reply.buffer = rig->buffer;
	rig->reply.capacity = SIZE;
	rig->reply.length = (uint16_t)(DNS_HEADER_SIZE + name.length + 4);
	rig->reply.owner_end = rig->buffer + rig->reply.length;
	reply_names_init(&rig->names, &rig->reply);
}

static void put(struct rig *rig, const char *owner, uint16_t type, const void *rdata,
	uint16_t length)
{
	struct dname name = name_of(owner);
	const struct named_record record = {&name, type, CLASS_IN, 60, rdata, length};
	assert_true(reply_add_record(&rig->names, SECTION_ANSWER, &record));
}

static void put_address(struct rig *rig, const char *owner, uint8_t last)
{
	const uint8_t address[4] = {192, 0, 2, last};
	put(rig, owner, TYPE_A, address, 4);
}

/* The last octets of addresses, "-" for other records. */
static const char *order_of(struct rig *rig)
{
	static char text[512];
	struct records records;
	struct record record;
	size_t at = 0;
	records_init_reply(&records, &rig->reply);
	while (records_next(&records, &record))
		text[at++] = record.type == TYPE_A
				     ? (char)('0' + rig->buffer[record.rdata + 3])
				     : '-';
	assert_false(records.is_bad);
	text[at] = '\0';
	return text;
}

static void each_set_is_rotated_on_its_own(void **state)
{
	static struct rig rig;
	struct dname target = name_of("far.away.test");
	(void)state;
	rig_init(&rig);
	put(&rig, "www.test", TYPE_CNAME, target.bytes, target.length);
	for (uint8_t i = 1; i <= 4; i++)
		put_address(&rig, "far.away.test", i);
	put_address(&rig, "other.away.test", 5);
	put_address(&rig, "other.away.test", 6);
	put_address(&rig, "alone.away.test", 7);
	order_addresses(&rig.reply);
	assert_string_equal(order_of(&rig), "-1234567");
	rig.reply.rotation = 0x80000000;
	order_addresses(&rig.reply);
	assert_string_equal(order_of(&rig), "-3412657");
}

static void preferred_addresses_come_first(void **state)
{
	static struct rig rig;
	const struct ipprefix prefix = {
		.address = {.length = 4, .bytes = {192, 0, 2, 2}}, .bits = 31};
	const struct reply_preference preference = {&prefix, 1};
	(void)state;
	rig_init(&rig);
	for (uint8_t i = 1; i <= 4; i++)
		put_address(&rig, "www.test", i);
	rig.reply.preference = &preference;
	order_addresses(&rig.reply);
	assert_string_equal(order_of(&rig), "2314");
}

static void large_sets_keep_all_their_addresses(void **state)
{
	static struct rig rig;
	unsigned seen[10] = {0};
	(void)state;
	rig_init(&rig);
	for (unsigned i = 0; i < 200; i++)
		put_address(&rig, "www.test", (uint8_t)(i % 10));
	rig.reply.rotation = 0x12345678;
	order_addresses(&rig.reply);
	for (const char *at = order_of(&rig); *at; at++)
		seen[*at - '0']++;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(seen[i], 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_set_is_rotated_on_its_own),
		cmocka_unit_test(preferred_addresses_come_first),
		cmocka_unit_test(large_sets_keep_all_their_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
