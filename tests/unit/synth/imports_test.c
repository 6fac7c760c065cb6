/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/synth/rig.h"

/* Multicluster zones: ServiceImports, whose endpoints' names have the cluster in them. */

enum { LINES_MAX = 24 };

struct table {
	const char *objects[LINES_MAX];
	const char *records[LINES_MAX];
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Of the other zones another synth takes care. */
static const struct rig_options OPTIONS = {
	.zones = {"c.l.", "s.l.", "10.in-addr.arpa."},
	.multicluster = "s.l.",
	.own_addresses = {"10.1.0.1"},
	.synth = {.ttl_s = 5, .serves_imports = true},
};

static void run_tables(const struct table *tables, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct rig rig;
		rig_init(&rig, &OPTIONS);
		rig_put(&rig, (const char *const[]){"namespace a", "namespace b", NULL});
		rig_put(&rig, tables[i].objects);
		rig_expect(&rig, tables[i].records);
		rig_deinit(&rig);
	}
}

static void imports_have_the_addresses_of_the_set_of_clusters(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"import a/web 10.0.0.1 fd00::1 p=http:80", "service a/other 10.0.0.2",
			 "import hidden/web 10.0.0.3"},
			{
				"_http._tcp.web.a.svc.s.l. SRV 0 50 80 web.a.svc.s.l. "
				"10.0.0.1 fd00::1",
				"web.a.svc.s.l. A 10.0.0.1",
				"web.a.svc.s.l. AAAA fd00::1",
				"web.a.svc.s.l. SRV 0 50 80 web.a.svc.s.l. "
				"10.0.0.1 fd00::1",
			}},
		/* Not yet given one. */
		{{"import a/web p=http:80"}, {NULL}},
		{{"import a/web 10.0.0.1", "-import a/web"}, {NULL}},
		{{"import a/web 10.0.0.1", "-service a/web"},
			{"web.a.svc.s.l. A 10.0.0.1"}},
	};
	run_tables(tables, COUNT(tables));
}

static void endpoints_are_called_by_their_cluster_too(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"import a/db headless",
			 "slice a/n of=x import=db cluster=north p=pg:1 10.1.0.1@one",
			 "slice a/s import=db cluster=south p=pg:1 10.1.0.2@one "
			 "!10.1.0.3"},
			{
				"_pg._tcp.db.a.svc.s.l. SRV 0 50 1 "
				"one.north.db.a.svc.s.l. 10.1.0.1",
				"_pg._tcp.db.a.svc.s.l. SRV 0 50 1 "
				"one.south.db.a.svc.s.l. 10.1.0.2",
				"db.a.svc.s.l. A 10.1.0.1",
				"db.a.svc.s.l. A 10.1.0.2",
				"db.a.svc.s.l. SRV 0 50 1 one.north.db.a.svc.s.l. "
				"10.1.0.1",
				"db.a.svc.s.l. SRV 0 50 1 one.south.db.a.svc.s.l. "
				"10.1.0.2",
				"one.north.db.a.svc.s.l. A 10.1.0.1",
				"one.north.db.a.svc.s.l. SRV 0 100 1 "
				"one.north.db.a.svc.s.l. 10.1.0.1",
				"one.south.db.a.svc.s.l. A 10.1.0.2",
				"one.south.db.a.svc.s.l. SRV 0 100 1 "
				"one.south.db.a.svc.s.l. 10.1.0.2",
			}},
		{{"import a/web 10.0.0.1", "slice a/n import=web cluster=north 10.1.0.1"},
			{
				"10-1-0-1.north.web.a.svc.s.l. A 10.1.0.1",
				"web.a.svc.s.l. A 10.0.0.1",
			}},
		/* Of no cluster: the service stands for it. */
		{{"import a/db headless", "slice a/n import=db p=pg:1 10.1.0.1@one"},
			{
				"_pg._tcp.db.a.svc.s.l. SRV 0 100 1 db.a.svc.s.l.",
				"db.a.svc.s.l. A 10.1.0.1",
				"db.a.svc.s.l. SRV 0 100 1 db.a.svc.s.l.",
			}},
		/* A slice of a Service alone. */
		{{"import a/db headless", "slice a/n of=db 10.1.0.1@one"}, {NULL}},
	};
	run_tables(tables, COUNT(tables));
}

static void what_changes_leaves_nothing_behind(void **state)
{
	(void)state;
	static const struct table tables[] = {
		{{"import a/db headless",
			 "slice a/n import=db cluster=north 10.1.0.1@one"},
			{"db.a.svc.s.l. A 10.1.0.1",
				"one.north.db.a.svc.s.l. A 10.1.0.1"}},
		{{"slice a/n import=db cluster=south 10.1.0.1@one"},
			{"db.a.svc.s.l. A 10.1.0.1",
				"one.south.db.a.svc.s.l. A 10.1.0.1"}},
		{{"import a/more headless",
			 "slice a/n import=more cluster=south 10.1.0.1@one"},
			{"more.a.svc.s.l. A 10.1.0.1",
				"one.south.more.a.svc.s.l. A 10.1.0.1"}},
		{{"-namespace a"}, {NULL}},
		{{"namespace a"}, {"more.a.svc.s.l. A 10.1.0.1",
					  "one.south.more.a.svc.s.l. A 10.1.0.1"}},
		{{"slice a/n of=more 10.1.0.1@one"}, {NULL}},
	};
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	rig_put(&rig, (const char *const[]){"namespace a", NULL});
	for (size_t i = 0; i < COUNT(tables); i++) {
		rig_put(&rig, tables[i].objects);
		rig_expect(&rig, tables[i].records);
	}
	rig_deinit(&rig);
}

/* The n-th allocation fails, and what was not done is made up for. */
static void a_change_without_memory_can_be_tried_again(void **state)
{
	(void)state;
	static const char *const records[] = {
		"db.a.svc.s.l. A 10.1.0.1",
		"db.a.svc.s.l. SRV 0 100 1 one.south.db.a.svc.s.l. 10.1.0.1",
		"one.south.db.a.svc.s.l. A 10.1.0.1",
		"one.south.db.a.svc.s.l. SRV 0 100 1 one.south.db.a.svc.s.l. 10.1.0.1",
		NULL,
	};
	bool has_failed = true;
	for (size_t n = 1; has_failed; n++) {
		struct rig rig;
		rig_init(&rig, &OPTIONS);
		rig_put(&rig,
			(const char *const[]){"namespace a", "import a/db headless",
				"slice a/n import=db cluster=north p=:1 10.1.0.1@one",
				NULL});
		assert_int_equal(
			rig_feed(&rig,
				"slice a/n import=db cluster=south p=:1 10.1.0.1@one"),
			ERR_NONE);
		rig.fail_at = n;
		has_failed = rig_settle(&rig) != ERR_NONE;
		if (has_failed)
			assert_int_equal(rig_settle(&rig), ERR_NONE);
		rig_expect(&rig, records);
		rig_deinit(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports_have_the_addresses_of_the_set_of_clusters),
		cmocka_unit_test(endpoints_are_called_by_their_cluster_too),
		cmocka_unit_test(what_changes_leaves_nothing_behind),
		cmocka_unit_test(a_change_without_memory_can_be_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
