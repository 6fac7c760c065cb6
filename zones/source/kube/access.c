/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "zones/source/kube/kube.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define HOST    "KUBERNETES_SERVICE_HOST"
#define PORT    "KUBERNETES_SERVICE_PORT"

enum {
	TOKEN_MAX = 64 << 10,
	EXPIRY_MARGIN_MS = 5000, /* a request takes its time */
	WORD_MIN_MS = 1000,      /* what a program says is tried in any case */
};

void access_init(struct kube_access *access)
{
	*access = (struct kube_access){0};
	arena_init(&access->arena, 4096);
}

static void access_drop_authorization(struct kube_access *access)
{
	if (access->authorization)
		explicit_bzero(access->authorization, strlen(access->authorization));
	free(access->authorization);
	access->authorization = NULL;
}

static void access_drop_identity(struct kube_access *access)
{
	if (access->key)
		explicit_bzero(access->key, strlen(access->key));
	free(access->key);
	free(access->certificate);
	access->key = access->certificate = NULL;
}

void access_deinit(struct kube_access *access)
{
	access_stop(access);
	access_drop_authorization(access);
	access_drop_identity(access);
	arena_deinit(&access->arena);
}

static enum err access_set_token(struct kube_access *access, const char *token)
{
	static const char scheme[] = "Bearer ";
	size_t length = strcspn(token, "\r\n");
	char *value = malloc(sizeof(scheme) + length);
	if (!value)
		return ERR_NOMEM;
	memcpy(value, scheme, sizeof(scheme) - 1);
	memcpy(value + sizeof(scheme) - 1, token, length);
	value[sizeof(scheme) - 1 + length] = '\0';
	access_drop_authorization(access);
	access->authorization = value;
	return ERR_NONE;
}

/* --- tokens in files --- */

