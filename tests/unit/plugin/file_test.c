/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ldns/ldns.h>

#include "server/plugin/file/file.h"
#include "server/plugin/file/zone_read.h"
#include "server/query/router.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/packet.h"
#include "zones/store/reader.h"

/* Zone files in a temporary folder; replies are read by ldns. */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SOA          "ns.example.org. host.example.org. 7 7200 1800 86400 60"

static const char ZONE[] =
	"$TTL 300\n"
	"@ IN SOA ns.example.org. host.example.org. (7 7200 1800 86400\n"
	"  60)\n"
	"@ NS ns\n"
	"@ NS ns.elsewhere.test.\n"
	"@ MX 10 mail\n"
	"ns A 192.0.2.1\n"
	"mail AAAA 2001:db8::1\n"
	"two 30 A 192.0.2.2\n"
	"two 40 A 192.0.2.3\n"
	"two A 192.0.2.2\n"
	"Alias CNAME two\n"
	"alias2 CNAME alias\n"
	"dangling CNAME nothing\n"
	"away CNAME www.elsewhere.test.\n"
	"ring CNAME ring2\n"
	"ring2 CNAME ring\n"
	"*.wild TXT \"any\"\n"
	"*.wild MX 5 mail\n"
	"host.wild A 192.0.2.4\n"
	"*.wildalias CNAME two\n"
	"a.b.deep A 192.0.2.5\n"
	"cut NS ns.cut\n"
	"cut NS ns\n"
	"ns.cut A 192.0.2.6\n"
	"tree DNAME other.example.org.\n"
	"tree A 192.0.2.7\n"
	"x.other A 192.0.2.8\n"
	"_sip._tcp SRV 1 2 5060 two\n";

struct scene {
	struct hash_key key;
	struct router *router;
	struct server_block block;
	struct query_counters counters;
	struct packet packet;
	struct query query;
	uint8_t buffer[4096];
	struct sockaddr_in client;
	struct dname zone;
	struct file_source source;
	struct file_options options;
	struct diag_list problems;
	char folder[64], path[96];
	char text[8192];
};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

static void write_file(const struct scene *scene, const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s.new", scene->path);
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(rename(path, scene->path), 0);
}

static void scene_init(struct scene *scene, const char *text)
{
	memset(scene, 0, sizeof(*scene));
	strcpy(scene->folder, "/tmp/waymark-file-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	snprintf(scene->path, sizeof(scene->path), "%s/zone", scene->folder);
	if (text)
		write_file(scene, text);
	diag_list_init(&scene->problems);
	scene->router = router_new(&scene->key);
	assert_non_null(scene->router);
	struct dname root = {.length = 1};
	assert_int_equal(router_add(scene->router, &root, &scene->block), ERR_NONE);
	assert_int_equal(router_seal(scene->router), ERR_NONE);
	scene->zone = name_of("example.org");
	scene->source = (struct file_source){
		.path = scene->path,
		.zones = &scene->zone,
		.zone_count = 1,
		.reload_ms = 1000,
	};
	scene->options = (struct file_options){&scene->key, &scene->source, 1};
	scene->block.udp_size = 1232;
	scene->client.sin_family = AF_INET;
}

static enum err scene_load(struct scene *scene)
{
	enum err err = file_plugin_new(
		&scene->options, &scene->block.chain[0], &scene->problems);
	scene->block.chain_length = !err;
	return err;
}

static void scene_deinit(struct scene *scene)
{
	for (unsigned i = 0; i < scene->block.chain_length; i++)
		scene->block.chain[i].ops->free(scene->block.chain[i].instance);
	router_free(scene->router);
	diag_list_deinit(&scene->problems);
	unlink(scene->path);
	rmdir(scene->folder);
}

static void add_section(char *text, const char *name, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i));
		assert_non_null(line);
		for (char *at = line; *at; at++)
			if (*at == '\t')
				*at = ' ';
		strcat(strcat(text, name), line);
		free(line);
	}
}

