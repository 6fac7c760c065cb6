/* SPDX-License-Identifier: Apache-2.0 */
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

#include "tests/support/recording_sink.h"
#include "zones/source/manifest.h"

/*
 * Each folder of tests/cases/manifests is a case: `input` is the folder of manifests,
 * `expect` what its loading delivers. With the path of a case as its argument the
 * program prints what that case delivers.
 */

enum { CASES_MAX = 256 };

/* The recorded text of a case, to be freed. */
static char *case_run(const char *folder)
{
	static const char *const inputs[] = {"input"};
	char *here = getcwd(NULL, 0);
	assert_non_null(here);
	assert_int_equal(chdir(folder), 0);
	struct recording_sink recording;
	recording_sink_init(&recording);
	struct source_sink sink = recording_sink_get(&recording);
	struct manifest_source *source = manifest_source_new(inputs, 1, &sink);
	assert_non_null(source);
	assert_int_equal(manifest_source_load(source), ERR_NONE);
	char *text = strdup(recording_sink_text(&recording));
	assert_non_null(text);
	manifest_source_free(source);
	recording_sink_deinit(&recording);
	assert_int_equal(chdir(here), 0);
	free(here);
	return text;
}

static char *case_read_expect(const char *folder)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/expect", folder);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void what_is_delivered_is_what_the_case_expects(void **state)
{
	const char *folder = *state;
	char *text = case_run(folder);
	char *expect = case_read_expect(folder);
	assert_string_equal(text, expect);
	free(text);
	free(expect);
}

static size_t cases_find(const char *root, struct CMUnitTest *tests)
{
	struct dirent **entries;
	size_t found = 0;
	int count = scandir(root, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char *path = NULL;
		assert_true(asprintf(&path, "%s/%s", root, entries[i]->d_name) > 0);
		if (entries[i]->d_name[0] != '.' && found < CASES_MAX)
			tests[found++] = (struct CMUnitTest){
				.name = strdup(entries[i]->d_name),
				.test_func = what_is_delivered_is_what_the_case_expects,
				.initial_state = path,
			};
		else
			free(path);
		free(entries[i]);
	}
	free(count < 0 ? NULL : entries);
	return found;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[CASES_MAX];
	char root[4096];
	if (argc > 1) {
		char *text = case_run(argv[1]);
		fputs(text, stdout);
		free(text);
		return 0;
	}
	const char *srcdir = getenv("srcdir");
	snprintf(root, sizeof(root), "%s/tests/cases/manifests", srcdir ? srcdir : ".");
	size_t count = cases_find(root, tests);
	if (!count) {
		fprintf(stderr, "no cases in %s\n", root);
		return 1;
	}
	int failed = _cmocka_run_group_tests("manifests", tests, count, NULL, NULL);
	for (size_t i = 0; i < count; i++) {
		free((char *)tests[i].name);
		free(tests[i].initial_state);
	}
	return failed;
}
