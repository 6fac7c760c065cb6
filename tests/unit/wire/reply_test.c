/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/reply.h"
#include "tests/support/packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct hash_key key = {1, 2};

struct dialog {
	struct packet packet;
	struct request request;
	struct reply reply;
	uint8_t buffer[4096];
	size_t length;
};

static void dialog_begin(struct dialog *dialog, uint16_t size)
{
	enum request_verdict verdict = request_parse(
		&dialog->request, dialog->packet.bytes, dialog->packet.length, &key);
	assert_int_not_equal(verdict, REQUEST_DROP);
	memset(dialog->buffer, '#', sizeof(dialog->buffer));
	reply_init(&dialog->reply, &dialog->request, dialog->buffer, size);
}

static ldns_pkt *dialog_finish(struct dialog *dialog, uint16_t udp_size)
{
	dialog->length = reply_finish(&dialog->reply, &dialog->request, udp_size);
	ldns_pkt *pkt = NULL;
	assert_int_equal(
		ldns_wire2pkt(&pkt, dialog->buffer, dialog->length), LDNS_STATUS_OK);
	/* Nothing is written behind the end. */
	assert_int_equal(dialog->buffer[dialog->length], '#');
	return pkt;
}

static void a_reply_carries_id_and_question_as_they_came(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_query(&dialog.packet, "WeB.dEfAuLt.SvC", TYPE_AAAA, 0);
	dialog_begin(&dialog, 512);
	dialog.reply.rcode = RCODE_NXDOMAIN;
	dialog.reply.is_authoritative = true;
	ldns_pkt *pkt = dialog_finish(&dialog, 1232);
	assert_int_equal(dialog.length, dialog.packet.length);
	assert_memory_equal(
		dialog.buffer + 12, dialog.packet.bytes + 12, dialog.packet.length - 12);
	assert_int_equal(ldns_pkt_id(pkt), 0x1234);
	assert_true(ldns_pkt_qr(pkt));
	assert_true(ldns_pkt_aa(pkt));
	assert_false(ldns_pkt_tc(pkt));
	assert_false(ldns_pkt_ra(pkt));
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NXDOMAIN);
	assert_int_equal(ldns_pkt_qdcount(pkt), 1);
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	assert_int_equal(ldns_pkt_nscount(pkt), 0);
	assert_int_equal(ldns_pkt_arcount(pkt), 0);
	assert_false(ldns_pkt_edns(pkt));
	ldns_pkt_free(pkt);
}

/* Opcode, RD and CD come back; AA, TC, RA, Z, AD and the rcode of the request do not. */
static void only_opcode_rd_and_cd_are_copied(void **state)
{
	(void)state;
	static const struct {
		uint16_t request, reply;
	} cases[] = {
		{0, DNS_FLAG_QR},
		{DNS_FLAG_RD, DNS_FLAG_QR | DNS_FLAG_RD},
		{DNS_FLAG_CD, DNS_FLAG_QR | DNS_FLAG_CD},
		{0x2000, DNS_FLAG_QR | 0x2000},
		{0x7fff, DNS_FLAG_QR | 0x7800 | DNS_FLAG_RD | DNS_FLAG_CD},
		{0x06ef, DNS_FLAG_QR},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dialog dialog;
		packet_init(&dialog.packet, 1, cases[i].request);
		packet_put_question(&dialog.packet, "web", TYPE_A);
		dialog_begin(&dialog, 512);
		ldns_pkt_free(dialog_finish(&dialog, 1232));
		assert_int_equal(octets_get_u16(dialog.buffer + 2), cases[i].reply);
	}
}

static void flags_of_the_reply_are_set(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_init(&dialog.packet, 1, 0);
	packet_put_question(&dialog.packet, "web", TYPE_A);
	dialog_begin(&dialog, 512);
	dialog.reply.is_truncated = true;
	ldns_pkt_free(dialog_finish(&dialog, 1232));
	assert_int_equal(octets_get_u16(dialog.buffer + 2), DNS_FLAG_QR | DNS_FLAG_TC);
}

static void an_opt_is_answered_with_our_size_and_their_do(void **state)
{
	(void)state;
	for (unsigned has_do = 0; has_do < 2; has_do++) {
		struct dialog dialog;
		packet_init(&dialog.packet, 1, 0);
		packet_put_question(&dialog.packet, "web", TYPE_A);
		packet_put_opt(&dialog.packet, 4096, 0, has_do ? 0xffff : 0x7fff);
		dialog_begin(&dialog, 512);
		ldns_pkt *pkt = dialog_finish(&dialog, 1400);
		assert_true(ldns_pkt_edns(pkt));
		assert_int_equal(ldns_pkt_edns_udp_size(pkt), 1400);
		assert_int_equal(ldns_pkt_edns_version(pkt), 0);
		assert_int_equal(ldns_pkt_edns_extended_rcode(pkt), 0);
		assert_int_equal(ldns_pkt_edns_do(pkt), has_do);
		assert_int_equal(ldns_pkt_edns_z(pkt), has_do ? 0x8000 : 0);
		assert_int_equal(octets_get_u16(dialog.buffer + 10), 1);
		ldns_pkt_free(pkt);
	}
}

