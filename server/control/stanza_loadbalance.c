/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/loadbalance.h"

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
	{.name = NULL},
};

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

enum err build_loadbalance(
	struct build *build, const struct corefile_directive *directive)
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
		for (size_t j = 0; j < option->argument_count; j++)
			if (ipprefix_parse_host(option->arguments[j].text,
				    &prefixes[preference->count++]))
				return ERR_SYNTAX;
	}
	struct plugin_instance instance =
		loadbalance_plugin_instance(count ? preference : NULL);
	build_add(build, &instance);
	return ERR_NONE;
}
