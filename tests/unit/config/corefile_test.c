/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/failing_malloc.h"
#include "tests/unit/config/test_plugins.h"

static enum err parse(const char *text, const struct corefile_options *options,
	struct corefile **out, struct diag_list *problems)
{
	return corefile_parse("Corefile", text, strlen(text), options, out, problems);
}

/* Parses what must be right. */
static struct corefile *parse_right(
	const char *text, const struct corefile_options *options)
{
	struct diag_list problems;
	struct corefile *corefile;
	diag_list_init(&problems);
	assert_int_equal(parse(text, options, &corefile, &problems), ERR_NONE);
	assert_int_equal(problems.count, 0);
	diag_list_deinit(&problems);
	return corefile;
}

/* Parses what must be wrong for one reason, in which `part` occurs. */
static void assert_wrong(
	const char *text, const struct corefile_options *options, const char *part)
{
	struct diag_list problems;
	struct corefile *corefile;
	diag_list_init(&problems);
	assert_int_equal(parse(text, options, &corefile, &problems), ERR_INVALID);
	assert_null(corefile);
	assert_int_equal(problems.count, 1);
	assert_non_null(strstr(problems.items[0].text, part));
	diag_list_deinit(&problems);
}

static void keys_without_a_port_have_that_of_the_options(void **state)
{
	(void)state;
	static const struct {
		uint16_t option, expect;
	} cases[] = {{0, 53}, {5353, 5353}};
	for (size_t i = 0; i < 2; i++) {
		struct corefile_options options = {.port = cases[i].option};
		struct corefile *corefile = parse_right(". a.org:99 {\n}\n", &options);
		assert_int_equal(corefile->block_count, 1);
		assert_int_equal(corefile->blocks[0].keys[0].port, cases[i].expect);
		assert_int_equal(corefile->blocks[0].keys[1].port, 99);
		corefile_free(corefile);
	}
}

static void nothing_is_a_corefile_without_blocks(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"", " \n", "\xef\xbb\xbf", "# a", "(a) {\n}\n"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct corefile *corefile = parse_right(cases[i], NULL);
		assert_int_equal(corefile->block_count, 0);
		corefile_free(corefile);
	}
	corefile_free(NULL);
}

static void files_are_not_imported_where_that_is_forbidden(void **state)
{
	(void)state;
	struct corefile_options options = {.without_files = true};
	assert_wrong(". {\n\timport /etc/hostname\n}\n", &options, "not imported here");
	assert_wrong("import /etc/*\n", &options, "not imported here");
	corefile_free(parse_right("(a) {\n\tlog\n}\n. {\n\timport a\n}\n", &options));
}

static void problems_found_before_do_not_count(void **state)
{
	(void)state;
	struct diag_list problems;
	struct corefile *corefile;
	diag_list_init(&problems);
	diag_add(&problems, SEVERITY_ERROR, "other", 1, 1, "earlier");
	assert_int_equal(parse(".", NULL, &corefile, &problems), ERR_NONE);
	assert_int_equal(config_check(corefile, test_plugins, &problems), ERR_NONE);
	assert_int_equal(problems.count, 1);
	corefile_free(corefile);
	diag_list_deinit(&problems);
}

static void a_file_that_is_not_there_is_a_problem_of_that_file(void **state)
{
	(void)state;
	struct diag_list problems;
	struct corefile *corefile;
	diag_list_init(&problems);
	assert_int_equal(
		corefile_load("/nonexistent/Corefile", NULL, &corefile, &problems),
		ERR_INVALID);
	assert_null(corefile);
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0].file, "/nonexistent/Corefile");
	assert_int_equal(problems.items[0].line, 0);
	assert_string_equal(
		problems.items[0].text, "cannot be read: No such file or directory");
	diag_list_deinit(&problems);
}

static void a_folder_is_no_corefile(void **state)
{
	(void)state;
	struct diag_list problems;
	struct corefile *corefile;
	diag_list_init(&problems);
	assert_int_equal(corefile_load("/", NULL, &corefile, &problems), ERR_INVALID);
	assert_string_equal(problems.items[0].text, "cannot be read: Is a directory");
	diag_list_deinit(&problems);
}

