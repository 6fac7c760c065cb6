/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/request.h"
#include "tests/support/packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Octets behind the header, the literal's NUL left off. */
#define OCTETS(literal) literal, sizeof(literal) - 1

#define LABEL_63                                                                         \
	"\x3f"                                                                           \
	"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define A_IN     "\0\1\0\1"
#define QUESTION "\3web\0" A_IN
/* Owner, type 41, size 1232, extended rcode and version, flags; RDLENGTH follows. */
#define OPT_HEAD "\0\0\51\4\xd0\0\0\0\0"
#define OPT      OPT_HEAD "\0\0"
#define A_RECORD "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\12\0\0\1"
#define SOA      "\xc0\x0c\0\6\0\1\0\0\0\0\0\26\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static const struct hash_key key = {1, 2};

/* The message in memory of just its size, so that a sanitizer sees reads beyond it. */
static enum request_verdict parse(
	struct request *request, const uint8_t *message, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	assert_non_null(copy);
	memcpy(copy, message, length);
	memset(request, 0xa5, sizeof(*request));
	enum request_verdict verdict = request_parse(request, copy, length, &key);
	free(copy);
	return verdict;
}

struct shape {
	const char *what;
	const char *octets;
	size_t length;
	uint16_t counts[4];
	enum request_verdict verdict;
	uint16_t question_length;
};

static void check_shape(const struct shape *shape)
{
	struct packet packet;
	struct request request;
	packet_init(&packet, 0xbeef, DNS_FLAG_RD);
	for (int i = 0; i < 4; i++)
		packet_set_count(&packet, PACKET_QUESTIONS + 2 * i, shape->counts[i]);
	packet_put(&packet, shape->octets, shape->length);
	enum request_verdict verdict = parse(&request, packet.bytes, packet.length);
	if (verdict != shape->verdict)
		fail_msg("%s: verdict %d, expected %d", shape->what, verdict,
			shape->verdict);
	if (request.question_length != shape->question_length)
		fail_msg("%s: question of %u octets, expected %u", shape->what,
			request.question_length, shape->question_length);
	assert_int_equal(request.id, 0xbeef);
	assert_int_equal(request.flags, DNS_FLAG_RD);
}

/* RFC 9267: what has brought other parsers down. */
static void a_malformed_question_is_a_format_error(void **state)
{
	(void)state;
	static const struct shape shapes[] = {
		{"nothing at all", OCTETS(""), {1}, REQUEST_FORMERR, 0},
		{"a pointer to itself", OCTETS("\xc0\x0c" A_IN), {1}, REQUEST_FORMERR, 0},
		{"a pointer to the header", OCTETS("\xc0\0" A_IN), {1}, REQUEST_FORMERR,
			0},
		{"a pointer forwards", OCTETS("\xc0\x12" A_IN "\3web\0"), {1},
			REQUEST_FORMERR, 0},
		{"a pointer beyond the end", OCTETS("\xff\xff" A_IN), {1},
			REQUEST_FORMERR, 0},
		{"two pointers in a loop", OCTETS("\xc0\x0e\xc0\x0c" A_IN), {1},
			REQUEST_FORMERR, 0},
		{"a label, then a pointer to it", OCTETS("\3web\xc0\x0c" A_IN), {1},
			REQUEST_FORMERR, 0},
		{"half a pointer", OCTETS("\xc0"), {1}, REQUEST_FORMERR, 0},
		{"label type 01", OCTETS("\x41\1" A_IN), {1}, REQUEST_FORMERR, 0},
		{"label type 10", OCTETS("\x80\1" A_IN), {1}, REQUEST_FORMERR, 0},
		{"a label of 64", OCTETS("\x40" LABEL_63 "\0" A_IN), {1}, REQUEST_FORMERR,
			0},
		{"a label beyond the end", OCTETS("\x3fweb"), {1}, REQUEST_FORMERR, 0},
		{"a label up to the end", OCTETS("\3web"), {1}, REQUEST_FORMERR, 0},
		{"no root", OCTETS("\3web\3net"), {1}, REQUEST_FORMERR, 0},
		{"no type", OCTETS("\3web\0"), {1}, REQUEST_FORMERR, 0},
		{"half a type", OCTETS("\3web\0\0"), {1}, REQUEST_FORMERR, 0},
		{"no class", OCTETS("\3web\0\0\1"), {1}, REQUEST_FORMERR, 0},
		{"half a class", OCTETS("\3web\0\0\1\0"), {1}, REQUEST_FORMERR, 0},
		{"256 octets",
			OCTETS(LABEL_63 LABEL_63 LABEL_63
				"\x3e"
				"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrst"
				"uvwxyz\0" A_IN),
			{1}, REQUEST_FORMERR, 0},
		{"300 octets",
			OCTETS(LABEL_63 LABEL_63 LABEL_63 LABEL_63 LABEL_63 "\0" A_IN),
			{1}, REQUEST_FORMERR, 0},
		{"no question", OCTETS(""), {0}, REQUEST_FORMERR, 0},
		{"no question but an OPT", OCTETS(OPT), {0, 0, 0, 1}, REQUEST_FORMERR, 0},
		{"a question not counted", OCTETS(QUESTION), {0}, REQUEST_FORMERR, 0},
		{"two questions", OCTETS(QUESTION QUESTION), {2}, REQUEST_FORMERR, 0},
		{"65535 questions", OCTETS(QUESTION), {65535}, REQUEST_FORMERR, 0},
	};
	for (size_t i = 0; i < COUNT(shapes); i++)
		check_shape(&shapes[i]);
}

