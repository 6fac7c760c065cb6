/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "tests/support/failing_malloc.h"
#include "tests/unit/synth/rig.h"
#include "zones/export/explain.h"
#include "zones/export/lookup_report.h"

/* Each case is a question and a part of what must be said about it. */
struct explain_case {
	const char *name;
	uint16_t type;
	const char *said;
	const char *not_said; /* NULL: anything may be */
};

static const char *const CLUSTER[] = {
	"namespace a",
	"namespace b",
	"namespace closed",
	"service a/web 10.0.0.1 p=http:80 p=dns/udp:53 p=:81",
	"slice a/web-1 of=web p=http:8080 10.1.0.1 !10.1.0.2",
	"service a/db headless p=sql:5432",
	"slice a/db-1 of=db p=sql:5432 10.1.0.3@db-0 !10.1.0.4@db-1",
	"slice a/db-2 of=db p=sql:-1 10.1.0.5@db-2",
	"slice a/db-3 of=db p=other:1 10.1.0.6@db-3",
	"service a/idle headless",
	"slice a/idle-1 of=idle !10.1.0.7 !10.1.0.8",
	"service a/lost headless s=app:lost",
	"service a/bare headless",
	"service a/none p=http:80",
	"service a/out e=example.com",
	"service a/pods headless s=app:x",
	"pod a/x-1 10.1.0.9 ready l=app:x",
	"pod a/x-2 10.1.0.10 l=app:x",
	"pod a/x-3 10.1.0.11 finished",
	"namespace books",
	"service books/shelf 10.0.0.2",
	"slice b/ghost-1 of=ghost 10.1.0.12",
	"endpoints b/old 10.1.0.13",
	"service b/old headless",
	"service closed/secret 10.0.0.3",
	"service nowhere/x 10.0.0.4",
	NULL,
};

static const struct rig_options OPTIONS = {
	.zones = {"c.l.", "10.in-addr.arpa."},
	.namespaces = {"a", "b", "nowhere", "books"},
	.synth = {.ttl_s = 5, .pods = PODS_VERIFIED},
};

static char *explain_text(
	const struct explain_cluster *cluster, const char *text, uint16_t type)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	struct arena arena;
	arena_init(&arena, 4096);
	struct finding_list findings;
	finding_list_init(&findings, &arena);
	assert_int_equal(explain_name(cluster, &name, type, &findings), ERR_NONE);
	char *out_text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&out_text, &size);
	assert_non_null(out);
	const struct lookup_report report = {.name = &name,
		.type = type,
		.problem = "not asked",
		.findings = &findings};
	assert_int_equal(lookup_report_write_text(&report, false, out), ERR_NONE);
	fclose(out);
	arena_deinit(&arena);
	return out_text;
}

static void check_case(
	const struct explain_cluster *cluster, const struct explain_case *wanted)
{
	char *text = explain_text(cluster, wanted->name, wanted->type);
	if (!strstr(text, wanted->said) ||
		(wanted->not_said && strstr(text, wanted->not_said)))
		fail_msg("%s: \"%s\" wanted, \"%s\" not, said was\n%s", wanted->name,
			wanted->said, wanted->not_said ? wanted->not_said : "", text);
	free(text);
}

static void check_cases(const struct rig *rig, const struct explain_cluster *options,
	const struct explain_case *cases, size_t count)
{
	struct explain_cluster cluster = *options;
	cluster.registry = rig->registry;
	cluster.store = rig->store;
	for (size_t i = 0; i < count; i++)
		check_case(&cluster, &cases[i]);
}

#define CHECK(rig, options, cases)                                                       \
	check_cases(rig, options, cases, sizeof(cases) / sizeof((cases)[0]))

