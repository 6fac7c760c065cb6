/* SPDX-License-Identifier: Apache-2.0 */
#include "server/env_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/command.h"
#include "server/control/http_get.h"
#include "zones/registry/registry.h"

struct env_source {
	struct server *server;       /* of a Corefile; NULL: none */
	struct cluster *own_cluster; /* of manifests alone; NULL: none */
	const struct cluster *cluster;
	const char *url;         /* of a server; NULL: none */
	char *listing;           /* of a server: what the namespaces lie in */
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
	free(source->listing);
	free(source->namespaces);
	free(source);
}

struct env_source *env_source_of_server(const char *url)
{
	struct env_source *source = source_new();
	if (source)
		source->url = url;
	return source;
}

/* --- a server --- */

enum { STATUS_OK = 200, STATUS_NOT_FOUND = 404, STATUS_TOO_LARGE = 413 };

/* ERR_NONE: with whatever status. Else that was logged. */
static enum err ask(
	const struct env_source *source, const char *target, struct http_page_got *got)
{
	enum err err = http_get(source->url, target, got);
	if (err == ERR_SYNTAX)
		log_error("\"%s\" is no address of a server, expected one such as "
			  "http://127.0.0.1:9154",
			source->url);
	else if (err == ERR_IO)
		log_error("no answer from \"%s\"", source->url);
	else if (err)
		log_error("cannot ask \"%s\": %s", source->url, err_text(err));
	return err;
}

static enum err refused(const struct env_source *source, struct http_page_got *got)
{
	log_error("\"%s\" refuses: %u %.*s", source->url, got->status,
		(int)strcspn(got->body, "\n"), got->body);
	http_page_got_deinit(got);
	return ERR_IO;
}

/* As a part of a URL: whatever is no letter, digit, "-", "." or "_" as %XX (RFC 3986). */
static void put_encoded(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || strchr("-._", c);
		fprintf(out, is_plain ? "%c" : "%%%02X", c);
	}
}

/* malloc'ed; NULL: no memory. */
static char *make_target(const char *ns, const struct env_options *options)
{
	char *target = NULL;
	size_t length;
	FILE *out = open_memstream(&target, &length);
	if (!out)
		return NULL;
	fputs("/env/", out);
	put_encoded(out, ns);
	fprintf(out, "?format=%s&service_links=%s&truncate=%s",
		env_format_name(options->format),
		options->choice.without_links ? "off" : "on",
		options->may_truncate ? "on" : "off");
	if (options->max_bytes)
		fprintf(out, "&max_bytes=%zu", options->max_bytes);
	for (size_t i = 0; i < options->choice.pattern_count; i++) {
		fputs("&service=", out);
		put_encoded(out, options->choice.patterns[i]);
	}
	bool has_failed = ferror(out);
	if (!fclose(out) && !has_failed)
		return target;
	free(target);
	return NULL;
}

static enum err ask_render(const struct env_source *source, const char *ns,
	const struct env_options *options, struct env_rendering *out)
{
	struct http_page_got got;
	char *target = make_target(ns, options);
	if (!target) {
		log_error("out of memory");
		return ERR_NOMEM;
	}
	enum err err = ask(source, target, &got);
	free(target);
	if (err)
		return err;
	if (got.status == STATUS_NOT_FOUND) {
		http_page_got_deinit(&got);
		return ERR_NOTFOUND;
	}
	if (got.status != STATUS_OK && got.status != STATUS_TOO_LARGE)
		return refused(source, &got);
	*out = (struct env_rendering){
		.is_too_large = got.status == STATUS_TOO_LARGE,
		.text = got.body,
		.length = got.length,
		.notes = got.notes,
	};
	return ERR_NONE;
}

/* A line each; what is no namespace would be a path. */
static bool ask_namespaces(struct env_source *source)
{
	struct http_page_got got;
	if (ask(source, "/env/", &got) ||
		(got.status != STATUS_OK && refused(source, &got)))
		return false;
	source->listing = got.body;
	got.body = NULL;
	http_page_got_deinit(&got);
	size_t count = 0;
	for (const char *at = source->listing; (at = strchr(at, '\n')); at++)
		count++;
	source->namespaces = calloc(count + 1, sizeof(*source->namespaces));
	if (!source->namespaces) {
		log_error("out of memory");
		return false;
	}
	count = 0;
	char *rest = NULL;
	for (char *line = strtok_r(source->listing, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		if (!line[strspn(line, "abcdefghijklmnopqrstuvwxyz0123456789-")])
			source->namespaces[count++] = line;
	return true;
}

/* --- reading --- */

const char *const *env_source_namespaces(struct env_source *source)
{
	if (source->namespaces)
		return source->namespaces;
	if (source->url)
		return ask_namespaces(source) ? source->namespaces : NULL;
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
	if (source->url)
		return ask_render(source, ns, options, out);
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
