/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each folder of tests/cases/plugins is a case: checking its Corefile against the
 * directive table of the server gives the problems in `expect`, or "ok". With the name
 * of a folder as argument, prints what it gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/control/plugins.h"

static char cases_folder[4096];

/* What the case in the working folder gives, malloc'ed. */
static char *case_result(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile;
	enum err err = corefile_load("Corefile", NULL, &corefile, &problems);
	if (!err)
		err = config_check(corefile, plugin_rows, &problems);
	if (!err)
		fputs("ok\n", out);
	for (size_t i = 0; i < problems.count; i++) {
		char line[2048];
		diag_format(&problems.items[i], line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
	corefile_free(corefile);
	diag_list_deinit(&problems);
	fclose(out);
	return text;
}

static void folder_gives_what_it_expects(void **state)
{
	assert_int_equal(chdir(cases_folder), 0);
	assert_int_equal(chdir(*state), 0);
	char expect[65536];
	FILE *file = fopen("expect", "r");
	assert_non_null(file);
	expect[fread(expect, 1, sizeof(expect) - 1, file)] = '\0';
	fclose(file);
	char *result = case_result();
	assert_string_equal(result, expect);
	free(result);
}

static int is_case(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int print_case(const char *name)
{
	if (chdir(cases_folder) || chdir(name))
		return 1;
	char *result = case_result();
	fputs(result, stdout);
	free(result);
	return 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char relative[2048];
	snprintf(relative, sizeof(relative), "%s/tests/cases/plugins",
		srcdir ? srcdir : ".");
	if (!realpath(relative, cases_folder))
		return 99;
	if (argc == 2)
		return print_case(argv[1]);
	struct dirent **names;
	int count = scandir(cases_folder, &names, is_case, alphasort);
	if (count < 1)
		return 99;
	struct CMUnitTest *tests = calloc((size_t)count, sizeof(*tests));
	for (int i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){
			.name = names[i]->d_name,
			.test_func = folder_gives_what_it_expects,
			.initial_state = names[i]->d_name,
		};
	int failures =
		_cmocka_run_group_tests("plugins", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	free(tests);
	return failures;
}
