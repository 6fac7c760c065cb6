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

#include "server/base/file.h"

static char folder[32] = "/tmp/file_test.XXXXXX", path[64];

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void a_file_is_read_whole(void **state)
{
	(void)state;
	char *text;
	size_t length;
	struct file_identity identity, again;
	write_file("two\nlines");
	assert_int_equal(file_load(path, 9, &text, &length, &identity), ERR_NONE);
	assert_int_equal(length, 9);
	assert_string_equal(text, "two\nlines");
	free(text);
	assert_int_equal(file_identify(path, &again), ERR_NONE);
	assert_true(file_identity_equal(&identity, &again));
}

static void another_content_has_another_identity(void **state)
{
	(void)state;
	struct file_identity before, after;
	write_file("one");
	assert_int_equal(file_identify(path, &before), ERR_NONE);
	write_file("three");
	assert_int_equal(file_identify(path, &after), ERR_NONE);
	assert_false(file_identity_equal(&before, &after));
}

static void assert_unreadable(const char *name, size_t max, int failure)
{
	char *text;
	size_t length;
	struct file_identity identity;
	assert_int_equal(file_load(name, max, &text, &length, &identity), ERR_IO);
	assert_int_equal(errno, failure);
}

static void what_is_no_file_is_not_read(void **state)
{
	(void)state;
	struct file_identity identity;
	write_file("four");
	assert_unreadable(path, 3, EFBIG);
	assert_unreadable(folder, 100, EISDIR);
	assert_int_equal(unlink(path), 0);
	assert_unreadable(path, 100, ENOENT);
	assert_int_equal(file_identify(path, &identity), ERR_IO);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_unreadable(path, 100, EINVAL);
	assert_int_equal(unlink(path), 0);
}

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(another_content_has_another_identity),
		cmocka_unit_test(what_is_no_file_is_not_read),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
