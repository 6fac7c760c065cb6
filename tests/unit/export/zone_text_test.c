/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "zones/export/zone_text.h"

enum { A = 1, CNAME = 5, SOA = 6, PTR = 12, TXT = 16, AAAA = 28, SRV = 33, OPT = 41 };

struct packet {
	uint8_t bytes[2048];
	size_t length;
};

static void put(struct packet *packet, const void *data, size_t length)
{
	assert_true(packet->length + length <= sizeof(packet->bytes));
	memcpy(packet->bytes + packet->length, data, length);
	packet->length += length;
}

static void put_u16(struct packet *packet, unsigned value)
{
	put(packet, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_u32(struct packet *packet, uint32_t value)
{
	put_u16(packet, value >> 16);
	put_u16(packet, value & 0xffff);
}

/* "a.b" as labels; no escapes. "" is the root. */
static void put_name(struct packet *packet, const char *name)
{
	while (*name) {
		uint8_t length = (uint8_t)strcspn(name, ".");
		put(packet, &length, 1);
		put(packet, name, length);
		name += length + (name[length] == '.');
	}
	put(packet, "", 1);
}

static void put_header(struct packet *packet, unsigned flags, const unsigned *counts)
{
	packet->length = 0;
	put_u16(packet, 4711);
	put_u16(packet, flags);
	for (int i = 0; i < 4; i++)
		put_u16(packet, counts[i]);
}

static void put_question(struct packet *packet, const char *name, unsigned type)
{
	put_name(packet, name);
	put_u16(packet, type);
	put_u16(packet, 1);
}

/* Returns where the length of the data stands, for end_record. */
static size_t begin_record(
	struct packet *packet, const char *owner, unsigned type, uint32_t ttl)
{
	put_name(packet, owner);
	put_u16(packet, type);
	put_u16(packet, 1);
	put_u32(packet, ttl);
	put_u16(packet, 0);
	return packet->length;
}

static void end_record(struct packet *packet, size_t begin)
{
	size_t length = packet->length - begin;
	packet->bytes[begin - 2] = (uint8_t)(length >> 8);
	packet->bytes[begin - 1] = (uint8_t)length;
}

static void put_record(struct packet *packet, const char *owner, unsigned type,
	uint32_t ttl, const char *data, size_t length)
{
	size_t begin = begin_record(packet, owner, type, ttl);
	put(packet, data, length);
	end_record(packet, begin);
}

static void put_target(struct packet *packet, const char *owner, unsigned type,
	const char *fixed, const char *target)
{
	size_t begin = begin_record(packet, owner, type, 30);
	put(packet, fixed, type == SRV ? 6 : 0);
	put_name(packet, target);
	end_record(packet, begin);
}

static void put_soa(struct packet *packet, const char *owner)
{
	size_t begin = begin_record(packet, owner, SOA, 5);
	put_name(packet, "ns.dns.cluster.local");
	put_name(packet, "hostmaster.cluster.local");
	static const uint32_t numbers[] = {1700000000, 7200, 1800, 86400, 5};
	for (size_t i = 0; i < 5; i++)
		put_u32(packet, numbers[i]);
	end_record(packet, begin);
}

/* An OPT with options of many kinds. */
static void put_opt(struct packet *packet)
{
	static const char options[] = "\0\12\0\10\1\2\3\4\5\6\7\x8f" /* COOKIE */
				      "\0\3\0\5node\7"               /* NSID */
				      "\0\17\0\6\0\22nope"           /* EDE 18 */
				      "\0\17\0\2\1\0"                /* EDE 256 */
				      "\0\17\0\1\0"                  /* EDE, too short */
				      "\375\351\0\0";                /* 65001 */
	put_name(packet, "");
	put_u16(packet, OPT);
	put_u16(packet, 1232);
	put_u32(packet, 0x8000);
	put_u16(packet, sizeof(options) - 1);
	put(packet, options, sizeof(options) - 1);
}

static void make_answer(struct packet *packet)
{
	static const unsigned counts[] = {1, 7, 1, 2};
	put_header(packet, 0x8580, counts);
	put_question(packet, "_http._tcp.web.default.svc.cluster.local", SRV);
	put_target(packet, "_http._tcp.web.default.svc.cluster.local", SRV, "\0\0\0d\0P",
		"web.default.svc.cluster.local");
	put_record(packet, "a.b", A, 5, "\12\0\0\1", 4);
	put_record(packet, "kubernetes.default.svc", AAAA, 30,
		"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	put_record(packet, "dns-version.cluster.local", TXT, 30,
		"\5"
		"1.1.0\6"
		"a\"b\\c\x80",
		13);
	put_record(packet, "x.y", 65280, 30, "\1\2", 2);
	put_target(packet, "1.0.0.10.in-addr.arpa", PTR, "", "a.b");
	put_target(packet, "we ird.Y", CNAME, "", "x.y");
	put_soa(packet, "cluster.local");
	put_record(packet, "web.default.svc.cluster.local", A, 30, "\12\0\0\1", 4);
	put_opt(packet);
}

typedef enum err (*writer)(const uint8_t *, size_t, FILE *);

/* The text, which the caller frees; NULL where it was refused. */
static char *text_of(writer write, const uint8_t *bytes, size_t length)
{
	/* Memory of exactly that size, so that a sanitizer sees what is read behind it.
	 */
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, bytes, length);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	enum err err = write(copy, length, out);
	fclose(out);
	free(copy);
	if (!err)
		return text;
	assert_int_equal(err, ERR_SYNTAX);
	assert_int_equal(size, 0);
	free(text);
	return NULL;
}

static void assert_text(writer write, const struct packet *packet, const char *expected)
{
	char *text = text_of(write, packet->bytes, packet->length);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void records_are_one_a_line_in_presentation_format(void **state)
{
	(void)state;
	struct packet packet;
	make_answer(&packet);
	assert_text(zone_text_write_records, &packet,
		"_http._tcp.web.default.svc.cluster.local.\t30\tIN\tSRV\t"
		"0 100 80 web.default.svc.cluster.local.\n"
		"a.b.\t5\tIN\tA\t10.0.0.1\n"
		"kubernetes.default.svc.\t30\tIN\tAAAA\tfd00::1\n"
		"dns-version.cluster.local.\t30\tIN\tTXT\t\"1.1.0\" "
		"\"a\\\"b\\\\c\\128\"\n"
		"x.y.\t30\tIN\tTYPE65280\t\\# 2 0102\n"
		"1.0.0.10.in-addr.arpa.\t30\tIN\tPTR\ta.b.\n"
		"we\\032ird.Y.\t30\tIN\tCNAME\tx.y.\n"
		"cluster.local.\t5\tIN\tSOA\tns.dns.cluster.local. "
		"hostmaster.cluster.local. 1700000000 7200 1800 86400 5\n"
		"web.default.svc.cluster.local.\t30\tIN\tA\t10.0.0.1\n");
}

static void a_message_looks_as_dig_prints_it(void **state)
{
	(void)state;
	struct packet packet;
	make_answer(&packet);
	assert_text(zone_text_write_message, &packet,
		";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 4711\n"
		";; flags: qr aa rd ra; QUERY: 1, ANSWER: 7, AUTHORITY: 1, ADDITIONAL: "
		"2\n"
		"\n"
		";; OPT PSEUDOSECTION:\n"
		"; EDNS: version: 0, flags: do; udp: 1232\n"
		"; COOKIE: 010203040506078f\n"
		"; NSID: 6e 6f 64 65 07 (\"node.\")\n"
		"; EDE: 18 (Prohibited): (nope)\n"
		"; EDE: 256\n"
		"; OPT=15: 00 (\".\")\n"
		"; OPT=65001\n"
		";; QUESTION SECTION:\n"
		";_http._tcp.web.default.svc.cluster.local. IN SRV\n"
		"\n"
		";; ANSWER SECTION:\n"
		"_http._tcp.web.default.svc.cluster.local. 30 IN\tSRV "
		"0 100 80 web.default.svc.cluster.local.\n"
		"a.b.\t\t\t5\tIN\tA\t10.0.0.1\n"
		"kubernetes.default.svc.\t30\tIN\tAAAA\tfd00::1\n"
		"dns-version.cluster.local. 30\tIN\tTXT\t\"1.1.0\" \"a\\\"b\\\\c\\128\"\n"
		"x.y.\t\t\t30\tIN\tTYPE65280 \\# 2 0102\n"
		"1.0.0.10.in-addr.arpa.\t30\tIN\tPTR\ta.b.\n"
		"we\\032ird.Y.\t\t30\tIN\tCNAME\tx.y.\n"
		"\n"
		";; AUTHORITY SECTION:\n"
		"cluster.local.\t\t5\tIN\tSOA\tns.dns.cluster.local. "
		"hostmaster.cluster.local. 1700000000 7200 1800 86400 5\n"
		"\n"
		";; ADDITIONAL SECTION:\n"
		"web.default.svc.cluster.local. 30 IN\tA\t10.0.0.1\n"
		"\n");
}

static void codes_and_flags_have_their_names(void **state)
{
	(void)state;
	static const struct {
		unsigned flags, rcode_high;
		const char *text;
	} cases[] = {
		{0x0000, 0, "opcode: QUERY, status: NOERROR, id: 4711\n;; flags:; QUERY"},
		{0x8603, 0,
			"opcode: QUERY, status: NXDOMAIN, id: 4711\n;; flags: qr aa tc;"},
		{0xa5b5, 0,
			"opcode: NOTIFY, status: REFUSED, id: 4711\n"
			";; flags: qr aa rd ra ad cd;"},
		{0x9800, 1,
			"opcode: RESERVED3, status: BADVERS, id: 4711\n;; flags: qr;"},
		{0x804c, 0, "status: RESERVED12, id: 4711\n;; flags: qr; MBZ: 0x4;"},
		{0x8007, 255, "status: RESERVED4087,"},
		{0x8007, 1, "status: BADCOOKIE,"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet packet;
		put_header(&packet, cases[i].flags, (unsigned[]){1, 0, 0, 1});
		put_question(&packet, "a", A);
		put_record(&packet, "", OPT, cases[i].rcode_high << 24 | 0x10001, "", 0);
		char *text =
			text_of(zone_text_write_message, packet.bytes, packet.length);
		assert_non_null(text);
		if (!strstr(text, cases[i].text))
			fail_msg("\"%s\" is not in \"%s\"", cases[i].text, text);
		assert_non_null(strstr(
			text, "; EDNS: version: 1, flags:; MBZ: 0x0001, udp: 1\n"));
		free(text);
	}
}

static void a_message_without_records_is_a_header(void **state)
{
	(void)state;
	struct packet packet;
	put_header(&packet, 0x8005, (unsigned[]){0, 0, 0, 0});
	assert_text(zone_text_write_records, &packet, "");
	assert_text(zone_text_write_message, &packet,
		";; ->>HEADER<<- opcode: QUERY, status: REFUSED, id: 4711\n"
		";; flags: qr; QUERY: 0, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0\n\n");
}

static void compressed_names_are_written_whole(void **state)
{
	(void)state;
	struct packet packet;
	put_header(&packet, 0x8400, (unsigned[]){1, 1, 0, 0});
	put_question(&packet, "web.svc", CNAME);
	put(&packet, "\xc0\x0c\0\5\0\1\0\0\0\5\0\4\1x\xc0\x10", 16);
	assert_text(zone_text_write_records, &packet, "web.svc.\t5\tIN\tCNAME\tx.svc.\n");
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct packet packet;
	make_answer(&packet);
	for (size_t length = 0; length < packet.length; length++) {
		assert_null(text_of(zone_text_write_message, packet.bytes, length));
		assert_null(text_of(zone_text_write_records, packet.bytes, length));
	}
}

static void bytes_that_are_no_message_are_refused(void **state)
{
	(void)state;
	struct packet packet;
	make_answer(&packet);
	put(&packet, "", 1);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));

	/* two OPT records */
	put_header(&packet, 0x8000, (unsigned[]){0, 0, 0, 2});
	put_record(&packet, "", OPT, 0, "", 0);
	put_record(&packet, "", OPT, 0, "", 0);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));

	/* an OPT among the answers, and one with an owner name */
	put_header(&packet, 0x8000, (unsigned[]){0, 1, 0, 0});
	put_record(&packet, "", OPT, 0, "", 0);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));
	put_header(&packet, 0x8000, (unsigned[]){0, 0, 0, 1});
	put_record(&packet, "a", OPT, 0, "", 0);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));

	/* an option longer than its OPT */
	put_header(&packet, 0x8000, (unsigned[]){0, 0, 0, 1});
	put_record(&packet, "", OPT, 0, "\0\12\0\2x", 5);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));

	/* an owner that points at itself */
	put_header(&packet, 0x8000, (unsigned[]){0, 1, 0, 0});
	put(&packet, "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\1\2\3\4", 16);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));

	/* an address of three bytes, and one of five */
	put_header(&packet, 0x8000, (unsigned[]){0, 1, 0, 0});
	put_record(&packet, "a", A, 5, "\1\2\3", 3);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));
	put_header(&packet, 0x8000, (unsigned[]){0, 1, 0, 0});
	put_record(&packet, "a", A, 5, "\1\2\3\4\5", 5);
	assert_null(text_of(zone_text_write_message, packet.bytes, packet.length));
}

