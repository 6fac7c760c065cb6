/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/control/stanza_kube.h"
#include "zones/registry/selector.h"
#include "zones/synth/synth.h"

void stanza_error(struct diag_list *problems, const struct corefile_word *word,
	const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* A quoted word may bring control characters; a problem stays one line. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	diag_add(problems, SEVERITY_ERROR, word->place.file, word->place.line,
		word->place.column, "%s", text);
}

/* --- zones --- */

void zone_list_add(void *context, const struct dname *zone)
{
	struct zone_list *list = context;
	for (size_t i = 0; i < list->count; i++)
		if (dname_equal(&list->zones[i], zone))
			return;
	if (list->count == STORE_ZONES_MAX)
		list->has_failed = true;
	if (list->count == list->capacity && !list->has_failed) {
		size_t capacity = list->capacity * 2 + 8;
		struct dname *zones = arena_calloc(list->arena, capacity, sizeof(*zones));
		if (zones && list->count)
			memcpy(zones, list->zones, list->count * sizeof(*zones));
		list->has_failed = !zones;
		list->zones = zones;
		list->capacity = capacity;
	}
	if (!list->has_failed)
		list->zones[list->count++] = *zone;
}

enum err zone_list_read(
	struct zone_list *list, const struct corefile_word *arguments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum err err = argument_zones(arguments[i].text, zone_list_add, list);
		if (err)
			return err;
	}
	return list->has_failed ? ERR_NOMEM : ERR_NONE;
}

enum err stanza_read_zones(struct zone_list *list, const struct corefile_word *words,
	size_t count, const struct corefile_block *block)
{
	enum err err = zone_list_read(list, words, count);
	for (size_t i = 0; !count && i < block->key_count; i++)
		zone_list_add(list, &block->keys[i].zone);
	return !err && list->has_failed ? ERR_NOMEM : err;
}

enum err stanza_read_fallthrough(const struct corefile_directive *directive,
	struct arena *arena, struct stanza_fallthrough *out)
{
	const struct corefile_directive *option =
		directive_option(directive, "fallthrough");
	*out = (struct stanza_fallthrough){.is_given = option};
	if (!option)
		return ERR_NONE;
	struct zone_list list = {.arena = arena};
	enum err err = zone_list_read(&list, option->arguments, option->argument_count);
	out->zones = list.zones;
	out->count = list.count;
	return err;
}

/* --- checks --- */

static void ignore_zone(void *context, const struct dname *zone)
{
	(void)context;
	(void)zone;
}

void stanza_check_zones(const char *name, const struct corefile_word *words, size_t count,
	struct diag_list *problems)
{
	for (size_t i = 0; i < count; i++)
		if (argument_zones(words[i].text, ignore_zone, NULL))
			stanza_error(problems, &words[i],
				"\"%.100s\" for \"%s\", expected a zone", words[i].text,
				name);
}

void stanza_check_cidrs(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	if (directive->argument_count != 2)
		return;
	struct ipprefix first, second;
	if (!ipprefix_parse(directive->arguments[0].text, &first) &&
		!ipprefix_parse(directive->arguments[1].text, &second) &&
		first.address.length == second.address.length)
		stanza_error(problems, &directive->arguments[1],
			"service_cidr takes one IPv4 and one IPv6 prefix");
}

/* CoreDNS looks at the first word alone. */
void stanza_check_ignore(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_word *word = &directive->arguments[0];
	if (strcmp(word->text, "empty_service") != 0)
		diag_add(problems, SEVERITY_ERROR, word->place.file, word->place.line,
			word->place.column,
			"\"%.100s\" for \"ignore\", expected one of empty_service",
			word->text);
	for (size_t i = 1; i < directive->argument_count; i++) {
		word = &directive->arguments[i];
		diag_add(problems, SEVERITY_WARNING, word->place.file, word->place.line,
			word->place.column, "\"%.100s\" has no meaning to \"ignore\"",
			word->text);
	}
}

