/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zones/source/content.h"
#include "zones/source/kube/access.h"

/* One reading of a kubeconfig. */
struct kubeconfig {
	struct kube_access *access;
	const char *path;
	struct diag_list *problems;
	enum err err; /* the first */
};

__attribute__((format(printf, 3, 4))) static void kubeconfig_fail(
	struct kubeconfig *config, const struct node *node, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	diag_add(config->problems, SEVERITY_ERROR, config->path, node ? node->line : 0,
		node ? node->column : 0, "%s", text);
	if (!config->err)
		config->err = ERR_INVALID;
}

/* --- values --- */

static char *keep(struct kubeconfig *config, const char *text, size_t length)
{
	char *copy = arena_strndup(&config->access->arena, text, length);
	if (!copy)
		config->err = ERR_NOMEM;
	return copy;
}

/* A string, in the arena; NULL: absent, empty or wrong. */
static const char *read_text(
	struct kubeconfig *config, const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);
	if (!node)
		return NULL;
	if (node->type != NODE_STRING) {
		kubeconfig_fail(config, node, "%s is not a string", key);
		return NULL;
	}
	return node->length ? keep(config, node->text, node->length) : NULL;
}

static bool read_flag(struct kubeconfig *config, const struct node *map, const char *key)
{
	const struct node *node = node_get(map, key);
	if (node && node->type != NODE_BOOL)
		kubeconfig_fail(config, node, "%s is not true or false", key);
	return node && node->type == NODE_BOOL && node->boolean;
}

/* A path in a kubeconfig is relative to the folder that the kubeconfig is in. */
static const char *keep_path(struct kubeconfig *config, const char *path)
{
	const char *slash = strrchr(config->path, '/');
	int folder = slash && *path != '/' ? (int)(slash - config->path) + 1 : 0;
	size_t size = (size_t)folder + strlen(path) + 1;
	char *whole = arena_alloc(&config->access->arena, size);
	if (whole)
		snprintf(whole, size, "%.*s%s", folder, config->path, path);
	else
		config->err = ERR_NOMEM;
	return whole;
}

static const char *read_path(
	struct kubeconfig *config, const struct node *map, const char *key)
{
	const char *path = read_text(config, map, key);
	return path ? keep_path(config, path) : NULL;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* RFC 4648 4, line breaks and blanks read over. False: it is none. `out` has room. */
static bool base64_decode(const char *text, char *out, size_t *length)
{
	uint32_t bits = 0;
	unsigned count = 0;
	*length = 0;
	for (; *text && *text != '='; text++) {
		int digit = base64_digit(*text);
		if (strchr(" \t\r\n", *text))
			continue;
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[(*length)++] = (char)(bits >> count);
		}
	}
	return !text[strspn(text, "= \t\r\n")] && count < 6;
}

/* A member that may be a path or, under the same name with "-data", the content. */
static void read_secret(struct kubeconfig *config, const struct node *map,
	const char *key, const char *data_key, struct fetch_secret *out)
{
	const struct node *node = node_get(map, data_key);
	const char *data = read_text(config, map, data_key);
	out->path = read_path(config, map, key);
	if (!data)
		return;
	char *decoded = keep(config, data, strlen(data));
	if (!decoded)
		return;
	if (!base64_decode(data, decoded, &out->length) || !out->length)
		kubeconfig_fail(config, node, "%s is not base64", data_key);
	decoded[out->length] = '\0';
	out->data = decoded;
}

/* --- clusters and users --- */

static bool is_url(const char *text)
{
	const char *host = strstr(text, "://");
	return host &&
	       (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) &&
	       host[3] && !strpbrk(text, " \t\"<>\\^`{|}");
}

