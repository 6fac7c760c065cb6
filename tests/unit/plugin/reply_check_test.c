/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/plugin/forward/reply_check.h"
#include "server/wire/records.h"
#include "tests/support/packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct line {
	enum packet_count section;
	const char *owner;
	uint16_t type;
	const char *target; /* of types with a name; NULL: an address */
	bool belongs;
};

static void put_name(struct packet *packet, const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	packet_put(packet, name.bytes, name.length);
}

static void put_line(struct packet *packet, const struct line *line)
{
	static const uint8_t address[16] = {192, 0, 2, 1};
	struct dname target = {.length = 0};
	uint8_t rest[22] = {0};
	size_t extra = line->type == TYPE_SOA ? 1 + 20 : line->type == TYPE_SRV ? 6 : 0;
	size_t length = line->type == TYPE_AAAA ? 16 : 4;
	if (line->target) {
		assert_int_equal(dname_from_text(line->target, &target), ERR_NONE);
		length = target.length + extra;
	}
	put_name(packet, line->owner);
	packet_put_u16(packet, line->type);
	packet_put_u16(packet, CLASS_IN);
	packet_put_u16(packet, 0);
	packet_put_u16(packet, 60);
	packet_put_u16(packet, (uint16_t)length);
	if (line->type == TYPE_SRV)
		packet_put(packet, rest, extra);
	if (line->target)
		packet_put(packet, target.bytes, target.length);
	else
		packet_put(packet, address, length);
	if (line->type == TYPE_SOA)
		packet_put(packet, rest, extra);
	packet_add_count(packet, line->section);
}

/* Each line of the message is left or taken out as it says. */
static void check_lines(
	const char *question, uint16_t type, const struct line *lines, size_t count)
{
	static struct packet packet;
	static uint8_t cleaned[DNS_MESSAGE_MAX];
	struct reply_facts facts;
	struct records records;
	struct record record;
	struct dname name;
	size_t next = 0;
	packet_init(&packet, 1, DNS_FLAG_QR);
	packet_put_question(&packet, question, type);
	packet_set_count(&packet, PACKET_QUESTIONS, 1);
	for (size_t i = 0; i < count; i++)
		put_line(&packet, &lines[i]);
	assert_int_equal(dname_from_text(question, &name), ERR_NONE);
	dname_lower(name.bytes, name.bytes, name.length);
	assert_int_equal(
		reply_examine(packet.bytes, packet.length, &name, 0, cleaned, &facts),
		ERR_NONE);
	assert_int_equal(records_init(&records, facts.message, facts.length), ERR_NONE);
	while (records_next(&records, &record)) {
		struct dname owner, expected;
		while (next < count && !lines[next].belongs)
			next++;
		assert_true(next < count);
		assert_int_equal(
			records_read_name(&records, record.at, &owner), ERR_NONE);
		assert_int_equal(dname_from_text(lines[next].owner, &expected), ERR_NONE);
		/* Compression borrows the spelling of names further up. */
		dname_lower(owner.bytes, owner.bytes, owner.length);
		dname_lower(expected.bytes, expected.bytes, expected.length);
		assert_true(dname_equal(&owner, &expected));
		assert_int_equal(record.type, lines[next].type);
		next++;
	}
	assert_false(records.is_bad);
	for (; next < count; next++)
		assert_false(lines[next].belongs);
}

static void answers_are_those_of_the_chain(void **state)
{
	static const struct line lines[] = {
		{PACKET_ANSWERS, "b.test", TYPE_A, NULL, true},
		{PACKET_ANSWERS, "bank.example", TYPE_A, NULL, false},
		{PACKET_ANSWERS, "www.TEST", TYPE_CNAME, "a.test", true},
		{PACKET_ANSWERS, "a.test", TYPE_CNAME, "b.test", true},
		{PACKET_ANSWERS, "b.test", TYPE_AAAA, NULL, false},
		{PACKET_ANSWERS, "c.test", TYPE_CNAME, "bank.example", false},
	};
	(void)state;
	check_lines("www.TEST", TYPE_A, lines, COUNT(lines));
}

static void a_circle_of_aliases_ends(void **state)
{
	static const struct line lines[] = {
		{PACKET_ANSWERS, "www.test", TYPE_CNAME, "a.test", true},
		{PACKET_ANSWERS, "a.test", TYPE_CNAME, "www.test", true},
	};
	(void)state;
	check_lines("www.test", TYPE_A, lines, COUNT(lines));
}

static void authorities_are_zones_above_the_question(void **state)
{
	static const struct line lines[] = {
		{PACKET_AUTHORITIES, "test", TYPE_SOA, "ns.test", true},
		{PACKET_AUTHORITIES, "example", TYPE_SOA, "ns.example", false},
		{PACKET_AUTHORITIES, "www.test", TYPE_A, NULL, false},
		{PACKET_AUTHORITIES, "sub.www.test", TYPE_NS, "ns.test", false},
		{PACKET_ADDITIONALS, "ns.test", TYPE_A, NULL, true},
		{PACKET_ADDITIONALS, "ns.example", TYPE_A, NULL, false},
		{PACKET_ADDITIONALS, "ns.test", TYPE_TXT, NULL, false},
	};
	(void)state;
	check_lines("www.test", TYPE_A, lines, COUNT(lines));
}