static void each_record_has_its_object(void **state)
{
	(void)state;
	static const struct explain_case cases[] = {
		{"web.a.svc.c.l.", TYPE_A, "; 10.0.0.1: Service a/web (cluster.yaml:1)",
			"left out"},
		{"web.a.svc.c.l.", TYPE_A, "; 1 of 2 endpoints ready", NULL},
		{"db.a.svc.c.l.", TYPE_A,
			"; 10.1.0.3 db-0: EndpointSlice a/db-1 (cluster.yaml:1)",
			"no port"},
		{"db.a.svc.c.l.", TYPE_A, "; left out: 10.1.0.4 db-1: not ready", NULL},
		{"db.a.svc.c.l.", TYPE_SRV,
			"; left out: 10.1.0.5 db-2: its port has no number", NULL},
		{"_sql._tcp.db.a.svc.c.l.", TYPE_SRV,
			"; left out: 10.1.0.6 db-3: it has no such port", NULL},
		{"db-0.db.a.svc.c.l.", TYPE_A, "; 10.1.0.3 db-0:", "10.1.0.6"},
		{"_http._tcp.web.a.svc.c.l.", TYPE_SRV, "; port 80: Service a/web", NULL},
		{"out.a.svc.c.l.", TYPE_A, "; example.com: ExternalName, Service a/out",
			"endpoints"},
		{"pods.a.svc.c.l.", TYPE_A, "; 10.1.0.9 10-1-0-9: Pod a/x-1", NULL},
		{"pods.a.svc.c.l.", TYPE_A,
			"; left out: 10.1.0.10 10-1-0-10: not ready, Pod a/x-2", NULL},
		{"old.b.svc.c.l.", TYPE_A, "Endpoints b/old", NULL},
		{"a.svc.c.l.", TYPE_A, "; Namespace a (cluster.yaml:1)", NULL},
		{"10-1-0-9.a.pod.c.l.", TYPE_A, "; Pod a/x-1", "no pod"},
		{"1.0.0.10.in-addr.arpa.", TYPE_PTR, "; 10.0.0.1: Service a/web", "NEAR"},
		{"web.a.svc.c.l.", TYPE_AAAA, "other types: A, SRV", NULL},
		{"_tcp.web.a.svc.c.l.", TYPE_A, "only names below it", NULL},
		{"example.com.", TYPE_A, "not asked\n\n", ";; WHY"},
	};
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	rig_put(&rig, CLUSTER);
	CHECK(&rig, &(struct explain_cluster){.pods = PODS_VERIFIED}, cases);
	rig_deinit(&rig);
}