/* "NOERROR aa" and a line for each record, those of later sections marked. */
static const char *ask(struct scene *scene, const char *name, const char *type)
{
	packet_query(
		&scene->packet, name, (uint16_t)ldns_get_rr_type_by_name(type), 1232);
	scene->query = (struct query){.counters = &scene->counters,
		.client = (const struct sockaddr *)&scene->client};
	store_read_lock();
	assert_true(query_begin(&scene->query, scene->router, scene->packet.bytes,
		scene->packet.length, scene->buffer, sizeof(scene->buffer)));
	assert_int_equal(query_run(&scene->query), VERDICT_REPLY);
	size_t length = query_finish(&scene->query);
	store_read_unlock();
	ldns_pkt *reply = NULL;
	assert_int_equal(ldns_wire2pkt(&reply, scene->buffer, length), LDNS_STATUS_OK);
	char rcode[16];
	snprintf(scene->text, sizeof(scene->text), "%s%s\n",
		dns_rcode_text(scene->query.reply.rcode, rcode),
		ldns_pkt_aa(reply) ? " aa" : "");
	add_section(scene->text, "", ldns_pkt_answer(reply));
	add_section(scene->text, "- ", ldns_pkt_authority(reply));
	add_section(scene->text, "+ ", ldns_pkt_additional(reply));
	ldns_pkt_free(reply);
	return scene->text;
}

struct expectation {
	const char *name, *type, *text;
};

static void expect_all(
	struct scene *scene, const struct expectation *expectations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct expectation *expected = &expectations[i];
		const char *text = ask(scene, expected->name, expected->type);
		if (strcmp(text, expected->text) != 0)
			fail_msg("%s %s:\n%s\nexpected:\n%s", expected->name,
				expected->type, text, expected->text);
	}
}

#define SERVERS                                                                          \
	"- example.org. 300 IN NS ns.example.org.\n"                                     \
	"- example.org. 300 IN NS ns.elsewhere.test.\n"
#define DENIAL "- example.org. 60 IN SOA " SOA "\n"
#define TWO                                                                              \
	"two.example.org. 30 IN A 192.0.2.2\n"                                           \
	"two.example.org. 30 IN A 192.0.2.3\n"

static void names_have_their_records(void **state)
{
	(void)state;
	static const struct expectation expectations[] = {
		{"example.org", "SOA",
			"NOERROR aa\nexample.org. 300 IN SOA " SOA "\n" SERVERS},
		{"example.org", "NS",
			"NOERROR aa\nexample.org. 300 IN NS ns.example.org.\n"
			"example.org. 300 IN NS ns.elsewhere.test.\n"
			"+ ns.example.org. 300 IN A 192.0.2.1\n"},
		{"example.org", "MX",
			"NOERROR aa\nexample.org. 300 IN MX 10 "
			"mail.example.org.\n" SERVERS
			"+ mail.example.org. 300 IN AAAA 2001:db8::1\n"},
		/* One TTL for a set, each record once, in the spelling of the question.
		 */
		{"TWO.example.org", "A",
			"NOERROR aa\nTWO.example.org. 30 IN A 192.0.2.2\n"
			"TWO.example.org. 30 IN A 192.0.2.3\n" SERVERS},
		{"two.example.org", "TXT", "NOERROR aa\n" DENIAL},
		{"no.example.org", "A", "NXDOMAIN aa\n" DENIAL},
		/* Above a name that exists. */
		{"b.deep.example.org", "A", "NOERROR aa\n" DENIAL},
		{"deep.example.org", "A", "NOERROR aa\n" DENIAL},
		{"c.deep.example.org", "A", "NXDOMAIN aa\n" DENIAL},
		{"_sip._tcp.example.org", "SRV",
			"NOERROR aa\n_sip._tcp.example.org. 300 IN SRV 1 2 5060 "
			"two.example.org.\n" SERVERS
			"+ two.example.org. 30 IN A 192.0.2.2\n"
			"+ two.example.org. 30 IN A 192.0.2.3\n"},
		{"example.org", "AXFR", "REFUSED\n"},
	};
	struct scene scene;
	scene_init(&scene, ZONE);
	assert_int_equal(scene_load(&scene), ERR_NONE);
	expect_all(&scene, expectations, COUNT(expectations));
	scene_deinit(&scene);
}

