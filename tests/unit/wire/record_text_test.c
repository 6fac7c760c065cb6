/* SPDX-License-Identifier: Apache-2.0 */
/* Records as text: what is read is what ldns reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>
#include <string.h>

#include "server/wire/message.h"
#include "server/wire/octets.h"
#include "server/wire/record_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The record on the wire, names uncompressed. */
static size_t put_wire(const struct record_text *record, uint8_t *out)
{
	uint8_t *at = out + record->owner.length;
	memcpy(out, record->owner.bytes, record->owner.length);
	octets_put_u16(at, record->type);
	octets_put_u16(at + 2, record->class);
	octets_put_u32(at + 4, record->ttl_s);
	octets_put_u16(at + 8, record->length);
	memcpy(at + 10, record->rdata, record->length);
	return (size_t)(at + 10 + record->length - out);
}

static void assert_as_ldns(const char *text)
{
	static struct record_text record;
	struct record_text_problem problem = {"", 0};
	uint8_t wire[8192], *judged;
	size_t judged_length;
	if (record_text_parse(text, &record, &problem))
		fail_msg("\"%s\": %s at %zu", text, problem.text, problem.offset);
	ldns_rr *rr = NULL;
	ldns_status status = ldns_rr_new_frm_str(&rr, text, 3600, NULL, NULL);
	if (status)
		fail_msg("\"%s\": ldns says %s", text, ldns_get_errorstr_by_id(status));
	assert_int_equal(ldns_rr2wire(&judged, rr, LDNS_SECTION_ANSWER, &judged_length),
		LDNS_STATUS_OK);
	size_t length = put_wire(&record, wire);
	assert_int_equal(length, judged_length);
	assert_memory_equal(wire, judged, length);
	LDNS_FREE(judged);
	ldns_rr_free(rr);
}

static void records_are_read_as_ldns_reads_them(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"www.example.org. 60 IN A 192.0.2.1",
		"WWW.example.org. 60 A 192.0.2.1",
		"www.example.org. A 192.0.2.1",
		"www.example.org. 1h30m CH A 192.0.2.1",
		"www.example.org. 60 IN AAAA 2001:db8::1",
		"example.org. 60 IN NS ns1.example.org.",
		"example.org. 60 IN CNAME a\\.b.example.org.",
		"1.0.0.10.in-addr.arpa. 60 IN PTR \\119ww.example.org.",
		"example.org. 60 IN DNAME example.net.",
		"example.org. 60 IN MX 10 mail.example.org.",
		"example.org. 60 IN TXT \"one two\" three \"\" \"a\\\"b\" \"\\200;\"",
		"_a._tcp.example.org. 60 IN SRV 1 2 65535 www.example.org.",
		"example.org. 3600 IN SOA ns1.example.org. a. (4294967295 60 2m 1d 1w)",
		"example.org. 60 IN HINFO \"PC Intel\" Linux",
		"example.org. 60 IN NAPTR 100 50 \"s\" \"http+N2L\" \"\" www.a.org.",
		"example.org. 60 IN RP a.example.org. b.example.org.",
		"example.org. 60 IN AFSDB 1 a.example.org.",
		"example.org. 60 IN KX 1 a.example.org.",
		"example.org. 60 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD",
		"example.org. 60 IN SSHFP 2 1 123456789abcdef67890123456789abc",
		"example.org. 60 IN TLSA 3 1 1 0b9fa5a59eed715c26c1020c711b4f6e",
		"example.org. 60 IN CAA 0 issue \"ca.example.org\"",
		"example.org. 60 IN TYPE65280 \\# 4 0a0b0C0D",
		". 60 IN A 192.0.2.1",
	};
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_as_ldns(texts[i]);
}

/* ldns takes no class in front of a TTL. */
static void ttl_and_class_come_in_either_order(void **state)
{
	(void)state;
	static struct record_text record;
	struct record_text_problem problem;
	assert_int_equal(record_text_parse("a. CH 1m30s A 192.0.2.1 ; that is all",
				 &record, &problem),
		ERR_NONE);
	assert_int_equal(record.ttl_s, 90);
	assert_int_equal(record.class, CLASS_CH);
}

static void what_is_wrong_is_said_where_it_stands(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t offset;
		const char *problem;
	} cases[] = {
		{"", 0, "expected the owner's name"},
		{"a..b A 192.0.2.1", 0, "is not a name"},
		{"example.", 8, "expected a type"},
		{"example. 60 IN", 14, "expected a type"},
		{"example. B", 9, "is neither a TTL nor a class nor a type of records"},
		{"example. ANY", 9, "is neither a TTL nor a class nor a type of records"},
		{"example. ANY A 192.0.2.1", 9,
			"is neither a TTL nor a class nor a type of records"},
		{"example. 4294967296 A 192.0.2.1", 9,
			"is neither a TTL nor a class nor a type of records"},
		{"example. A", 10, "expected an address"},
		{"example. A 2001:db8::1", 11, "is not an IPv4 address"},
		{"example. AAAA 192.0.2.1", 14, "is not an IPv6 address"},
		{"example. A 192.0.2.1 x", 21, "expected the end of the record"},
		{"example. MX 65536 a.", 12, "is not a number that fits here"},
		{"example. MX 1 a..b", 14, "is not a name"},
		{"example. TXT", 12, "expected a text"},
		{"example. TXT \"open", 13, "expected a quote at its end"},
		{"example. TXT \\300", 13, "has an escape that is neither \\DDD nor \\X"},
		{"example. DS 1 2 3 abc", 18, "expected pairs of hexadecimal digits"},
		{"example. TYPE65280 \\# 5 01020304", 32,
			"the record has another length"},
		{"example. SVCB 1 .", 14,
			"records of this type must be written as \\# LENGTH HEX (RFC "
			"3597)"},
		{"( example. A 192.0.2.1", 22, "expected a \")\""},
		{"example. A 192.0.2.1\nexample. A 192.0.2.1", 20,
			"expected one record alone"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		static struct record_text record;
		struct record_text_problem problem = {"", 0};
		assert_int_equal(
			record_text_parse(cases[i].text, &record, &problem), ERR_SYNTAX);
		assert_string_equal(problem.text, cases[i].problem);
		assert_int_equal(problem.offset, cases[i].offset);
	}
}

static void what_is_too_long_is_refused(void **state)
{
	(void)state;
	static char text[20000];
	static struct record_text record;
	struct record_text_problem problem;
	strcpy(text, "example. TXT ");
	for (unsigned i = 0; i < 15; i++) {
		size_t length = strlen(text);
		memset(text + length, 'x', 255);
		strcpy(text + length + 255, " ");
	}
	assert_int_equal(record_text_parse(text, &record, &problem), ERR_NONE);
	assert_int_equal(record.length, 15 * 256);
	memset(text + strlen(text), 'y', 256);
	assert_int_equal(record_text_parse(text, &record, &problem), ERR_SYNTAX);
	assert_string_equal(problem.text, "is longer than 255 octets");
	strcpy(text + 13 + 15 * 256, "\"");
	memset(text + 14 + 15 * 256, 'z', 2000);
	strcpy(text + 14 + 15 * 256 + 2000, "\"");
	assert_int_equal(record_text_parse(text, &record, &problem), ERR_SYNTAX);
	assert_string_equal(problem.text, "is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_ldns_reads_them),
		cmocka_unit_test(ttl_and_class_come_in_either_order),
		cmocka_unit_test(what_is_wrong_is_said_where_it_stands),
		cmocka_unit_test(what_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
