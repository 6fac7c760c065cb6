/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that keeps a folder: what it is told, and others that look on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/control/env_writer.h"
#include "zones/registry/object.h"

static char folder[40];

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/waymark-test.XXXXXX");
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static struct env_writer *writer_start(const char *path, size_t max_bytes)
{
	const struct env_writer_options options = {
		.path = path,
		.mode = 0644,
		.render = {.max_bytes = max_bytes},
	};
	struct env_writer *writer = env_writer_new(&options);
	assert_non_null(writer);
	assert_int_equal(env_writer_start(writer), ERR_NONE);
	return writer;
}

static void give(struct env_writer *writer, const char *ns, unsigned number)
{
	struct env_view *view = env_view_new(ns);
	const struct env_port port = {"", (uint16_t)number, PROTOCOL_TCP};
	const struct env_service service = {"web", "10.0.0.1", &port, 1, false};
	assert_int_equal(env_view_add(view, &service), ERR_NONE);
	assert_int_equal(env_writer_give(writer, view), ERR_NONE);
}

static bool holds(const char *path, const char *text)
{
	char content[1024] = "";
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	return strstr(content, text) != NULL;
}

/* Within a minute. */
#define soon(condition)                                                                  \
	do {                                                                             \
		for (unsigned tries = 0; !(condition) && tries < 6000; tries++)          \
			usleep(10000);                                                   \
		assert_true(condition);                                                  \
	} while (0)

static void the_last_view_is_written_before_the_end(void **state)
{
	(void)state;
	struct env_writer *writer = writer_start(folder, 0);
	for (unsigned i = 1; i <= 200; i++)
		give(writer, "shop", i);
	env_writer_free(writer);
	assert_true(holds("shop.env", "WEB_SERVICE_PORT=200\n"));
}

static void files_of_others_go_once_all_are_told(void **state)
{
	(void)state;
	struct env_writer *writer = writer_start(folder, 0);
	give(writer, "old", 1);
	give(writer, "shop", 1);
	env_writer_free(writer);
	writer = writer_start(folder, 0);
	give(writer, "shop", 2);
	soon(holds("shop.env", "PORT=2\n"));
	assert_true(holds("old.env", "PORT=1\n"));
	assert_false(env_writer_is_settled(writer));
	env_writer_settle(writer);
	soon(access("old.env", F_OK) != 0);
	env_writer_remove(writer, "shop");
	env_writer_remove(writer, "nowhere");
	soon(access("shop.env", F_OK) != 0);
	assert_null(env_writer_view(writer, "shop"));
	env_writer_free(writer);
}

static void a_folder_that_comes_late_gets_everything(void **state)
{
	(void)state;
	struct env_writer *writer = writer_start("late", 0);
	give(writer, "shop", 1);
	give(writer, "finance", 1);
	struct env_writer_counters counters = {0};
	soon((env_writer_add_counters(writer, &counters), counters.failures > 0));
	assert_int_equal(mkdir("late", 0755), 0);
	soon(holds("late/shop.env", "PORT=1\n") && holds("late/finance.env", "PORT=1\n"));
	env_writer_free(writer);
}

static void what_is_too_large_is_counted(void **state)
{
	(void)state;
	struct env_writer *writer = writer_start(folder, 128);
	give(writer, "shop", 1);
	struct env_writer_counters counters = {0};
	soon((counters = (struct env_writer_counters){0},
		env_writer_add_counters(writer, &counters), counters.too_large == 1));
	assert_int_equal(counters.files, 0);
	assert_int_not_equal(access("shop.env", F_OK), 0);
	env_writer_free(writer);
}

/* --- with somebody who looks on, as the HTTP thread does --- */

struct looker {
	struct env_writer *writer;
	atomic_bool is_over;
	unsigned seen;
};

static void look_at_name(void *context, const char *ns)
{
	unsigned *length = context;
	*length += (unsigned)strlen(ns);
}

static void *look(void *context)
{
	struct looker *looker = context;
	while (!atomic_load(&looker->is_over)) {
		unsigned length = 0;
		env_writer_each(looker->writer, look_at_name, &length);
		struct env_view *view = env_writer_view(looker->writer, "shop");
		struct env_rendering rendering;
		if (view && !env_render(view, env_writer_render(looker->writer),
				    &rendering)) {
			looker->seen++;
			env_rendering_deinit(&rendering);
		}
		env_view_unref(view);
	}
	return NULL;
}

static void views_can_be_read_while_they_are_exchanged(void **state)
{
	(void)state;
	struct looker looker = {.writer = writer_start(folder, 0)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, look, &looker), 0);
	for (unsigned i = 1; i <= 300; i++) {
		give(looker.writer, "shop", i);
		if (i % 3 == 0)
			give(looker.writer, "other", i);
		if (i % 7 == 0)
			env_writer_remove(looker.writer, "other");
		usleep(200);
	}
	atomic_store(&looker.is_over, true);
	pthread_join(thread, NULL);
	env_writer_free(looker.writer);
	assert_true(looker.seen > 0);
	assert_true(holds("shop.env", "PORT=300\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_last_view_is_written_before_the_end,
			folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			files_of_others_go_once_all_are_told, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(a_folder_that_comes_late_gets_everything,
			folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			what_is_too_large_is_counted, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			views_can_be_read_while_they_are_exchanged, folder_make,
			folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
