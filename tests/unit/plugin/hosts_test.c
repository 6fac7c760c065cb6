/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/plugin/hosts/hosts.h"
#include "server/plugin/hosts/text.h"
#include "server/wire/octets.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"
#include "zones/store/reader.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct hash_key key = {1, 2};
static const struct dname root = {.length = 1};
static struct dname example; /* example.org. */

/* A hosts plugin over a file in a folder of its own. */
struct rig {
	char folder[32], path[64];
	struct hosts_options options;
	struct plugin_instance plugin;
	struct diag_list problems;
	int64_t now_ms;
};

static void write_file(const struct rig *rig, const char *text)
{
	char path[80];
	snprintf(path, sizeof(path), "%s.new", rig->path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(path, rig->path), 0);
}

static void rig_init(struct rig *rig)
{
	*rig = (struct rig){.folder = "/tmp/hosts_test.XXXXXX"};
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->path, sizeof(rig->path), "%s/hosts", rig->folder);
	diag_list_init(&rig->problems);
	rig->options = (struct hosts_options){
		.build = {&key, 60, true},
		.path = rig->path,
		.is_asked_for = true,
		.zones = &root,
		.zone_count = 1,
		.reload_ms = 1000,
	};
}

static void rig_start(struct rig *rig)
{
	assert_int_equal(
		hosts_plugin_new(&rig->options, &rig->plugin, &rig->problems), ERR_NONE);
}

static void rig_deinit(struct rig *rig)
{
	if (rig->plugin.ops)
		rig->plugin.ops->free(rig->plugin.instance);
	diag_list_deinit(&rig->problems);
	unlink(rig->path);
	rmdir(rig->folder);
}

static void housekeep(struct rig *rig)
{
	rig->now_ms += 1000;
	rig->plugin.ops->housekeep(rig->plugin.instance, rig->now_ms);
}

/* --- questions --- */

static void append_rdata(char *out, size_t size, uint16_t type, const uint8_t *rdata)
{
	char text[DNAME_TEXT_SIZE];
	if (type == TYPE_PTR)
		dname_to_text(rdata, text);
	else
		inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, rdata, text, sizeof(text));
	size_t used = strlen(out);
	snprintf(out + used, size - used, "%s%s", used ? " " : "", text);
}

/* What is answered: "next", "servfail", or the rdata, with "+" where the name exists. */
static const char *ask(struct rig *rig, const char *name, uint16_t type)
{
	static char out[4096];
	static uint8_t buffer[4096];
	static struct packet packet;
	struct query query = {0};
	if (!rig->plugin.ops)
		return "no plugin";
	packet_query(&packet, name, type, 0);
	assert_int_equal(request_parse(&query.request, packet.bytes, packet.length, &key),
		REQUEST_OK);
	reply_init(&query.reply, &query.request, buffer, sizeof(buffer));
	enum verdict verdict = rig->plugin.ops->query(rig->plugin.instance, &query);
	if (verdict == VERDICT_NEXT)
		return "next";
	assert_int_equal(verdict, VERDICT_REPLY);
	if (query.reply.rcode == RCODE_SERVFAIL)
		return query.failure ? "servfail" : "no reason";
	assert_true(query.reply.is_authoritative);
	out[0] = '\0';
	const uint8_t *at = query.reply.owner_end;
	for (unsigned i = 0; i < query.reply.answer_count; i++) {
		assert_int_equal(octets_get_u16(at), 0xc00c);
		append_rdata(out, sizeof(out), octets_get_u16(at + 2), at + 12);
		at += 12 + octets_get_u16(at + 10);
	}
	assert_ptr_equal(at, query.reply.buffer + query.reply.length);
	return out[0] ? out : "nothing";
}

