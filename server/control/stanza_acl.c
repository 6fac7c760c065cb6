/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <string.h>
#include <strings.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/acl.h"

const struct directive_row acl_options[] = {
	{
		.name = "allow",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[type TYPE...] [net PREFIX...]: these queries pass",
		.may_repeat = true,
		.check = acl_check_rule,
	},
	{
		.name = "block",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[type TYPE...] [net PREFIX...]: these are REFUSED",
		.may_repeat = true,
		.check = acl_check_rule,
	},
	{
		.name = "filter",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[type TYPE...] [net PREFIX...]: these get an empty answer",
		.may_repeat = true,
		.check = acl_check_rule,
	},
	{
		.name = "drop",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[type TYPE...] [net PREFIX...]: these get no answer",
		.may_repeat = true,
		.check = acl_check_rule,
	},
	{.name = NULL},
};

/* A rule while its words are read; both arrays have room for all of them. */
struct acl_reader {
	uint16_t *types;
	struct ipprefix *sources;
	struct acl_rule *rule;
	bool has_any_type, has_any_source; /* "*" */
	struct diag_list *problems;
};

static void read_type(struct acl_reader *reader, const struct corefile_word *word)
{
	int type = dns_type_parse(word->text);
	if (strcmp(word->text, "*") == 0)
		reader->has_any_type = true;
	else if (type < 0)
		stanza_error(reader->problems, word, "\"%.100s\" is not a query type",
			word->text);
	else
		reader->types[reader->rule->type_count++] = (uint16_t)type;
}

static void read_source(struct acl_reader *reader, const struct corefile_word *word)
{
	struct ipprefix prefix;
	if (strcmp(word->text, "*") == 0)
		reader->has_any_source = true;
	else if (ipprefix_parse_host(word->text, &prefix))
		stanza_error(reader->problems, word,
			"\"%.100s\", expected an IP address, a prefix such as "
			"10.96.0.0/12, or *",
			word->text);
	else
		reader->sources[reader->rule->source_count++] = prefix;
}

static void read_words(struct acl_reader *reader, const struct corefile_directive *option)
{
	void (*read)(struct acl_reader * reader, const struct corefile_word *word) = NULL;
	const struct corefile_word *section = NULL;
	for (size_t i = 0; i < option->argument_count; i++) {
		const struct corefile_word *word = &option->arguments[i];
		bool is_type = strcasecmp(word->text, "type") == 0;
		if (is_type || strcasecmp(word->text, "net") == 0) {
			if (section)
				stanza_error(reader->problems, word,
					"expected a value of \"%.100s\" in front of this",
					section->text);
			section = word;
			read = is_type ? read_type : read_source;
		} else if (read) {
			section = NULL;
			read(reader, word);
		} else {
			stanza_error(reader->problems, word,
				"\"%.100s\", expected \"type\" or \"net\"", word->text);
			return;
		}
	}
	if (section)
		stanza_error(reader->problems, section, "expected a value of \"%.100s\"",
			section->text);
}

/* The rule without its action and zones. ERR_NOMEM. */
static enum err acl_read_rule(const struct corefile_directive *option,
	struct arena *arena, struct acl_rule *out, struct diag_list *problems)
{
	size_t count = option->argument_count + 1;
	struct acl_reader reader = {
		.types = arena_calloc(arena, count, sizeof(*reader.types)),
		.sources = arena_calloc(arena, count, sizeof(*reader.sources)),
		.rule = out,
		.problems = problems,
	};
	if (!reader.types || !reader.sources)
		return ERR_NOMEM;
	read_words(&reader, option);
	if (reader.has_any_type)
		out->type_count = 0;
	if (reader.has_any_source)
		out->source_count = 0;
	out->types = reader.types;
	out->sources = reader.sources;
	return ERR_NONE;
}

void acl_check_rule(const struct corefile_directive *option, struct diag_list *problems)
{
	struct arena arena;
	arena_init(&arena, 1024);
	struct acl_rule rule = {0};
	if (acl_read_rule(option, &arena, &rule, problems))
		stanza_error(problems, &option->name, "%s", err_text(ERR_NOMEM));
	arena_deinit(&arena);
}

static enum acl_action action_of(const char *name)
{
	if (strcmp(name, "block") == 0)
		return ACL_BLOCK;
	if (strcmp(name, "filter") == 0)
		return ACL_FILTER;
	return strcmp(name, "drop") == 0 ? ACL_DROP : ACL_ALLOW;
}

static enum err read_directive(struct build *build,
	const struct corefile_directive *directive, struct acl_rule *rules)
{
	struct zone_list list = {.arena = build->arena};
	enum err err =
		zone_list_read(&list, directive->arguments, directive->argument_count);
	for (size_t i = 0; !err && i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		rules[i].zones = list.zones;
		rules[i].zone_count = list.count;
		rules[i].action = action_of(option->name.text);
		err = acl_read_rule(option, build->arena, &rules[i], build->problems);
	}
	return err;
}

enum err build_acl(struct build *build, const struct corefile_directive *directive)
{
	size_t count = 0;
	const struct corefile_directive *at = directive;
	for (; at; at = build_next(build, at))
		count += at->body_count;
	struct acl_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	struct acl_rule *rules = arena_calloc(build->arena, count + 1, sizeof(*rules));
	if (!options || !rules)
		return ERR_NOMEM;
	options->rules = rules;
	for (at = directive; at; at = build_next(build, at)) {
		enum err err = read_directive(build, at, rules + options->count);
		if (err)
			return err;
		options->count += at->body_count;
	}
	struct plugin_instance instance = acl_plugin_instance(options);
	build_add(build, &instance);
	return ERR_NONE;
}