static void aliases_lead_to_their_targets(void **state)
{
	(void)state;
	static const struct expectation expectations[] = {
		{"alias.example.org", "A",
			"NOERROR aa\nalias.example.org. 300 IN CNAME "
			"two.example.org.\n" TWO SERVERS},
		{"alias2.example.org", "A",
			"NOERROR aa\nalias2.example.org. 300 IN CNAME "
			"alias.example.org.\n"
			"alias.example.org. 300 IN CNAME two.example.org.\n" TWO SERVERS},
		{"alias2.example.org", "CNAME",
			"NOERROR aa\nalias2.example.org. 300 IN CNAME "
			"alias.example.org.\n" SERVERS},
		{"alias.example.org", "AAAA",
			"NOERROR aa\nalias.example.org. 300 IN CNAME "
			"two.example.org.\n" DENIAL},
		{"dangling.example.org", "A",
			"NXDOMAIN aa\ndangling.example.org. 300 IN CNAME "
			"nothing.example.org.\n" DENIAL},
		/* Nobody is there for it. */
		{"away.example.org", "A",
			"NOERROR aa\naway.example.org. 300 IN CNAME "
			"www.elsewhere.test.\n"},
		{"x.tree.example.org", "A",
			"NOERROR aa\ntree.example.org. 300 IN DNAME other.example.org.\n"
			"x.tree.example.org. 300 IN CNAME x.other.example.org.\n"
			"x.other.example.org. 300 IN A 192.0.2.8\n" SERVERS},
		{"tree.example.org", "A",
			"NOERROR aa\ntree.example.org. 300 IN A 192.0.2.7\n" SERVERS},
	};
	struct scene scene;
	scene_init(&scene, ZONE);
	assert_int_equal(scene_load(&scene), ERR_NONE);
	expect_all(&scene, expectations, COUNT(expectations));
	assert_true(strncmp(ask(&scene, "ring.example.org", "A"), "SERVFAIL", 8) == 0);
	scene_deinit(&scene);
}

static void wildcards_stand_for_names_that_do_not_exist(void **state)
{
	(void)state;
	static const struct expectation expectations[] = {
		{"Q.wild.example.org", "TXT",
			"NOERROR aa\nQ.wild.example.org. 300 IN TXT \"any\"\n" SERVERS},
		{"p.q.wild.example.org", "MX",
			"NOERROR aa\np.q.wild.example.org. 300 IN MX 5 "
			"mail.example.org.\n" SERVERS
			"+ mail.example.org. 300 IN AAAA 2001:db8::1\n"},
		{"q.wild.example.org", "A", "NOERROR aa\n" DENIAL},
		/* A name that exists, and what is below it, are not its. */
		{"host.wild.example.org", "TXT", "NOERROR aa\n" DENIAL},
		{"q.host.wild.example.org", "TXT", "NXDOMAIN aa\n" DENIAL},
		{"wild.example.org", "TXT", "NOERROR aa\n" DENIAL},
		{"q.wildalias.example.org", "A",
			"NOERROR aa\nq.wildalias.example.org. 300 IN CNAME "
			"two.example.org.\n" TWO SERVERS},
	};
	struct scene scene;
	scene_init(&scene, ZONE);
	assert_int_equal(scene_load(&scene), ERR_NONE);
	expect_all(&scene, expectations, COUNT(expectations));
	scene_deinit(&scene);
}

static void names_below_a_cut_are_referred(void **state)
{
	(void)state;
#define REFERRAL                                                                         \
	"NOERROR\n- cut.example.org. 300 IN NS ns.cut.example.org.\n"                    \
	"- cut.example.org. 300 IN NS ns.example.org.\n"                                 \
	"+ ns.cut.example.org. 300 IN A 192.0.2.6\n"                                     \
	"+ ns.example.org. 300 IN A 192.0.2.1\n"
	static const struct expectation expectations[] = {
		{"cut.example.org", "A", REFERRAL},
		{"a.b.cut.example.org", "A", REFERRAL},
		{"ns.cut.example.org", "A", REFERRAL},
		/* The parent's. */
		{"cut.example.org", "DS", "NOERROR aa\n" DENIAL},
	};
	struct scene scene;
	scene_init(&scene, ZONE);
	assert_int_equal(scene_load(&scene), ERR_NONE);
	expect_all(&scene, expectations, COUNT(expectations));
	scene_deinit(&scene);
}

static enum verdict next_query(void *instance, struct query *query)
{
	(void)instance;
	query->reply.rcode = RCODE_NOTIMP;
	return VERDICT_REPLY;
}

static void what_does_not_exist_passes_where_asked_for(void **state)
{
	(void)state;
	static const struct plugin_ops next_ops = {.name = "next", .query = next_query};
	static const struct expectation expectations[] = {
		{"no.example.org", "A", "NOTIMP\n"},
		{"two.example.org", "TXT", "NOERROR aa\n" DENIAL},
		{"dangling.example.org", "A",
			"NXDOMAIN aa\ndangling.example.org. 300 IN CNAME "
			"nothing.example.org.\n" DENIAL},
		{"example.com", "A", "NOTIMP\n"},
	};
	struct scene scene;
	scene_init(&scene, ZONE);
	scene.source.falls_through = true;
	assert_int_equal(scene_load(&scene), ERR_NONE);
	scene.block.chain[scene.block.chain_length++] =
		(struct plugin_instance){&next_ops, NULL};
	expect_all(&scene, expectations, COUNT(expectations));
	scene.block.chain_length = 1;
	scene_deinit(&scene);
}