static void a_hosts_file_is_answered(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t type;
		const char *answer;
	} cases[] = {
		{"one.example.org", TYPE_A, "10.0.0.1"},
		{"ONE.Example.ORG", TYPE_A, "10.0.0.1"},
		{"one.example.org", TYPE_AAAA, "fd00::1"},
		{"alias", TYPE_A, "10.0.0.1 10.0.0.2"},
		{"alias", TYPE_ANY, "10.0.0.1 10.0.0.2"},
		{"alias", TYPE_AAAA, "nothing"},
		{"alias", TYPE_TXT, "nothing"},
		{"six", TYPE_A, "nothing"},
		{"six", TYPE_AAAA, "fd00::1 fe80::1"},
		{"mapped", TYPE_A, "192.0.2.9"},
		{"no.example.org", TYPE_A, "servfail"},
		{"example.org", TYPE_A, "servfail"},
		{"x.one.example.org", TYPE_A, "servfail"},
		{"1.0.0.10.in-addr.arpa", TYPE_PTR, "one.example.org. alias."},
		{"1.0.0.10.IN-ADDR.arpa", TYPE_PTR, "one.example.org. alias."},
		{"1.0.0.10.in-addr.arpa", TYPE_A, "servfail"},
		{"3.0.0.10.in-addr.arpa", TYPE_PTR, "next"},
		{"one.example.org", TYPE_PTR, "next"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F."
		 "ip6.arpa",
			TYPE_PTR, "one.example.org. six."},
	};
	struct rig rig;
	rig_init(&rig);
	write_file(&rig, "# comment\n"
			 "10.0.0.1\tOne.example.org  alias # more\r\n"
			 "\n"
			 "  10.0.0.2 alias alias alias#\n"
			 "fd00::1 one.example.org six\n"
			 "fe80::1%eth0 six\n"
			 "::ffff:192.0.2.9 mapped");
	rig_start(&rig);
	assert_int_equal(rig.problems.count, 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(
			ask(&rig, cases[i].name, cases[i].type), cases[i].answer);
	rig_deinit(&rig);
}

static void a_wildcard_stands_for_one_label(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	write_file(&rig, "10.0.0.1 *.example.org\n10.0.0.2 a.example.org\n");
	rig_start(&rig);
	assert_string_equal(ask(&rig, "a.example.org", TYPE_A), "10.0.0.2");
	assert_string_equal(ask(&rig, "B.example.org", TYPE_A), "10.0.0.1");
	assert_string_equal(ask(&rig, "b.example.org", TYPE_AAAA), "nothing");
	assert_string_equal(ask(&rig, "b.a.example.org", TYPE_A), "servfail");
	assert_string_equal(ask(&rig, "example.org", TYPE_A), "servfail");
	assert_string_equal(ask(&rig, ".", TYPE_A), "servfail");
	assert_string_equal(ask(&rig, "1.0.0.10.in-addr.arpa", TYPE_PTR), "next");
	rig_deinit(&rig);
}

static void names_outside_of_the_zones_are_passed_on(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	rig.options.zones = &example;
	write_file(&rig, "10.0.0.1 one.example.org one.example.net\n");
	rig_start(&rig);
	assert_string_equal(ask(&rig, "one.example.org", TYPE_A), "10.0.0.1");
	assert_string_equal(ask(&rig, "one.example.net", TYPE_A), "next");
	assert_string_equal(ask(&rig, "two.example.org", TYPE_A), "servfail");
	assert_string_equal(
		ask(&rig, "1.0.0.10.in-addr.arpa", TYPE_PTR), "one.example.org.");
	rig_deinit(&rig);
}

static void what_is_not_there_falls_through_where_it_may(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	rig.options.falls_through = true;
	rig.options.fallthrough_zones = &example;
	rig.options.fallthrough_count = 1;
	write_file(&rig, "10.0.0.1 one.example.org one\n");
	rig_start(&rig);
	assert_string_equal(ask(&rig, "two.example.org", TYPE_A), "next");
	assert_string_equal(ask(&rig, "two", TYPE_A), "servfail");
	assert_string_equal(ask(&rig, "one.example.org", TYPE_AAAA), "nothing");
	assert_string_equal(ask(&rig, "one.example.org", TYPE_TXT), "nothing");
	rig.options.passes_types = true;
	assert_string_equal(ask(&rig, "one.example.org", TYPE_AAAA), "nothing");
	assert_string_equal(ask(&rig, "one.example.org", TYPE_TXT), "next");
	assert_string_equal(ask(&rig, "one", TYPE_TXT), "nothing");
	rig_deinit(&rig);
}

