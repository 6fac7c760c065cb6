/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/hosts/hosts.h"
#include "server/plugin/hosts/text.h"

enum { TTL_S = 3600, RELOAD_MS = 5000 };

/* Whatever could be meant as an address; hosts_check_entry says whether it is one. */
static bool begins_entry(const char *word)
{
	return isdigit((unsigned char)word[0]) || strchr(word, ':');
}

const struct directive_row hosts_options[] = {
	{
		.name = "ADDRESS",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "a line of a hosts file; *.ZONE stands for the names right below "
			"ZONE",
		.may_repeat = true,
		.matches = begins_entry,
		.check = hosts_check_entry,
	},
	{
		.name = "ttl",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 1,
		.max = 65535,
		.value = "3600",
		.help = "how long answers may be kept, in seconds",
	},
	{
		.name = "no_reverse",
		.help = "no names of addresses",
	},
	{
		.name = "reload",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = INT64_MAX,
		.value = "5s",
		.help = "how often the file is looked at; 0: never again",
	},
	{
		.name = "fallthrough",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "names that do not exist, in these zones, go to the next plugin",
	},
	{
		.name = "fallthrough_unsupported",
		.help = "so do questions of names that exist for other types than A, "
			"AAAA and PTR",
	},
	{.name = NULL},
};

void hosts_check_entry(
	const struct corefile_directive *option, struct diag_list *problems)
{
	struct ipaddr address;
	struct dname name;
	if (hosts_parse_address(option->name.text, &address))
		stanza_error(problems, &option->name,
			"\"%.100s\", expected an IP address in front of its names",
			option->name.text);
	for (size_t i = 0; i < option->argument_count; i++)
		if (hosts_parse_name(option->arguments[i].text, &name))
			stanza_error(problems, &option->arguments[i],
				"\"%.100s\", expected a host name",
				option->arguments[i].text);
}

void hosts_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_directive *passes =
		directive_option(directive, "fallthrough_unsupported");
	if (directive->argument_count && !directive->arguments[0].text[0])
		stanza_error(problems, &directive->arguments[0], "expected a file");
	if (directive->argument_count > 1)
		stanza_check_zones("hosts", directive->arguments + 1,
			directive->argument_count - 1, problems);
	if (passes && !directive_option(directive, "fallthrough"))
		stanza_error(problems, &passes->name,
			"fallthrough_unsupported needs the option \"fallthrough\"");
}

static enum err read_entry(struct build *build, const struct corefile_directive *option,
	struct hosts_entry *out)
{
	struct dname *names =
		arena_calloc(build->arena, option->argument_count, sizeof(*names));
	if (!names)
		return ERR_NOMEM;
	enum err err = hosts_parse_address(option->name.text, &out->address);
	for (size_t i = 0; i < option->argument_count && !err; i++)
		err = hosts_parse_name(option->arguments[i].text, &names[i]);
	out->names = names;
	out->name_count = option->argument_count;
	return err;
}

static enum err read_entries(struct build *build,
	const struct corefile_directive *directive, struct hosts_options *out)
{
	struct hosts_entry *entries =
		arena_calloc(build->arena, directive->body_count + 1, sizeof(*entries));
	if (!entries)
		return ERR_NOMEM;
	out->entries = entries;
	enum err err = ERR_NONE;
	for (size_t i = 0; i < directive->body_count && !err; i++)
		if (begins_entry(directive->body[i].name.text))
			err = read_entry(
				build, &directive->body[i], &entries[out->entry_count++]);
	return err;
}

static enum err read_numbers(
	const struct corefile_directive *directive, struct hosts_options *out)
{
	const struct corefile_directive *ttl = directive_option(directive, "ttl");
	const struct corefile_directive *reload = directive_option(directive, "reload");
	int64_t ttl_s = TTL_S;
	enum err err = ERR_NONE;
	if (ttl)
		err = argument_number(&ttl->arguments[0], &ttl_s);
	out->build.ttl_s = (uint32_t)ttl_s;
	out->reload_ms = RELOAD_MS;
	if (reload && !err)
		err = argument_duration_ms(&reload->arguments[0], &out->reload_ms);
	return err;
}

static enum err read_file_name(struct build *build,
	const struct corefile_directive *directive, struct hosts_options *out)
{
	out->path = "/etc/hosts";
	out->is_asked_for = directive->argument_count;
	if (out->is_asked_for) {
		char *path = argument_path(&directive->arguments[0]);
		out->path = path ? arena_strndup(build->arena, path, strlen(path)) : NULL;
		free(path);
	}
	return out->path ? ERR_NONE : ERR_NOMEM;
}

static enum err read_options(struct build *build,
	const struct corefile_directive *directive, struct hosts_options *out)
{
	size_t file_words = directive->argument_count > 0;
	struct zone_list zones = {.arena = build->arena};
	struct stanza_fallthrough through = {0};
	enum err err = stanza_read_zones(&zones, directive->arguments + file_words,
		directive->argument_count - file_words, build->source);
	if (!err)
		err = stanza_read_fallthrough(directive, build->arena, &through);
	if (!err)
		err = read_file_name(build, directive, out);
	if (!err)
		err = read_numbers(directive, out);
	if (!err)
		err = read_entries(build, directive, out);
	out->build.key = build->key;
	out->build.has_reverse = !directive_option(directive, "no_reverse");
	out->zones = zones.zones;
	out->zone_count = zones.count;
	out->falls_through = through.is_given;
	out->fallthrough_zones = through.zones;
	out->fallthrough_count = through.count;
	out->passes_types = directive_option(directive, "fallthrough_unsupported");
	return err;
}

enum err build_hosts(struct build *build, const struct corefile_directive *directive)
{
	struct hosts_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	if (!options)
		return ERR_NOMEM;
	struct plugin_instance instance = {NULL, NULL};
	enum err err = read_options(build, directive, options);
	if (!err)
		err = hosts_plugin_new(options, &instance, build->problems);
	if (!err)
		build_add(build, &instance);
	return err;
}
