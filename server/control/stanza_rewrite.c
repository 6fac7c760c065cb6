/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/rewrite/rewrite.h"

#define BODY_ROW(word, text)                                                             \
	{                                                                                \
		.name = (word), .type = ARGUMENT_WORD, .min_arguments = 1,               \
		.max_arguments = ANY_NUMBER, .help = (text), .may_repeat = true          \
	}

/* A rule may be written behind `rewrite` or on lines of its own. */
const struct directive_row rewrite_options[] = {
	BODY_ROW("name",
		"[exact|prefix|suffix|substring|regex] FROM TO: the name that is "
		"asked for"),
	BODY_ROW("answer",
		"auto | name FROM TO | value FROM TO, behind a name: owners or names in "
		"rdata of the reply, by a regular expression"),
	BODY_ROW("type", "FROM TO: the type that is asked for"),
	BODY_ROW("class", "FROM IN: the class that is asked for"),
	BODY_ROW("ttl", "[exact|prefix|suffix|substring|regex] NAME SECONDS|MIN-MAX: the "
			"TTLs of the reply"),
	BODY_ROW("rcode", "[exact|prefix|suffix|substring|regex] NAME FROM TO: the "
			  "response code"),
	{.name = NULL},
};

/* The words of a rule, one after the other, wherever they stand. */
struct rule_reader {
	const struct corefile_word **words;
	size_t count, at;
	const struct corefile_word *directive;
	struct arena *arena;
	struct rewrite_rule *rule;
	struct diag_list *problems;
	size_t errors; /* before */
	enum err err;
};

static const char *const match_names[] = {
	[REWRITE_EXACT] = "exact",
	[REWRITE_PREFIX] = "prefix",
	[REWRITE_SUFFIX] = "suffix",
	[REWRITE_SUBSTRING] = "substring",
	[REWRITE_REGEX] = "regex",
};

static bool has_failed(const struct rule_reader *reader)
{
	return reader->err || reader->problems->errors > reader->errors;
}

static size_t words_left(const struct rule_reader *reader)
{
	return reader->count - reader->at;
}

/* The next word; where there is none, an error that says what was expected. */
static const struct corefile_word *next_word(
	struct rule_reader *reader, const char *expected)
{
	if (words_left(reader))
		return reader->words[reader->at++];
	if (!has_failed(reader))
		stanza_error(reader->problems,
			reader->count ? reader->words[reader->count - 1]
				      : reader->directive,
			"expected %s behind this", expected);
	return NULL;
}

/* In lower case, with a dot at the end. */
static const char *normal_name(struct rule_reader *reader, const char *text)
{
	size_t length = strlen(text);
	char *copy = arena_calloc(reader->arena, length + 2, 1);
	if (!copy) {
		reader->err = ERR_NOMEM;
		return "";
	}
	for (size_t i = 0; i < length; i++)
		copy[i] = (char)tolower((unsigned char)text[i]);
	if (!length || copy[length - 1] != '.')
		copy[length] = '.';
	return copy;
}

static struct pattern *read_pattern(
	struct rule_reader *reader, const struct corefile_word *word)
{
	char problem[PATTERN_PROBLEM_SIZE];
	struct pattern *pattern = NULL;
	enum err err = pattern_new_for_names(word->text, &pattern, problem);
	if (err == ERR_NOMEM)
		reader->err = err;
	else if (err)
		stanza_error(reader->problems, word,
			"\"%.100s\" is not a regular expression: %s", word->text,
			problem);
	return pattern;
}

/* A replacement may name no more groups than the pattern has. */
static void check_groups(struct rule_reader *reader, const struct pattern *pattern,
	const struct corefile_word *to)
{
	for (const char *at = to->text; pattern && (at = strchr(at, '{')); at++) {
		char *end;
		unsigned long group = strtoul(at + 1, &end, 10);
		if (isdigit((unsigned char)at[1]) && *end == '}' &&
			group >= pattern_group_count(pattern))
			stanza_error(reader->problems, to,
				"\"%.100s\" names the group %lu, the regular expression "
				"has %u",
				to->text, group, pattern_group_count(pattern) - 1);
	}
}

/* "[exact|prefix|...] FROM"; `more` words are needed behind. */
static const struct corefile_word *read_from(struct rule_reader *reader, size_t more)
{
	struct rewrite_rule *rule = reader->rule;
	const struct corefile_word *word = next_word(reader, "a name to match");
	if (!word)
		return NULL;
	rule->match = REWRITE_EXACT;
	for (unsigned i = 0; i < 5; i++) {
		if (strcasecmp(match_names[i], word->text) != 0 ||
			words_left(reader) <= more)
			continue;
		rule->match = (enum rewrite_match)i;
		word = next_word(reader, "a name to match");
		break;
	}
	if (rule->match == REWRITE_REGEX) {
		rule->pattern = read_pattern(reader, word);
		rule->from = "";
	} else {
		rule->from = normal_name(reader, word->text);
	}
	return word;
}

