/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/rdata.h"
#include "server/wire/records.h"
#include "tests/support/message.h"

/* The octets of the rdata as ldns has them, its names uncompressed. */
static size_t ldns_rdata(const ldns_rr *rr, uint8_t *out)
{
	size_t length = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		memcpy(out + length, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		length += ldns_rdf_size(rdf);
	}
	return length;
}

static void check_record(
	const struct records *records, const struct record *record, const ldns_rr *rr)
{
	struct dname owner;
	uint8_t expected[1024], rdata[RDATA_NAMES_MAX];
	const uint8_t *found = records->message + record->rdata;
	size_t length = record->length;
	assert_int_equal(records_read_name(records, record->at, &owner), ERR_NONE);
	assert_int_equal(owner.length, ldns_rdf_size(ldns_rr_owner(rr)));
	assert_memory_equal(owner.bytes, ldns_rdf_data(ldns_rr_owner(rr)), owner.length);
	assert_int_equal(record->type, ldns_rr_get_type(rr));
	assert_int_equal(record->ttl_s, ldns_rr_ttl(rr));
	assert_int_equal(
		octets_get_u32(records->message + record->rdata - 6), ldns_rr_ttl(rr));
	if (rdata_layout(record->type)) {
		length = records_read_rdata(records, record, rdata);
		found = rdata;
	}
	assert_int_equal(length, ldns_rdata(rr, expected));
	assert_memory_equal(found, expected, length);
}

static void every_record_is_read_as_ldns_reads_it(void **state)
{
	(void)state;
	static const char *const authority[] = {
		"example. 9 IN SOA ns.example. host.example. 1 2 3 4 5",
		"example. 9 IN NS ns.example.", NULL};
	struct message message;
	struct records records;
	struct record record;
	message_make(&message, "web.example.", message_all_types, authority);
	assert_int_equal(records_init(&records, message.bytes, message.length), ERR_NONE);
	assert_int_equal(records.question_length, 13 + 4);
	ldns_pkt *pkt = message_parse(message.bytes, message.length);
	assert_non_null(pkt);
	size_t answers = ldns_rr_list_rr_count(ldns_pkt_answer(pkt)), count = 0;
	for (; records_next(&records, &record); count++) {
		bool is_answer = count < answers;
		assert_int_equal(
			record.section, is_answer ? SECTION_ANSWER : SECTION_AUTHORITY);
		const ldns_rr_list *list =
			is_answer ? ldns_pkt_answer(pkt) : ldns_pkt_authority(pkt);
		check_record(&records, &record,
			ldns_rr_list_rr(list, is_answer ? count : count - answers));
	}
	assert_false(records.is_bad);
	assert_int_equal(count, answers + 2);
	assert_int_equal(records.at, message.length);
	ldns_pkt_free(pkt);
}

static void a_message_that_breaks_off_anywhere_is_bad(void **state)
{
	(void)state;
	struct message message;
	message_make(&message, "web.example.", message_all_types, NULL);
	for (size_t length = 0; length < message.length; length++) {
		/* Of its own size, so that a sanitizer sees what is read behind it. */
		uint8_t *cut = malloc(length + 1);
		assert_non_null(cut);
		memcpy(cut, message.bytes, length);
		struct records records;
		struct record record;
		bool is_bad = records_init(&records, cut, length) != ERR_NONE;
		while (!is_bad && records_next(&records, &record))
			;
		assert_true(is_bad || records.is_bad);
		free(cut);
	}
}

static void pointers_lead_backwards_only(void **state)
{
	(void)state;
	static const struct {
		const char *owner;
		size_t length;
		bool is_good;
	} cases[] = {
		{"\xc0\x0c", 2, true},     /* the question */
		{"\1x\xc0\x0c", 4, true},  /* a label in front of it */
		{"\xc0\x1d", 2, false},    /* itself: 12 + 13 + 4 */
		{"\1x\xc0\x1d", 4, false}, /* its own label */
		{"\xc0\x40", 2, false},    /* forwards */
		{"\xff\xff", 2, false},    /* behind the end */
		{"\xc0\x02", 2, false},    /* into the header */
		{"\x40x", 2, false},       /* a reserved label type */
		{"\x80x", 2, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message message;
		struct records records;
		struct record record;
		message_make(&message, "web.example.", NULL, NULL);
		uint8_t *at = message.bytes + message.length;
		memcpy(at, cases[i].owner, cases[i].length);
		memcpy(at + cases[i].length, "\0\1\0\1\0\0\0\5\0\4\1\2\3\4", 14);
		octets_put_u16(message.bytes + 6, 1);
		message.length += cases[i].length + 14;
		assert_int_equal(
			records_init(&records, message.bytes, message.length), ERR_NONE);
		assert_int_equal(records_next(&records, &record), cases[i].is_good);
		assert_int_equal(records.is_bad, !cases[i].is_good);
	}
}

static void rdata_that_its_names_overrun_is_malformed(void **state)
{
	(void)state;
	static const char *const answer[] = {"web.example. 5 IN MX 10 mail.test.", NULL};
	struct message message;
	struct records records;
	struct record record;
	uint8_t rdata[RDATA_NAMES_MAX];
	message_make(&message, "web.example.", answer, NULL);
	assert_int_equal(records_init(&records, message.bytes, message.length), ERR_NONE);
	assert_true(records_next(&records, &record));
	uint16_t length = record.length;
	assert_int_equal(records_read_rdata(&records, &record, rdata), length);
	for (record.length = 0; record.length < length; record.length++)
		assert_int_equal(records_read_rdata(&records, &record, rdata), 0);
}

static void two_questions_are_no_message_of_ours(void **state)
{
	(void)state;
	struct message message;
	struct records records;
	message_make(&message, "web.example.", NULL, NULL);
	octets_put_u16(message.bytes + 4, 2);
	assert_int_equal(
		records_init(&records, message.bytes, message.length), ERR_SYNTAX);
	assert_int_equal(records_init(&records, message.bytes, 11), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_is_read_as_ldns_reads_it),
		cmocka_unit_test(a_message_that_breaks_off_anywhere_is_bad),
		cmocka_unit_test(pointers_lead_backwards_only),
		cmocka_unit_test(rdata_that_its_names_overrun_is_malformed),
		cmocka_unit_test(two_questions_are_no_message_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
