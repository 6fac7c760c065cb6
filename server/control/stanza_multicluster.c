/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza.h"

#include "zones/synth/synth.h"

/* The option multicluster of kubernetes. */

#define WARN(problems, word, ...)                                                        \
	diag_add(problems, SEVERITY_WARNING, (word)->place.file, (word)->place.line,     \
		(word)->place.column, __VA_ARGS__)

void stanza_check_multicluster(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	if (!directive->argument_count)
		WARN(problems, &directive->name,
			"multicluster names no zone: no names of ServiceImports are "
			"served");
}

static bool has_zone(const struct dname *zones, size_t count, const struct dname *zone)
{
	for (size_t i = 0; i < count; i++)
		if (dname_equal(&zones[i], zone))
			return true;
	return false;
}

/* The zones that one word stands for. */
struct word_zones {
	const struct cluster_options *cluster;
	bool has_foreign, has_forward;
};

static void look_at_zone(void *context, const struct dname *zone)
{
	struct word_zones *word = context;
	const struct cluster_options *cluster = word->cluster;
	word->has_foreign |= !has_zone(cluster->zones, cluster->zone_count, zone);
	word->has_forward |= !synth_is_reverse(zone);
}

static enum err check_word(const struct corefile_word *word,
	const struct cluster_options *cluster, struct diag_list *problems)
{
	struct word_zones zones = {.cluster = cluster};
	enum err err = argument_zones(word->text, look_at_zone, &zones);
	if (err)
		return err;
	if (zones.has_foreign) {
		stanza_error(problems, word,
			"\"%.100s\" for \"multicluster\", expected one of the zones of "
			"kubernetes",
			word->text);
		return ERR_INVALID;
	}
	if (!zones.has_forward)
		WARN(problems, word,
			"\"%.100s\" has no meaning to \"multicluster\": reverse zones "
			"have the names of Services",
			word->text);
	return ERR_NONE;
}

/* What PTR records and the NS of reverse zones point into ought to have names there. */
static void warn_of_primary(const struct corefile_directive *option,
	const struct cluster_options *cluster, struct diag_list *problems)
{
	const struct dname *primary = NULL;
	bool has_reverse = false;
	char text[DNAME_TEXT_SIZE];
	for (size_t i = cluster->zone_count; i--;)
		if (synth_is_reverse(&cluster->zones[i]))
			has_reverse = true;
		else
			primary = &cluster->zones[i];
	if (!primary || !has_reverse ||
		!has_zone(cluster->multicluster, cluster->multicluster_count, primary))
		return;
	dname_to_text(primary->bytes, text);
	WARN(problems, &option->name,
		"PTR records point into the first zone, \"%.200s\", where Services have "
		"no names: let it be another one",
		text);
}

enum err stanza_read_multicluster(const struct corefile_directive *directive,
	struct arena *arena, struct cluster_options *cluster, struct diag_list *problems)
{
	const struct corefile_directive *option =
		directive_option(directive, "multicluster");
	if (!option)
		return ERR_NONE;
	struct zone_list list = {.arena = arena};
	enum err err = ERR_NONE;
	/* Every wrong one is told of. */
	for (size_t i = 0; i < option->argument_count; i++) {
		enum err other = check_word(&option->arguments[i], cluster, problems);
		err = err ? err : other;
	}
	if (!err)
		err = zone_list_read(&list, option->arguments, option->argument_count);
	if (err)
		return err;
	cluster->multicluster = list.zones;
	cluster->multicluster_count = list.count;
	cluster->kube.needs_imports = list.count != 0;
	warn_of_primary(option, cluster, problems);
	return ERR_NONE;
}