static char *repeat(const char *text, size_t count)
{
	size_t length = strlen(text);
	char *out = malloc(length * count + 1);
	assert_non_null(out);
	for (size_t i = 0; i < count; i++)
		memcpy(out + i * length, text, length);
	out[length * count] = '\0';
	return out;
}

static void a_file_has_a_limit_of_size(void **state)
{
	(void)state;
	char *text = repeat("# line\n\n", (1 << 17) + 1);
	assert_wrong(text, NULL, "longer than 1048576 bytes");
	text[1 << 20] = '\0';
	corefile_free(parse_right(text, NULL));
	free(text);
}

static void the_environment_cannot_make_words_without_end(void **state)
{
	(void)state;
	char *value = repeat("x", 100000);
	char *text = repeat("{$WAYMARK_LONG}", 1000);
	setenv("WAYMARK_LONG", value, 1);
	assert_wrong(text, NULL, "words of all files are longer than");
	unsetenv("WAYMARK_LONG");
	free(value);
	free(text);
}

/* These take seconds where a step is not bounded. */
static void long_files_of_odd_words_end_soon(void **state)
{
	(void)state;
	static const char *const pieces[] = {
		"{$",
		"{%",
		"{$a",
		"\\",
		"\"",
		"\"a\"",
		"a,",
		"{ ",
		"(",
		"(a) {\n}\n",
		"\xc2\xa0",
		"\xe2\x80",
		"x {\n",
		"a{\n",
		"10.0.0.0/1 ",
		"import a\n",
		"}\n",
	};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct diag_list problems;
		struct corefile *corefile;
		diag_list_init(&problems);
		char *text = repeat(pieces[i], 100000 / strlen(pieces[i]));
		enum err err = parse(text, NULL, &corefile, &problems);
		assert_true(err == ERR_NONE || err == ERR_INVALID);
		assert_true(problems.count < 110);
		free(text);
		corefile_free(corefile);
		diag_list_deinit(&problems);
	}
}

static const char *const rich_text =
	"(base) {\n\terrors\n\tlog . \"{$WAYMARK_TEST} x\"\n}\n"
	"a.org, 10.0.0.0/22:54 b.org {\n\timport base\n\tbind 127.0.0.1 ::1\n"
	"\tkubernetes cluster.local 10.0.0.0/9 {\n\t\tttl 30\n\t\tpods verified\n"
	"\t\tmanifests a b c\n\t}\n}\n"
	"c.org {\n\timport base\n\thealth {\n\t\tlameduck 5s\n\t}\n}\n";

/* Long enough for each kind of allocation to be the one that needs a new block of the
 * arenas. */
static char *long_text(void)
{
	static const char block[] =
		"a.org,b.org {\n\timport base\n\tk a bb {$WAYMARK_TEST} \"d\" {\n"
		"\t\tx y {\n\t\t}\n\t\tz\n\t}\n}\n";
	char *blocks = repeat(block, 60), *text;
	assert_true(asprintf(&text, "(base) {\n\terrors\n}\n%s", blocks) > 0);
	free(blocks);
	return text;
}

static void without_memory_parsing_fails_cleanly(void **state)
{
	(void)state;
	setenv("WAYMARK_TEST", "value", 1);
	char *texts[] = {strdup(rich_text), long_text()};
	for (size_t i = 0; i < 2; i++) {
		enum err err = ERR_NOMEM;
		for (size_t n = 1; err; n++) {
			struct diag_list problems;
			struct corefile *corefile;
			diag_list_init(&problems);
			failing_malloc_arm(n);
			err = parse(texts[i], NULL, &corefile, &problems);
			bool failed = failing_malloc_disarm();
			assert_int_equal(err, failed ? ERR_NOMEM : ERR_NONE);
			assert_int_equal(problems.errors, 0);
			corefile_free(corefile);
			diag_list_deinit(&problems);
		}
		free(texts[i]);
	}
}

