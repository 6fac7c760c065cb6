/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/object_text.h"
#include "zones/registry/registry.h"
#include "zones/registry/selector.h"

/* A registry of imports: ServiceImports, their slices, and nothing else. */

static const struct hash_key KEY = {1, 2};

static enum err observe(void *context, const struct registry_service *service)
{
	(void)context;
	(void)service;
	return ERR_NONE;
}

/* How many services the line touches. */
static size_t feed(struct registry *registry, const char *line)
{
	struct arena arena;
	struct object object;
	struct diag_list problems;
	bool is_removal = *line == '-';
	size_t count;
	arena_init(&arena, 1024);
	diag_list_init(&problems);
	object_from_text(line + is_removal, &arena, &object);
	enum err err = is_removal ? registry_remove(
					    registry, object.kind, object.ns, object.name)
				  : registry_put(registry, &object, &problems);
	if (!err)
		err = registry_settle(registry, &problems);
	assert_int_equal(err, ERR_NONE);
	assert_int_equal(problems.count, 0);
	registry_touched_services(registry, &count);
	registry_end_batch(registry);
	diag_list_deinit(&problems);
	arena_deinit(&arena);
	return count;
}

static bool is_web(void *context, const char *ns, const char *name)
{
	(void)context;
	(void)ns;
	return strcmp(name, "web") == 0;
}

/* Of slices the option labels lets in those that it selects; imports have no choice. */
static void each_object_touches_the_imports_that_it_is_of(void **state)
{
	(void)state;
	struct selector *selector;
	unsigned offset;
	const char *reason;
	assert_int_equal(
		selector_parse("keep=yes", &selector, &offset, &reason), ERR_NONE);
	const struct registry_options options = {
		.key = &KEY, .labels = selector, .holds_imports = true};
	const struct registry_observer observer = {NULL, observe};
	struct registry *registry = registry_new(&options, &observer);
	assert_non_null(registry);
	static const struct {
		const char *line;
		size_t touched;
	} cases[] = {
		{"service a/web 10.0.0.1 l=keep:yes", 0},
		{"endpoints a/web 10.1.0.1 l=keep:yes", 0},
		{"pod a/p 10.1.0.1 ready l=keep:yes", 0},
		{"import a/web 10.0.0.1", 1},
		{"import a/web 10.0.0.1", 0},
		{"-service a/web", 0},
		{"import a/pending", 1},
		{"-import a/pending", 1},
		{"slice a/s of=web 10.1.0.1 l=keep:yes", 0},
		{"slice a/s of=x import=web cluster=n 10.1.0.1 l=keep:yes", 1},
		{"slice a/s of=y import=web cluster=n 10.1.0.1 l=keep:yes", 0},
		{"slice a/s of=y import=web cluster=m 10.1.0.1 l=keep:yes", 1},
		{"slice a/s of=y import=db cluster=m 10.1.0.1 l=keep:yes", 2},
		{"slice a/s of=y import=db cluster=m 10.1.0.1", 1},
		{"slice a/s import=web 10.1.0.1 l=keep:yes", 1},
		{"import a/db headless", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (feed(registry, cases[i].line) != cases[i].touched)
			fail_msg("%s", cases[i].line);
	assert_int_equal(registry_count(registry, OBJECT_IMPORT), 2);
	assert_int_equal(registry_count(registry, OBJECT_SERVICE), 0);
	assert_int_equal(registry_count(registry, OBJECT_SLICE), 1);
	assert_int_equal(registry_sweep(registry, OBJECT_SERVICE, is_web, NULL), 0);
	assert_int_equal(registry_count(registry, OBJECT_IMPORT), 2);
	assert_int_equal(registry_sweep(registry, OBJECT_IMPORT, is_web, NULL), 0);
	assert_int_equal(registry_count(registry, OBJECT_IMPORT), 1);
	registry_free(registry);
	selector_free(selector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_object_touches_the_imports_that_it_is_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
