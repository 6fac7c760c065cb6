/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/kube/kube.h"
#include "zones/source/kube/resource.h"

static const struct kube_resource *resource_called(const char *name)
{
	for (unsigned i = 0; i < KUBE_RESOURCES; i++)
		if (strcmp(kube_resources[i].name, name) == 0)
			return &kube_resources[i];
	fail();
	return NULL;
}

static void assert_path(const char *name, const struct kube_options *options,
	const struct kube_query *query, const char *expected)
{
	char *path = kube_resource_path(resource_called(name), options, query);
	assert_string_equal(path, expected);
	free(path);
}

static void a_streaming_list_asks_for_what_is_there_first(void **state)
{
	(void)state;
	const struct kube_options options = {0};
	const struct kube_query query = {
		.is_watch = true, .is_streaming = true, .timeout_s = 301};
	assert_path("endpointslices", &options, &query,
		"/apis/discovery.k8s.io/v1/endpointslices?watch=true"
		"&allowWatchBookmarks=true&timeoutSeconds=301&sendInitialEvents=true"
		"&resourceVersionMatch=NotOlderThan");
}

static void a_watch_goes_on_from_a_version(void **state)
{
	(void)state;
	const struct kube_options options = {
		.labels = "app=cart", .namespace_labels = "env in (a, b),!c"};
	const struct kube_query query = {
		.is_watch = true, .timeout_s = 300, .version = "1041"};
	assert_path("services", &options, &query,
		"/api/v1/services?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
		"&resourceVersion=1041&labelSelector=app%3Dcart");
	assert_path("namespaces", &options, &query,
		"/api/v1/namespaces?watch=true&allowWatchBookmarks=true"
		"&timeoutSeconds=300&resourceVersion=1041"
		"&labelSelector=env%20in%20%28a%2C%20b%29%2C%21c");
}

static void pages_go_on_with_a_token(void **state)
{
	(void)state;
	const struct kube_options options = {0};
	const struct kube_query query = {.limit = 500, .next_page = "a+/="};
	assert_path("pods", &options, &query,
		"/api/v1/pods?limit=500&continue=a%2B%2F%3D"
		"&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"
		"%2Cstatus.phase%21%3DUnknown%2Cspec.hostNetwork%3Dfalse");
}

static void what_a_server_does_not_know_is_not_selected_by(void **state)
{
	(void)state;
	const struct kube_options options = {.labels = "app=cart"};
	const struct kube_query watch = {.is_watch = true,
		.timeout_s = 300,
		.version = "1041",
		.takes_older_fields = true};
	const struct kube_query compare = {
		.version = "1041", .is_not_older = true, .takes_older_fields = true};
	assert_path("pods", &options, &watch,
		"/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
		"&resourceVersion=1041&labelSelector=app%3Dcart"
		"&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"
		"%2Cstatus.phase%21%3DUnknown");
	assert_path("pods", &options, &compare,
		"/api/v1/pods?limit=0&resourceVersion=1041"
		"&resourceVersionMatch=NotOlderThan&labelSelector=app%3Dcart"
		"&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"
		"%2Cstatus.phase%21%3DUnknown");
}

static bool is_too_new(const char *name, const char *reply)
{
	return kube_resource_is_too_new(resource_called(name), reply, strlen(reply));
}

static void a_refusal_is_told_by_the_field_that_it_names(void **state)
{
	(void)state;
	const char unknown[] = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":"
			       "\"field label not supported: spec.hostNetwork\","
			       "\"reason\":\"BadRequest\",\"code\":400}";
	const char other[] = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":"
			     "\"field label not supported: status.phase\","
			     "\"reason\":\"BadRequest\",\"code\":400}";
	assert_true(is_too_new("pods", unknown));
	assert_false(is_too_new("pods", other));
	assert_false(is_too_new("services", unknown));
	assert_false(is_too_new("pods", ""));
	assert_false(kube_resource_is_too_new(resource_called("pods"), NULL, 0));
	assert_false(kube_resource_is_too_new(
		resource_called("pods"), unknown, sizeof("{\"kind\"")));
}

/* Imports have no labels of their choice, and their API has two versions. */
static void imports_are_asked_for_under_either_path(void **state)
{
	(void)state;
	const struct kube_options options = {
		.labels = "app=cart", .namespace_labels = "env=a"};
	struct kube_query query = {.limit = 500};
	assert_path("serviceimports", &options, &query,
		"/apis/multicluster.x-k8s.io/v1alpha1/serviceimports?limit=500");
	query.takes_other_path = true;
	assert_path("serviceimports", &options, &query,
		"/apis/multicluster.x-k8s.io/v1beta1/serviceimports?limit=500");
}

static void only_what_is_needed_is_asked_for(void **state)
{
	(void)state;
	const struct kube_options imports = {.needs_imports = true};
	const struct kube_options plain = {0};
	const struct kube_options pods = {.needs_pods = true, .ignores_endpoints = true};
	assert_false(resource_called("pods")->is_needed(&plain));
	assert_true(resource_called("pods")->is_needed(&pods));
	assert_true(resource_called("endpointslices")->is_needed(&plain));
	assert_false(resource_called("endpointslices")->is_needed(&pods));
	assert_false(resource_called("serviceimports")->is_needed(&pods));
	assert_true(resource_called("serviceimports")->is_needed(&imports));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_streaming_list_asks_for_what_is_there_first),
		cmocka_unit_test(a_watch_goes_on_from_a_version),
		cmocka_unit_test(pages_go_on_with_a_token),
		cmocka_unit_test(what_a_server_does_not_know_is_not_selected_by),
		cmocka_unit_test(a_refusal_is_told_by_the_field_that_it_names),
		cmocka_unit_test(imports_are_asked_for_under_either_path),
		cmocka_unit_test(only_what_is_needed_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
