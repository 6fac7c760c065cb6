/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of the directive tables: a wrong value is refused where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/control/plugins.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { ANY_NUMBER = 255, TEXT_SIZE = 8192 };

#define TEN_TIMES(text) text text text text text text text text text text

/* A word that the type takes, whatever the row's limits, and words that no row takes. */
static const struct {
	const char *right;
	const char *wrong[4];
} words[] = {
	[ARGUMENT_WORD] = {"word", {NULL}},
	[ARGUMENT_ONE_OF] = {NULL, {"no-such-choice", "\"\""}},
	[ARGUMENT_NUMBER] = {NULL, {"many", "1.5", "\"\"", "99999999999999999999"}},
	[ARGUMENT_DURATION] = {NULL, {"soon", "1.5", "\"\"", "5x"}},
	[ARGUMENT_BYTES] = {NULL, {"much", "64MB", "\"\"", "-1"}},
	[ARGUMENT_ADDRESS] = {"192.0.2.1", {"192.0.2", "192.0.2.256", "host", "\"\""}},
	[ARGUMENT_CIDR] = {"192.0.2.0/24", {"192.0.2.1/24", "192.0.2.0/33", "x", "\"\""}},
	[ARGUMENT_ZONE] = {"example.org", {"a..b", "10.0.0.0/33", "\"\""}},
	[ARGUMENT_FOLDER] = {"folder", {"\"\""}},
	[ARGUMENT_FILE] = {"file", {"\"\""}},
	[ARGUMENT_LISTEN] = {"192.0.2.1", {"no/interface", "192.0.2.256", "\"\""}},
};

/* Options of plugins, or plugins (NULL), with what only their own check refuses. */
static const struct {
	const char *plugin, *option, *arguments;
	unsigned column; /* of the argument, behind the option and a blank */
} refused[] = {
	{"acl", "allow", "type A net 10.0.0", 12},
	{"acl", "block", "type B", 6},
	{"acl", "drop", "A", 1},
	{"acl", "filter", "net", 1},
	{"cache", NULL, "0", 1},
	{"cache", NULL, "30 a..b", 4},
	{"cache", "success", "1000 0", 6},
	{"cache", "denial", "1000 0 5", 6},
	{"cache", "prefetch", "many", 1},
	{"cache", "prefetch", "10 soon", 4},
	{"cache", "prefetch", "10 1m 5%", 7},
	{"cache", "prefetch", "10 1m 50", 7},
	{"cache", "serve_stale", "soon", 1},
	{"cache", "serve_stale", "1h later", 4},
	{"cache", "serve_stale", "1h immediate 1s", 14},
	{"cache", "serve_stale", "verify soon", 8},
	{"cache", "disable", "everything", 1},
	{"cache", "disable", "denial a..b", 8},
	{"forward", NULL, "a..b 192.0.2.1", 1},
	{"forward", NULL, ". 192.0.2.1 192.0.2.1:0", 13},
	{"forward", NULL, ". /no/such/file", 3},
	{"forward", "resolver", "192.0.2.1 host", 11},
	{"forward", "failover", "SERVFAIL NOERROR", 10},
	{"forward", "next", "NXDOMAIN NOSUCH", 10},
	{"forward", "health_check", "soon", 1},
	{"forward", "health_check", "1s domain", 4},
	{"forward", "health_check", "1s domain a..b", 11},
	{"hosts", NULL, "hosts.txt a..b", 11},
	{"hosts", "ADDRESS", "name a..b", 6},
	{"k8s_external", "apex", "a.b", 1},
	{"envfiles", "mode", "888", 1},
	{"kubernetes", "labels", "environment in (a", 1},
	{"kubernetes", "namespace_labels", "\"a,,b\"", 1},
	{"kubernetes", "service_cidr", "10.0.0.0/8 11.0.0.0/8", 12},
	{"kubernetes", "ignore", "everything", 1},
	{"log", NULL, ". a..b", 3},
	{"rewrite", NULL, "flag set aa", 1},
	{"nsid", NULL, TEN_TIMES(TEN_TIMES("two")), 1},
};

/* --- Corefiles of one option --- */

struct place {
	unsigned line, column;
};

/* A word that the row takes. */
static const char *right_word(const struct directive_row *row, char *out, size_t size)
{
	char text[32];
	const char *word = words[row->type].right;
	if (row->choices)
		snprintf(
			out, size, "%.*s", (int)strcspn(row->choices, "|"), row->choices);
	else if (row->type == ARGUMENT_DURATION)
		snprintf(out, size, "%s",
			argument_duration_text(row->min, text, sizeof(text)));
	else if (row->type == ARGUMENT_NUMBER || row->type == ARGUMENT_BYTES)
		snprintf(out, size, "%" PRId64, row->min);
	else
		snprintf(out, size, "%s", word);
	return out;
}

