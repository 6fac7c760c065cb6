/* SPDX-License-Identifier: Apache-2.0 */
/* Services -> variables; the cases of the kubelet's own tests in tests/cases/envvars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"
#include "zones/export/env.h"
#include "zones/registry/registry.h"

static json_t *cases;

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static uint8_t protocol_of(const char *text)
{
	if (strcmp(text, "UDP") == 0)
		return PROTOCOL_UDP;
	return strcmp(text, "SCTP") == 0 ? PROTOCOL_SCTP : PROTOCOL_TCP;
}

static void add_case_service(struct env_view *view, const json_t *service, bool is_master)
{
	struct env_port ports[8];
	size_t count = 0, i;
	json_t *port;
	json_array_foreach(json_object_get(service, "ports"), i,
		port) ports[count++] = (struct env_port){
		.name = text_of(port, "name"),
		.number = (uint16_t)json_integer_value(json_object_get(port, "port")),
		.protocol = protocol_of(text_of(port, "protocol")),
	};
	const struct env_service added = {
		.name = text_of(service, "name"),
		.address = text_of(service, "clusterIP"),
		.ports = ports,
		.port_count = count,
		.is_master = is_master,
	};
	assert_int_equal(env_view_add(view, &added), ERR_NONE);
}

static void make(
	const struct env_view *view, const struct env_choice *choice, struct env *out)
{
	assert_int_equal(env_make(view, choice, out), ERR_NONE);
}

/* "N=v" lines, malloc'ed. */
static char *lines_of(const struct env *env)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	for (size_t i = 0; i < env->count; i++)
		fprintf(out, "%s=%s\n", env->variables[i].name, env->variables[i].value);
	fclose(out);
	return text;
}

static const char *value_in(const struct env *env, const char *name)
{
	for (size_t i = 0; i < env->count; i++)
		if (strcmp(env->variables[i].name, name) == 0)
			return env->variables[i].value;
	return NULL;
}

/* --- the kubelet's cases --- */

/* The expected variables whose names begin as the service's do, in their order. */
static void print_expected(FILE *out, const json_t *expected, const char *service)
{
	char prefix[256];
	size_t length = strlen(service), i;
	for (i = 0; i < length; i++)
		prefix[i] = (char)(service[i] == '-'   ? '_'
				   : service[i] >= 'a' ? service[i] - 'a' + 'A'
						       : service[i]);
	prefix[length++] = '_';
	json_t *pair;
	json_array_foreach(expected, i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 0));
		if (strncmp(name, prefix, length) == 0)
			fprintf(out, "%s=%s\n", name,
				json_string_value(json_array_get(pair, 1)));
	}
}

static void services_make_the_variables_that_the_kubelet_makes(void **state)
{
	(void)state;
	const json_t *group = json_object_get(cases, "from_services");
	const json_t *expected = json_object_get(group, "expected");
	struct env_view *view = env_view_new("default");
	size_t i;
	json_t *service;
	json_array_foreach(json_object_get(group, "services"), i, service)
		add_case_service(view, service, false);
	struct env env;
	make(view, &(struct env_choice){0}, &env);
	char *wanted = NULL, *lines = lines_of(&env);
	size_t length;
	FILE *out = open_memstream(&wanted, &length);
	for (i = 0; i < env.service_count; i++)
		print_expected(out, expected, env.services[i]->name);
	fclose(out);
	assert_string_equal(lines, wanted);
	assert_int_equal(env.count, json_array_size(expected));
	assert_int_equal(env.collision_count, 0);
	free(lines);
	free(wanted);
	env_deinit(&env);
	env_view_unref(view);
}

static struct env_view *view_of_case(const char *ns)
{
	const json_t *group = json_object_get(cases, "make_environment");
	struct env_view *view = env_view_new(ns);
	size_t i;
	json_t *service;
	json_array_foreach(json_object_get(group, "services"), i, service)
	{
		const char *its = text_of(service, "namespace");
		bool is_master = strcmp(its, "default") == 0 &&
				 strcmp(text_of(service, "name"), "kubernetes") == 0;
		if (is_master || strcmp(its, ns) == 0)
			add_case_service(view, service, is_master);
	}
	return view;
}