static void lines_of_the_corefile_stand_behind_the_file(void **state)
{
	(void)state;
	struct dname names[2];
	assert_int_equal(hosts_parse_name("Both", &names[0]), ERR_NONE);
	assert_int_equal(hosts_parse_name("inline", &names[1]), ERR_NONE);
	const struct hosts_entry entry = {{4, {10, 0, 0, 9}}, names, 2};
	struct rig rig;
	rig_init(&rig);
	rig.options.build.has_reverse = false;
	rig.options.entries = &entry;
	rig.options.entry_count = 1;
	write_file(&rig, "10.0.0.1 both\n");
	rig_start(&rig);
	assert_string_equal(ask(&rig, "both", TYPE_A), "10.0.0.1 10.0.0.9");
	assert_string_equal(ask(&rig, "inline", TYPE_A), "10.0.0.9");
	assert_string_equal(ask(&rig, "9.0.0.10.in-addr.arpa", TYPE_PTR), "next");
	struct plugin_figures figures = {0};
	rig.plugin.ops->measure(rig.plugin.instance, &figures);
	assert_int_equal(figures.hosts_count, 1);
	assert_int_equal(figures.hosts_entries, 3);
	assert_true(figures.hosts_changed_ms > 0);
	rig_deinit(&rig);
}

static void a_changed_file_is_read_again(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	rig_start(&rig);
	assert_int_equal(rig.problems.count, 1);
	assert_string_equal(ask(&rig, "one", TYPE_A), "servfail");
	write_file(&rig, "10.0.0.1 one\n");
	housekeep(&rig);
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.1");
	write_file(&rig, "10.0.0.2 one\n");
	rig.plugin.ops->housekeep(rig.plugin.instance, rig.now_ms + 999);
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.1");
	housekeep(&rig);
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.2");
	/* What is gone stays in force. */
	assert_int_equal(unlink(rig.path), 0);
	housekeep(&rig);
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.2");
	write_file(&rig, "10.0.0.3 one\n");
	housekeep(&rig);
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.3");
	rig_deinit(&rig);
}

static void a_file_that_is_not_to_be_read_again_is_not(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	rig.options.reload_ms = 0;
	write_file(&rig, "10.0.0.1 one\n");
	rig_start(&rig);
	write_file(&rig, "10.0.0.2 one\n");
	housekeep(&rig);
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.1");
	rig_deinit(&rig);
}

static void wrong_lines_are_left_out_and_told(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	write_file(&rig, "10.0.0.1 one\n10.0.0 two\n10.0.0.3\n"
			 "10.0.0.4 a..b four\n10.0.0.5%eth0 five\n");
	rig_start(&rig);
	static const unsigned lines[] = {2, 3, 4, 5};
	assert_int_equal(rig.problems.count, COUNT(lines));
	assert_int_equal(rig.problems.errors, 0);
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_int_equal(rig.problems.items[i].line, lines[i]);
		assert_string_equal(rig.problems.items[i].file, rig.path);
	}
	assert_string_equal(ask(&rig, "one", TYPE_A), "10.0.0.1");
	assert_string_equal(ask(&rig, "two", TYPE_A), "servfail");
	assert_string_equal(ask(&rig, "four", TYPE_A), "10.0.0.4");
	assert_string_equal(ask(&rig, "five", TYPE_A), "servfail");
	rig_deinit(&rig);
}

static void many_problems_are_counted(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	char text[4096] = "";
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "x y\n");
	write_file(&rig, text);
	rig_start(&rig);
	assert_int_equal(rig.problems.count, 21);
	assert_string_equal(rig.problems.items[20].text, "80 more problems in this file");
	rig_deinit(&rig);
}

static void a_folder_is_not_a_hosts_file(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	rig.options.path = rig.folder;
	rig_start(&rig);
	assert_int_equal(rig.problems.count, 1);
	assert_string_equal(rig.problems.items[0].text, "cannot be read: Is a directory");
	rig_deinit(&rig);
}