static void append_words(char *out, const char *word, unsigned count)
{
	size_t used = strlen(out);
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(out + used, TEXT_SIZE - used, " %s", word);
}

/* The word that stands for the row in a Corefile. */
static const char *row_word(const struct directive_row *row)
{
	return row->matches ? "192.0.2.1" : row->name;
}

/* `option` with `arguments`, or the plugin itself where it is NULL; returns where the
 * arguments begin. */
static struct place write_corefile(const struct directive_row *plugin,
	const struct directive_row *option, const char *arguments, char *out)
{
	char word[64];
	snprintf(out, TEXT_SIZE, ".:53 {\n%s", plugin->name);
	if (!option) {
		size_t length = strlen(out);
		snprintf(out + length, TEXT_SIZE - length, " %s\n}\n", arguments);
		return (struct place){2, (unsigned)strlen(plugin->name) + 2};
	}
	append_words(out, right_word(plugin, word, sizeof(word)), plugin->min_arguments);
	size_t used = strlen(out);
	snprintf(out + used, TEXT_SIZE - used, " {\n%s %s\n}\n}\n", row_word(option),
		arguments);
	return (struct place){3, (unsigned)strlen(row_word(option)) + 2};
}

static bool has_error_at(const struct diag_list *problems, struct place place)
{
	for (size_t i = 0; i < problems->count; i++)
		if (problems->items[i].severity == SEVERITY_ERROR &&
			problems->items[i].line == place.line &&
			problems->items[i].column == place.column)
			return true;
	return false;
}

/* Is the Corefile refused with an error at that place? */
static bool is_refused(const char *text, struct place place)
{
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile;
	enum err err = corefile_parse(
		"Corefile", text, strlen(text), NULL, &corefile, &problems);
	if (!err)
		err = config_check(corefile, plugin_rows, &problems);
	bool is = err == ERR_INVALID && has_error_at(&problems, place);
	corefile_free(corefile);
	diag_list_deinit(&problems);
	return is;
}

static void assert_refused(const char *text, struct place place)
{
	if (!is_refused(text, place))
		fail_msg("no error at %u:%u of\n%s", place.line, place.column, text);
}

/* --- each row --- */

/* The plugin's own row where `option` is NULL. */
struct subject {
	const struct directive_row *plugin, *option;
};

static void each_row(void (*visit)(struct subject subject))
{
	for (const struct directive_row *plugin = plugin_rows; plugin->name; plugin++) {
		visit((struct subject){plugin, NULL});
		for (const struct directive_row *row = plugin->options; row && row->name;
			row++)
			visit((struct subject){plugin, row});
	}
}

static const struct directive_row *row_of(struct subject subject)
{
	return subject.option ? subject.option : subject.plugin;
}

static void is_described(struct subject subject)
{
	const struct directive_row *row = row_of(subject);
	if (row->is_ignored)
		return;
	assert_non_null(row->help);
	assert_true(row->help[0] && !strchr(row->help, '\n'));
	assert_true(row->min_arguments <= row->max_arguments);
	assert_true(row->min <= row->max);
	if (row->type == ARGUMENT_ONE_OF)
		assert_non_null(row->choices);
}

static void each_row_says_what_it_is(void **state)
{
	(void)state;
	each_row(is_described);
}

static void refuses_wrong_words(struct subject subject)
{
	const struct directive_row *row = row_of(subject);
	if (!row->max_arguments || row->is_ignored)
		return;
	for (size_t i = 0; i < LENGTH(words[0].wrong) && words[row->type].wrong[i]; i++) {
		char arguments[TEXT_SIZE] = "", text[TEXT_SIZE];
		append_words(arguments, words[row->type].wrong[i],
			row->min_arguments ? row->min_arguments : 1);
		struct place place = write_corefile(
			subject.plugin, subject.option, arguments + 1, text);
		assert_refused(text, place);
	}
}

static void words_of_another_type_are_refused(void **state)
{
	(void)state;
	each_row(refuses_wrong_words);
}

static void refuses_beyond_limits(struct subject subject)
{
	const struct directive_row *row = row_of(subject);
	const char *unit = row->type == ARGUMENT_DURATION ? "ms" : "";
	bool has_limits =
		(row->type == ARGUMENT_NUMBER || row->type == ARGUMENT_DURATION ||
			row->type == ARGUMENT_BYTES) &&
		(row->min || row->max);
	/* A row without an upper limit is asked for what is below the lower one twice. */
	const int64_t wrong[] = {
		row->min - 1, row->max < INT64_MAX ? row->max + 1 : row->min - 1};
	for (size_t i = 0; i < LENGTH(wrong) && has_limits; i++) {
		char word[64], arguments[TEXT_SIZE] = "", text[TEXT_SIZE];
		snprintf(word, sizeof(word), "%" PRId64 "%s", wrong[i], unit);
		append_words(
			arguments, word, row->min_arguments ? row->min_arguments : 1);
		struct place place = write_corefile(
			subject.plugin, subject.option, arguments + 1, text);
		assert_refused(text, place);
	}
}