static void each_mistake_is_told(void **state)
{
	(void)state;
	static const struct explain_case cases[] = {
		{"web.b.svc.c.l.", TYPE_A, "; web.a.svc.c.l.: in another namespace",
			NULL},
		{"wbe.a.svc.c.l.", TYPE_A, "; web.a.svc.c.l.: a near spelling", NULL},
		{"secret.a.svc.c.l.", TYPE_A, "no service \"secret\"", "NEAR"},
		{"secret.closed.svc.c.l.", TYPE_A, "not in the list of namespaces",
			"NEAR"},
		{"x.nowhere.svc.c.l.", TYPE_A, "no Namespace object", "NEAR"},
		{"x.zzz.svc.c.l.", TYPE_A, "no namespace \"zzz\"", "NEAR"},
		{"shelf.boosk.svc.c.l.", TYPE_A,
			"; shelf.books.svc.c.l.: the namespace is spelt differently",
			"another namespace"},
		{"x.boosk.svc.c.l.", TYPE_A, "there is a namespace \"books\"", NULL},
		{"a.web.svc.c.l.", TYPE_A, "; web.a.svc.c.l.", NULL},
		{"web.a.c.l.", TYPE_A, "; web.a.svc.c.l.: \"svc\" is missing", NULL},
		{"web.a.vsc.c.l.", TYPE_A, "; web.a.svc.c.l.", NULL},
		{"idle.a.svc.c.l.", TYPE_A,
			"headless service with 2 endpoints, none of them ready", "NEAR"},
		{"idle.a.svc.c.l.", TYPE_A, "left out: 10.1.0.8", NULL},
		{"lost.a.svc.c.l.", TYPE_A, "no pod matches its selector", NULL},
		{"bare.a.svc.c.l.", TYPE_A, "no EndpointSlice or Endpoints", NULL},
		{"none.a.svc.c.l.", TYPE_A, "the service has no cluster IP", NULL},
		{"ghost.b.svc.c.l.", TYPE_A,
			"no Service of this name, EndpointSlice b/ghost-1", NULL},
		{"_wbe._tcp.web.a.svc.c.l.", TYPE_SRV,
			"; _http._tcp.web.a.svc.c.l.: a port that it has", NULL},
		{"_wbe._tcp.web.a.svc.c.l.", TYPE_SRV, "_dns._udp.web.a.svc.c.l.", NULL},
		{"_wbe._tcp.web.a.svc.c.l.", TYPE_SRV, "its port has no name", NULL},
		{"_x._tcp.db.a.svc.c.l.", TYPE_SRV, "; _sql._tcp.db.a.svc.c.l.:", NULL},
		{"http.tcp.web.a.svc.c.l.", TYPE_SRV, "both underscores", NULL},
		{"_http.web.a.svc.c.l.", TYPE_SRV, "_PORT._PROTOCOL", NULL},
		{"x.y.z.web.a.svc.c.l.", TYPE_A, "nothing below", NULL},
		{"db-9.db.a.svc.c.l.", TYPE_A, "; db-0.db.a.svc.c.l.: a near spelling",
			NULL},
		{"db-1.db.a.svc.c.l.", TYPE_A, "left out: 10.1.0.4 db-1: not ready",
			NULL},
		{"10-1-0-99.a.pod.c.l.", TYPE_A, "no pod of the namespace", NULL},
		{"10-1-0-9.b.pod.c.l.", TYPE_A, "a pod of the namespace \"a\"", NULL},
		{"10-1-0-11.a.pod.c.l.", TYPE_A, "finished or terminating, Pod a/x-3",
			NULL},
		{"x-1.a.pod.c.l.", TYPE_A, "its address with dashes", NULL},
		{"y.10-1-0-9.a.pod.c.l.", TYPE_A, "nothing below a pod's name", NULL},
		{"4.0.1.10.in-addr.arpa.", TYPE_PTR,
			"left out: an endpoint, not ready, Service a/db", NULL},
		{"3.0.0.10.in-addr.arpa.", TYPE_PTR,
			"left out: its namespace is hidden, Service closed/secret", NULL},
		{"9.9.9.10.in-addr.arpa.", TYPE_PTR, "has the address 10.9.9.9",
			"left out"},
		{"x.9.9.10.in-addr.arpa.", TYPE_PTR, "not asked\n\n", ";; WHY"},
	};
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	rig_put(&rig, CLUSTER);
	CHECK(&rig, &(struct explain_cluster){.pods = PODS_VERIFIED}, cases);
	rig_deinit(&rig);
}

static void options_that_leave_names_out_are_named(void **state)
{
	(void)state;
	static const struct explain_case cases[] = {
		{"db.a.svc.c.l.", TYPE_A, "with the option noendpoints", NULL},
		{"10-1-0-9.a.pod.c.l.", TYPE_A, "\"pods disabled\"", NULL},
	};
	struct rig_options options = OPTIONS;
	options.synth.pods = PODS_DISABLED;
	options.ignores_endpoints = true;
	struct rig rig;
	rig_init(&rig, &options);
	rig_put(&rig, CLUSTER);
	const struct explain_cluster cluster = {
		.pods = PODS_DISABLED, .ignores_endpoints = true};
	CHECK(&rig, &cluster, cases);
	rig_deinit(&rig);
}

