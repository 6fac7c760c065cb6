/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/synth/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/failing_malloc.h"
#include "tests/unit/synth/rig.h"

static const struct rig_options OPTIONS = {
	.zones = {"c.l.", "10.in-addr.arpa."}, .synth = {.ttl_s = 5}};

struct fixture {
	struct rig rig;
	struct plan plan;
};

static int setup(void **state)
{
	static struct fixture fixture;
	rig_init(&fixture.rig, &OPTIONS);
	plan_init(&fixture.plan);
	rig_put(&fixture.rig, (const char *const[]){"namespace a", NULL});
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	plan_deinit(&fixture->plan);
	rig_deinit(&fixture->rig);
	return 0;
}

/* The plan of a/x after these lines. */
static const struct plan *plan_of(struct fixture *fixture,
	const struct synth_options *options, const char *const *lines)
{
	rig_put(&fixture->rig, lines);
	const struct registry_service *service =
		registry_find_service(fixture->rig.registry, "a", "x");
	assert_non_null(service);
	assert_int_equal(plan_make(&fixture->plan, options, service), ERR_NONE);
	return &fixture->plan;
}

static void an_endpoint_is_named_by_host_pod_or_address(void **state)
{
	(void)state;
#define SIXTY_THREE "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
	static const struct {
		const char *hostname, *pod_name, *address;
		bool uses_pod_names;
		const char *label;
	} cases[] = {
		{"", "", "10.0.0.1", false, "10-0-0-1"},
		{"h", "p", "10.0.0.1", true, "h"},
		{"", "p", "10.0.0.1", true, "p"},
		{"", "p", "10.0.0.1", false, "10-0-0-1"},
		{"", "p.0", "10.0.0.1", true, "10-0-0-1"},
		{"", SIXTY_THREE, "10.0.0.1", true, SIXTY_THREE},
		{"", SIXTY_THREE "l", "10.0.0.1", true, "10-0-0-1"},
		{"", "", "fd00::1", false, "fd00--1"},
		{"", "", "fd00::", false, "fd00--0"},
		{"", "", "::1", false, "--1"},
		{"", "", "1:2:3:4:5:6:7:8", false, "1-2-3-4-5-6-7-8"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct synth_options options = {
			.uses_pod_names = cases[i].uses_pod_names};
		const struct pack_endpoint endpoint = {
			.hostname = cases[i].hostname, .pod_name = cases[i].pod_name};
		struct ipaddr address;
		assert_int_equal(ipaddr_parse(cases[i].address, &address), ERR_NONE);
		char label[64];
		unsigned length =
			plan_endpoint_label(&options, &endpoint, &address, label);
		assert_int_equal(length, strlen(cases[i].label));
		assert_memory_equal(label, cases[i].label, length);
	}
}

static void addresses_have_dashes(void **state)
{
	(void)state;
	static const char *const cases[][2] = {{"10.0.0.1", "10-0-0-1"},
		{"255.255.255.255", "255-255-255-255"}, {"fd00::", "fd00--"},
		{"::", "--"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ipaddr address;
		char label[64];
		assert_int_equal(ipaddr_parse(cases[i][0], &address), ERR_NONE);
		assert_int_equal(
			ipaddr_format_dashed(&address, label), strlen(cases[i][1]));
		assert_string_equal(label, cases[i][1]);
	}
}

static void what_a_service_is_follows_from_its_objects(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *line;
		enum plan_kind kind, kind_without_empty;
	} cases[] = {
		{"slice a/s of=x 10.1.0.1", PLAN_NOTHING, PLAN_NOTHING},
		{"service a/x", PLAN_NOTHING, PLAN_NOTHING},
		{"service a/x 10.0.0.1", PLAN_CLUSTER_IP, PLAN_CLUSTER_IP},
		{"service a/x headless", PLAN_HEADLESS, PLAN_HEADLESS},
		{"slice a/s of=x !10.1.0.1", PLAN_NOTHING, PLAN_NOTHING},
		{"service a/x 10.0.0.1", PLAN_CLUSTER_IP, PLAN_NOTHING},
		{"service a/x e=example.com", PLAN_EXTERNAL_NAME, PLAN_EXTERNAL_NAME},
		{"service a/x e=10.0.0.1", PLAN_NOTHING, PLAN_NOTHING},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct synth_options options = {.ttl_s = 5};
		const char *const lines[] = {cases[i].line, NULL};
		assert_int_equal(plan_of(fixture, &options, lines)->kind, cases[i].kind);
		options.ignores_empty = true;
		assert_int_equal(plan_of(fixture, &options, lines)->kind,
			cases[i].kind_without_empty);
	}
}

static void hits_stand_by_target_and_know_their_ports_and_slice(void **state)
{
	struct fixture *fixture = *state;
	const struct synth_options options = {.ttl_s = 5};
	const struct plan *plan = plan_of(fixture, &options,
		(const char *const[]){"service a/x headless",
			"slice a/s of=x p=http:80 10.1.0.3@h 10.1.0.2 !10.1.0.9",
			"slice a/t of=x p=http:80 10.1.0.1,10.1.0.3@h",
			"slice a/u of=x p=http:81 10.1.0.2", NULL});
	static const struct {
		const char *address;
		uint32_t target, port_set, slice;
		bool is_repeated;
	} expected[] = {
		{"10.1.0.3", 0, 0, 1, false},
		{"10.1.0.1", 0, 0, 2, false},
		{"10.1.0.3", 0, 0, 2, true},
		{"10.1.0.2", 1, 0, 1, false},
		{"10.1.0.2", 1, 1, 3, true},
	};
	static const uint32_t by_address[] = {1, 3, 4, 0, 2};
	assert_int_equal(plan->hit_count, 5);
	for (uint32_t i = 0; i < plan->hit_count; i++) {
		char text[IPADDR_TEXT_SIZE];
		const struct plan_hit *hit = &plan->hits[i];
		assert_string_equal(
			ipaddr_format(&hit->address, text), expected[i].address);
		assert_int_equal(hit->target, expected[i].target);
		assert_int_equal(hit->port_set, expected[i].port_set);
		assert_int_equal(hit->slice, expected[i].slice);
		assert_int_equal(hit->is_repeated, expected[i].is_repeated);
		assert_int_equal(plan->by_address[i], by_address[i]);
	}
	assert_int_equal(plan->target_count, 2);
	assert_string_equal(plan->targets[0].label, "h");
	assert_int_equal(plan->targets[0].first_hit, 0);
	assert_int_equal(plan->targets[0].hit_count, 3);
	assert_string_equal(plan->targets[1].label, "10-1-0-2");
	assert_int_equal(plan->targets[1].first_hit, 3);
	assert_int_equal(plan->port_set_count, 2);
	assert_int_equal(plan->port_sets[1].ports[0].number, 81);
}

static void no_ports_are_one_without_name_and_number(void **state)
{
	struct fixture *fixture = *state;
	const struct synth_options options = {.ttl_s = 5};
	const struct plan *plan = plan_of(fixture, &options,
		(const char *const[]){
			"service a/x 10.0.0.1", "slice a/s of=x 10.1.0.1", NULL});
	assert_int_equal(plan->service_ports.count, 1);
	assert_int_equal(plan->service_ports.ports[0].number, -1);
	assert_string_equal(plan->service_ports.ports[0].name, "");
	assert_int_equal(plan->port_set_count, 1);
	assert_int_equal(plan->port_sets[0].ports[0].number, -1);
}

static void a_hidden_service_has_an_empty_plan(void **state)
{
	struct fixture *fixture = *state;
	const struct synth_options options = {.ttl_s = 5};
	const struct plan *plan = plan_of(fixture, &options,
		(const char *const[]){"service a/x 10.0.0.1", "slice a/s of=x 10.1.0.1",
			"-namespace a", NULL});
	assert_int_equal(plan->kind, PLAN_NOTHING);
	assert_int_equal(plan->hit_count + plan->cluster_ip_count, 0);
}

static void a_plan_without_memory_is_empty(void **state)
{
	struct fixture *fixture = *state;
	const struct synth_options options = {.ttl_s = 5};
	char line[4000] = "slice a/s of=x p=http:80";
	for (unsigned i = 1; i < 200; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " 10.1.0.%u",
			i);
	rig_put(&fixture->rig, (const char *const[]){"service a/x headless", line, NULL});
	const struct registry_service *service =
		registry_find_service(fixture->rig.registry, "a", "x");
	enum err err = ERR_NOMEM;
	for (size_t n = 1; err; n++) {
		struct plan plan;
		plan_init(&plan);
		failing_malloc_arm(n);
		err = plan_make(&plan, &options, service);
		assert_int_equal(failing_malloc_disarm(), !!err);
		assert_int_equal(plan.hit_count, err ? 0 : 199);
		plan_deinit(&plan);
	}
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_named_by_host_pod_or_address),
		cmocka_unit_test(addresses_have_dashes),
		WITH_RIG(what_a_service_is_follows_from_its_objects),
		WITH_RIG(hits_stand_by_target_and_know_their_ports_and_slice),
		WITH_RIG(no_ports_are_one_without_name_and_number),
		WITH_RIG(a_hidden_service_has_an_empty_plan),
		WITH_RIG(a_plan_without_memory_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