/* --- fields --- */

static void add_answer(struct rule_reader *reader, struct rewrite_answer *answers,
	const struct corefile_word *kind)
{
	const struct corefile_word *from = next_word(reader, "a regular expression");
	const struct corefile_word *to = next_word(reader, "a name in its place");
	if (!from || !to)
		return;
	struct pattern *pattern = read_pattern(reader, from);
	if (!pattern)
		return;
	check_groups(reader, pattern, to);
	answers[reader->rule->answer_count++] = (struct rewrite_answer){
		.is_value = strcasecmp(kind->text, "value") == 0,
		.pattern = pattern,
		.to = normal_name(reader, to->text),
	};
}

static void read_answers(struct rule_reader *reader)
{
	struct rewrite_rule *rule = reader->rule;
	struct rewrite_answer *answers =
		arena_calloc(reader->arena, words_left(reader) + 1, sizeof(*answers));
	if (!answers) {
		reader->err = ERR_NOMEM;
		return;
	}
	rule->answers = answers;
	while (words_left(reader) && !has_failed(reader)) {
		const struct corefile_word *word = next_word(reader, "answer");
		if (strcasecmp(word->text, "answer") != 0) {
			stanza_error(reader->problems, word,
				"\"%.100s\", expected \"answer\"", word->text);
			return;
		}
		word = next_word(reader, "auto, name or value");
		if (!word)
			return;
		if (strcasecmp(word->text, "auto") == 0)
			rule->is_auto = true;
		else if (strcasecmp(word->text, "name") == 0 ||
			 strcasecmp(word->text, "value") == 0)
			add_answer(reader, answers, word);
		else
			stanza_error(reader->problems, word,
				"\"%.100s\" for \"answer\", expected one of "
				"auto|name|value",
				word->text);
	}
}

static void read_name(struct rule_reader *reader)
{
	struct rewrite_rule *rule = reader->rule;
	struct dname name;
	const struct corefile_word *from = read_from(reader, 1);
	const struct corefile_word *to = next_word(reader, "a name in its place");
	if (!from || !to)
		return;
	rule->to = normal_name(reader, to->text);
	if (rule->match == REWRITE_REGEX)
		check_groups(reader, rule->pattern, to);
	else if (rule->match == REWRITE_EXACT && dname_from_text(rule->from, &name))
		stanza_error(
			reader->problems, from, "\"%.100s\" is not a name", from->text);
	if (rule->match == REWRITE_EXACT && dname_from_text(rule->to, &name))
		stanza_error(reader->problems, to, "\"%.100s\" is not a name", to->text);
	rule->is_auto = rule->match == REWRITE_EXACT;
	read_answers(reader);
}

static uint16_t read_number(
	struct rule_reader *reader, int (*parse)(const char *text), const char *what)
{
	const struct corefile_word *word = next_word(reader, what);
	if (!word)
		return 0;
	int number = parse(word->text);
	if (number < 0)
		stanza_error(reader->problems, word, "\"%.100s\", expected %s",
			word->text, what);
	return (uint16_t)number;
}

static void read_type(struct rule_reader *reader)
{
	reader->rule->old_number = read_number(reader, dns_type_parse, "a query type");
	reader->rule->new_number = read_number(reader, dns_type_parse, "a query type");
}

static void read_class(struct rule_reader *reader)
{
	reader->rule->old_number = read_number(reader, dns_class_parse, "a class");
	reader->rule->new_number = read_number(reader, dns_class_parse, "a class");
	if (!has_failed(reader) && reader->rule->new_number != CLASS_IN)
		stanza_error(reader->problems, reader->words[reader->at - 1],
			"\"%.100s\", expected IN: plugins behind answer no other class",
			reader->words[reader->at - 1]->text);
}

static bool parse_seconds(const char *text, size_t length, uint32_t *out)
{
	uint64_t value = 0;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > INT32_MAX)
			return false;
	}
	*out = (uint32_t)value;
	return true;
}

/* "15", "30-300", "-30", "30-" */
static bool parse_ttls(const char *text, struct rewrite_rule *rule)
{
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);
	if (!text[0] || strcmp(text, "-") == 0 ||
		!parse_seconds(text, length, &rule->ttl_min_s))
		return false;
	rule->ttl_max_s = rule->ttl_min_s;
	if (!dash)
		return true;
	rule->ttl_max_s = INT32_MAX;
	return !dash[1] || (parse_seconds(dash + 1, strlen(dash + 1), &rule->ttl_max_s) &&
				   rule->ttl_min_s <= rule->ttl_max_s);
}

static void read_ttl(struct rule_reader *reader)
{
	read_from(reader, 1);
	const struct corefile_word *word = next_word(reader, "a TTL");
	if (word && !parse_ttls(word->text, reader->rule))
		stanza_error(reader->problems, word,
			"\"%.100s\" for \"ttl\", expected seconds, such as 15, or a "
			"range, such as 30-300, -30 or 30-",
			word->text);
}