static void a_changed_file_is_taken_over_and_a_broken_one_is_not(void **state)
{
	(void)state;
	static const char other[] = "@ 300 SOA ns host 8 1 1 1 60\ntwo 5 A 192.0.2.9\n";
	static const struct expectation expectations[] = {
		{"two.example.org", "A",
			"NOERROR aa\ntwo.example.org. 5 IN A 192.0.2.9\n"},
	};
	struct scene scene;
	scene_init(&scene, ZONE);
	assert_int_equal(scene_load(&scene), ERR_NONE);
	const struct plugin_instance *plugin = &scene.block.chain[0];
	plugin->ops->housekeep(plugin->instance, 1);
	write_file(&scene, other);
	/* Not before it is due. */
	plugin->ops->housekeep(plugin->instance, 500);
	assert_non_null(strstr(ask(&scene, "two.example.org", "A"), "192.0.2.3"));
	plugin->ops->housekeep(plugin->instance, 1001);
	expect_all(&scene, expectations, 1);
	write_file(&scene, "two A 192.0.2.10\n");
	plugin->ops->housekeep(plugin->instance, 3000);
	expect_all(&scene, expectations, 1);
	unlink(scene.path);
	plugin->ops->housekeep(plugin->instance, 5000);
	expect_all(&scene, expectations, 1);
	write_file(&scene, ZONE);
	plugin->ops->housekeep(plugin->instance, 7000);
	assert_non_null(strstr(ask(&scene, "two.example.org", "A"), "192.0.2.3"));
	scene_deinit(&scene);
}

static void what_cannot_be_loaded_is_told_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
		enum severity severity;
	} cases[] = {
		{NULL, 0, SEVERITY_ERROR},
		{"", 1, SEVERITY_ERROR},
		{"www 5 A 192.0.2.1\n", 1, SEVERITY_ERROR},
		{"@ 5 SOA a b 1 2 3 4 5\n@ 5 SOA a b 2 2 3 4 5\n", 1, SEVERITY_ERROR},
		{"@ 5 SOA a b 1 2 3 4 5\n\nwww 5 A 192.0.2\n", 3, SEVERITY_ERROR},
		{"@ 5 SOA a b 1 2 3 4 5\n$INCLUDE other\n", 2, SEVERITY_ERROR},
		{"@ 5 SOA a b 1 2 3 4 5\nexample.com. 5 A 192.0.2.1\n", 2,
			SEVERITY_WARNING},
		{"@ 5 SOA a b 1 2 3 4 5\nw 5 A 192.0.2.1\nw 5 CNAME x\n", 3,
			SEVERITY_WARNING},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scene scene;
		scene_init(&scene, cases[i].text);
		bool is_error = cases[i].severity == SEVERITY_ERROR;
		assert_int_equal(scene_load(&scene), is_error ? ERR_INVALID : ERR_NONE);
		assert_int_equal(scene.problems.count, 1);
		const struct diag *diag = &scene.problems.items[0];
		assert_string_equal(diag->file, scene.path);
		assert_int_equal(diag->severity, cases[i].severity);
		assert_int_equal(diag->line, cases[i].line);
		scene_deinit(&scene);
	}
}

static void memory_that_lacks_is_told(void **state)
{
	(void)state;
	enum err err = ERR_NOMEM;
	for (size_t n = 1; err; n++) {
		struct scene scene;
		scene_init(&scene, ZONE);
		failing_malloc_arm(n);
		err = scene_load(&scene);
		bool has_failed = failing_malloc_disarm();
		assert_true(err == ERR_NONE || (has_failed && err != ERR_NONE));
		scene_deinit(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_their_records),
		cmocka_unit_test(aliases_lead_to_their_targets),
		cmocka_unit_test(wildcards_stand_for_names_that_do_not_exist),
		cmocka_unit_test(names_below_a_cut_are_referred),
		cmocka_unit_test(what_does_not_exist_passes_where_asked_for),
		cmocka_unit_test(a_changed_file_is_taken_over_and_a_broken_one_is_not),
		cmocka_unit_test(what_cannot_be_loaded_is_told_with_its_line),
		cmocka_unit_test(memory_that_lacks_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
