/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"
#include "zones/registry/registry.h"

static const struct hash_key KEY = {1, 2};

static enum err observe(void *context, const struct registry_service *service)
{
	(void)context;
	(void)service;
	return ERR_NONE;
}

static struct registry *begin(bool has_all_slices)
{
	static struct registry_options options;
	static const struct registry_observer observer = {NULL, observe};
	options =
		(struct registry_options){.key = &KEY, .has_all_slices = has_all_slices};
	struct registry *registry = registry_new(&options, &observer);
	assert_non_null(registry);
	return registry;
}

static enum err feed(struct registry *registry, const char *line, size_t fail_at)
{
	struct arena arena;
	struct object object;
	struct diag_list problems;
	bool is_removal = *line == '-';
	arena_init(&arena, 1024);
	diag_list_init(&problems);
	object_from_text(line + is_removal, &arena, &object);
	if (fail_at)
		failing_malloc_arm(fail_at);
	enum err err = is_removal ? registry_remove(
					    registry, object.kind, object.ns, object.name)
				  : registry_put(registry, &object, &problems);
	diag_list_deinit(&problems);
	arena_deinit(&arena);
	return err;
}

static void put(struct registry *registry, const char *line)
{
	assert_int_equal(feed(registry, line, 0), ERR_NONE);
}

static void end_batch(struct registry *registry)
{
	struct diag_list problems;
	diag_list_init(&problems);
	assert_int_equal(registry_settle(registry, &problems), ERR_NONE);
	registry_end_batch(registry);
	diag_list_deinit(&problems);
}

static bool has(const struct registry *registry, const char *ns, const char *text)
{
	struct ipaddr address;
	assert_int_equal(ipaddr_parse(text, &address), ERR_NONE);
	return registry_has_pod_address(
		registry, registry_find_namespace(registry, ns), &address);
}

static const char *client_of(const struct registry *registry, const char *text)
{
	struct ipaddr address;
	assert_int_equal(ipaddr_parse(text, &address), ERR_NONE);
	const struct registry_namespace *ns =
		registry_client_namespace(registry, &address);
	return ns ? ns->name : "";
}

/* How often the addresses of pods were touched in this batch. */
static size_t touched(const struct registry *registry)
{
	size_t count;
	registry_touched_addresses(registry, &count);
	return count;
}

static const struct registry_service *service_of(const struct registry *registry)
{
	return registry_find_service(registry, "a", "web");
}

static void pods_make_endpoints_where_slices_may_lack(void **state)
{
	(void)state;
	for (int has_all_slices = 0; has_all_slices < 2; has_all_slices++) {
		struct registry *registry = begin(has_all_slices);
		size_t count;
		put(registry, "service a/web 10.0.0.1 s=app:web");
		put(registry, "pod a/p 10.1.0.1 ready l=app:web");
		end_batch(registry);
		assert_int_equal(!service_of(registry)->derived, has_all_slices);
		put(registry, "pod a/p 10.1.0.1 l=app:web");
		registry_touched_services(registry, &count);
		assert_int_equal(count, !has_all_slices);
		assert_int_equal(touched(registry), 0);
		assert_true(has(registry, "a", "10.1.0.1"));
		registry_free(registry);
	}
}

static void an_address_is_whose_pods_alone_have_it(void **state)
{
	(void)state;
	static const struct {
		const char *line, *client;
		size_t touched;
	} cases[] = {
		{"pod a/one 10.1.0.1 fd00::1", "a", 2},
		{"pod a/two 10.1.0.1", "a", 0},
		{"pod a/host 10.1.0.1 node", "", 1},
		{"-pod a/one", "", 1},
		{"-pod a/two", "", 0},
		{"pod a/host 10.1.0.1", "a", 1},
		{"pod b/three 10.1.0.1", "", 1},
		{"pod a/host 10.1.0.1 terminating", "b", 1},
		{"pod a/host 10.1.0.1 finished", "b", 0},
		{"pod b/three 10.1.0.2", "", 2},
		{"-pod b/four", "", 0},
		{"-pod c/four", "", 0},
	};
	struct registry *registry = begin(true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(registry, cases[i].line);
		if (strcmp(client_of(registry, "10.1.0.1"), cases[i].client) != 0 ||
			touched(registry) != cases[i].touched)
			fail_msg("%s: %s, %zu touched", cases[i].line,
				client_of(registry, "10.1.0.1"), touched(registry));
		end_batch(registry);
		assert_int_equal(touched(registry), 0);
	}
	assert_int_equal(registry_count(registry, OBJECT_POD), 2);
	registry_free(registry);
}

static bool has_number(void *context, const char *ns, const char *name)
{
	unsigned long number = strtoul(name + 1, NULL, 10);
	assert_int_equal(ns[0] - 'a', number % 3);
	return number % 7 == *(unsigned *)context;
}

static void pods_that_were_not_named_are_swept(void **state)
{
	(void)state;
	enum { PODS = 3000 };
	struct registry *registry = begin(true);
	unsigned kept = 4, left = 0;
	char line[64], address[32];
	for (unsigned i = 0; i < PODS; i++) {
		snprintf(line, sizeof(line), "pod %c/p%u 10.1.%u.%u", 'a' + i % 3, i,
			i >> 8, i & 255);
		put(registry, line);
	}
	end_batch(registry);
	assert_int_equal(
		registry_sweep(registry, OBJECT_POD, has_number, &kept), ERR_NONE);
	for (unsigned i = 0; i < PODS; i++) {
		const char ns[] = {(char)('a' + i % 3), '\0'};
		snprintf(address, sizeof(address), "10.1.%u.%u", i >> 8, i & 255);
		assert_int_equal(has(registry, ns, address), i % 7 == kept);
		left += i % 7 == kept;
	}
	assert_int_equal(registry_count(registry, OBJECT_POD), left);
	assert_int_equal(touched(registry), PODS - left);
	registry_free(registry);
}

static void without_memory_a_pod_stays_as_it_was(void **state)
{
	(void)state;
	static const char *const lines[] = {"pod a/p 10.1.0.1 l=app:web",
		"pod a/p 10.1.0.2 fd00::2 ready l=app:web", "pod b/p 10.1.0.2",
		"-pod a/p"};
	size_t failures = 0;
	for (int has_all_slices = 0; has_all_slices < 2; has_all_slices++) {
		struct registry *registry = begin(has_all_slices);
		bool has_changed = false;
		put(registry, "service a/web 10.0.0.1 s=app:web");
		end_batch(registry);
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
			size_t pods = registry_count(registry, OBJECT_POD);
			size_t nth = 1;
			enum err err = feed(registry, lines[i], nth);
			for (; failing_malloc_disarm(); nth++) {
				assert_int_equal(err, ERR_NOMEM);
				assert_int_equal(
					registry_count(registry, OBJECT_POD), pods);
				failures++;
				err = feed(registry, lines[i], nth + 1);
			}
			assert_int_equal(err, ERR_NONE);
			has_changed |= nth > 1;
			end_batch(registry);
		}
		assert_true(has_changed);
		assert_false(has(registry, "a", "10.1.0.1"));
		assert_false(has(registry, "a", "fd00::2"));
		assert_string_equal(client_of(registry, "10.1.0.2"), "b");
		registry_free(registry);
	}
	assert_true(failures > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_make_endpoints_where_slices_may_lack),
		cmocka_unit_test(an_address_is_whose_pods_alone_have_it),
		cmocka_unit_test(pods_that_were_not_named_are_swept),
		cmocka_unit_test(without_memory_a_pod_stays_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
