/* SPDX-License-Identifier: Apache-2.0 */
#include "server/env_source.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/command.h"
#include "zones/registry/registry.h"

struct env_source {
	struct server *server;       /* of a Corefile; NULL: none */
	struct cluster *own_cluster; /* of manifests alone; NULL: none */
	const struct cluster *cluster;
	const char **namespaces; /* NULL: not listed yet */
};

static int text_compare(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;
	return strcmp(*left, *right);
}

/* --- opening --- */

static struct env_source *source_new(void)
{
	struct env_source *source = calloc(1, sizeof(*source));
	if (!source)
		log_error("out of memory");
	return source;
}

/* What pods need is not to be lacking because a file could not be read just now. */
static bool expect_whole(const struct env_source *source)
{
	bool is_whole = cluster_is_whole(source->cluster);
	if (!is_whole)
		log_error("not all services are known, nothing is written");
	return is_whole;
}

struct env_source *env_source_of_corefile(const char *path)
{
	struct env_source *source = source_new();
	if (!source)
		return NULL;
	source->server = command_server(path, NULL);
	enum err err =
		source->server ? server_load(source->server, NULL, true) : ERR_INVALID;
	if (!err)
		source->cluster = server_cluster(source->server, 0);
	if (err && err != ERR_INVALID)
		log_error("cannot read the services: %s", err_text(err));
	else if (!err && !source->cluster)
		log_error("\"%s\" has no kubernetes directive, which would say where the "
			  "services are",
			path);
	if (source->cluster && expect_whole(source))
		return source;
	env_source_free(source);
	return NULL;
}

/* The zone is asked for by nobody. */
struct env_source *env_source_of_manifests(const char *const *folders, size_t count)
{
	struct env_source *source = source_new();
	if (!source)
		return NULL;
	struct dname zone;
	struct hash_key key;
	hash_key_init(&key);
	enum err err = dname_from_text("cluster.local.", &zone);
	const struct cluster_options options = {
		.zones = &zone,
		.zone_count = 1,
		.ignores_endpoints = true,
		.manifests = folders,
		.manifest_count = count,
	};
	if (!err)
		source->own_cluster = cluster_new(&options, &key, NULL);
	source->cluster = source->own_cluster;
	err = source->own_cluster ? cluster_start(source->own_cluster, NULL, true)
				  : ERR_NOMEM;
	if (!err && expect_whole(source))
		return source;
	if (err)
		log_error("cannot read the manifests: %s", err_text(err));
	env_source_free(source);
	return NULL;
}

void env_source_free(struct env_source *source)
{
	if (!source)
		return;
	server_free(source->server);
	cluster_free(source->own_cluster);
	free(source->namespaces);
	free(source);
}

/* --- reading --- */

const char *const *env_source_namespaces(struct env_source *source)
{
	if (source->namespaces)
		return source->namespaces;
	const struct registry *registry = cluster_registry(source->cluster);
	const struct registry_namespace *ns;
	size_t count = 0;
	for (size_t i = 0; registry_next_namespace(registry, &i);)
		count++;
	const char **names = calloc(count + 1, sizeof(*names));
	if (!names) {
		log_error("out of memory");
		return NULL;
	}
	count = 0;
	for (size_t i = 0; (ns = registry_next_namespace(registry, &i));)
		if (registry_is_exposed(ns))
			names[count++] = ns->name;
	qsort(names, count, sizeof(*names), text_compare);
	source->namespaces = names;
	return names;
}

enum err env_source_render(struct env_source *source, const char *ns,
	const struct env_options *options, struct env_rendering *out)
{
	const struct registry *registry = cluster_registry(source->cluster);
	const struct registry_namespace *found = registry_find_namespace(registry, ns);
	if (!found || !registry_is_exposed(found))
		return ERR_NOTFOUND;
	struct env_view *view = env_view_of(registry, ns);
	enum err err = view ? env_render(view, options, out) : ERR_NOMEM;
	if (err)
		log_error("cannot list the services: %s", err_text(err));
	env_view_unref(view);
	return err;
}
