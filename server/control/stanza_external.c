/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <string.h>

#include "server/control/stanza.h"

const struct directive_row external_options[] = {
	{
		.name = "apex",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 1,
		.value = "dns",
		.help = "the label below which the name server and the hostmaster are",
		.check = external_check_apex,
	},
	{
		.name = "headless",
		.help = "headless services without external addresses, by endpoints",
	},
	{
		.name = "ttl",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 3600,
		.value = "5",
		.help = "how long answers may be kept, in seconds",
	},
	{
		.name = "fallthrough",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "names that do not exist, in these zones, go to the next plugin",
	},
	{.name = NULL},
};

/* One label, in wire format behind its length octet. */
static enum err read_apex(const char *text, struct dname *out)
{
	struct dname name;
	enum err err = dname_from_text(text, &name);
	if (!err && dname_labels(name.bytes, NULL) != 1)
		err = ERR_SYNTAX;
	if (!err) {
		out->length = name.length;
		dname_lower(out->bytes, name.bytes, name.length);
	}
	return err;
}

void external_check_apex(
	const struct corefile_directive *option, struct diag_list *problems)
{
	struct dname label;
	if (read_apex(option->arguments[0].text, &label))
		stanza_error(problems, &option->arguments[0],
			"\"%.100s\" for \"apex\", expected one label",
			option->arguments[0].text);
}

static enum err set_apex(const struct corefile_directive *directive, struct arena *arena,
	struct cluster_external *out)
{
	const struct corefile_directive *option = directive_option(directive, "apex");
	struct dname label;
	enum err err = read_apex(option ? option->arguments[0].text : "dns", &label);
	if (err)
		return err;
	out->synth.apex = arena_strndup(arena, (char *)label.bytes + 1, label.bytes[0]);
	return out->synth.apex ? ERR_NONE : ERR_NOMEM;
}

/* "hostmaster.APEX.zone" must be a name. */
static enum err check_names(const struct corefile_directive *directive,
	const struct cluster_external *external, struct diag_list *problems)
{
	for (size_t i = 0; i < external->zone_count; i++) {
		struct dname name = external->zones[i];
		const char *apex = external->synth.apex;
		if (!dname_prepend(&name, apex, strlen(apex)) &&
			!dname_prepend(&name, "hostmaster", 10))
			continue;
		stanza_error(problems, &directive->name,
			"a zone's name is too long for the apex label in front of it");
		return ERR_INVALID;
	}
	return ERR_NONE;
}

enum err stanza_read_external(const struct corefile_directive *directive,
	const struct corefile_block *block, struct arena *arena,
	struct cluster_external *external, struct kubernetes_options *kubernetes,
	struct diag_list *problems)
{
	*external = (struct cluster_external){.ttl_s = 5};
	*kubernetes = (struct kubernetes_options){.is_external = true};
	struct zone_list list = {.arena = arena};
	enum err err = stanza_read_cluster_zones(directive, block, &list, problems);
	if (!err)
		err = set_apex(directive, arena, external);
	external->zones = list.zones;
	external->zone_count = list.count;
	external->synth.serves_headless = directive_option(directive, "headless");
	const struct corefile_directive *ttl = directive_option(directive, "ttl");
	int64_t value = external->ttl_s;
	if (!err && ttl)
		err = argument_number(&ttl->arguments[0], &value);
	external->ttl_s = (uint32_t)value;
	struct stanza_fallthrough through = {0};
	if (!err)
		err = check_names(directive, external, problems);
	if (!err)
		err = stanza_read_fallthrough(directive, arena, &through);
	kubernetes->falls_through = through.is_given;
	kubernetes->fallthrough_zones = through.zones;
	kubernetes->fallthrough_count = through.count;
	return err;
}
