/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each folder of tests/cases/corefile is a case: its Corefile gives what `expect` says,
 * the tree or the problems. Where the folder's name begins with "check_", the tree is
 * checked against test_plugins and the problems of that, or "ok", are expected.
 * With the name of a folder as argument, prints what it gives.
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

#include "tests/unit/config/test_plugins.h"

static void dump_text(FILE *out, const struct corefile_word *word)
{
	fputc('"', out);
	for (const char *c = word->text; *c; c++) {
		if (*c == '\n')
			fputs("\\n", out);
		else if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	}
	fputc('"', out);
	if (strcmp(word->place.file, "Corefile") != 0)
		fprintf(out, "@%s:%u:%u", word->place.file, word->place.line,
			word->place.column);
	else
		fprintf(out, "@%u:%u", word->place.line, word->place.column);
}

static void dump_directives(
	FILE *out, const struct corefile_directive *items, size_t count, int depth)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%*s", depth * 4, "");
		dump_text(out, &items[i].name);
		for (size_t k = 0; k < items[i].argument_count; k++) {
			fputc(' ', out);
			dump_text(out, &items[i].arguments[k]);
		}
		fputs(items[i].has_body ? " {\n" : "\n", out);
		dump_directives(out, items[i].body, items[i].body_count, depth + 1);
		if (items[i].has_body)
			fprintf(out, "%*s}\n", depth * 4, "");
	}
}

static void dump_block(FILE *out, const struct corefile_block *block)
{
	char zone[DNAME_TEXT_SIZE];
	fprintf(out, "block %u:%u\n", block->place.line, block->place.column);
	for (size_t i = 0; i < block->key_count; i++) {
		const struct corefile_key *key = &block->keys[i];
		fprintf(out, "    zone %s port %u ", dname_to_text(key->zone.bytes, zone),
			key->port);
		dump_text(out, &key->word);
		fputc('\n', out);
	}
	dump_directives(out, block->directives, block->directive_count, 1);
}

static void dump_problems(FILE *out, const struct diag_list *problems)
{
	char line[2048];
	for (size_t i = 0; i < problems->count; i++) {
		diag_format(&problems->items[i], line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
}

/* What the case in the working folder gives, malloc'ed. */
static char *case_result(const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile;
	enum err err = corefile_load("Corefile", NULL, &corefile, &problems);
	if (!err && strncmp(name, "check_", 6) == 0) {
		err = config_check(corefile, test_plugins, &problems);
		if (!err)
			fputs("ok\n", out);
	} else if (!err) {
		for (size_t i = 0; i < corefile->block_count; i++)
			dump_block(out, &corefile->blocks[i]);
	}
	if ((err == ERR_INVALID) != (problems.errors > 0) || (err && err != ERR_INVALID))
		fprintf(out, "%s, %zu problems\n", err_text(err), problems.errors);
	dump_problems(out, &problems);
	corefile_free(corefile);
	diag_list_deinit(&problems);
	fclose(out);
	return text;
}

static void set_environment(void)
{
	setenv("PORT", "5353", 1);
	setenv("ZONE", "example.org", 1);
	setenv("TWO", "one two", 1);
	setenv("BRACE", "{", 1);
	setenv("NESTED", "{$PORT}", 1);
	unsetenv("UNSET");
}

static char cases_folder[4096];

static void folder_gives_what_it_expects(void **state)
{
	const char *name = *state;
	assert_int_equal(chdir(cases_folder), 0);
	assert_int_equal(chdir(name), 0);
	char expect[65536];
	FILE *file = fopen("expect", "r");
	assert_non_null(file);
	expect[fread(expect, 1, sizeof(expect) - 1, file)] = '\0';
	fclose(file);
	char *result = case_result(name);
	assert_string_equal(result, expect);
	free(result);
}

static int is_case(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char relative[2048];
	snprintf(relative, sizeof(relative), "%s/tests/cases/corefile",
		srcdir ? srcdir : ".");
	if (!realpath(relative, cases_folder))
		return 99;
	set_environment();
	if (argc == 2) {
		if (chdir(cases_folder) || chdir(argv[1]))
			return 1;
		char *result = case_result(argv[1]);
		fputs(result, stdout);
		free(result);
		return 0;
	}
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
		_cmocka_run_group_tests("corefile", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	free(tests);
	return failures;
}