static void the_upper_bits_of_an_rcode_go_into_the_opt(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_init(&dialog.packet, 1, 0);
	packet_put_question(&dialog.packet, "web", TYPE_A);
	packet_put_opt(&dialog.packet, 1232, 1, 0);
	dialog_begin(&dialog, 512);
	dialog.reply.rcode = RCODE_BADVERS;
	ldns_pkt *pkt = dialog_finish(&dialog, 1232);
	assert_int_equal(ldns_pkt_get_rcode(pkt), 0);
	assert_int_equal(ldns_pkt_edns_extended_rcode(pkt), 1);
	assert_int_equal(ldns_pkt_edns_version(pkt), 0);
	ldns_pkt_free(pkt);
}

/* The text goes first where there is no room for it, then the option. */
static void an_extended_error_is_sent_as_far_as_there_is_room(void **state)
{
	(void)state;
	static const char text[] = "in the namespace shop";
	static const struct {
		size_t left;
		unsigned options;
	} cases[] = {
		{6 + sizeof(text) - 1, 6 + sizeof(text) - 1},
		{6 + sizeof(text) - 2, 6},
		{6, 6},
		{5, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dialog dialog;
		packet_init(&dialog.packet, 1, 0);
		packet_put_question(&dialog.packet, "web", TYPE_A);
		packet_put_opt(&dialog.packet, 4096, 0, 0);
		dialog_begin(&dialog, 512);
		reply_set_ede(&dialog.reply, EDE_OTHER, "in the namespace ",
			(const uint8_t *)"\4shop");
		dialog.reply.capacity = (uint16_t)(dialog.reply.length + cases[i].left);
		size_t opt = dialog.reply.length;
		ldns_pkt_free(dialog_finish(&dialog, 1232));
		const uint8_t *at = dialog.buffer + opt + 9;
		assert_int_equal(octets_get_u16(at), cases[i].options);
		assert_int_equal(dialog.length, opt + 11 + cases[i].options);
		if (cases[i].options)
			assert_memory_equal(at + 2, "\0\17\0", 3);
		if (cases[i].options > 6)
			assert_memory_equal(at + 8, text, sizeof(text) - 1);
	}
}

static void a_long_reason_is_cut(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_query(&dialog.packet, "web", TYPE_A, 0);
	dialog_begin(&dialog, 512);
	char text[EDNS_EDE_TEXT_MAX];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 2] = '\0';
	reply_set_ede(&dialog.reply, EDE_OTHER, text, (const uint8_t *)"\4shop");
	assert_int_equal(dialog.reply.ede_length, EDNS_EDE_TEXT_MAX);
	assert_memory_equal(dialog.reply.ede_text + EDNS_EDE_TEXT_MAX - 3, "xsh", 3);
	reply_clear(&dialog.reply);
	assert_int_equal(dialog.reply.ede_length, 0);
}

static void a_reply_without_question_has_none(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_init(&dialog.packet, 9, 0x2800);
	packet_put_question(&dialog.packet, "web", TYPE_SOA);
	dialog_begin(&dialog, 512);
	dialog.reply.rcode = RCODE_NOTIMP;
	ldns_pkt *pkt = dialog_finish(&dialog, 1232);
	assert_int_equal(dialog.length, DNS_HEADER_SIZE);
	assert_int_equal(ldns_pkt_qdcount(pkt), 0);
	ldns_pkt_free(pkt);
}

static void there_is_always_room_for_the_opt(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_query(&dialog.packet, "web", TYPE_A, 4096);
	dialog_begin(&dialog, 600);
	assert_int_equal(dialog.reply.capacity, 600 - EDNS_OPT_SIZE);
	memset(dialog.buffer + dialog.reply.length, 0,
		(size_t)(dialog.reply.capacity - dialog.reply.length));
	dialog.reply.length = dialog.reply.capacity;
	assert_int_equal(reply_finish(&dialog.reply, &dialog.request, 1232), 600);
	assert_int_equal(dialog.buffer[600], '#');

	packet_query(&dialog.packet, "web", TYPE_A, 0);
	dialog_begin(&dialog, 600);
	assert_int_equal(dialog.reply.capacity, 600);
}

static void clearing_leaves_the_question(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_query(&dialog.packet, "web", TYPE_A, 4096);
	dialog_begin(&dialog, 600);
	uint16_t start = dialog.reply.length;
	assert_ptr_equal(dialog.reply.owner_end, dialog.buffer + start);
	dialog.reply.length += 50;
	dialog.reply.rcode = RCODE_SERVFAIL;
	dialog.reply.answer_count = 1;
	dialog.reply.authority_count = 2;
	dialog.reply.additional_count = 3;
	dialog.reply.is_truncated = dialog.reply.is_authoritative = true;
	reply_clear(&dialog.reply);
	assert_int_equal(dialog.reply.length, start);
	ldns_pkt *pkt = dialog_finish(&dialog, 1232);
	assert_int_equal(dialog.length, start + EDNS_OPT_SIZE);
	assert_int_equal(octets_get_u16(dialog.buffer + 2), DNS_FLAG_QR | DNS_FLAG_RD);
	assert_memory_equal(dialog.buffer + 4, "\0\1\0\0\0\0\0\1", 8);
	ldns_pkt_free(pkt);
}