char *stanza_join_words(
	const struct corefile_word *words, size_t count, struct arena *arena)
{
	size_t length = 1;
	for (size_t i = 0; i < count; i++)
		length += strlen(words[i].text) + 1;
	char *text = arena_calloc(arena, length, 1);
	char *at = text;
	for (size_t i = 0; text && i < count; i++) {
		if (i)
			*at++ = ' ';
		at = stpcpy(at, words[i].text);
	}
	return text;
}

void stanza_check_selector(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	struct arena arena;
	arena_init(&arena, 1024);
	char *text = stanza_join_words(
		directive->arguments, directive->argument_count, &arena);
	struct selector *selector = NULL;
	unsigned offset;
	const char *reason;
	enum err err =
		text ? selector_parse(text, &selector, &offset, &reason) : ERR_NOMEM;
	const struct corefile_word *word = &directive->arguments[0];
	if (err == ERR_SYNTAX)
		diag_add(problems, SEVERITY_ERROR, word->place.file, word->place.line,
			word->place.column,
			"\"%s\" is not a label selector: %s, at character %u", text,
			reason, offset + 1);
	else if (err)
		stanza_error(problems, word, "%s", err_text(err));
	selector_free(selector);
	arena_deinit(&arena);
}

void stanza_check_kubernetes(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_directive *labels =
		directive_option(directive, "namespace_labels");
	if (labels && directive_option(directive, "namespaces"))
		stanza_error(problems, &labels->name,
			"namespaces and namespace_labels exclude each other");
	const struct corefile_directive *zonal = directive_option(directive, "zonal");
	if (zonal && directive_option(directive, "noendpoints"))
		stanza_error(problems, &zonal->name,
			"zonal and noendpoints exclude each other");
	static const char *const others[] = {"endpoint", "kubeconfig", "state"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct corefile_directive *other =
			directive_option(directive, others[i]);
		if (other && directive_option(directive, "manifests"))
			stanza_error(problems, &other->name,
				"manifests and %s exclude each other", others[i]);
	}
}

/* --- kubernetes --- */

static enum err read_folders(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	char **folders = arena_calloc(arena, option->argument_count, sizeof(*folders));
	if (!folders)
		return ERR_NOMEM;
	for (size_t i = 0; i < option->argument_count; i++) {
		char *path = argument_path(&option->arguments[i]);
		folders[i] = path ? arena_strndup(arena, path, strlen(path)) : NULL;
		free(path);
		if (!folders[i])
			return ERR_NOMEM;
	}
	out->manifests = (const char *const *)folders;
	out->manifest_count = option->argument_count;
	return ERR_NONE;
}

static enum err read_namespaces(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	const char **names = arena_calloc(arena, option->argument_count, sizeof(*names));
	if (!names)
		return ERR_NOMEM;
	for (size_t i = 0; i < option->argument_count; i++)
		names[i] = option->arguments[i].text;
	out->namespaces = names;
	out->namespace_count = option->argument_count;
	return ERR_NONE;
}

static enum err read_cidrs(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	struct ipprefix *cidrs =
		arena_calloc(arena, option->argument_count, sizeof(*cidrs));
	if (!cidrs)
		return ERR_NOMEM;
	for (size_t i = 0; i < option->argument_count; i++)
		if (ipprefix_parse(option->arguments[i].text, &cidrs[i]))
			return ERR_SYNTAX;
	out->service_cidrs = cidrs;
	out->service_cidr_count = option->argument_count;
	return ERR_NONE;
}

static enum err read_labels(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	out->labels = stanza_join_words(option->arguments, option->argument_count, arena);
	return out->labels ? ERR_NONE : ERR_NOMEM;
}

static enum err read_namespace_labels(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	out->namespace_labels =
		stanza_join_words(option->arguments, option->argument_count, arena);
	return out->namespace_labels ? ERR_NONE : ERR_NOMEM;
}

static enum err read_ttl(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	(void)arena;
	int64_t ttl;
	enum err err = argument_number(&option->arguments[0], &ttl);
	if (!err)
		out->ttl_s = (uint32_t)ttl;
	return err;
}