static int parse_rcode(const char *text)
{
	uint32_t number;
	if (isdigit((unsigned char)text[0]))
		return parse_seconds(text, strlen(text), &number) && number <= 23
			       ? (int)number
			       : -1;
	return dns_rcode_parse(text);
}

static void read_rcode(struct rule_reader *reader)
{
	read_from(reader, 2);
	reader->rule->old_number = read_number(reader, parse_rcode, "a response code");
	reader->rule->new_number = read_number(reader, parse_rcode, "a response code");
}

static const struct {
	const char *name;
	enum rewrite_field field;
	void (*read)(struct rule_reader *reader);
} fields[] = {
	{"name", REWRITE_NAME, read_name},
	{"type", REWRITE_TYPE, read_type},
	{"class", REWRITE_CLASS, read_class},
	{"ttl", REWRITE_TTL, read_ttl},
	{"rcode", REWRITE_RCODE, read_rcode},
};

static void read_field(struct rule_reader *reader, const struct corefile_word *word)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcasecmp(fields[i].name, word->text) != 0)
			continue;
		reader->rule->field = fields[i].field;
		fields[i].read(reader);
		if (!has_failed(reader) && words_left(reader))
			stanza_error(reader->problems, reader->words[reader->at],
				"\"%.100s\", expected the end of the rule",
				reader->words[reader->at]->text);
		return;
	}
	bool is_known = strcasecmp(word->text, "edns0") == 0 ||
			strcasecmp(word->text, "cname") == 0;
	stanza_error(reader->problems, word,
		is_known ? "rules for \"%.100s\" are not there, expected one of "
			   "name|type|class|ttl|rcode"
			 : "\"%.100s\", expected one of name|type|class|ttl|rcode",
		word->text);
}

/* --- a directive --- */

static enum err gather_words(
	const struct corefile_directive *directive, struct rule_reader *reader)
{
	size_t count = directive->argument_count;
	for (size_t i = 0; i < directive->body_count; i++)
		count += 1 + directive->body[i].argument_count;
	reader->words = arena_calloc(reader->arena, count + 1, sizeof(void *));
	if (!reader->words)
		return ERR_NOMEM;
	for (size_t i = 0; i < directive->argument_count; i++)
		reader->words[reader->count++] = &directive->arguments[i];
	for (size_t i = 0; i < directive->body_count; i++) {
		const struct corefile_directive *line = &directive->body[i];
		reader->words[reader->count++] = &line->name;
		for (size_t j = 0; j < line->argument_count; j++)
			reader->words[reader->count++] = &line->arguments[j];
	}
	return ERR_NONE;
}

/* ERR_NOMEM; the rule is to be deinited in any case. */
static enum err read_rule(const struct corefile_directive *directive, struct arena *arena,
	struct rewrite_rule *out, struct diag_list *problems)
{
	struct rule_reader reader = {.directive = &directive->name,
		.arena = arena,
		.rule = out,
		.problems = problems,
		.errors = problems->errors};
	*out = (struct rewrite_rule){.from = "", .to = ""};
	if (gather_words(directive, &reader))
		return ERR_NOMEM;
	const struct corefile_word *word =
		next_word(&reader, "one of name|type|class|ttl|rcode");
	if (word && (strcasecmp(word->text, "continue") == 0 ||
			    strcasecmp(word->text, "stop") == 0)) {
		out->goes_on = strcasecmp(word->text, "continue") == 0;
		word = next_word(&reader, "one of name|type|class|ttl|rcode");
	}
	if (word)
		read_field(&reader, word);
	return reader.err;
}

void rewrite_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	struct arena arena;
	arena_init(&arena, 4096);
	struct rewrite_rule rule;
	if (read_rule(directive, &arena, &rule, problems))
		stanza_error(problems, &directive->name, "%s", err_text(ERR_NOMEM));
	rewrite_rule_deinit(&rule);
	arena_deinit(&arena);
}

enum err build_rewrite(struct build *build, const struct corefile_directive *directive)
{
	size_t count = 0;
	const struct corefile_directive *at = directive;
	for (; at; at = build_next(build, at))
		count++;
	struct rewrite_rule *rules = arena_calloc(build->arena, count, sizeof(*rules));
	if (!rules)
		return ERR_NOMEM;
	enum err err = ERR_NONE;
	count = 0;
	for (at = directive; at && !err; at = build_next(build, at)) {
		err = read_rule(at, build->arena, &rules[count], build->problems);
		build->block->takes_any_class |= rules[count++].field == REWRITE_CLASS;
	}
	struct plugin_instance instance = {NULL, NULL};
	if (err)
		while (count)
			rewrite_rule_deinit(&rules[--count]);
	else
		err = rewrite_plugin_new(rules, count, &instance);
	if (!err)
		build_add(build, &instance);
	return err;
}