static void values_beyond_the_limits_are_refused(void **state)
{
	(void)state;
	each_row(refuses_beyond_limits);
}

static void refuses_counts(struct subject subject)
{
	const struct directive_row *row = row_of(subject);
	char word[64], arguments[TEXT_SIZE] = "", text[TEXT_SIZE];
	if (row->is_ignored)
		return;
	right_word(row, word, sizeof(word));
	if (row->min_arguments) {
		append_words(arguments, word, row->min_arguments - 1u);
		struct place place =
			write_corefile(subject.plugin, subject.option, arguments, text);
		place.column = 1;
		assert_refused(text, place);
	}
	if (row->max_arguments == ANY_NUMBER)
		return;
	arguments[0] = '\0';
	append_words(arguments, word, row->max_arguments + 1u);
	struct place place =
		write_corefile(subject.plugin, subject.option, arguments + 1, text);
	place.column += row->max_arguments * ((unsigned)strlen(word) + 1);
	assert_refused(text, place);
}

static void too_few_and_too_many_arguments_are_refused(void **state)
{
	(void)state;
	each_row(refuses_counts);
}

static void what_only_a_check_knows_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(refused); i++) {
		const struct directive_row *plugin =
			directive_find(plugin_rows, refused[i].plugin);
		const struct directive_row *option =
			refused[i].option
				? directive_find(plugin->options, refused[i].option)
				: NULL;
		char text[TEXT_SIZE];
		struct place place =
			write_corefile(plugin, option, refused[i].arguments, text);
		place.column += refused[i].column - 1;
		assert_refused(text, place);
	}
}

/* Is there a folder of Corefiles that this plugin refuses? */
static bool has_cases(const char *plugin)
{
	const char *source = getenv("srcdir");
	char path[1024];
	snprintf(path, sizeof(path), "%s/tests/cases/plugins/%s", source ? source : ".",
		plugin);
	return access(path, F_OK) == 0;
}

/* A row whose values are words of any number has a check, and that is asked above or in
 * tests/cases/plugins. */
static void has_a_wrong_value(struct subject subject)
{
	const struct directive_row *row = row_of(subject);
	if (has_cases(subject.plugin->name) || !row->check ||
		row->type != ARGUMENT_WORD || row->min_arguments ||
		row->max_arguments != ANY_NUMBER)
		return;
	for (size_t i = 0; i < LENGTH(refused); i++)
		if (strcmp(refused[i].plugin, subject.plugin->name) == 0 &&
			!refused[i].option == !subject.option &&
			(!subject.option || strcmp(refused[i].option, row->name) == 0))
			return;
	fail_msg("no wrong value of \"%s\" is known here", row->name);
}

static void each_check_is_asked(void **state)
{
	(void)state;
	each_row(has_a_wrong_value);
}

static void is_accepted_by_default(struct subject subject)
{
	const struct directive_row *row = row_of(subject);
	char text[TEXT_SIZE];
	if (!row->value || !row->max_arguments)
		return;
	struct place place =
		write_corefile(subject.plugin, subject.option, row->value, text);
	assert_false(is_refused(text, place));
}

static void defaults_are_accepted(void **state)
{
	(void)state;
	each_row(is_accepted_by_default);
}

static void ignored_options_are_warned_of(void **state)
{
	(void)state;
	static const char text[] = ".:53 {\nkubernetes cluster.local {\nmanifests m\n"
				   "upstream 192.0.2.1 {\nx\n}\nresyncperiod\n}\n}\n";
	struct diag_list problems;
	diag_list_init(&problems);
	struct corefile *corefile;
	assert_int_equal(corefile_parse("Corefile", text, strlen(text), NULL, &corefile,
				 &problems),
		ERR_NONE);
	assert_int_equal(config_check(corefile, plugin_rows, &problems), ERR_NONE);
	assert_int_equal(problems.count, 2);
	assert_int_equal(problems.errors, 0);
	assert_int_equal(problems.items[0].line, 4);
	assert_int_equal(problems.items[1].line, 7);
	corefile_free(corefile);
	diag_list_deinit(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_says_what_it_is),
		cmocka_unit_test(words_of_another_type_are_refused),
		cmocka_unit_test(values_beyond_the_limits_are_refused),
		cmocka_unit_test(too_few_and_too_many_arguments_are_refused),
		cmocka_unit_test(what_only_a_check_knows_is_refused),
		cmocka_unit_test(each_check_is_asked),
		cmocka_unit_test(defaults_are_accepted),
		cmocka_unit_test(ignored_options_are_warned_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