static void read_cluster(struct kubeconfig *config, const struct node *cluster)
{
	struct fetch_server *server = &config->access->server;
	const struct node *url = node_get(cluster, "server");
	server->url = read_text(config, cluster, "server");
	server->server_name = read_text(config, cluster, "tls-server-name");
	server->proxy = read_text(config, cluster, "proxy-url");
	server->is_insecure = read_flag(config, cluster, "insecure-skip-tls-verify");
	read_secret(config, cluster, "certificate-authority",
		"certificate-authority-data", &server->ca);
	if (!server->url)
		kubeconfig_fail(config, url ? url : cluster, "the cluster has no server");
	else if (!is_url(server->url))
		kubeconfig_fail(config, url,
			"server is \"%.100s\", expected a URL such as "
			"https://192.0.2.1:6443",
			server->url);
	if (server->is_insecure && (server->ca.path || server->ca.data))
		kubeconfig_fail(config, node_get(cluster, "insecure-skip-tls-verify"),
			"insecure-skip-tls-verify and a certificate-authority exclude "
			"each other");
}

/* A list of strings, ended by NULL. */
static const char *const *read_arguments(
	struct kubeconfig *config, const struct node *exec)
{
	const struct node *list = node_get(exec, "args");
	size_t count = list && list->type == NODE_LIST ? list->length : 0, used = 0;
	const char **out = arena_calloc(&config->access->arena, count + 1, sizeof(*out));
	if (!out) {
		config->err = ERR_NOMEM;
		return NULL;
	}
	if (list && list->type != NODE_LIST)
		kubeconfig_fail(config, list, "args is not a list");
	for (const struct node *item = count ? list->first : NULL; item;
		item = item->next) {
		if (item->type == NODE_STRING)
			out[used++] = keep(config, item->text, item->length);
		else
			kubeconfig_fail(config, item, "an argument is not a string");
	}
	return out;
}

static const char *const *read_environment(
	struct kubeconfig *config, const struct node *exec)
{
	const struct node *list = node_get(exec, "env");
	size_t count = list && list->type == NODE_LIST ? list->length : 0, used = 0;
	const char **out = arena_calloc(&config->access->arena, count + 1, sizeof(*out));
	if (!out) {
		config->err = ERR_NOMEM;
		return NULL;
	}
	if (list && list->type != NODE_LIST)
		kubeconfig_fail(config, list, "env is not a list");
	for (const struct node *item = count ? list->first : NULL; item;
		item = item->next) {
		const char *name = read_text(config, item, "name");
		const char *value = read_text(config, item, "value");
		if (!name || strchr(name, '=')) {
			kubeconfig_fail(config, item, "a variable has no name");
			continue;
		}
		size_t size = strlen(name) + strlen(value ? value : "") + 2;
		char *pair = arena_alloc(&config->access->arena, size);
		if (pair)
			snprintf(pair, size, "%s=%s", name, value ? value : "");
		else
			config->err = ERR_NOMEM;
		out[used++] = pair;
	}
	return out;
}

static void read_exec(struct kubeconfig *config, const struct node *exec)
{
	static const char prefix[] = "client.authentication.k8s.io/v1";
	struct exec_program *out = &config->access->program;
	const char *command = read_text(config, exec, "command");
	out->version = read_text(config, exec, "apiVersion");
	if (!command)
		kubeconfig_fail(config, exec, "exec has no command");
	if (!out->version || strncmp(out->version, prefix, sizeof(prefix) - 1) != 0)
		kubeconfig_fail(config, exec,
			"apiVersion of exec is \"%.60s\", expected %s",
			out->version ? out->version : "", prefix);
	/* What has no slash is looked for in PATH. */
	out->command =
		command && strchr(command, '/') ? keep_path(config, command) : command;
	out->arguments = read_arguments(config, exec);
	out->environment = read_environment(config, exec);
	out->wants_cluster = read_flag(config, exec, "provideClusterInfo");
}