static void a_udp_reply_is_as_long_as_both_sides_allow(void **state)
{
	(void)state;
	static const struct {
		bool is_present;
		uint16_t theirs, ours, limit;
	} cases[] = {
		{false, 0, 1232, 512},
		{false, 4096, 4096, 512},
		{true, 512, 1232, 512},
		{true, 1000, 1232, 1000},
		{true, 1232, 1232, 1232},
		{true, 4096, 1232, 1232},
		{true, 65535, 4096, 4096},
		{true, 4096, 512, 512},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct edns edns = {
			.is_present = cases[i].is_present, .udp_size = cases[i].theirs};
		assert_int_equal(reply_udp_limit(&edns, cases[i].ours), cases[i].limit);
	}
}

static void who_asks_for_the_identifier_is_told(void **state)
{
	(void)state;
	static const char text[] = "rack 7";
	static const struct edns_nsid nsid = {(const uint8_t *)text, 6};
	struct dialog dialog;
	packet_query(&dialog.packet, "a.example", TYPE_A, 1232);
	dialog_begin(&dialog, 512);
	reply_reserve_nsid(&dialog.reply, &nsid);
	/* Its room stays free, whatever the answer does. */
	assert_int_equal(dialog.reply.capacity, 512 - EDNS_OPT_SIZE - 10);
	dialog.reply.ede = EDE_BLOCKED;
	ldns_pkt_free(dialog_finish(&dialog, 1232));
	static const uint8_t options[] = "\0\20\0\3\0\6rack 7\0\17\0\2\0\17";
	assert_memory_equal(
		dialog.buffer + dialog.length - 18, options, sizeof(options) - 1);
}

static void flags_are_what_they_are_made(void **state)
{
	(void)state;
	struct dialog dialog;
	packet_query(&dialog.packet, "a.example", TYPE_A, 0);
	dialog_begin(&dialog, 512);
	dialog.reply.is_authoritative = true;
	dialog.reply.flags_set = DNS_FLAG_RA;
	dialog.reply.flags_cleared = DNS_FLAG_AA | DNS_FLAG_RD;
	ldns_pkt *pkt = dialog_finish(&dialog, 1232);
	assert_true(ldns_pkt_ra(pkt));
	assert_false(ldns_pkt_aa(pkt));
	assert_false(ldns_pkt_rd(pkt));
	ldns_pkt_free(pkt);
}

static void a_record_that_does_not_fit_is_left_out(void **state)
{
	(void)state;
	static const uint8_t rdata[4] = {192, 0, 2, 1};
	struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.label = "_udp",
		.type = TYPE_A,
		.class = CLASS_IN,
		.rdata = rdata,
		.length = 4,
	};
	struct dialog dialog;
	packet_query(&dialog.packet, "a.example", TYPE_A, 0);
	dialog_begin(&dialog, 512);
	dialog.reply.capacity = (uint16_t)(dialog.reply.length + 21);
	assert_true(reply_add(&dialog.reply, SECTION_ADDITIONAL, &record));
	assert_false(reply_add(&dialog.reply, SECTION_ADDITIONAL, &record));
	assert_false(dialog.reply.is_truncated);
	assert_false(reply_add(&dialog.reply, SECTION_ANSWER, &record));
	assert_true(dialog.reply.is_truncated);
	ldns_pkt *pkt = dialog_finish(&dialog, 1232);
	assert_int_equal(ldns_pkt_arcount(pkt), 1);
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_additional(pkt), 0);
	char *text = ldns_rr2str(rr);
	assert_string_equal(text, "_udp.a.example.\t0\tIN\tA\t192.0.2.1\n");
	free(text);
	ldns_pkt_free(pkt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_carries_id_and_question_as_they_came),
		cmocka_unit_test(only_opcode_rd_and_cd_are_copied),
		cmocka_unit_test(flags_of_the_reply_are_set),
		cmocka_unit_test(an_opt_is_answered_with_our_size_and_their_do),
		cmocka_unit_test(the_upper_bits_of_an_rcode_go_into_the_opt),
		cmocka_unit_test(an_extended_error_is_sent_as_far_as_there_is_room),
		cmocka_unit_test(a_long_reason_is_cut),
		cmocka_unit_test(a_reply_without_question_has_none),
		cmocka_unit_test(there_is_always_room_for_the_opt),
		cmocka_unit_test(clearing_leaves_the_question),
		cmocka_unit_test(a_udp_reply_is_as_long_as_both_sides_allow),
		cmocka_unit_test(who_asks_for_the_identifier_is_told),
		cmocka_unit_test(flags_are_what_they_are_made),
		cmocka_unit_test(a_record_that_does_not_fit_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