static enum err read_pods(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	(void)arena;
	const char *mode = option->arguments[0].text;
	out->pods = PODS_DISABLED;
	if (strcmp(mode, "insecure") == 0)
		out->pods = PODS_INSECURE;
	else if (strcmp(mode, "verified") == 0)
		out->pods = PODS_VERIFIED;
	return ERR_NONE;
}

static enum err read_extended_errors(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	(void)arena;
	out->keeps_hints = strcmp(option->arguments[0].text, "on") == 0;
	return ERR_NONE;
}

struct option_reader {
	const char *name;
	enum err (*read)(const struct corefile_directive *option, struct arena *arena,
		struct cluster_options *out);
};

static const struct option_reader readers[] = {
	{"manifests", read_folders},
	{"namespaces", read_namespaces},
	{"service_cidr", read_cidrs},
	{"labels", read_labels},
	{"namespace_labels", read_namespace_labels},
	{"ttl", read_ttl},
	{"pods", read_pods},
	{"extended_errors", read_extended_errors},
};

static enum err read_options(const struct corefile_directive *directive,
	struct arena *arena, struct cluster_options *out)
{
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		const struct corefile_directive *option =
			directive_option(directive, readers[i].name);
		enum err err = option ? readers[i].read(option, arena, out) : ERR_NONE;
		if (err)
			return err;
	}
	out->uses_pod_names = directive_option(directive, "endpoint_pod_names");
	out->ignores_endpoints = directive_option(directive, "noendpoints");
	out->serves_zones = directive_option(directive, "zonal");
	out->ignores_empty = directive_option(directive, "ignore");
	return stanza_read_kube(directive, arena, out);
}

enum err stanza_read_cluster_zones(const struct corefile_directive *directive,
	const struct corefile_block *block, struct zone_list *list,
	struct diag_list *problems)
{
	enum err err = stanza_read_zones(
		list, directive->arguments, directive->argument_count, block);
	if (err && list->count == STORE_ZONES_MAX) {
		stanza_error(problems, &directive->name, "more than 255 zones");
		return ERR_INVALID;
	}
	bool has_forward = false;
	for (size_t i = 0; !err && i < list->count; i++)
		has_forward |= !synth_is_reverse(&list->zones[i]);
	if (!err && !has_forward) {
		stanza_error(problems, &directive->name,
			"%s needs a zone that is not a reverse zone",
			directive->name.text);
		return ERR_INVALID;
	}
	return err;
}

enum err stanza_read_kubernetes(const struct corefile_directive *directive,
	const struct corefile_block *block, struct arena *arena,
	struct cluster_options *cluster, struct kubernetes_options *kubernetes,
	struct diag_list *problems)
{
	static const enum kubernetes_pods modes[] = {
		[PODS_DISABLED] = KUBERNETES_PODS_DISABLED,
		[PODS_INSECURE] = KUBERNETES_PODS_INSECURE,
		[PODS_VERIFIED] = KUBERNETES_PODS_VERIFIED,
	};
	*cluster = (struct cluster_options){.ttl_s = 5, .keeps_hints = true};
	*kubernetes = (struct kubernetes_options){0};
	struct zone_list list = {.arena = arena};
	enum err err = stanza_read_cluster_zones(directive, block, &list, problems);
	cluster->zones = list.zones;
	cluster->zone_count = list.count;
	if (!err)
		err = read_options(directive, arena, cluster);
	if (!err)
		err = stanza_read_multicluster(directive, arena, cluster, problems);
	struct stanza_fallthrough through = {0};
	if (!err)
		err = stanza_read_fallthrough(directive, arena, &through);
	if (!err) {
		kubernetes->falls_through = through.is_given;
		kubernetes->fallthrough_zones = through.zones;
		kubernetes->fallthrough_count = through.count;
		kubernetes->pods = modes[cluster->pods];
		kubernetes->explains_errors = cluster->keeps_hints;
		kubernetes->serves_zones = cluster->serves_zones;
	}
	return err;
}
