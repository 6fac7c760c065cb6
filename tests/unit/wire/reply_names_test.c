/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/wire/reply_names.h"
#include "tests/support/message.h"
#include "tests/support/packet.h"

static const struct hash_key key = {1, 2};

static void start_reply(struct reply *reply, struct request *request,
	struct packet *packet, uint8_t *buffer, uint16_t size)
{
	packet_query(packet, "WEB.example", TYPE_A, 0);
	assert_int_equal(
		request_parse(request, packet->bytes, packet->length, &key), REQUEST_OK);
	reply_init(reply, request, buffer, size);
}

/* Copies the answer section; returns how many records found room. */
static unsigned copy_answer(struct reply *reply, const struct message *message)
{
	struct records records;
	struct record record;
	struct reply_names names;
	unsigned count = 0;
	reply_names_init(&names, reply);
	assert_int_equal(
		records_init(&records, message->bytes, message->length), ERR_NONE);
	while (records_next(&records, &record) &&
		reply_copy_record(&names, SECTION_ANSWER, &records, &record))
		count++;
	return count;
}

static void copied_records_read_back_the_same(void **state)
{
	(void)state;
	struct message message;
	struct packet packet;
	struct request request;
	struct reply reply;
	uint8_t buffer[4096];
	message_make(&message, "web.example.", message_all_types, NULL);
	start_reply(&reply, &request, &packet, buffer, sizeof(buffer));
	copy_answer(&reply, &message);
	assert_false(reply.is_truncated);
	size_t length = reply_finish(&reply, &request, 1232);
	/* SRV, NAPTR, RP and DNAME aside nothing stands there twice. */
	assert_true(length <= message.length);
	ldns_pkt *expected = message_parse(message.bytes, message.length);
	ldns_pkt *found = message_parse(buffer, length);
	assert_non_null(found);
	char *expected_text = message_section_text(expected, LDNS_SECTION_ANSWER);
	char *found_text = message_section_text(found, LDNS_SECTION_ANSWER);
	/* Names may be spelled as where they stand first: the question's is in capitals.
	 */
	assert_int_equal(strcasecmp(expected_text, found_text), 0);
	free(expected_text);
	free(found_text);
	ldns_pkt_free(expected);
	ldns_pkt_free(found);
}

static void what_finds_no_room_leaves_whole_records(void **state)
{
	(void)state;
	struct message message;
	struct packet packet;
	struct request request;
	message_make(&message, "web.example.", message_all_types, NULL);
	unsigned before = 0;
	for (uint16_t size = DNS_UDP_SIZE; size < DNS_UDP_SIZE + 300; size++) {
		struct reply reply;
		uint8_t buffer[DNS_UDP_SIZE + 300];
		start_reply(&reply, &request, &packet, buffer, size);
		reply.capacity = (uint16_t)(size - DNS_UDP_SIZE + reply.length);
		unsigned count = copy_answer(&reply, &message);
		assert_true(count >= before);
		assert_int_equal(reply.answer_count, count);
		assert_int_equal(reply.is_truncated, count < MESSAGE_ALL_TYPES);
		ldns_pkt *pkt =
			message_parse(buffer, reply_finish(&reply, &request, 1232));
		assert_non_null(pkt);
		assert_int_equal(ldns_pkt_ancount(pkt), count);
		ldns_pkt_free(pkt);
		before = count;
	}
	assert_true(before > 5);
}

static void an_owner_that_is_the_question_is_a_pointer(void **state)
{
	(void)state;
	struct packet packet;
	struct request request;
	struct reply reply;
	struct reply_names names;
	struct dname owner;
	uint8_t buffer[DNS_UDP_SIZE];
	start_reply(&reply, &request, &packet, buffer, sizeof(buffer));
	reply_names_init(&names, &reply);
	uint16_t start = reply.length;
	assert_int_equal(dname_from_text("web.EXAMPLE.", &owner), ERR_NONE);
	const struct named_record record = {
		&owner, TYPE_A, CLASS_IN, 5, (const uint8_t *)"\1\2\3\4", 4};
	assert_true(reply_add_record(&names, SECTION_ANSWER, &record));
	assert_int_equal(reply.length - start, 2 + 10 + 4);
	assert_memory_equal(buffer + start, "\xc0\x0c", 2);
	assert_int_equal(dname_from_text("a.example.", &owner), ERR_NONE);
	start = reply.length;
	assert_true(reply_add_record(&names, SECTION_ANSWER, &record));
	assert_memory_equal(buffer + start, "\1a\xc0\x10", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copied_records_read_back_the_same),
		cmocka_unit_test(what_finds_no_room_leaves_whole_records),
		cmocka_unit_test(an_owner_that_is_the_question_is_a_pointer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
