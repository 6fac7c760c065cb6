/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "server/plugin/log_format.h"
#include "tests/support/packet.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct logged {
	struct packet packet;
	struct sockaddr_in6 client;
	uint8_t buffer[512];
	struct query query;
};

/* A question over TCP from [2001:db8::1]:5353, answered. */
static void logged_init(struct logged *logged)
{
	static const struct hash_key key = {1, 2};
	*logged = (struct logged){.client = {.sin6_family = AF_INET6}};
	logged->client.sin6_port = htons(5353);
	inet_pton(AF_INET6, "2001:db8::1", &logged->client.sin6_addr);
	packet_query(&logged->packet, "WWW.Example.org", TYPE_AAAA, 4096);
	struct query *query = &logged->query;
	query->transport = TRANSPORT_TCP;
	query->client = (const struct sockaddr *)&logged->client;
	assert_int_equal(request_parse(&query->request, logged->packet.bytes,
				 logged->packet.length, &key),
		REQUEST_OK);
	reply_init(&query->reply, &query->request, logged->buffer, 512);
	query->reply.rcode = RCODE_NXDOMAIN;
	query->reply.is_authoritative = true;
	query->reply.flags_set = 0x0080;
	reply_finish(&query->reply, &query->request, 1232);
}

static void fields_are_replaced(void **state)
{
	(void)state;
	static const struct {
		const char *format, *line;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"{type} {name} {class}", "AAAA www.example.org. IN"},
		{"{proto}={size}", "tcp=44"},
		{"<{remote}:{port}>", "<[2001:db8::1]:5353>"},
		{"{>id}{>opcode} {>do} {>bufsize}", "46600 false 65535"},
		{"{rcode} {rsize} {>rflags}", "NXDOMAIN 44 qr,aa,rd,ra"},
		{"{local}{/kubernetes/pod}", "--"},
		{"{unknown} {} {Type} }{", "{unknown} {} {Type} }{"},
		{"{ {type} }", "{ AAAA }"},
	};
	struct logged logged;
	logged_init(&logged);
	struct arena arena;
	arena_init(&arena, 1024);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log_format format;
		char line[256];
		assert_int_equal(
			log_format_parse(cases[i].format, &arena, &format), ERR_NONE);
		log_format_write(&format, &logged.query, line, sizeof(line));
		assert_string_equal(line, cases[i].line);
	}
	arena_deinit(&arena);
}

static void a_whole_format_may_be_named(void **state)
{
	(void)state;
	struct logged logged;
	logged_init(&logged);
	struct arena arena;
	arena_init(&arena, 1024);
	struct log_format format;
	char line[256];
	assert_int_equal(log_format_parse("a {combined} b", &arena, &format), ERR_NONE);
	log_format_write(&format, &logged.query, line, sizeof(line));
	static const char start[] =
		"a [2001:db8::1]:5353 - 4660 \"AAAA IN www.example.org. "
		"tcp 44 false 65535\" NXDOMAIN qr,aa,rd,ra 44 ";
	assert_memory_equal(line, start, sizeof(start) - 1);
	assert_string_equal(line + strlen(line) - 7, "s \"0\" b");
	arena_deinit(&arena);
}

static void a_line_is_cut_where_there_is_no_room(void **state)
{
	(void)state;
	struct logged logged;
	logged_init(&logged);
	struct arena arena;
	arena_init(&arena, 1024);
	struct log_format format;
	char line[8] = "#######";
	assert_int_equal(log_format_parse("{type}{name}", &arena, &format), ERR_NONE);
	log_format_write(&format, &logged.query, line, 7);
	assert_string_equal(line, "AAAAww");
	log_format_write(&format, &logged.query, line, 1);
	assert_string_equal(line, "");
	arena_deinit(&arena);
}

static void the_first_field_that_is_none_is_found(void **state)
{
	(void)state;
	size_t length;
	assert_null(log_format_find_unknown("{type} {common} }{ {>id}", &length));
	const char *found = log_format_find_unknown("{type} {nmae} {x}", &length);
	assert_non_null(found);
	assert_int_equal(length, 6);
	assert_memory_equal(found, "{nmae}", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_replaced),
		cmocka_unit_test(a_whole_format_may_be_named),
		cmocka_unit_test(a_line_is_cut_where_there_is_no_room),
		cmocka_unit_test(the_first_field_that_is_none_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