static void read_user(struct kubeconfig *config, const struct node *user)
{
	static const char *const unknown[] = {"username", "password", "auth-provider"};
	struct kube_access *access = config->access;
	const struct node *exec = node_get(user, "exec");
	read_secret(config, user, "client-certificate", "client-certificate-data",
		&access->server.certificate);
	read_secret(config, user, "client-key", "client-key-data", &access->server.key);
	access->token = read_text(config, user, "token");
	access->token_path = read_path(config, user, "tokenFile");
	if (exec)
		read_exec(config, exec);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (node_get(user, unknown[i]))
			kubeconfig_fail(config, node_get(user, unknown[i]),
				"%s is not supported: expected a certificate, a token or "
				"exec",
				unknown[i]);
	bool has_certificate =
		access->server.certificate.path || access->server.certificate.data;
	bool has_key = access->server.key.path || access->server.key.data;
	if (has_certificate != has_key)
		kubeconfig_fail(config, user, "the user has a client-%s without a %s",
			has_key ? "key" : "certificate", has_key ? "certificate" : "key");
}

/* --- the file --- */

/* The item called `name` of a list such as "clusters", of it the member `member`. */
static const struct node *find_named(struct kubeconfig *config, const struct node *root,
	const char *list_key, const char *member, const struct node *name)
{
	const struct node *list = node_get(root, list_key);
	for (const struct node *item = list && list->type == NODE_LIST ? list->first
								       : NULL;
		item; item = item->next) {
		const struct node *own = node_get(item, "name");
		const struct node *found = node_get(item, member);
		if (!own || own->type != NODE_STRING ||
			strcmp(own->text, name->text) != 0)
			continue;
		if (found && found->type == NODE_MAP)
			return found;
		kubeconfig_fail(config, item, "\"%.100s\" has no %s", name->text, member);
		return NULL;
	}
	kubeconfig_fail(config, name->line ? name : NULL,
		"there is no %s called \"%.100s\"", member, name->text);
	return NULL;
}

static const struct node *find_of_context(struct kubeconfig *config,
	const struct node *root, const struct node *context, const char *list_key,
	const char *member)
{
	const struct node *name = node_get(context, member);
	if (name && name->type == NODE_STRING)
		return find_named(config, root, list_key, member, name);
	kubeconfig_fail(config, name ? name : context, "the context names no %s", member);
	return NULL;
}

static void read_root(
	struct kubeconfig *config, const struct node *root, const char *context_name)
{
	const struct node given = {.type = NODE_STRING,
		.text = context_name,
		.length = (uint32_t)strlen(context_name ? context_name : "")};
	const struct node *name =
		context_name ? &given : node_get(root, "current-context");
	if (!name || name->type != NODE_STRING || !*name->text) {
		kubeconfig_fail(config, name,
			"there is no current-context, and kubeconfig names none");
		return;
	}
	const struct node *context =
		find_named(config, root, "contexts", "context", name);
	if (!context)
		return;
	const struct node *cluster =
		find_of_context(config, root, context, "clusters", "cluster");
	const struct node *user = NULL;
	if (node_get(context, "user"))
		user = find_of_context(config, root, context, "users", "user");
	if (cluster)
		read_cluster(config, cluster);
	if (user)
		read_user(config, user);
}

enum err kubeconfig_read(struct kube_access *access, const char *path,
	const char *context, struct diag_list *problems)
{
	struct kubeconfig config = {.access = access, .path = path, .problems = problems};
	struct content content;
	content_init(&content);
	enum err err = content_load(&content, path, problems);
	if (err == ERR_NOTFOUND) {
		kubeconfig_fail(&config, NULL, "does not exist");
		err = ERR_INVALID;
	}
	const struct node *root = err ? NULL : content.documents->first;
	if (!err && (!root || root->type != NODE_MAP)) {
		kubeconfig_fail(&config, root, "is no kubeconfig");
		err = ERR_INVALID;
	}
	if (!err) {
		read_root(&config, root, context);
		err = config.err;
	}
	content_deinit(&content);
	return err;
}