static void without_memory_checking_fails_cleanly(void **state)
{
	(void)state;
	struct corefile *corefile = parse_right(rich_text, NULL);
	enum err err = ERR_NOMEM;
	for (size_t n = 1; err; n++) {
		struct diag_list problems;
		diag_list_init(&problems);
		failing_malloc_arm(n);
		err = config_check(corefile, test_plugins, &problems);
		bool failed = failing_malloc_disarm();
		assert_int_equal(err, failed ? ERR_NOMEM : ERR_NONE);
		diag_list_deinit(&problems);
	}
	corefile_free(corefile);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void remove_file(const char *folder, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	unlink(path);
}

static void without_memory_importing_files_fails_cleanly(void **state)
{
	(void)state;
	char folder[] = "/tmp/waymark-[test]-XXXXXX", path[256];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/Corefile", folder);
	write_file(folder, "Corefile", ". {\n\timport *.part\n}\nimport blocks\n");
	write_file(folder, "a.part", "errors\n");
	write_file(folder, "b.part", "log\n");
	write_file(folder, "blocks", "a.org {\n}\n");
	enum err err = ERR_NOMEM;
	for (size_t n = 1; err; n++) {
		struct diag_list problems;
		struct corefile *corefile;
		diag_list_init(&problems);
		failing_malloc_arm(n);
		err = corefile_load(path, NULL, &corefile, &problems);
		bool failed = failing_malloc_disarm();
		assert_int_equal(err, failed ? ERR_NOMEM : ERR_NONE);
		if (!err) {
			assert_int_equal(corefile->block_count, 2);
			assert_int_equal(corefile->blocks[0].directive_count, 2);
		}
		corefile_free(corefile);
		diag_list_deinit(&problems);
	}
	remove_file(folder, "Corefile");
	remove_file(folder, "a.part");
	remove_file(folder, "b.part");
	remove_file(folder, "blocks");
	assert_int_equal(rmdir(folder), 0);
}

static void a_named_pipe_is_not_imported(void **state)
{
	(void)state;
	char folder[] = "/tmp/waymark-test-XXXXXX", path[256], text[512];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(text, sizeof(text), "import %s\n", path);
	assert_wrong(text, NULL, "cannot import");
	snprintf(text, sizeof(text), "import %s/*\n", folder);
	assert_wrong(text, NULL, "cannot import");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* Problems themselves need memory; without it they are still counted. */
static void without_memory_problems_are_still_counted(void **state)
{
	(void)state;
	static const char text[] = ". {\n\tx {\n}\n} }\na..b {\n\timport y\n}\n";
	bool failed = true;
	for (size_t n = 1; failed; n++) {
		struct diag_list problems;
		struct corefile *corefile;
		diag_list_init(&problems);
		failing_malloc_arm(n);
		enum err err = parse(text, NULL, &corefile, &problems);
		failed = failing_malloc_disarm();
		assert_true(err == ERR_INVALID || err == ERR_NOMEM);
		assert_null(corefile);
		assert_true(err == ERR_NOMEM || problems.errors > 0);
		diag_list_deinit(&problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_without_a_port_have_that_of_the_options),
		cmocka_unit_test(nothing_is_a_corefile_without_blocks),
		cmocka_unit_test(files_are_not_imported_where_that_is_forbidden),
		cmocka_unit_test(problems_found_before_do_not_count),
		cmocka_unit_test(a_file_that_is_not_there_is_a_problem_of_that_file),
		cmocka_unit_test(a_folder_is_no_corefile),
		cmocka_unit_test(a_file_has_a_limit_of_size),
		cmocka_unit_test(the_environment_cannot_make_words_without_end),
		cmocka_unit_test(long_files_of_odd_words_end_soon),
		cmocka_unit_test(without_memory_parsing_fails_cleanly),
		cmocka_unit_test(without_memory_checking_fails_cleanly),
		cmocka_unit_test(without_memory_importing_files_fails_cleanly),
		cmocka_unit_test(a_named_pipe_is_not_imported),
		cmocka_unit_test(without_memory_problems_are_still_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
