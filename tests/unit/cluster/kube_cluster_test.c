/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "server/wire/message.h"
#include "tests/support/failing_malloc.h"
#include "tests/unit/cluster/fake_fetch.h"
#include "zones/cluster.h"

/* A cluster that an API server tells of, when something fails on the way. */

enum { ROUNDS_MAX = 500 };

static const struct hash_key KEY = {7, 7};

static struct event_base *base;
static struct cluster *cluster;

static void ignore_problems(void *context, const struct diag_list *problems)
{
	(void)context;
	(void)problems;
}

static void put_service(const char *type, const char *name, const char *address)
{
	char rest[256];
	snprintf(rest, sizeof(rest),
		",\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"%s\",\"clusterIPs\":["
		"\"%s\"],\"ports\":[{\"name\":\"http\",\"port\":80}]}",
		address, address);
	fake_event(type, "services", "shop", name, rest);
}

static void put_slice(const char *type, const char *address)
{
	char rest[256];
	snprintf(rest, sizeof(rest),
		",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"%s\"],"
		"\"conditions\":{\"ready\":true}}],\"ports\":[{\"name\":\"http\","
		"\"port\":80}]",
		address);
	fake_event(type, "endpointslices", "shop", "head-1", rest);
}

static void put_all(void)
{
	fake_event("ADDED", "namespaces", "", "shop", "");
	put_service("ADDED", "cart", "10.0.0.1");
	put_service("ADDED", "old", "10.0.0.2");
	put_service("ADDED", "head", "None");
	put_slice("ADDED", "10.1.0.1");
}

static void begin(enum pod_mode pods)
{
	static struct dname zones[2];
	assert_int_equal(dname_from_text("c.l", &zones[0]), ERR_NONE);
	assert_int_equal(dname_from_text("10.in-addr.arpa", &zones[1]), ERR_NONE);
	const struct cluster_options options = {
		.zones = zones,
		.zone_count = 2,
		.ttl_s = 5,
		.pods = pods,
		.kube = {.endpoint = "http://127.0.0.1:1",
			.needs_pods = pods == PODS_VERIFIED},
	};
	const struct cluster_report report = {NULL, ignore_problems};
	base = event_base_new();
	cluster = cluster_new(&options, &KEY, &report);
	assert_non_null(base);
	assert_non_null(cluster);
	assert_int_equal(cluster_start(cluster, base, false), ERR_NONE);
}

static void finish(void)
{
	cluster_free(cluster);
	event_base_free(base);
}

/* What was asked is answered, and a millisecond passes. */
static void run_a_little(void)
{
	const struct timeval moment = {0, 1000};
	fake_answer();
	event_base_loopexit(base, &moment);
	event_base_dispatch(base);
	cluster_reclaim(cluster);
}

static void run_until(bool (*is_so)(void))
{
	for (unsigned round = 0; !is_so(); round++) {
		assert_true(round < ROUNDS_MAX);
		run_a_little();
	}
}

static bool is_synced(void)
{
	return store_is_synced(cluster_store(cluster));
}

/* The name has exactly this address; NULL: it is not there. */
static bool has(const char *text, const char *address)
{
	struct dname name;
	struct ipaddr wanted;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	const struct answer_set *set = store_find_name(cluster_store(cluster), &name);
	if (!set || !address)
		return !set && !address;
	const struct rrset *rrset = answer_set_find(set, TYPE_A);
	assert_int_equal(ipaddr_parse(address, &wanted), ERR_NONE);
	return rrset && rrset->count == 1 &&
	       memcmp(rrset->data + 12, wanted.bytes, wanted.length) == 0;
}

static bool is_changed(void)
{
	return has("cart.shop.svc.c.l", "10.0.0.9") && has("old.shop.svc.c.l", NULL) &&
	       has("head.shop.svc.c.l", "10.1.0.9");
}

static void change_all(void)
{
	put_service("MODIFIED", "cart", "10.0.0.9");
	put_service("DELETED", "old", "10.0.0.2");
	put_slice("MODIFIED", "10.1.0.9");
}

