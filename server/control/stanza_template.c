/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <stdio.h>
#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/template/template.h"

enum { CLASS_WORD, TYPE_WORD, ZONE_WORDS, EDE_MAX = 65535 };

const struct directive_row template_options[] = {
	{
		.name = "match",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "regular expressions, of which one must match the name; any "
			"name unless given",
		.may_repeat = true,
	},
	{
		.name = "answer",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "records, each in quotes, with fields such as {{ .Name }}, "
			"{{ .Group.x }}, {{ index .Match 1 }} and {{ parseInt .Group.x "
			"16 8 }}",
		.may_repeat = true,
	},
	{
		.name = "additional",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "records for the additional section",
		.may_repeat = true,
	},
	{
		.name = "authority",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "records for the authority section",
		.may_repeat = true,
	},
	{
		.name = "rcode",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 1,
		.help = "NXDOMAIN, REFUSED, ...; NOERROR unless given",
		.check = template_check_rcode,
	},
	{
		.name = "ederror",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "CODE [TEXT]: an Extended DNS Error (RFC 8914)",
		.check = template_check_ederror,
	},
	{
		.name = "fallthrough",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "names that do not match, in these zones, go to the next "
			"template, then to the next plugin",
	},
	{.name = "upstream", .is_ignored = true},
	{.name = NULL},
};

void template_check_rcode(
	const struct corefile_directive *option, struct diag_list *problems)
{
	const struct corefile_word *word = &option->arguments[0];
	if (dns_rcode_parse(word->text) < 0)
		stanza_error(problems, word,
			"\"%.100s\" for \"rcode\", expected a response code such as "
			"NXDOMAIN",
			word->text);
}

void template_check_ederror(
	const struct corefile_directive *option, struct diag_list *problems)
{
	int64_t code;
	const struct corefile_word *word = &option->arguments[0];
	if (argument_number(word, &code) || code < 0 || code > EDE_MAX)
		stanza_error(problems, word,
			"\"%.100s\" for \"ederror\", expected a number from 0 to %d",
			word->text, EDE_MAX);
}

/* --- one directive --- */

struct template_reader {
	const struct corefile_directive *directive;
	struct arena *arena;
	struct template_rule *rule;
	struct pattern **patterns;
	struct diag_list *problems;
};

/* Words of all options of a name. */
static size_t count_words(const struct corefile_directive *directive, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < directive->body_count; i++)
		if (strcmp(directive->body[i].name.text, name) == 0)
			count += directive->body[i].argument_count;
	return count;
}

static enum err add_pattern(struct template_reader *reader, const char *text,
	const struct corefile_word *word)
{
	char problem[PATTERN_PROBLEM_SIZE];
	struct template_patterns *patterns = &reader->rule->patterns;
	enum err err =
		pattern_new_for_names(text, &reader->patterns[patterns->count], problem);
	if (!err)
		patterns->count++;
	if (!err || err == ERR_NOMEM)
		return err;
	stanza_error(reader->problems, word, "\"%.100s\" is not a regular expression: %s",
		text, problem);
	return ERR_NONE;
}

static enum err read_patterns(struct template_reader *reader)
{
	const struct corefile_directive *directive = reader->directive;
	size_t count = count_words(directive, "match");
	reader->patterns = arena_calloc(reader->arena, count + 1, sizeof(void *));
	if (!reader->patterns)
		return ERR_NOMEM;
	reader->rule->patterns.items = reader->patterns;
	if (!count)
		return add_pattern(reader, ".*", &directive->name);
	enum err err = ERR_NONE;
	for (size_t i = 0; i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		if (strcmp(option->name.text, "match") != 0)
			continue;
		for (size_t j = 0; j < option->argument_count && !err; j++)
			err = add_pattern(
				reader, option->arguments[j].text, &option->arguments[j]);
	}
	return err;
}

/* A text without fields is a record or a mistake now already. */
static enum err fix_record(struct template_reader *reader,
	const struct corefile_word *word, struct template_record *out)
{
	struct record_text *record = arena_alloc(reader->arena, sizeof(*record));
	struct record_text_problem problem;
	if (!record)
		return ERR_NOMEM;
	if (record_text_parse(word->text, record, &problem))
		stanza_error(reader->problems, word,
			"\"%.100s\" is not a record: %s, at character %zu", word->text,
			problem.text, problem.offset + 1);
	out->fixed = record;
	return ERR_NONE;
}

static enum err read_record(struct template_reader *reader,
	const struct corefile_word *word, struct template_record *out)
{
	struct template_problem problem;
	enum err err = template_text_parse(
		word->text, &reader->rule->patterns, reader->arena, &out->text, &problem);
	if (err == ERR_SYNTAX) {
		stanza_error(reader->problems, word,
			"\"%.100s\" is not a template: %s, at character %zu", word->text,
			problem.text, problem.offset + 1);
		return ERR_NONE;
	}
	if (!err && template_text_is_fixed(&out->text))
		return fix_record(reader, word, out);
	char failure[256];
	snprintf(failure, sizeof(failure), "the template at %.200s:%u gives no record",
		word->place.file, word->place.line);
	out->failure = arena_strndup(reader->arena, failure, strlen(failure));
	return err || out->failure ? err : ERR_NOMEM;
}

static enum err read_section(
	struct template_reader *reader, const char *name, enum reply_section section)
{
	const struct corefile_directive *directive = reader->directive;
	size_t count = count_words(directive, name), used = 0;
	struct template_record *records =
		arena_calloc(reader->arena, count + 1, sizeof(*records));
	if (!records)
		return ERR_NOMEM;
	reader->rule->sections[section] = (struct template_section){records, count};
	for (size_t i = 0; i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		if (strcmp(option->name.text, name) != 0)
			continue;
		for (size_t j = 0; j < option->argument_count; j++) {
			enum err err = read_record(
				reader, &option->arguments[j], &records[used++]);
			if (err)
				return err;
		}
	}
	return ERR_NONE;
}

