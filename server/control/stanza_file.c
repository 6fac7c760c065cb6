/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/file/file.h"

enum { RELOAD_MS = 60000 };

const struct directive_row file_options[] = {
	{
		.name = "reload",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = INT64_MAX,
		.value = "1m",
		.help = "how often the file is looked at; 0: never again",
	},
	{
		.name = "fallthrough",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "names that do not exist, in these zones, go to the next plugin",
	},
	{.name = "upstream", .is_ignored = true},
	{.name = NULL},
};

void file_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	if (!directive->arguments[0].text[0])
		stanza_error(problems, &directive->arguments[0], "expected a zone file");
	stanza_check_zones("file", directive->arguments + 1,
		directive->argument_count - 1, problems);
}

static enum err read_path(struct build *build, const struct corefile_directive *directive,
	struct file_source *out)
{
	char *path = argument_path(&directive->arguments[0]);
	out->path = path ? arena_strndup(build->arena, path, strlen(path)) : NULL;
	free(path);
	return out->path ? ERR_NONE : ERR_NOMEM;
}

static enum err read_source(struct build *build,
	const struct corefile_directive *directive, struct file_source *out)
{
	struct zone_list zones = {.arena = build->arena};
	struct stanza_fallthrough through = {0};
	const struct corefile_directive *reload = directive_option(directive, "reload");
	out->reload_ms = RELOAD_MS;
	enum err err = stanza_read_zones(&zones, directive->arguments + 1,
		directive->argument_count - 1, build->source);
	if (!err)
		err = stanza_read_fallthrough(directive, build->arena, &through);
	if (!err)
		err = read_path(build, directive, out);
	if (!err && reload)
		err = argument_duration_ms(&reload->arguments[0], &out->reload_ms);
	out->zones = zones.zones;
	out->zone_count = zones.count;
	out->falls_through = through.is_given;
	out->fallthrough_zones = through.zones;
	out->fallthrough_count = through.count;
	return err;
}

enum err build_file(struct build *build, const struct corefile_directive *directive)
{
	size_t count = 0;
	const struct corefile_directive *at = directive;
	for (; at; at = build_next(build, at))
		count++;
	struct file_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	struct file_source *sources = arena_calloc(build->arena, count, sizeof(*sources));
	if (!options || !sources)
		return ERR_NOMEM;
	*options = (struct file_options){build->key, sources, count};
	enum err err = ERR_NONE;
	count = 0;
	for (at = directive; !err && at; at = build_next(build, at))
		err = read_source(build, at, &sources[count++]);
	struct plugin_instance instance = {NULL, NULL};
	if (!err)
		err = file_plugin_new(options, &instance, build->problems);
	if (!err)
		build_add(build, &instance);
	return err;
}
