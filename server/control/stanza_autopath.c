/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/file.h"
#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/autopath.h"

enum { RESOLV_CONF_MAX = 1 << 20 };

#define FROM_CLUSTER "@kubernetes"

/* The word that says where the search list is from; those in front of it are zones. */
static const struct corefile_word *source_of(const struct corefile_directive *directive)
{
	return &directive->arguments[directive->argument_count - 1];
}

bool autopath_is_of_cluster(const struct corefile_directive *directive)
{
	return strcmp(source_of(directive)->text, FROM_CLUSTER) == 0;
}

void autopath_check(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_word *source = source_of(directive);
	stanza_check_zones("autopath", directive->arguments,
		directive->argument_count - 1, problems);
	if (!*source->text ||
		(*source->text == '@' && !autopath_is_of_cluster(directive)))
		stanza_error(problems, source,
			"\"%.100s\" for \"autopath\", expected " FROM_CLUSTER
			" or a file like /etc/resolv.conf",
			source->text);
}

/* --- resolv.conf --- */

/* The domains of one line: they take the place of those before. */
static enum err read_domains(
	char *words, struct build *build, struct autopath_options *out)
{
	size_t room = strlen(words) / 2 + 1;
	struct dname *search = arena_calloc(build->arena, room, sizeof(*search));
	if (!search)
		return ERR_NOMEM;
	out->search = search;
	out->search_count = 0;
	char *rest = NULL;
	for (char *word = strtok_r(words, " \t\r", &rest); word;
		word = strtok_r(NULL, " \t\r", &rest)) {
		struct dname *domain = &search[out->search_count];
		if (dname_from_text(word, domain))
			continue;
		dname_lower(domain->bytes, domain->bytes, domain->length);
		out->search_count++;
	}
	return ERR_NONE;
}

/* The last line of "search" or "domain" counts (resolv.conf(5)). */
static enum err read_lines(char *text, struct build *build, struct autopath_options *out)
{
	static const char *const keys[] = {"search", "domain"};
	char *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		for (unsigned i = 0; i < 2; i++) {
			size_t length = strlen(keys[i]);
			if (strncmp(line, keys[i], length) != 0 || !line[length] ||
				!strchr(" \t", line[length]))
				continue;
			enum err err = read_domains(line + length, build, out);
			if (err)
				return err;
		}
	return ERR_NONE;
}

/* ERR_IO with errno. */
static enum err read_resolv_conf(
	const char *path, struct build *build, struct autopath_options *out)
{
	char *text;
	size_t length;
	struct file_identity identity;
	enum err err = file_load(path, RESOLV_CONF_MAX, &text, &length, &identity);
	if (err)
		return err;
	err = read_lines(text, build, out);
	free(text);
	return err;
}

static enum err read_file(const struct corefile_word *word, struct build *build,
	struct autopath_options *out)
{
	char *path = argument_path(word);
	enum err err = path ? read_resolv_conf(path, build, out) : ERR_NOMEM;
	if (err == ERR_IO) {
		stanza_error(build->problems, word, "cannot open \"%.100s\": %s", path,
			strerror(errno));
		err = ERR_INVALID;
	}
	free(path);
	return err;
}

/* --- the plugin --- */

static enum err read_cluster(const struct corefile_word *word, struct build *build,
	struct autopath_options *out)
{
	if (!build->cluster) {
		stanza_error(build->problems, word,
			FROM_CLUSTER " needs a kubernetes directive in the same block");
		return ERR_INVALID;
	}
	out->cluster = cluster_store(build->cluster);
	out->clients = cluster_clients(build->cluster);
	if (!out->clients)
		diag_add(build->problems, SEVERITY_WARNING, word->place.file,
			word->place.line, word->place.column,
			"autopath " FROM_CLUSTER
			" does nothing without the option \"pods verified\" of "
			"kubernetes: it does not know who asks");
	/* A machine without the file has no search list. */
	enum err err = read_resolv_conf("/etc/resolv.conf", build, out);
	return err == ERR_IO ? ERR_NONE : err;
}

enum err build_autopath(struct build *build, const struct corefile_directive *directive)
{
	struct autopath_options *options =
		arena_calloc(build->arena, 1, sizeof(*options));
	struct zone_list zones = {.arena = build->arena};
	if (!options)
		return ERR_NOMEM;
	enum err err = stanza_read_zones(&zones, directive->arguments,
		directive->argument_count - 1, build->source);
	options->zones = zones.zones;
	options->zone_count = zones.count;
	if (!err)
		err = autopath_is_of_cluster(directive)
			      ? read_cluster(source_of(directive), build, options)
			      : read_file(source_of(directive), build, options);
	if (err)
		return err;
	struct plugin_instance instance = autopath_plugin_instance(options);
	build_add(build, &instance);
	return ERR_NONE;
}