/* One allocation fails while `change` is taken in; all of it arrives for all that. */
static void expect_to_arrive(void (*change)(void))
{
	bool has_failed = true;
	for (size_t n = 1; has_failed; n++) {
		fake_reset();
		put_all();
		begin(PODS_DISABLED);
		run_until(is_synced);
		failing_malloc_arm(n);
		change();
		has_failed = failing_malloc_disarm();
		run_until(is_changed);
		finish();
		assert_true(n < 1000);
	}
}

static void a_change_that_finds_no_memory_comes_again(void **state)
{
	(void)state;
	expect_to_arrive(change_all);
}

/* The history is gone meanwhile: what the registry could not forget is not there. */
static void change_and_compact(void)
{
	change_all();
	fake_compact();
}

static void it_comes_again_in_a_list_as_well(void **state)
{
	(void)state;
	expect_to_arrive(change_and_compact);
}

static void miss_and_load(void)
{
	fake_gap(true);
	change_all();
	fake_gap(false);
	fake_compact();
	for (unsigned i = 0; i < 5; i++)
		run_a_little();
}

static void a_list_that_finds_no_memory_is_loaded_again(void **state)
{
	(void)state;
	expect_to_arrive(miss_and_load);
}

/* --- what the role does not permit to read --- */

static bool is_without_endpoints(void)
{
	return store_missing(cluster_store(cluster)) == STORE_MISSING_ENDPOINTS;
}

static bool is_without_pods(void)
{
	return store_missing(cluster_store(cluster)) == STORE_MISSING_PODS;
}

static bool is_all_there(void)
{
	return !store_missing(cluster_store(cluster));
}

static bool has_new_cart(void)
{
	return has("cart.shop.svc.c.l", "10.0.0.9");
}

static void begin_without(const char *resource, enum pod_mode pods)
{
	fake_reset();
	put_all();
	fake_forbid(resource, true);
	begin(pods);
}

static void the_rest_goes_on(void **state)
{
	(void)state;
	begin_without("endpointslices", PODS_DISABLED);
	run_until(is_without_endpoints);
	assert_true(has("cart.shop.svc.c.l", "10.0.0.1"));
	assert_true(has("head.shop.svc.c.l", NULL));
	assert_false(cluster_is_whole(cluster));
	put_service("MODIFIED", "cart", "10.0.0.9");
	run_until(has_new_cart);
	assert_true(is_without_endpoints());
	fake_forbid("endpointslices", false);
	run_until(is_all_there);
	assert_true(has("head.shop.svc.c.l", "10.1.0.1"));
	assert_true(cluster_is_whole(cluster));
	finish();
}

static void pods_are_missed_where_they_are_needed(void **state)
{
	(void)state;
	begin_without("pods", PODS_DISABLED);
	run_until(is_all_there);
	finish();
	begin_without("pods", PODS_VERIFIED);
	run_until(is_without_pods);
	assert_true(has("head.shop.svc.c.l", "10.1.0.1"));
	finish();
}

static void without_namespaces_there_is_nothing(void **state)
{
	(void)state;
	begin_without("namespaces", PODS_DISABLED);
	for (unsigned i = 0; i < 20; i++)
		run_a_little();
	assert_false(is_synced());
	fake_forbid("namespaces", false);
	run_until(is_all_there);
	finish();
}

/* What was there stays, and is answered: it is old, not unknown. */
static void a_right_that_is_lost_later_takes_nothing_away(void **state)
{
	(void)state;
	char text[512];
	fake_reset();
	put_all();
	begin(PODS_DISABLED);
	run_until(is_all_there);
	fake_forbid("endpointslices", true);
	for (unsigned i = 0; i < 20; i++)
		run_a_little();
	cluster_describe(cluster, text, sizeof(text));
	assert_non_null(strstr(text, "lacks the verb \"watch\" on \"endpointslices\""));
	assert_true(is_all_there());
	assert_true(has("head.shop.svc.c.l", "10.1.0.1"));
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_that_finds_no_memory_comes_again),
		cmocka_unit_test(it_comes_again_in_a_list_as_well),
		cmocka_unit_test(a_list_that_finds_no_memory_is_loaded_again),
		cmocka_unit_test(the_rest_goes_on),
		cmocka_unit_test(pods_are_missed_where_they_are_needed),
		cmocka_unit_test(without_namespaces_there_is_nothing),
		cmocka_unit_test(a_right_that_is_lost_later_takes_nothing_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