/* The question was read, and comes back in the reply. */
static void malformed_records_are_a_format_error(void **state)
{
	(void)state;
	static const struct shape shapes[] = {
		{"an answer too few", OCTETS(QUESTION), {1, 1}, REQUEST_FORMERR, 9},
		{"an authority too few", OCTETS(QUESTION), {1, 0, 1}, REQUEST_FORMERR, 9},
		{"an additional too few", OCTETS(QUESTION OPT), {1, 0, 0, 2},
			REQUEST_FORMERR, 9},
		{"two answers", OCTETS(QUESTION A_RECORD A_RECORD), {1, 2},
			REQUEST_FORMERR, 9},
		{"two authorities", OCTETS(QUESTION SOA SOA), {1, 0, 2}, REQUEST_FORMERR,
			9},
		{"three additionals", OCTETS(QUESTION A_RECORD A_RECORD OPT),
			{1, 0, 0, 3}, REQUEST_FORMERR, 9},
		{"65535 of each", OCTETS(QUESTION OPT), {1, 65535, 65535, 65535},
			REQUEST_FORMERR, 9},
		{"rdata beyond the end", OCTETS(QUESTION "\0\0\1\0\1\0\0\0\5\0\4\12\0\0"),
			{1, 0, 0, 1}, REQUEST_FORMERR, 9},
		{"rdata of 65535 octets",
			OCTETS(QUESTION "\0\0\1\0\1\0\0\0\5\xff\xff\12\0\0"),
			{1, 0, 0, 1}, REQUEST_FORMERR, 9},
		{"an owner beyond the end", OCTETS(QUESTION "\x3fweb"), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
		{"an owner with label type 01", OCTETS(QUESTION "\x41\1\0\1\0\1"),
			{1, 0, 0, 1}, REQUEST_FORMERR, 9},
		{"an owner with half a pointer", OCTETS(QUESTION "\xc0"), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
		{"an OPT as answer", OCTETS(QUESTION OPT), {1, 1}, REQUEST_FORMERR, 9},
		{"an OPT as authority", OCTETS(QUESTION OPT), {1, 0, 1}, REQUEST_FORMERR,
			9},
		{"two OPTs", OCTETS(QUESTION OPT OPT), {1, 0, 0, 2}, REQUEST_FORMERR, 9},
		{"an OPT with a name", OCTETS(QUESTION "\1x\0\0\51\4\xd0\0\0\0\0\0\0"),
			{1, 0, 0, 1}, REQUEST_FORMERR, 9},
		{"an OPT with a pointer for a name",
			OCTETS(QUESTION "\xc0\x10\0\51\4\xd0\0\0\0\0\0\0"), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
		{"an OPT without rdata length", OCTETS(QUESTION OPT_HEAD), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
		{"half an option", OCTETS(QUESTION OPT_HEAD "\0\3\0\12\0"), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
		{"one octet of an option", OCTETS(QUESTION OPT_HEAD "\0\1\0"),
			{1, 0, 0, 1}, REQUEST_FORMERR, 9},
		{"an option beyond the OPT, inside the message",
			OCTETS(QUESTION OPT_HEAD "\0\4\0\12\0\1" A_RECORD), {1, 0, 0, 2},
			REQUEST_FORMERR, 9},
		{"an option of 65535 octets",
			OCTETS(QUESTION OPT_HEAD "\0\5\0\12\xff\xff\0"), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
		{"octets behind the last option",
			OCTETS(QUESTION OPT_HEAD "\0\7\0\12\0\2ab\0"), {1, 0, 0, 1},
			REQUEST_FORMERR, 9},
	};
	for (size_t i = 0; i < COUNT(shapes); i++)
		check_shape(&shapes[i]);
}

static void sound_requests_are_read(void **state)
{
	(void)state;
	static const struct shape shapes[] = {
		{"a question", OCTETS(QUESTION), {1}, REQUEST_OK, 9},
		{"the root", OCTETS("\0" A_IN), {1}, REQUEST_OK, 5},
		{"255 octets",
			OCTETS(LABEL_63 LABEL_63 LABEL_63
				"\x3d"
				"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrst"
				"uvwxy\0" A_IN),
			{1}, REQUEST_OK, 259},
		{"with OPT", OCTETS(QUESTION OPT), {1, 0, 0, 1}, REQUEST_OK, 9},
		{"with options",
			OCTETS(QUESTION OPT_HEAD "\0\14\0\12\0\4abcd\xff\xfe\0\0"),
			{1, 0, 0, 1}, REQUEST_OK, 9},
		{"IXFR with its SOA", OCTETS("\3web\0\0\xfb\0\1" SOA), {1, 0, 1},
			REQUEST_OK, 9},
		{"OPT and TSIG", OCTETS(QUESTION OPT "\1k\0\0\xfa\0\xff\0\0\0\0\0\2ab"),
			{1, 0, 0, 2}, REQUEST_OK, 9},
		{"a TSIG alone", OCTETS(QUESTION "\1k\0\0\xfa\0\xff\0\0\0\0\0\2ab"),
			{1, 0, 0, 1}, REQUEST_OK, 9},
		{"an owner that points at itself, stepped over",
			OCTETS(QUESTION "\xc0\x15\0\1\0\1\0\0\0\0\0\0"), {1, 0, 0, 1},
			REQUEST_OK, 9},
		{"octets behind the message", OCTETS(QUESTION "garbage"), {1}, REQUEST_OK,
			9},
		{"a record that is not counted", OCTETS(QUESTION OPT), {1}, REQUEST_OK,
			9},
		{"version 1", OCTETS(QUESTION "\0\0\51\4\xd0\0\1\0\0\0\0"), {1, 0, 0, 1},
			REQUEST_BADVERS, 9},
		{"version 255", OCTETS(QUESTION "\0\0\51\4\xd0\0\xff\0\0\0\0"),
			{1, 0, 0, 1}, REQUEST_BADVERS, 9},
		/* What the options of a later version look like is not ours to say. */
		{"version 1 with odd options",
			OCTETS(QUESTION "\0\0\51\4\xd0\0\1\0\0\0\3abc"), {1, 0, 0, 1},
			REQUEST_BADVERS, 9},
	};
	for (size_t i = 0; i < COUNT(shapes); i++)
		check_shape(&shapes[i]);
}

static void a_request_cut_at_any_octet_is_refused(void **state)
{
	(void)state;
	struct packet packet;
	struct request request;
	packet_init(&packet, 1, 0);
	packet_put_question(&packet, "web.default.svc.cluster.local", TYPE_A);
	packet_put_opt(&packet, 1232, 0, 0);
	assert_int_equal(parse(&request, packet.bytes, packet.length), REQUEST_OK);
	size_t question = packet.length - DNS_HEADER_SIZE - EDNS_OPT_SIZE;
	for (size_t length = 0; length < packet.length; length++) {
		enum request_verdict verdict = parse(&request, packet.bytes, length);
		assert_int_equal(verdict,
			length < DNS_HEADER_SIZE ? REQUEST_DROP : REQUEST_FORMERR);
		if (verdict == REQUEST_DROP)
			continue;
		bool has_question = length >= DNS_HEADER_SIZE + question;
		assert_int_equal(request.question_length, has_question ? question : 0);
		assert_false(request.edns.is_present);
	}
}

static void a_message_over_65535_octets_is_dropped(void **state)
{
	(void)state;
	struct request request;
	uint8_t *message = calloc(1, DNS_MESSAGE_MAX + 1);
	assert_non_null(message);
	memcpy(message, "\0\1\0\0\0\1\0\0\0\0\0\0" QUESTION, 21);
	assert_int_equal(parse(&request, message, DNS_MESSAGE_MAX), REQUEST_OK);
	assert_int_equal(parse(&request, message, DNS_MESSAGE_MAX + 1), REQUEST_DROP);
	free(message);
}

static void replies_are_dropped_and_other_opcodes_are_not_implemented(void **state)
{
	(void)state;
	struct packet packet;
	struct request request;
	for (unsigned opcode = 0; opcode < 16; opcode++) {
		packet_init(&packet, 7, (uint16_t)(opcode << DNS_OPCODE_SHIFT));
		packet_put_question(&packet, "web", TYPE_A);
		assert_int_equal(parse(&request, packet.bytes, packet.length),
			opcode ? REQUEST_NOTIMP : REQUEST_OK);
		assert_int_equal(request.id, 7);
		/* An update has sections of another kind: none of it is read. */
		packet.length = DNS_HEADER_SIZE;
		assert_int_equal(parse(&request, packet.bytes, packet.length),
			opcode ? REQUEST_NOTIMP : REQUEST_FORMERR);
		assert_int_equal(request.question_length, 0);
		packet.bytes[2] |= 0x80;
		assert_int_equal(
			parse(&request, packet.bytes, packet.length), REQUEST_DROP);
	}
}

static void the_question_is_lowered_hashed_and_counted(void **state)
{
	(void)state;
	struct packet packet;
	struct request request;
	struct dname lower;
	packet_init(&packet, 7, 0);
	packet_put_question(&packet, "WeB.DeFaUlT.sVc.[\\].cLuStEr.LoCaL", TYPE_SRV);
	octets_put_u16(packet.bytes + packet.length - 2, CLASS_CH);
	assert_int_equal(
		dname_from_text("web.default.svc.[\\].cluster.local", &lower), ERR_NONE);
	assert_int_equal(
		request_parse(&request, packet.bytes, packet.length, &key), REQUEST_OK);
	assert_true(dname_equal(&request.name, &lower));
	assert_int_equal(request.label_count, 6);
	assert_true(request.hash == hash_bytes(&key, lower.bytes, lower.length));
	assert_int_equal(request.qtype, TYPE_SRV);
	assert_int_equal(request.qclass, CLASS_CH);
	assert_ptr_equal(request.message, packet.bytes);
	assert_int_equal(request.length, packet.length);
	assert_false(request.edns.is_present);
}

static void the_opt_says_size_and_do(void **state)
{
	(void)state;
	static const struct {
		uint16_t sent, flags, size;
		bool has_do;
	} cases[] = {
		{0, 0, 512, false},
		{1, 0x8000, 512, true},
		{511, 0x7fff, 512, false},
		{512, 0, 512, false},
		{1232, 0x8000, 1232, true},
		{4096, 0xffff, 4096, true},
		{65535, 0, 65535, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct packet packet;
		struct request request;
		packet_init(&packet, 7, 0);
		packet_put_question(&packet, "web", TYPE_A);
		/* The extended rcode of a request means nothing. */
		packet_put_opt(&packet, cases[i].sent, 0xff00, cases[i].flags);
		assert_int_equal(
			parse(&request, packet.bytes, packet.length), REQUEST_OK);
		assert_true(request.edns.is_present);
		assert_int_equal(request.edns.version, 0);
		assert_int_equal(request.edns.udp_size, cases[i].size);
		assert_int_equal(request.edns.has_do, cases[i].has_do);
	}
}

/* Whatever a message says, reading it ends, and inside the message. */
static void no_single_octet_brings_the_reader_down(void **state)
{
	(void)state;
	struct packet packet;
	struct request request;
	packet_init(&packet, 7, 0);
	packet_put_question(&packet, "web.default.svc", TYPE_A);
	packet_put(&packet, "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\12\0\0\1", 16);
	packet_put_opt(&packet, 1232, 0, 0);
	packet_set_count(&packet, PACKET_ADDITIONALS, 2);
	for (size_t i = 0; i < packet.length; i++) {
		uint8_t kept = packet.bytes[i];
		for (unsigned octet = 0; octet < 256; octet++) {
			packet.bytes[i] = (uint8_t)octet;
			if (parse(&request, packet.bytes, packet.length) != REQUEST_OK)
				continue;
			assert_int_equal(dname_length(request.name.bytes),
				request.question_length - 4);
		}
		packet.bytes[i] = kept;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_malformed_question_is_a_format_error),
		cmocka_unit_test(malformed_records_are_a_format_error),
		cmocka_unit_test(sound_requests_are_read),
		cmocka_unit_test(a_request_cut_at_any_octet_is_refused),
		cmocka_unit_test(a_message_over_65535_octets_is_dropped),
		cmocka_unit_test(
			replies_are_dropped_and_other_opcodes_are_not_implemented),
		cmocka_unit_test(the_question_is_lowered_hashed_and_counted),
		cmocka_unit_test(the_opt_says_size_and_do),
		cmocka_unit_test(no_single_octet_brings_the_reader_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
