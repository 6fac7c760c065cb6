/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/reply_body.h"
#include "tests/support/message.h"
#include "tests/support/packet.h"

static const char *const authority[] = {"example. 9 IN NS a.example.",
	"example. 9 IN NS b.example.", "example. 9 IN NS c.example.", NULL};

struct scene {
	struct packet packet;
	struct request request;
	struct reply reply;
	uint8_t buffer[4096];
};

static void scene_init(struct scene *scene, const char *question)
{
	static const struct hash_key key = {1, 2};
	packet_query(&scene->packet, question, TYPE_A, 0);
	assert_int_equal(request_parse(&scene->request, scene->packet.bytes,
				 scene->packet.length, &key),
		REQUEST_OK);
	reply_init(&scene->reply, &scene->request, scene->buffer, sizeof(scene->buffer));
}

static void a_body_is_taken_as_it_stands(void **state)
{
	(void)state;
	struct message message;
	struct scene scene;
	message_make(&message, "web.example.", message_all_types, authority);
	message.bytes[3] |= RCODE_NXDOMAIN;
	scene_init(&scene, "wEb.example");
	assert_int_equal(
		reply_put_body(&scene.reply, message.bytes, message.length), ERR_NONE);
	assert_int_equal(scene.reply.rcode, RCODE_NXDOMAIN);
	assert_false(scene.reply.is_truncated);
	assert_int_equal(scene.reply.length, message.length);
	assert_memory_equal(scene.buffer + 29, message.bytes + 29, message.length - 29);
	/* The question stays as it was asked. */
	assert_memory_equal(scene.buffer + DNS_HEADER_SIZE, "\3wEb", 4);
	assert_int_equal(scene.reply.answer_count, octets_get_u16(message.bytes + 6));
	assert_int_equal(scene.reply.authority_count, 3);
}

static void a_body_is_cut_where_a_record_or_a_set_begins(void **state)
{
	(void)state;
	struct message message;
	struct scene scene;
	message_make(&message, "web.example.", message_all_types, authority);
	scene_init(&scene, "web.example");
	uint16_t answers = octets_get_u16(message.bytes + 6);
	for (size_t capacity = message.length; capacity >= 29; capacity--) {
		scene_init(&scene, "web.example");
		scene.reply.capacity = (uint16_t)capacity;
		assert_int_equal(
			reply_put_body(&scene.reply, message.bytes, message.length),
			ERR_NONE);
		assert_true(scene.reply.length <= capacity);
		assert_int_equal(
			scene.reply.is_truncated, scene.reply.answer_count < answers);
		assert_int_equal(scene.reply.has_left_out, capacity < message.length);
		/* All name servers or none. */
		assert_int_equal(
			scene.reply.authority_count, capacity == message.length ? 3 : 0);
		ldns_pkt *pkt = message_parse(
			scene.buffer, reply_finish(&scene.reply, &scene.request, 1232));
		assert_non_null(pkt);
		ldns_pkt_free(pkt);
	}
	assert_int_equal(scene.reply.answer_count, 0);
}

static void a_minimal_reply_takes_answers_alone(void **state)
{
	(void)state;
	struct message message;
	struct scene scene;
	message_make(&message, "web.example.", message_all_types, authority);
	scene_init(&scene, "web.example");
	scene.reply.is_minimal = true;
	assert_int_equal(
		reply_put_body(&scene.reply, message.bytes, message.length), ERR_NONE);
	assert_int_equal(scene.reply.answer_count, octets_get_u16(message.bytes + 6));
	assert_int_equal(scene.reply.authority_count, 0);
	assert_false(scene.reply.is_truncated || scene.reply.has_left_out);
	assert_true(scene.reply.length < message.length);
	message_make(&message, "web.example.", NULL, authority);
	scene_init(&scene, "web.example");
	scene.reply.is_minimal = true;
	assert_int_equal(
		reply_put_body(&scene.reply, message.bytes, message.length), ERR_NONE);
	assert_int_equal(scene.reply.authority_count, 3);
}

static void the_opt_is_not_taken(void **state)
{
	(void)state;
	struct message message;
	struct scene scene;
	message_make(&message, "web.example.", message_all_types, NULL);
	size_t length = message.length;
	memcpy(message.bytes + length, "\0\0\x29\x10\0\0\0\0\0\0\0", EDNS_OPT_SIZE);
	octets_put_u16(message.bytes + 10, 1);
	message.length += EDNS_OPT_SIZE;
	scene_init(&scene, "web.example");
	assert_int_equal(
		reply_put_body(&scene.reply, message.bytes, message.length), ERR_NONE);
	assert_int_equal(scene.reply.length, length);
	assert_int_equal(scene.reply.additional_count, 0);
}

static void a_malformed_body_leaves_the_reply_as_it_was(void **state)
{
	(void)state;
	struct message message;
	struct scene scene;
	message_make(&message, "web.example.", message_all_types, NULL);
	scene_init(&scene, "web.example");
	uint16_t before = scene.reply.length;
	assert_int_equal(reply_put_body(&scene.reply, message.bytes, message.length - 1),
		ERR_SYNTAX);
	assert_int_equal(scene.reply.length, before);
	/* The question of another length. */
	scene_init(&scene, "longer.example");
	assert_int_equal(
		reply_put_body(&scene.reply, message.bytes, message.length), ERR_SYNTAX);
	assert_int_equal(scene.reply.answer_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_taken_as_it_stands),
		cmocka_unit_test(a_body_is_cut_where_a_record_or_a_set_begins),
		cmocka_unit_test(a_minimal_reply_takes_answers_alone),
		cmocka_unit_test(the_opt_is_not_taken),
		cmocka_unit_test(a_malformed_body_leaves_the_reply_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