static bool read_whole(int fd, char *text, size_t size, size_t *length)
{
	*length = 0;
	while (*length < size) {
		ssize_t got = read(fd, text + *length, size - *length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		*length += (size_t)got;
	}
	return true;
}

static bool stamp_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The token that was read last stays where the file is gone or empty for a moment, as it
 * is while it is exchanged. */
static void access_read_token(struct kube_access *access)
{
	struct stat stamp;
	if (stat(access->token_path, &stamp) ||
		(access->authorization && stamp_is_same(&stamp, &access->token_stamp)))
		return;
	char *text = malloc(TOKEN_MAX + 1);
	int fd = open(access->token_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length = 0;
	if (text && fd >= 0 && read_whole(fd, text, TOKEN_MAX, &length)) {
		text[length] = '\0';
		size_t blank = strspn(text, " \t\r\n");
		if (text[blank] && !access_set_token(access, text + blank))
			access->token_stamp = stamp;
	}
	if (fd >= 0)
		close(fd);
	if (text)
		explicit_bzero(text, length);
	free(text);
}

const char *access_authorization(struct kube_access *access)
{
	if (access->token_path)
		access_read_token(access);
	if (!access->authorization && access->token &&
		access_set_token(access, access->token))
		return NULL;
	return access->authorization;
}

void access_forget(struct kube_access *access)
{
	access->token_stamp = (struct stat){0};
	access->has_run = false;
}

/* --- a program's word --- */

bool access_is_ready(const struct kube_access *access)
{
	if (!access->program.command)
		return true;
	int64_t now_ms = clock_unix_ms();
	return access->has_run &&
	       (!access->expires_ms || now_ms < access->expires_ms - EXPIRY_MARGIN_MS);
}

/* Without memory for all of it, what there was stays. */
static bool access_take(
	struct kube_access *access, const struct exec_credentials *credentials)
{
	bool has_identity = *credentials->certificate;
	char *certificate = has_identity ? strdup(credentials->certificate) : NULL;
	char *key = has_identity ? strdup(credentials->key) : NULL;
	bool is_good = !has_identity || (certificate && key);
	if (is_good && *credentials->token)
		is_good = !access_set_token(access, credentials->token);
	if (!is_good) {
		free(certificate);
		free(key);
		return false;
	}
	if (!*credentials->token)
		access_drop_authorization(access);
	access_drop_identity(access);
	access->certificate = certificate;
	access->key = key;
	access->expires_ms = credentials->expires_ms;
	int64_t least_ms = clock_unix_ms() + EXPIRY_MARGIN_MS + WORD_MIN_MS;
	if (access->expires_ms && access->expires_ms < least_ms)
		access->expires_ms = least_ms;
	access->has_run = true;
	return true;
}

static void on_run(
	void *context, const struct exec_credentials *credentials, const char *problem)
{
	struct kube_access *access = context;
	access->exec = NULL;
	if (credentials && !access_take(access, credentials)) {
		credentials = NULL;
		problem = err_text(ERR_NOMEM);
	}
	access->done(access->done_context, credentials, problem);
}

enum err access_run(struct kube_access *access, struct event_base *base, exec_done done,
	void *context)
{
	if (access->exec)
		return ERR_NONE;
	access->done = done;
	access->done_context = context;
	return exec_start(
		&access->program, &access->server, base, on_run, access, &access->exec);
}

void access_stop(struct kube_access *access)
{
	exec_cancel(access->exec);
	access->exec = NULL;
}

/* --- where from --- */

static enum err fail(struct diag_list *problems, const char *file, const char *text)
{
	diag_add(problems, SEVERITY_ERROR, file, 0, 0, "%s", text);
	return ERR_INVALID;
}

static bool is_unreadable(const char *path)
{
	return access(path, R_OK) != 0;
}

/* Empty: NULL. */
static const char *pod_variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

bool access_lacks_pod(const struct kube_options *options)
{
	return !options->kubeconfig && !options->endpoint &&
	       (!pod_variable(HOST) || !pod_variable(PORT));
}

static enum err access_read_account(
	struct kube_access *access, struct diag_list *problems)
{
	const char *host = pod_variable(HOST), *port = pod_variable(PORT);
	if (!host || !port)
		return fail(problems, NULL,
			"kubernetes: " HOST " and " PORT
			" are not set, so this is no pod of a cluster; expected one of "
			"the options manifests, endpoint, kubeconfig");
	if (is_unreadable(ACCOUNT "/token"))
		return fail(problems, ACCOUNT "/token",
			"cannot be read: the pod has no service account token");
	char url[300];
	bool is_v6 = strchr(host, ':') && *host != '[';
	int length = snprintf(url, sizeof(url), "https://%s%s%s:%s", is_v6 ? "[" : "",
		host, is_v6 ? "]" : "", port);
	if (length < 0 || (size_t)length >= sizeof(url))
		return fail(problems, NULL, "KUBERNETES_SERVICE_HOST is too long");
	access->server.url = arena_strndup(&access->arena, url, (size_t)length);
	access->server.ca.path = ACCOUNT "/ca.crt";
	access->token_path = ACCOUNT "/token";
	return access->server.url ? ERR_NONE : ERR_NOMEM;
}

static enum err access_read_options(struct kube_access *access,
	const struct kube_options *options, struct diag_list *problems)
{
	const char *const files[] = {options->certificate, options->key, options->ca};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] && is_unreadable(files[i]))
			return fail(problems, files[i], "cannot be read");
	const char *scheme = options->ca ? "https://" : "http://";
	if (strstr(options->endpoint, "://"))
		scheme = "";
	size_t size = strlen(scheme) + strlen(options->endpoint) + 1;
	char *url = arena_alloc(&access->arena, size);
	if (!url)
		return ERR_NOMEM;
	snprintf(url, size, "%s%s", scheme, options->endpoint);
	access->server.url = url;
	access->server.certificate.path = options->certificate;
	access->server.key.path = options->key;
	access->server.ca.path = options->ca;
	return ERR_NONE;
}

enum err access_read(struct kube_access *access, const struct kube_options *options,
	struct diag_list *problems)
{
	if (options->kubeconfig)
		return kubeconfig_read(
			access, options->kubeconfig, options->context, problems);
	if (options->endpoint)
		return access_read_options(access, options, problems);
	return access_read_account(access, problems);
}