static bool sets_itself(const json_t *one, const char *name)
{
	size_t i;
	json_t *variable;
	json_array_foreach(json_object_get(one, "env"), i,
		variable) if (strcmp(text_of(variable, "Name"), name) == 0) return true;
	return false;
}

static bool is_expected(const json_t *one, const struct env_variable *variable)
{
	size_t i;
	json_t *pair;
	json_array_foreach(json_object_get(one, "expected"), i,
		pair) if (strcmp(json_string_value(json_array_get(pair, 0)),
				  variable->name) ==
			  0) return strcmp(json_string_value(json_array_get(pair, 1)),
		variable->value) == 0;
	return false;
}

/* Whatever the pod sets itself is not our business. */
static void check_case(const json_t *one)
{
	const struct env_choice choice = {
		.without_links =
			json_is_false(json_object_get(one, "enableServiceLinks")),
	};
	struct env_view *view = view_of_case(text_of(one, "namespace"));
	struct env env;
	make(view, &choice, &env);
	for (size_t i = 0; i < env.count; i++)
		if (!sets_itself(one, env.variables[i].name) &&
			!is_expected(one, &env.variables[i]))
			fail_msg("%s: %s=%s", text_of(one, "name"), env.variables[i].name,
				env.variables[i].value);
	size_t i;
	json_t *pair;
	json_array_foreach(json_object_get(one, "expected"), i, pair)
	{
		const char *name = json_string_value(json_array_get(pair, 0));
		bool is_service = strstr(name, "_SERVICE_") || strstr(name, "_PORT_8");
		if (is_service && !sets_itself(one, name) && !value_in(&env, name))
			fail_msg("%s: %s is missing", text_of(one, "name"), name);
	}
	env_deinit(&env);
	env_view_unref(view);
}

/* Without services, or before they are known, there is no environment to compare. */
static void pods_get_the_variables_that_the_kubelet_gives_them(void **state)
{
	(void)state;
	size_t i, checked = 0;
	json_t *one;
	json_array_foreach(
		json_object_get(json_object_get(cases, "make_environment"), "cases"), i,
		one)
	{
		if (!json_is_true(json_object_get(one, "services_known")) ||
			!json_is_true(json_object_get(one, "services_synced")) ||
			json_is_true(json_object_get(one, "error")))
			continue;
		check_case(one);
		checked++;
	}
	assert_true(checked >= 15);
}

/* --- collisions --- */

static void add_service(
	struct env_view *view, const char *name, const char *port_name, uint16_t number)
{
	const struct env_port port = {port_name, number, PROTOCOL_TCP};
	const struct env_service service = {name, "10.0.0.1", &port, 1, false};
	assert_int_equal(env_view_add(view, &service), ERR_NONE);
}

static void the_first_service_keeps_a_variable_that_two_make(void **state)
{
	(void)state;
	struct env_view *view = env_view_new("shop");
	add_service(view, "foo-service", "", 81);
	add_service(view, "foo-port-80-tcp", "", 82);
	add_service(view, "foo", "", 80);
	struct env env;
	make(view, &(struct env_choice){0}, &env);
	assert_string_equal(value_in(&env, "FOO_SERVICE_PORT"), "80");
	assert_string_equal(value_in(&env, "FOO_PORT_80_TCP_PORT"), "80");
	assert_int_equal(env.count, 3 * 7 - 2);
	assert_int_equal(env.collision_count, 2);
	assert_string_equal(env.collisions[0].name, "FOO_PORT_80_TCP_PORT");
	assert_string_equal(env.collisions[0].kept, "foo");
	assert_string_equal(env.collisions[0].lost, "foo-port-80-tcp");
	assert_string_equal(env.collisions[1].name, "FOO_SERVICE_PORT");
	assert_string_equal(env.collisions[1].lost, "foo-service");
	env_deinit(&env);
	env_view_unref(view);
}

static void a_named_port_can_meet_the_link_of_another_service(void **state)
{
	(void)state;
	struct env_view *view = env_view_new("shop");
	add_service(view, "foo", "80-tcp", 90);
	add_service(view, "foo-service", "", 80);
	struct env env;
	make(view, &(struct env_choice){0}, &env);
	assert_string_equal(value_in(&env, "FOO_SERVICE_PORT_80_TCP"), "90");
	assert_int_equal(env.collision_count, 2);
	env_deinit(&env);
	env_view_unref(view);
}

