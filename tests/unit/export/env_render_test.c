/* SPDX-License-Identifier: Apache-2.0 */
/* Variables -> text in each format; the limit. What real readers make of the texts is
 * tested by tests/system/env.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/failing_malloc.h"
#include "zones/export/env_render.h"
#include "zones/registry/object.h"

static void add_service(struct env_view *view, const char *name, const char *address)
{
	const struct env_port port = {"", 80, PROTOCOL_TCP};
	const struct env_service service = {name, address, &port, 1, false};
	assert_int_equal(env_view_add(view, &service), ERR_NONE);
}

static struct env_view *two_services(void)
{
	struct env_view *view = env_view_new("shop");
	add_service(view, "1st", "10.0.0.1");
	add_service(view, "web", "fd00::2");
	return view;
}

static void render(const struct env_view *view, const struct env_options *options,
	struct env_rendering *out)
{
	assert_int_equal(env_render(view, options, out), ERR_NONE);
}

/* How the links of the two services are written; "": the format cannot carry it. */
static const struct {
	enum env_format format;
	const char *first, *second;
} rows[] = {
	{ENV_DOCKER, "1ST_PORT=tcp://10.0.0.1:80\n", "WEB_PORT=tcp://[fd00::2]:80\n"},
	{ENV_PODMAN, "1ST_PORT=tcp://10.0.0.1:80\n", "WEB_PORT=tcp://[fd00::2]:80\n"},
	{ENV_SYSTEMD, "", "WEB_PORT=tcp://[fd00::2]:80\n"},
	{ENV_SH, "", "export WEB_PORT='tcp://[fd00::2]:80'\n"},
	{ENV_COMPOSE, "", "WEB_PORT=tcp://[fd00::2]:80\n"},
	{ENV_K8S, "1ST_PORT='tcp://10.0.0.1:80'\n", "WEB_PORT='tcp://[fd00::2]:80'\n"},
	{ENV_JSON, "\"1ST_PORT\": \"tcp://10.0.0.1:80\",\n",
		"\"WEB_PORT\": \"tcp://[fd00::2]:80\",\n"},
};

static void each_format_is_written_as_its_reader_wants_it(void **state)
{
	(void)state;
	struct env_view *view = two_services();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct env_rendering rendering;
		render(view, &(struct env_options){.format = rows[i].format}, &rendering);
		bool is_carried = *rows[i].first;
		if (!strstr(rendering.text, rows[i].first) ||
			!strstr(rendering.text, rows[i].second) ||
			(strstr(rendering.text, "1ST_") != NULL) != is_carried)
			fail_msg("%s:\n%s", env_format_name(rows[i].format),
				rendering.text);
		assert_int_equal(rendering.count, is_carried ? 14 : 7);
		assert_int_equal(strstr(rendering.notes, "services \"1st\"\n") != NULL,
			!is_carried);
		assert_int_equal(rendering.length, strlen(rendering.text));
		env_rendering_deinit(&rendering);
	}
	env_view_unref(view);
}

static void json_is_one_object_of_strings(void **state)
{
	(void)state;
	struct env_view *view = two_services();
	struct env_rendering rendering;
	render(view, &(struct env_options){.format = ENV_JSON}, &rendering);
	json_t *json = json_loads(rendering.text, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_object_size(json), 14);
	assert_string_equal(
		json_string_value(json_object_get(json, "WEB_PORT_80_TCP_ADDR")),
		"fd00::2");
	json_decref(json);
	env_rendering_deinit(&rendering);
	env_view_unref(view);
	view = env_view_new("empty");
	render(view, &(struct env_options){.format = ENV_JSON}, &rendering);
	json = json_loads(rendering.text, 0, NULL);
	assert_true(json_is_object(json));
	json_decref(json);
	env_rendering_deinit(&rendering);
	env_view_unref(view);
}

static void nul_ends_each_variable(void **state)
{
	(void)state;
	struct env_view *view = two_services();
	struct env_rendering rendering;
	render(view, &(struct env_options){.format = ENV_NUL}, &rendering);
	const char *at = rendering.text, *end = at + rendering.length;
	size_t count = 0;
	for (; at < end; at += strlen(at) + 1, count++)
		assert_non_null(strchr(at, '='));
	assert_ptr_equal(at, end);
	assert_int_equal(count, 14);
	env_rendering_deinit(&rendering);
	env_view_unref(view);
}

/* --- the limit --- */

/* As the kernel counts: each string with its NUL, and a pointer. */
static size_t bytes_of(const struct env_rendering *rendering)
{
	size_t bytes = 0;
	for (const char *line = rendering->text; *line; line = strchr(line, '\n') + 1)
		bytes += strcspn(line, "\n") + 1 + sizeof(char *);
	return bytes;
}

