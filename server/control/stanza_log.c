/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/log.h"

const struct directive_row log_options[] = {
	{
		.name = "class",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.choices = "all|success|denial|error",
		.value = "all",
		.help = "which replies: denial is NXDOMAIN and NODATA",
		.may_repeat = true,
	},
	{.name = NULL},
};

/* The last argument may be the format; no zone has a brace in its name. */
static const struct corefile_word *find_format(const struct corefile_directive *directive)
{
	if (!directive->argument_count)
		return NULL;
	const struct corefile_word *last =
		&directive->arguments[directive->argument_count - 1];
	return strchr(last->text, '{') ? last : NULL;
}

static void ignore_zone(void *context, const struct dname *zone)
{
	(void)context;
	(void)zone;
}

void log_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_word *format = find_format(directive);
	size_t zones = directive->argument_count - (format != NULL);
	for (size_t i = 0; i < zones; i++)
		if (argument_zones(directive->arguments[i].text, ignore_zone, NULL))
			stanza_error(problems, &directive->arguments[i],
				"\"%.100s\" for \"log\", expected a zone, or at the end "
				"a format with {fields}",
				directive->arguments[i].text);
	size_t length;
	const char *unknown =
		format ? log_format_find_unknown(format->text, &length) : NULL;
	if (unknown)
		diag_add(problems, SEVERITY_WARNING, format->place.file,
			format->place.line, format->place.column,
			"nothing is known for the field \"%.*s\" of a log format",
			(int)(length < 100 ? length : 100), unknown);
}

static unsigned class_of(const char *text)
{
	if (strcmp(text, "success") == 0)
		return LOG_CLASS_SUCCESS;
	if (strcmp(text, "denial") == 0)
		return LOG_CLASS_DENIAL;
	return strcmp(text, "error") == 0 ? LOG_CLASS_ERROR : LOG_CLASS_ALL;
}

static enum err read_rule(struct build *build, const struct corefile_directive *directive,
	struct log_rule *out)
{
	const struct corefile_word *format = find_format(directive);
	struct zone_list list = {.arena = build->arena};
	enum err err = zone_list_read(&list, directive->arguments,
		directive->argument_count - (format != NULL));
	out->zones = list.zones;
	out->zone_count = list.count;
	for (size_t i = 0; i < directive->body_count; i++)
		for (size_t j = 0; j < directive->body[i].argument_count; j++)
			out->classes |= class_of(directive->body[i].arguments[j].text);
	if (!out->classes)
		out->classes = LOG_CLASS_ALL;
	if (!err)
		err = log_format_parse(
			format ? format->text : "{common}", build->arena, &out->format);
	return err;
}

enum err build_log(struct build *build, const struct corefile_directive *directive)
{
	size_t count = 0;
	const struct corefile_directive *at = directive;
	for (; at; at = build_next(build, at))
		count++;
	struct log_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	struct log_rule *rules = arena_calloc(build->arena, count, sizeof(*rules));
	if (!options || !rules)
		return ERR_NOMEM;
	*options = (struct log_options){rules, count};
	for (at = directive; at; at = build_next(build, at)) {
		enum err err = read_rule(build, at, rules++);
		if (err)
			return err;
	}
	struct plugin_instance instance = log_plugin_instance(options);
	build_add(build, &instance);
	return ERR_NONE;
}