static void read_question(struct template_reader *reader)
{
	const struct corefile_word *words = reader->directive->arguments;
	int class = dns_class_parse(words[CLASS_WORD].text);
	int type = dns_type_parse(words[TYPE_WORD].text);
	if (class < 0)
		stanza_error(reader->problems, &words[CLASS_WORD],
			"\"%.100s\" is not a class, expected IN, CH, HS or ANY",
			words[CLASS_WORD].text);
	if (type < 0)
		stanza_error(reader->problems, &words[TYPE_WORD],
			"\"%.100s\" is not a query type, expected A, TXT, ANY, ...",
			words[TYPE_WORD].text);
	reader->rule->class = (uint16_t) class;
	reader->rule->type = (uint16_t)type;
}

static enum err read_error(struct template_reader *reader)
{
	struct template_rule *rule = reader->rule;
	const struct corefile_directive *option =
		directive_option(reader->directive, "rcode");
	if (option)
		rule->rcode = (uint16_t)dns_rcode_parse(option->arguments[0].text);
	option = directive_option(reader->directive, "ederror");
	rule->ede = EDE_NONE;
	if (!option)
		return ERR_NONE;
	int64_t code = 0;
	if (argument_number(&option->arguments[0], &code))
		return ERR_SYNTAX;
	rule->ede = (int)code;
	rule->ede_text = stanza_join_words(
		option->arguments + 1, option->argument_count - 1, reader->arena);
	return rule->ede_text ? ERR_NONE : ERR_NOMEM;
}

static void free_patterns(const struct template_rule *rule)
{
	for (size_t i = 0; i < rule->patterns.count; i++)
		pattern_free(rule->patterns.items[i]);
}

/* The rule without its zones. On failure it has no patterns. ERR_NOMEM. */
static enum err read_rule(const struct corefile_directive *directive, struct arena *arena,
	struct template_rule *out, struct diag_list *problems)
{
	struct template_reader reader = {.directive = directive,
		.arena = arena,
		.rule = out,
		.problems = problems};
	*out = (struct template_rule){0};
	read_question(&reader);
	enum err err = read_patterns(&reader);
	if (!err)
		err = read_section(&reader, "answer", SECTION_ANSWER);
	if (!err)
		err = read_section(&reader, "authority", SECTION_AUTHORITY);
	if (!err)
		err = read_section(&reader, "additional", SECTION_ADDITIONAL);
	if (!err)
		err = read_error(&reader);
	if (err) {
		free_patterns(out);
		out->patterns.count = 0;
	}
	return err;
}

void template_check(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	struct arena arena;
	arena_init(&arena, 8192);
	struct template_rule rule;
	stanza_check_zones("template", directive->arguments + ZONE_WORDS,
		directive->argument_count - ZONE_WORDS, problems);
	if (read_rule(directive, &arena, &rule, problems))
		stanza_error(problems, &directive->name, "%s", err_text(ERR_NOMEM));
	else if (!rule.sections[SECTION_ANSWER].count &&
		 !rule.sections[SECTION_AUTHORITY].count && rule.rcode == RCODE_NOERROR)
		stanza_error(problems, &directive->name,
			"expected an answer, an authority or an rcode other than "
			"NOERROR");
	free_patterns(&rule);
	arena_deinit(&arena);
}

/* --- the plugin --- */

static enum err read_zones(struct build *build,
	const struct corefile_directive *directive, struct template_rule *out)
{
	struct zone_list list = {.arena = build->arena};
	struct stanza_fallthrough through = {0};
	enum err err = stanza_read_zones(&list, directive->arguments + ZONE_WORDS,
		directive->argument_count - ZONE_WORDS, build->source);
	if (!err)
		err = stanza_read_fallthrough(directive, build->arena, &through);
	const char **texts = arena_calloc(build->arena, list.count + 1, sizeof(*texts));
	for (size_t i = 0; i < list.count && texts && !err; i++) {
		char text[DNAME_TEXT_SIZE];
		dname_to_text(list.zones[i].bytes, text);
		texts[i] = arena_strndup(build->arena, text, strlen(text));
		err = texts[i] ? ERR_NONE : ERR_NOMEM;
	}
	out->zones = list.zones;
	out->zone_count = list.count;
	out->zone_texts = texts;
	out->falls_through = through.is_given;
	out->fallthrough_zones = through.zones;
	out->fallthrough_count = through.count;
	return texts ? err : ERR_NOMEM;
}

static enum err add_rule(struct build *build, const struct corefile_directive *directive,
	struct template_rule *out)
{
	enum err err = read_rule(directive, build->arena, out, build->problems);
	if (!err)
		err = read_zones(build, directive, out);
	build->block->takes_any_class |= out->class != CLASS_IN;
	return err;
}

enum err build_template(struct build *build, const struct corefile_directive *directive)
{
	size_t count = 0;
	const struct corefile_directive *at = directive;
	for (; at; at = build_next(build, at))
		count++;
	struct template_rule *rules = arena_calloc(build->arena, count, sizeof(*rules));
	if (!rules)
		return ERR_NOMEM;
	enum err err = ERR_NONE;
	count = 0;
	for (at = directive; at && !err; at = build_next(build, at))
		err = add_rule(build, at, &rules[count++]);
	struct plugin_instance instance = {NULL, NULL};
	if (err)
		for (size_t i = 0; i < count; i++)
			free_patterns(&rules[i]);
	else
		err = template_plugin_new(rules, count, &instance);
	if (!err)
		build_add(build, &instance);
	return err;
}