static void the_limit_is_what_the_kernel_counts(void **state)
{
	(void)state;
	struct env_view *view = two_services();
	struct env_rendering rendering;
	struct env_options options = {.format = ENV_DOCKER};
	render(view, &options, &rendering);
	size_t bytes = bytes_of(&rendering);
	env_rendering_deinit(&rendering);
	options.max_bytes = bytes;
	render(view, &options, &rendering);
	assert_false(rendering.is_too_large);
	assert_string_equal(rendering.notes, "");
	env_rendering_deinit(&rendering);
	options.max_bytes = bytes - 1;
	render(view, &options, &rendering);
	assert_true(rendering.is_too_large);
	assert_null(rendering.text);
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "takes %zu bytes, %zu are allowed", bytes,
		bytes - 1);
	assert_non_null(strstr(rendering.notes, wanted));
	assert_non_null(strstr(rendering.notes, "first: \"1st\" ("));
	env_rendering_deinit(&rendering);
	env_view_unref(view);
}

static void what_does_not_fit_is_left_out_by_service_and_named(void **state)
{
	(void)state;
	struct env_view *view = env_view_new("shop");
	for (char name[] = "a"; *name <= 'e'; name[0]++)
		add_service(view, name, "10.0.0.1");
	struct env_options options = {.format = ENV_DOCKER};
	struct env_rendering rendering;
	render(view, &options, &rendering);
	options.max_bytes = bytes_of(&rendering) / 2;
	options.may_truncate = true;
	env_rendering_deinit(&rendering);
	render(view, &options, &rendering);
	assert_int_equal(rendering.count, 14);
	assert_non_null(strstr(rendering.text, "\nB_PORT_80_TCP_ADDR="));
	assert_non_null(strstr(rendering.notes,
		"left out for want of room: services \"c\", \"d\", \"e\"\n"));
	env_rendering_deinit(&rendering);
	env_view_unref(view);
}

/* What a format leaves out takes no room. */
static void only_what_is_written_counts(void **state)
{
	(void)state;
	struct env_view *view = two_services();
	struct env_options options = {.format = ENV_SYSTEMD};
	struct env_rendering rendering;
	render(view, &options, &rendering);
	options.max_bytes = bytes_of(&rendering);
	env_rendering_deinit(&rendering);
	render(view, &options, &rendering);
	assert_false(rendering.is_too_large);
	env_rendering_deinit(&rendering);
	env_view_unref(view);
}

static void the_standard_limit_follows_the_stack(void **state)
{
	(void)state;
	struct rlimit before, limit;
	assert_int_equal(getrlimit(RLIMIT_STACK, &before), 0);
	limit = before;
	limit.rlim_cur = 8 << 20;
	if (setrlimit(RLIMIT_STACK, &limit))
		skip();
	assert_int_equal(env_standard_max_bytes(), (2 << 20) - ENV_RESERVE_BYTES);
	limit.rlim_cur = 64 << 20;
	if (!setrlimit(RLIMIT_STACK, &limit))
		assert_int_equal(env_standard_max_bytes(), (6 << 20) - ENV_RESERVE_BYTES);
	assert_int_equal(setrlimit(RLIMIT_STACK, &before), 0);
}

static void collisions_are_told_with_both_names(void **state)
{
	(void)state;
	struct env_view *view = env_view_new("shop");
	add_service(view, "foo", "10.0.0.1");
	add_service(view, "foo-service", "10.0.0.2");
	struct env_rendering rendering;
	render(view, &(struct env_options){.format = ENV_DOCKER}, &rendering);
	assert_string_equal(rendering.notes,
		"the services \"foo\" and \"foo-service\" of namespace \"shop\" both "
		"make "
		"FOO_SERVICE_PORT: that of \"foo\" counts\n");
	env_rendering_deinit(&rendering);
	env_view_unref(view);
}

static void formats_are_known_by_name(void **state)
{
	(void)state;
	char names[200] = "";
	for (unsigned i = 0; i < ENV_FORMATS; i++) {
		enum env_format format;
		assert_true(
			env_format_parse(env_format_name((enum env_format)i), &format));
		assert_int_equal(format, i);
		strcat(strcat(names, i ? "|" : ""), env_format_name(format));
	}
	assert_string_equal(names, ENV_FORMAT_CHOICES);
	enum env_format format;
	assert_false(env_format_parse("dotenv", &format));
}

static void without_memory_nothing_is_left(void **state)
{
	(void)state;
	struct env_view *view = two_services();
	const struct env_options options = {.format = ENV_SH};
	for (size_t n = 1;; n++) {
		struct env_rendering rendering;
		failing_malloc_arm(n);
		enum err err = env_render(view, &options, &rendering);
		bool has_failed = failing_malloc_disarm();
		if (!err)
			env_rendering_deinit(&rendering);
		if (!has_failed)
			break;
		assert_int_equal(err, ERR_NOMEM);
	}
	env_view_unref(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format_is_written_as_its_reader_wants_it),
		cmocka_unit_test(json_is_one_object_of_strings),
		cmocka_unit_test(nul_ends_each_variable),
		cmocka_unit_test(the_limit_is_what_the_kernel_counts),
		cmocka_unit_test(what_does_not_fit_is_left_out_by_service_and_named),
		cmocka_unit_test(only_what_is_written_counts),
		cmocka_unit_test(the_standard_limit_follows_the_stack),
		cmocka_unit_test(collisions_are_told_with_both_names),
		cmocka_unit_test(formats_are_known_by_name),
		cmocka_unit_test(without_memory_nothing_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