static void damaged_messages_are_survived(void **state)
{
	(void)state;
	uint32_t random = 1;
	for (int round = 0; round < 3000; round++) {
		struct packet packet;
		make_answer(&packet);
		for (int i = 0; i < 1 + round % 5; i++) {
			random = random * 1664525 + 1013904223;
			size_t at = (random >> 8) % packet.length;
			packet.bytes[at] = (uint8_t)(random >> 3);
		}
		free(text_of(zone_text_write_message, packet.bytes, packet.length));
		free(text_of(zone_text_write_records, packet.bytes, packet.length));
	}
}

static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	struct packet packet;
	make_answer(&packet);
	FILE *out = fopen("/dev/full", "w");
	assert_non_null(out);
	assert_int_equal(
		zone_text_write_records(packet.bytes, packet.length, out), ERR_IO);
	fclose(out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_one_a_line_in_presentation_format),
		cmocka_unit_test(a_message_looks_as_dig_prints_it),
		cmocka_unit_test(codes_and_flags_have_their_names),
		cmocka_unit_test(a_message_without_records_is_a_header),
		cmocka_unit_test(compressed_names_are_written_whole),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(bytes_that_are_no_message_are_refused),
		cmocka_unit_test(damaged_messages_are_survived),
		cmocka_unit_test(a_full_disk_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
