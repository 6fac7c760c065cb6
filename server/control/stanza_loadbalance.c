/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/loadbalance/loadbalance.h"

enum { RELOAD_MS = 30000 };

const struct directive_row loadbalance_options[] = {
	{
		.name = "prefer",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "addresses in these prefixes come first, in their order",
		.may_repeat = true,
		.check = loadbalance_check_prefer,
	},
	{
		.name = "reload",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = INT64_MAX,
		.value = "30s",
		.help = "how often the file of weights is looked at; 0: never again",
	},
	{.name = NULL},
};

static bool is_weighted(const struct corefile_directive *directive)
{
	return directive->argument_count &&
	       strcmp(directive->arguments[0].text, "weighted") == 0;
}

void loadbalance_check(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_word *words = directive->arguments;
	size_t count = directive->argument_count;
	const struct corefile_directive *reload = directive_option(directive, "reload");
	if (count && !is_weighted(directive) && strcmp(words[0].text, "round_robin") != 0)
		stanza_error(problems, &words[0],
			"\"%.100s\" for \"loadbalance\", expected one of round_robin, "
			"weighted",
			words[0].text);
	else if (count && is_weighted(directive) && (count < 2 || !words[1].text[0]))
		stanza_error(problems, &words[0],
			"\"weighted\" needs the file of the weights behind it");
	else if (count > 1 && !is_weighted(directive))
		stanza_error(problems, &words[1],
			"\"%.100s\" has no meaning to \"%.100s\"", words[1].text,
			words[0].text);
	if (reload && !is_weighted(directive))
		stanza_error(problems, &reload->name,
			"\"reload\" is about the file of \"weighted\"");
}

void loadbalance_check_prefer(
	const struct corefile_directive *option, struct diag_list *problems)
{
	struct ipprefix prefix;
	for (size_t i = 0; i < option->argument_count; i++)
		if (ipprefix_parse_host(option->arguments[i].text, &prefix))
			stanza_error(problems, &option->arguments[i],
				"\"%.100s\" for \"prefer\", expected an IP prefix such "
				"as 10.96.0.0/12",
				option->arguments[i].text);
}

static enum err read_preference(struct build *build,
	const struct corefile_directive *directive, struct loadbalance_options *out)
{
	size_t count = 0;
	for (size_t i = 0; i < directive->body_count; i++)
		count += directive->body[i].argument_count;
	struct reply_preference *preference =
		arena_calloc(build->arena, 1, sizeof(*preference));
	struct ipprefix *prefixes =
		arena_calloc(build->arena, count + 1, sizeof(*prefixes));
	if (!preference || !prefixes)
		return ERR_NOMEM;
	preference->prefixes = prefixes;
	for (size_t i = 0; i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		if (strcmp(option->name.text, "prefer") != 0)
			continue;
		for (size_t j = 0; j < option->argument_count; j++)
			if (ipprefix_parse_host(option->arguments[j].text,
				    &prefixes[preference->count++]))
				return ERR_SYNTAX;
	}
	out->preference = preference->count ? preference : NULL;
	return ERR_NONE;
}

static enum err read_weighted(struct build *build,
	const struct corefile_directive *directive, struct loadbalance_options *out)
{
	const struct corefile_directive *reload = directive_option(directive, "reload");
	char *path = argument_path(&directive->arguments[1]);
	out->weight_file = path ? arena_strndup(build->arena, path, strlen(path)) : NULL;
	free(path);
	out->key = build->key;
	out->reload_ms = RELOAD_MS;
	if (!out->weight_file)
		return ERR_NOMEM;
	return reload ? argument_duration_ms(&reload->arguments[0], &out->reload_ms)
		      : ERR_NONE;
}

enum err build_loadbalance(
	struct build *build, const struct corefile_directive *directive)
{
	struct loadbalance_options *options =
		arena_calloc(build->arena, 1, sizeof(*options));
	if (!options)
		return ERR_NOMEM;
	enum err err = read_preference(build, directive, options);
	if (!err && is_weighted(directive))
		err = read_weighted(build, directive, options);
	struct plugin_instance instance = {NULL, NULL};
	if (!err)
		err = loadbalance_plugin_new(options, &instance, build->problems);
	if (!err)
		build_add(build, &instance);
	return err;
}
