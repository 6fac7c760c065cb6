/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <string.h>
#include <strings.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/header.h"

const struct directive_row header_options[] = {
	{
		.name = "set",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "flags that are set in replies: aa, ra, rd",
		.may_repeat = true,
		.check = header_check_flags,
	},
	{
		.name = "clear",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "flags that are cleared in replies",
		.may_repeat = true,
		.check = header_check_flags,
	},
	{
		.name = "response",
		.type = ARGUMENT_WORD,
		.min_arguments = 2,
		.max_arguments = ANY_NUMBER,
		.help = "set|clear FLAG...: in replies",
		.may_repeat = true,
		.check = header_check_rule,
	},
	{
		.name = "query",
		.type = ARGUMENT_WORD,
		.min_arguments = 2,
		.max_arguments = ANY_NUMBER,
		.help = "set|clear FLAG...: in queries, for the plugins behind this one",
		.may_repeat = true,
		.check = header_check_rule,
	},
	{.name = NULL},
};

/* 0: unknown. */
static uint16_t flag_of(const char *text)
{
	static const struct {
		const char *name;
		uint16_t flag;
	} flags[] = {{"aa", DNS_FLAG_AA}, {"ra", DNS_FLAG_RA}, {"rd", DNS_FLAG_RD}};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcasecmp(flags[i].name, text) == 0)
			return flags[i].flag;
	return 0;
}

static void check_flags_from(
	const struct corefile_directive *option, size_t first, struct diag_list *problems)
{
	for (size_t i = first; i < option->argument_count; i++)
		if (!flag_of(option->arguments[i].text))
			stanza_error(problems, &option->arguments[i],
				"\"%.100s\" for \"%.100s\", expected one of aa|ra|rd",
				option->arguments[i].text, option->name.text);
}

void header_check_flags(
	const struct corefile_directive *option, struct diag_list *problems)
{
	check_flags_from(option, 0, problems);
}

void header_check_rule(
	const struct corefile_directive *option, struct diag_list *problems)
{
	const struct corefile_word *action = &option->arguments[0];
	if (strcasecmp(action->text, "set") != 0 &&
		strcasecmp(action->text, "clear") != 0)
		stanza_error(problems, action,
			"\"%.100s\" for \"%.100s\", expected one of set|clear",
			action->text, option->name.text);
	check_flags_from(option, 1, problems);
}

void header_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	if (!directive->body_count)
		stanza_error(problems, &directive->name,
			"header needs an option that says what to set or clear");
}

/* The last word on a flag counts. */
static void apply(bool sets, uint16_t flag, uint16_t *set, uint16_t *cleared)
{
	*set = (uint16_t)(sets ? *set | flag : *set & ~flag);
	*cleared = (uint16_t)(sets ? *cleared & ~flag : *cleared | flag);
}

static void read_option(
	const struct corefile_directive *option, struct header_options *out)
{
	bool is_query = strcmp(option->name.text, "query") == 0;
	bool has_action = is_query || strcmp(option->name.text, "response") == 0;
	const char *action = has_action ? option->arguments[0].text : option->name.text;
	bool sets = strcasecmp(action, "set") == 0;
	for (size_t i = has_action; i < option->argument_count; i++) {
		uint16_t flag = flag_of(option->arguments[i].text);
		if (is_query)
			apply(sets, flag, &out->query_set, &out->query_cleared);
		else
			apply(sets, flag, &out->reply_set, &out->reply_cleared);
	}
}

enum err build_header(struct build *build, const struct corefile_directive *directive)
{
	struct header_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	if (!options)
		return ERR_NOMEM;
	for (size_t i = 0; i < directive->body_count; i++)
		read_option(&directive->body[i], options);
	struct plugin_instance instance = header_plugin_instance(options);
	build_add(build, &instance);
	return ERR_NONE;
}