static void patterns_choose_services(void **state)
{
	(void)state;
	struct env_view *view = env_view_new("shop");
	add_service(view, "cart", "", 80);
	add_service(view, "cart-db", "", 80);
	add_service(view, "search", "", 80);
	static const char *const patterns[] = {"cart*", "se?rch"};
	const struct env_choice choice = {.patterns = patterns, .pattern_count = 1};
	struct env env;
	make(view, &choice, &env);
	assert_int_equal(env.service_count, 2);
	assert_string_equal(env.services[1]->name, "cart-db");
	env_deinit(&env);
	const struct env_choice both = {.patterns = patterns, .pattern_count = 2};
	make(view, &both, &env);
	assert_int_equal(env.service_count, 3);
	env_deinit(&env);
	env_view_unref(view);
}

static void without_services_there_are_no_variables(void **state)
{
	(void)state;
	struct env_view *view = env_view_new("empty");
	struct env env;
	make(view, &(struct env_choice){0}, &env);
	assert_int_equal(env.count, 0);
	env_deinit(&env);
	env_view_unref(view);
}

/* --- from the registry --- */

static const struct hash_key KEY = {1, 2};

static enum err observe(void *context, const struct registry_service *service)
{
	(void)context;
	(void)service;
	return ERR_NONE;
}

static void put_object(
	struct registry *registry, const char *line, const char *address_text)
{
	struct arena arena;
	arena_init(&arena, 1024);
	struct object object;
	object_from_text(line, &arena, &object);
	if (address_text)
		object.service.cluster_ip_text = address_text;
	struct diag_list problems;
	diag_list_init(&problems);
	assert_int_equal(registry_put(registry, &object, &problems), ERR_NONE);
	assert_int_equal(registry_settle(registry, &problems), ERR_NONE);
	registry_end_batch(registry);
	diag_list_deinit(&problems);
	arena_deinit(&arena);
}

static struct registry *registry_make(struct registry_options *options)
{
	const struct registry_observer observer = {NULL, observe};
	options->key = &KEY;
	struct registry *registry = registry_new(options, &observer);
	assert_non_null(registry);
	return registry;
}

static char *registry_lines(const struct registry *registry, const char *ns)
{
	struct env_view *view = env_view_of(registry, ns);
	struct env env;
	make(view, &(struct env_choice){0}, &env);
	char *lines = lines_of(&env);
	env_deinit(&env);
	env_view_unref(view);
	return lines;
}

static void assert_has(const char *lines, const char *line)
{
	if (!strstr(lines, line))
		fail_msg("no \"%s\" in\n%s", line, lines);
}

static void the_registry_gives_services_of_the_namespace_and_the_master(void **state)
{
	(void)state;
	struct registry_options options = {0};
	struct registry *registry = registry_make(&options);
	put_object(registry, "service default/kubernetes 10.0.0.1 p=https:443", NULL);
	put_object(registry, "service default/other 10.0.0.2 p=:80", NULL);
	put_object(registry, "service shop/web 10.0.0.3 fd00::3 p=http:80 p=dns/udp:53",
		NULL);
	put_object(registry, "service shop/headless headless p=:80", NULL);
	put_object(registry, "service shop/outside e=example.org p=:80", NULL);
	char *lines = registry_lines(registry, "shop");
	assert_has(lines, "KUBERNETES_SERVICE_HOST=10.0.0.1\n");
	assert_has(lines, "WEB_SERVICE_HOST=10.0.0.3\n");
	assert_has(lines, "WEB_SERVICE_PORT_DNS=53\n");
	assert_has(lines, "WEB_PORT_53_UDP=udp://10.0.0.3:53\n");
	assert_null(strstr(lines, "fd00"));
	assert_null(strstr(lines, "OTHER"));
	assert_null(strstr(lines, "HEADLESS"));
	assert_null(strstr(lines, "OUTSIDE"));
	free(lines);
	registry_free(registry);
}

