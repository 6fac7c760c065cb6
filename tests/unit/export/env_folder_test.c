/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/export/env_folder.h"

static char folder_path[] = "/tmp/waymark-test.XXXXXX";

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder_path, "/tmp/waymark-test.XXXXXX");
	return mkdtemp(folder_path) && !chdir(folder_path) ? 0 : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", folder_path);
	return system(command);
}

static struct env_folder *folder_open(enum env_format format)
{
	struct env_folder *folder = env_folder_new(folder_path, format, 0644);
	assert_non_null(folder);
	assert_int_equal(env_folder_open(folder), ERR_NONE);
	return folder;
}

static void put(struct env_folder *folder, const char *ns)
{
	assert_int_equal(env_folder_put(folder, ns, "A=b\n", 4, NULL), ERR_NONE);
}

static void file_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bool is_there(const char *name)
{
	return access(name, F_OK) == 0;
}

static void files_are_called_by_namespace_and_format(void **state)
{
	(void)state;
	struct env_folder *folder = folder_open(ENV_DOCKER);
	bool was_written = false;
	assert_int_equal(
		env_folder_put(folder, "shop", "A=b\n", 4, &was_written), ERR_NONE);
	assert_true(was_written);
	assert_int_equal(
		env_folder_put(folder, "shop", "A=b\n", 4, &was_written), ERR_NONE);
	assert_false(was_written);
	assert_true(is_there("shop.env"));
	env_folder_free(folder);
	folder = folder_open(ENV_SH);
	put(folder, "shop");
	assert_true(is_there("shop.sh"));
	env_folder_free(folder);
}

static void what_nobody_expects_any_more_is_removed_if_it_was_made_here(void **state)
{
	(void)state;
	file_write("foreign.env", "X=y\n");
	struct env_folder *folder = folder_open(ENV_DOCKER);
	put(folder, "shop");
	put(folder, "old");
	env_folder_free(folder);
	folder = folder_open(ENV_DOCKER);
	assert_int_equal(env_folder_expect(folder, "shop"), ERR_NONE);
	size_t removed;
	assert_int_equal(env_folder_prune(folder, &removed), ERR_NONE);
	assert_int_equal(removed, 1);
	assert_int_equal(env_folder_sync(folder), ERR_NONE);
	assert_true(is_there("shop.env"));
	assert_false(is_there("old.env"));
	assert_true(is_there("foreign.env"));
	assert_int_equal(env_folder_remove(folder, "foreign"), ERR_NONE);
	assert_true(is_there("foreign.env"));
	assert_int_equal(env_folder_remove(folder, "shop"), ERR_NONE);
	assert_false(is_there("shop.env"));
	env_folder_free(folder);
}

/* Another format leaves nothing of the one before. */
static void files_of_another_format_go(void **state)
{
	(void)state;
	struct env_folder *folder = folder_open(ENV_DOCKER);
	put(folder, "shop");
	env_folder_free(folder);
	folder = folder_open(ENV_JSON);
	put(folder, "shop");
	size_t removed;
	assert_int_equal(env_folder_prune(folder, &removed), ERR_NONE);
	assert_int_equal(removed, 1);
	assert_true(is_there("shop.json"));
	assert_false(is_there("shop.env"));
	env_folder_free(folder);
}

/* Whoever can write the list could else have any file removed. */
static void a_list_names_nothing_outside_of_the_folder(void **state)
{
	(void)state;
	assert_int_equal(mkdir("inner", 0755), 0);
	assert_int_equal(chdir("inner"), 0);
	file_write("../precious.env", "X=y\n");
	file_write("notes.txt", "X=y\n");
	file_write(ENV_FOLDER_LIST, "../precious.env\n/etc/passwd\nnotes.txt\n"
				    "\n..\n.env\nA.env\ninner/x.env\nold.env");
	file_write("old.env", "X=y\n");
	struct env_folder *folder = env_folder_new(".", ENV_DOCKER, 0644);
	assert_int_equal(env_folder_open(folder), ERR_NONE);
	size_t removed;
	assert_int_equal(env_folder_prune(folder, &removed), ERR_NONE);
	assert_int_equal(removed, 1);
	assert_false(is_there("old.env"));
	assert_true(is_there("../precious.env"));
	assert_true(is_there("notes.txt"));
	env_folder_free(folder);
}

static void the_list_names_a_file_before_it_is_there(void **state)
{
	(void)state;
	struct env_folder *folder = folder_open(ENV_DOCKER);
	/* A folder in its place cannot be exchanged. */
	assert_int_equal(mkdir("shop.env", 0755), 0);
	assert_int_equal(env_folder_put(folder, "shop", "A=b\n", 4, NULL), ERR_IO);
	assert_int_equal(errno, EISDIR);
	char text[200] = "";
	FILE *file = fopen(ENV_FOLDER_LIST, "re");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_non_null(strstr(text, "\nshop.env\n"));
	env_folder_free(folder);
}

static void a_folder_made_anew_is_another_one(void **state)
{
	(void)state;
	assert_int_equal(mkdir("inner", 0755), 0);
	struct env_folder *folder = env_folder_new("inner", ENV_DOCKER, 0644);
	assert_int_equal(env_folder_open(folder), ERR_NONE);
	assert_true(env_folder_is_same(folder));
	put(folder, "shop");
	assert_true(env_folder_is_same(folder));
	assert_int_equal(system("rm -rf inner"), 0);
	assert_false(env_folder_is_same(folder));
	assert_int_equal(mkdir("inner", 0755), 0);
	assert_false(env_folder_is_same(folder));
	env_folder_free(folder);
}

static void a_folder_that_is_missing_is_told_with_its_reason(void **state)
{
	(void)state;
	struct env_folder *folder = env_folder_new("nowhere", ENV_DOCKER, 0644);
	assert_int_equal(env_folder_open(folder), ERR_IO);
	assert_int_equal(errno, ENOENT);
	env_folder_free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_called_by_namespace_and_format,
			folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			what_nobody_expects_any_more_is_removed_if_it_was_made_here,
			folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			files_of_another_format_go, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			a_list_names_nothing_outside_of_the_folder, folder_make,
			folder_remove),
		cmocka_unit_test_setup_teardown(the_list_names_a_file_before_it_is_there,
			folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			a_folder_made_anew_is_another_one, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(
			a_folder_that_is_missing_is_told_with_its_reason, folder_make,
			folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