static void thousands_of_names_are_all_found(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	FILE *file = fopen(rig.path, "w");
	assert_non_null(file);
	for (unsigned i = 0; i < 20000; i++)
		fprintf(file, "10.1.%u.%u host%u\n0.0.0.0 blocked%u\n", i / 256, i % 256,
			i, i);
	fclose(file);
	rig_start(&rig);
	for (unsigned i = 0; i < 20000; i++) {
		char name[32], address[32];
		snprintf(name, sizeof(name), "host%u", i);
		snprintf(address, sizeof(address), "10.1.%u.%u", i / 256, i % 256);
		assert_string_equal(ask(&rig, name, TYPE_A), address);
	}
	assert_string_equal(ask(&rig, "blocked19999", TYPE_A), "0.0.0.0");
	rig_deinit(&rig);
}

static void no_memory_is_told(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	write_file(&rig, "10.0.0.1 one two\nfd00::1 three\n");
	size_t n = 1;
	for (;; n++) {
		failing_malloc_arm(n);
		enum err err = hosts_plugin_new(&rig.options, &rig.plugin, &rig.problems);
		if (!failing_malloc_disarm())
			break;
		assert_int_equal(err, ERR_NOMEM);
		rig.plugin.ops = NULL;
	}
	assert_true(n > 5);
	assert_string_equal(ask(&rig, "two", TYPE_A), "10.0.0.1");
	rig_deinit(&rig);
}

/* --- readers while the file changes --- */

struct readers {
	struct rig rig;
	atomic_bool is_over;
	atomic_uint rounds;
};

static void *read_on(void *context)
{
	struct readers *readers = context;
	struct packet packet;
	packet_query(&packet, "one", TYPE_A, 0);
	store_reader_register();
	while (!atomic_load(&readers->is_over)) {
		struct query query = {0};
		uint8_t buffer[512];
		if (request_parse(&query.request, packet.bytes, packet.length, &key))
			abort();
		reply_init(&query.reply, &query.request, buffer, sizeof(buffer));
		store_read_lock();
		enum verdict verdict = readers->rig.plugin.ops->query(
			readers->rig.plugin.instance, &query);
		store_read_unlock();
		/* Both contents have it. */
		if (verdict != VERDICT_REPLY || query.reply.answer_count != 1)
			abort();
		atomic_fetch_add(&readers->rounds, 1);
	}
	store_reader_unregister();
	return NULL;
}

static void workers_read_while_the_file_changes(void **state)
{
	(void)state;
	static struct readers readers;
	rig_init(&readers.rig);
	write_file(&readers.rig, "10.0.0.1 one\n");
	rig_start(&readers.rig);
	pthread_t threads[2];
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
	while (!atomic_load(&readers.rounds))
		usleep(1000);
	for (unsigned i = 0; i < 50; i++) {
		write_file(&readers.rig,
			i % 2 ? "10.0.0.1 one\n" : "10.0.0.2 one\n10.0.0.3 two\n");
		housekeep(&readers.rig);
	}
	atomic_store(&readers.is_over, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_string_equal(ask(&readers.rig, "one", TYPE_A), "10.0.0.1");
	rig_deinit(&readers.rig);
}

int main(void)
{
	if (hosts_parse_name("example.org", &example))
		return 99;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hosts_file_is_answered),
		cmocka_unit_test(a_wildcard_stands_for_one_label),
		cmocka_unit_test(names_outside_of_the_zones_are_passed_on),
		cmocka_unit_test(what_is_not_there_falls_through_where_it_may),
		cmocka_unit_test(lines_of_the_corefile_stand_behind_the_file),
		cmocka_unit_test(a_changed_file_is_read_again),
		cmocka_unit_test(a_file_that_is_not_to_be_read_again_is_not),
		cmocka_unit_test(wrong_lines_are_left_out_and_told),
		cmocka_unit_test(many_problems_are_counted),
		cmocka_unit_test(a_folder_is_not_a_hosts_file),
		cmocka_unit_test(thousands_of_names_are_all_found),
		cmocka_unit_test(no_memory_is_told),
		cmocka_unit_test(workers_read_while_the_file_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