static void an_address_stays_as_it_was_written(void **state)
{
	(void)state;
	struct registry_options options = {0};
	struct registry *registry = registry_make(&options);
	put_object(registry, "service shop/web 2001:db8:: p=:80", "2001:DB8::");
	char *lines = registry_lines(registry, "shop");
	assert_has(lines, "WEB_SERVICE_HOST=2001:DB8::\n");
	assert_has(lines, "WEB_PORT=tcp://[2001:DB8::]:80\n");
	free(lines);
	registry_free(registry);
}

static void an_assigned_address_counts_as_one_that_was_given(void **state)
{
	(void)state;
	struct ipprefix cidr;
	assert_int_equal(ipprefix_parse("10.96.0.0/16", &cidr), ERR_NONE);
	struct registry_options options = {
		.service_cidrs = &cidr, .service_cidr_count = 1};
	struct registry *registry = registry_make(&options);
	put_object(registry, "service shop/web p=:80", NULL);
	char *lines = registry_lines(registry, "shop");
	assert_has(lines, "WEB_SERVICE_HOST=10.96.");
	free(lines);
	registry_free(registry);
}

static uint64_t digest_of(struct registry *registry, const char *line)
{
	put_object(registry, line, NULL);
	return env_view_digest(registry_find_service(registry, "shop", "web"));
}

static void a_digest_changes_with_what_the_variables_say_alone(void **state)
{
	(void)state;
	struct registry_options options = {0};
	struct registry *registry = registry_make(&options);
	uint64_t first = digest_of(registry, "service shop/web 10.0.0.1 p=http:80");
	put_object(registry, "slice shop/web-1 of=web 10.1.0.1 p=http:80", NULL);
	assert_int_equal(
		digest_of(registry, "service shop/web 10.0.0.1 p=http:80 s=a:b"), first);
	assert_int_not_equal(
		digest_of(registry, "service shop/web 10.0.0.2 p=http:80"), first);
	assert_int_not_equal(
		digest_of(registry, "service shop/web 10.0.0.1 p=www:80"), first);
	assert_int_not_equal(
		digest_of(registry, "service shop/web 10.0.0.1 p=http/udp:80"), first);
	assert_int_equal(digest_of(registry, "service shop/web headless p=http:80"), 0);
	registry_free(registry);
}

static void without_memory_nothing_is_left(void **state)
{
	(void)state;
	struct registry_options options = {0};
	struct registry *registry = registry_make(&options);
	put_object(registry, "service default/kubernetes 10.0.0.1 p=https:443", NULL);
	put_object(registry, "service shop/foo 10.0.0.3 p=http:80", NULL);
	put_object(registry, "service shop/foo-service 10.0.0.4 p=http:80", NULL);
	for (size_t n = 1;; n++) {
		struct env env;
		failing_malloc_arm(n);
		struct env_view *view = env_view_of(registry, "shop");
		enum err err =
			view ? env_make(view, &(struct env_choice){0}, &env) : ERR_NOMEM;
		bool has_failed = failing_malloc_disarm();
		if (!err)
			env_deinit(&env);
		env_view_unref(view);
		if (!has_failed)
			break;
		assert_int_equal(err, ERR_NOMEM);
	}
	registry_free(registry);
}

int main(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	snprintf(path, sizeof(path), "%s/tests/cases/envvars/cases.json",
		srcdir ? srcdir : ".");
	cases = json_load_file(path, 0, NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_make_the_variables_that_the_kubelet_makes),
		cmocka_unit_test(pods_get_the_variables_that_the_kubelet_gives_them),
		cmocka_unit_test(the_first_service_keeps_a_variable_that_two_make),
		cmocka_unit_test(a_named_port_can_meet_the_link_of_another_service),
		cmocka_unit_test(patterns_choose_services),
		cmocka_unit_test(without_services_there_are_no_variables),
		cmocka_unit_test(
			the_registry_gives_services_of_the_namespace_and_the_master),
		cmocka_unit_test(an_address_stays_as_it_was_written),
		cmocka_unit_test(an_assigned_address_counts_as_one_that_was_given),
		cmocka_unit_test(a_digest_changes_with_what_the_variables_say_alone),
		cmocka_unit_test(without_memory_nothing_is_left),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(cases);
	return failed;
}
