/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <string.h>

#include "server/base/pattern.h"
#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/errors.h"

enum { PERIOD, REGEXP, OPTIONAL }; /* the arguments of consolidate */

const struct directive_row errors_options[] = {
	{
		.name = "consolidate",
		.type = ARGUMENT_WORD,
		.min_arguments = 2,
		.max_arguments = 4,
		.help = "DURATION REGEXP [LEVEL] [show_first]: errors that match are "
			"counted and logged together",
		.may_repeat = true,
		.check = errors_check_consolidate,
	},
	{
		.name = "stacktrace",
		.help = "accepted and without effect: nothing here unwinds a stack",
	},
	{.name = NULL},
};

/* False: it is neither a level nor show_first. */
static bool read_optional(const char *text, struct errors_rule *out)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {{"warning", LOG_LEVEL_WARN}, {"error", LOG_LEVEL_ERROR},
		{"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG}};
	if (strcmp(text, "show_first") == 0) {
		out->shows_first = true;
		return true;
	}
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(text, levels[i].name) != 0)
			continue;
		out->level = levels[i].level;
		return true;
	}
	return false;
}

void errors_check_consolidate(
	const struct corefile_directive *option, struct diag_list *problems)
{
	int64_t period_ms;
	const struct corefile_word *words = option->arguments;
	if (argument_duration_ms(&words[PERIOD], &period_ms) || period_ms <= 0)
		stanza_error(problems, &words[PERIOD],
			"\"%.100s\" for \"consolidate\", expected a duration such as "
			"1m30s, longer than nothing",
			words[PERIOD].text);
	char problem[PATTERN_PROBLEM_SIZE];
	struct pattern *pattern = NULL;
	enum err err = pattern_new(words[REGEXP].text, &pattern, problem);
	if (err)
		stanza_error(problems, &words[REGEXP],
			"\"%.100s\" is not a regular expression: %s", words[REGEXP].text,
			err == ERR_SYNTAX ? problem : err_text(err));
	pattern_free(pattern);
	struct errors_rule rule;
	for (size_t i = OPTIONAL; i < option->argument_count; i++)
		if (!read_optional(words[i].text, &rule))
			stanza_error(problems, &words[i],
				"\"%.100s\" for \"consolidate\", expected one of "
				"warning|error|info|debug or show_first",
				words[i].text);
}

static enum err read_rule(
	const struct corefile_directive *option, struct errors_rule *out)
{
	const struct corefile_word *words = option->arguments;
	char problem[PATTERN_PROBLEM_SIZE];
	*out = (struct errors_rule){
		.pattern_text = words[REGEXP].text,
		.period_text = words[PERIOD].text,
		.level = LOG_LEVEL_ERROR,
	};
	for (size_t i = OPTIONAL; i < option->argument_count; i++)
		read_optional(words[i].text, out);
	enum err err = argument_duration_ms(&words[PERIOD], &out->period_ms);
	return err ? err : pattern_new(words[REGEXP].text, &out->pattern, problem);
}

enum err build_errors(struct build *build, const struct corefile_directive *directive)
{
	size_t count = 0;
	struct errors_rule *rules =
		arena_calloc(build->arena, directive->body_count + 1, sizeof(*rules));
	if (!rules)
		return ERR_NOMEM;
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		if (strcmp(option->name.text, "consolidate") != 0)
			continue;
		err = read_rule(option, &rules[count]);
		count += !err;
	}
	if (err) {
		while (count)
			pattern_free(rules[--count].pattern);
		return err;
	}
	struct plugin_instance instance;
	err = errors_plugin_new(rules, count, &instance);
	if (!err)
		build_add(build, &instance);
	return err;
}