static void imports_are_explained_by_their_own_registry(void **state)
{
	(void)state;
	static const char *const services[] = {"namespace a", "service a/web 10.9.0.1",
		"service a/local 10.9.0.2", NULL};
	static const char *const imports[] = {"namespace a",
		"import a/web 10.0.0.1 p=http:80", "import a/db headless",
		"slice a/db-1 import=db cluster=north p=sql:1 10.1.0.3@db-0 !10.1.0.4",
		"slice a/db-2 import=db p=sql:1 10.1.0.5@lone", "import a/late",
		"import a/bare headless", "slice a/g import=ghost 10.1.0.9", NULL};
	static const struct explain_case cases[] = {
		{"web.a.svc.s.l.", TYPE_A, "; 10.0.0.1: ServiceImport a/web", "10.9.0.1"},
		{"db.a.svc.s.l.", TYPE_A, "; 10.1.0.3 db-0.north: EndpointSlice a/db-1",
			NULL},
		{"db.a.svc.s.l.", TYPE_A, "; 10.1.0.5: EndpointSlice a/db-2", "lone"},
		{"db.a.svc.s.l.", TYPE_A,
			"; left out: 10.1.0.4 10-1-0-4.north: not ready", NULL},
		{"db-0.north.db.a.svc.s.l.", TYPE_A, "10.1.0.3 db-0.north:", "10.1.0.5"},
		{"db-0.nort.db.a.svc.s.l.", TYPE_A,
			"; db-0.north.db.a.svc.s.l.: a near spelling", "underscores"},
		{"db-0.db.a.svc.s.l.", TYPE_A, "two labels: ENDPOINT.CLUSTER", NULL},
		{"_htp._tcp.web.a.svc.s.l.", TYPE_SRV,
			"; _http._tcp.web.a.svc.s.l.: a port that it has", "endpoint c"},
		{"late.a.svc.s.l.", TYPE_A, "none stands in spec.ips", "service_cidr"},
		{"bare.a.svc.s.l.", TYPE_A, "no EndpointSlice names it", "Endpoints"},
		{"ghost.a.svc.s.l.", TYPE_A, "no ServiceImport of this name", NULL},
		{"local.a.svc.s.l.", TYPE_A, "no ServiceImport \"local\"", NULL},
		{"1.0.9.10.in-addr.arpa.", TYPE_PTR, "Service a/web", "Import"},
	};
	const struct rig_options of_imports = {.zones = {"s.l."},
		.multicluster = "s.l.",
		.synth = {.ttl_s = 5, .serves_imports = true}};
	struct rig own, rig;
	rig_init(&own, &OPTIONS);
	rig_put(&own, services);
	rig_init(&rig, &of_imports);
	rig_put(&rig, imports);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_reverse = cases[i].type == TYPE_PTR;
		const struct explain_cluster cluster = {
			.registry = own.registry,
			.imports = rig.registry,
			.store = is_reverse ? own.store : rig.store,
		};
		check_case(&cluster, &cases[i]);
	}
	rig_deinit(&own);
	rig_deinit(&rig);
}

/* Octets that no object's name has are no text to be taken literally. */
static void any_octets_may_be_asked_for(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	rig_put(&rig, CLUSTER);
	static const struct explain_case cases[] = {
		{"web\\000x.a.svc.c.l.", TYPE_A, "no service \"web?x\"", "10.0.0.1"},
		{"\\027[2j.a.svc.c.l.", TYPE_A, "no service \"?[2j\"", "\033"},
		{"\\255.\\.\\..a.svc.c.l.", TYPE_A, "no service \"..\"", NULL},
	};
	CHECK(&rig, &(struct explain_cluster){.pods = PODS_VERIFIED}, cases);
	rig_deinit(&rig);
}

/* The n-th allocation fails, until there are enough. */
static void without_memory_it_is_an_error(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	rig_put(&rig, CLUSTER);
	const struct explain_cluster cluster = {
		.registry = rig.registry, .store = rig.store, .pods = PODS_VERIFIED};
	struct dname name;
	assert_int_equal(dname_from_text("_x._y.db.a.svc.c.l.", &name), ERR_NONE);
	unsigned failures = 0;
	for (bool has_failed = true; has_failed; failures += has_failed) {
		struct arena arena;
		arena_init(&arena, 64);
		struct finding_list findings;
		finding_list_init(&findings, &arena);
		failing_malloc_arm(failures + 1);
		enum err err = explain_name(&cluster, &name, TYPE_SRV, &findings);
		has_failed = failing_malloc_disarm();
		assert_int_equal(err, has_failed ? ERR_NOMEM : ERR_NONE);
		arena_deinit(&arena);
	}
	assert_true(failures > 3);
	rig_deinit(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_has_its_object),
		cmocka_unit_test(each_mistake_is_told),
		cmocka_unit_test(options_that_leave_names_out_are_named),
		cmocka_unit_test(imports_are_explained_by_their_own_registry),
		cmocka_unit_test(any_octets_may_be_asked_for),
		cmocka_unit_test(without_memory_it_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