static void the_root_vouches_for_nobody(void **state)
{
	static const struct line lines[] = {
		{PACKET_AUTHORITIES, ".", TYPE_NS, "bank.example", true},
		{PACKET_ADDITIONALS, "bank.example", TYPE_A, NULL, false},
	};
	(void)state;
	check_lines("www.test", TYPE_A, lines, COUNT(lines));
}

static void targets_of_a_service_are_of_its_zone(void **state)
{
	static const struct line lines[] = {
		{PACKET_ANSWERS, "_a._tcp.x.test", TYPE_SRV, "dc.x.test", true},
		{PACKET_ADDITIONALS, "dc.x.test", TYPE_A, NULL, true},
		{PACKET_ADDITIONALS, "dc.y.test", TYPE_A, NULL, false},
	};
	(void)state;
	check_lines("_a._tcp.x.test", TYPE_SRV, lines, COUNT(lines));
}

static void only_the_question_itself_is_answered(void **state)
{
	struct packet packet;
	(void)state;
	packet_init(&packet, 1, DNS_FLAG_QR);
	packet_put_question(&packet, "wWw.test", TYPE_A);
	packet_set_count(&packet, PACKET_QUESTIONS, 1);
	const uint8_t *question = packet.bytes + DNS_HEADER_SIZE;
	size_t length = packet.length - DNS_HEADER_SIZE;
	assert_true(reply_answers(packet.bytes, packet.length, question, length));
	for (size_t i = 0; i < length; i++) {
		struct packet other = packet;
		other.bytes[DNS_HEADER_SIZE + i] ^= 0x20;
		assert_false(reply_answers(other.bytes, other.length, question, length));
		assert_false(reply_answers(
			packet.bytes, DNS_HEADER_SIZE + i, question, length));
	}
	packet.bytes[2] = 0;
	assert_false(reply_answers(packet.bytes, packet.length, question, length));
}

static bool refuses_edns(const struct packet *packet, size_t length)
{
	static struct packet asked;
	packet_init(&asked, 1, DNS_FLAG_RD);
	packet_put_question(&asked, "www.test", TYPE_A);
	return reply_refuses_edns(packet->bytes, length, asked.bytes + DNS_HEADER_SIZE,
		asked.length - DNS_HEADER_SIZE);
}

static void only_an_error_without_edns_refuses_it(void **state)
{
	static struct packet packet;
	(void)state;
	packet_init(&packet, 1, DNS_FLAG_QR | RCODE_FORMERR);
	assert_true(refuses_edns(&packet, packet.length));
	assert_false(refuses_edns(&packet, packet.length - 1));
	packet_put_question(&packet, "www.test", TYPE_A);
	packet_set_count(&packet, PACKET_QUESTIONS, 0);
	assert_false(refuses_edns(&packet, packet.length));
	packet_set_count(&packet, PACKET_QUESTIONS, 1);
	assert_true(refuses_edns(&packet, packet.length));
	packet.bytes[DNS_HEADER_SIZE + 1] ^= 0x20;
	assert_false(refuses_edns(&packet, packet.length));
	packet.bytes[DNS_HEADER_SIZE + 1] ^= 0x20;
	packet.bytes[3] = RCODE_SERVFAIL;
	assert_false(refuses_edns(&packet, packet.length));
	packet.bytes[3] = RCODE_NOTIMP;
	assert_true(refuses_edns(&packet, packet.length));
	packet_put_opt(&packet, 1232, 0, 0);
	packet_set_count(&packet, PACKET_ADDITIONALS, 1);
	assert_false(refuses_edns(&packet, packet.length));
	packet_init(&packet, 1, RCODE_FORMERR);
	assert_false(refuses_edns(&packet, packet.length));
}

static void addresses_have_their_length(void **state)
{
	static const uint8_t address[3] = {192, 0, 2};
	static uint8_t cleaned[DNS_MESSAGE_MAX];
	struct packet packet;
	struct reply_facts facts;
	struct dname name;
	(void)state;
	packet_init(&packet, 1, DNS_FLAG_QR);
	packet_put_question(&packet, "www.test", TYPE_A);
	packet_set_count(&packet, PACKET_QUESTIONS, 1);
	put_name(&packet, "www.test");
	packet_put_u16(&packet, TYPE_A);
	packet_put_u16(&packet, CLASS_IN);
	packet_put(&packet, "\0\0\0\0\0\3", 6);
	packet_put(&packet, address, sizeof(address));
	packet_set_count(&packet, PACKET_ANSWERS, 1);
	assert_int_equal(dname_from_text("www.test", &name), ERR_NONE);
	assert_int_equal(
		reply_examine(packet.bytes, packet.length, &name, 0, cleaned, &facts),
		ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_those_of_the_chain),
		cmocka_unit_test(a_circle_of_aliases_ends),
		cmocka_unit_test(authorities_are_zones_above_the_question),
		cmocka_unit_test(the_root_vouches_for_nobody),
		cmocka_unit_test(targets_of_a_service_are_of_its_zone),
		cmocka_unit_test(only_the_question_itself_is_answered),
		cmocka_unit_test(only_an_error_without_edns_refuses_it),
		cmocka_unit_test(addresses_have_their_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
