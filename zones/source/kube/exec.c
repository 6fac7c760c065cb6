/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/exec.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "zones/source/document.h"
#include "zones/source/kube/fetch.h"
#include "zones/source/timestamp.h"

#define EXEC_INFO "KUBERNETES_EXEC_INFO="

struct exec {
	exec_done done;
	void *context;
	pid_t pid;
	int pidfd, output;
	struct event *ended, *readable, *timeout;
	char *text; /* what it has written */
	size_t length;
	char version[64];
};

/* --- what it is told --- */

static void write_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void write_base64(FILE *out, const char *data, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < length; i += 3) {
		uint32_t bits = 0;
		size_t count = length - i < 3 ? length - i : 3;
		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (j < count ? (unsigned char)data[i + j] : 0u);
		for (size_t j = 0; j < 4; j++)
			fputc(j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=', out);
	}
}

static void write_authority(FILE *out, const struct fetch_secret *ca)
{
	fputs(",\"certificate-authority-data\":\"", out);
	if (ca->data)
		write_base64(out, ca->data, ca->length);
	FILE *file = ca->data ? NULL : fopen(ca->path, "re");
	char part[3 * 256];
	size_t length;
	while (file && (length = fread(part, 1, sizeof(part), file)))
		write_base64(out, part, length);
	if (file)
		fclose(file);
	fputc('"', out);
}

static void write_cluster(FILE *out, const struct fetch_server *server)
{
	fputs(",\"cluster\":{\"server\":", out);
	write_json_text(out, server->url);
	if (server->server_name) {
		fputs(",\"tls-server-name\":", out);
		write_json_text(out, server->server_name);
	}
	if (server->proxy) {
		fputs(",\"proxy-url\":", out);
		write_json_text(out, server->proxy);
	}
	if (server->is_insecure)
		fputs(",\"insecure-skip-tls-verify\":true", out);
	if (server->ca.data || server->ca.path)
		write_authority(out, &server->ca);
	fputc('}', out);
}

/* The variable that tells the program what is wanted; malloc'ed. */
static char *make_info(
	const struct exec_program *program, const struct fetch_server *server)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fputs(EXEC_INFO "{\"kind\":\"ExecCredential\",\"apiVersion\":", out);
	write_json_text(out, program->version);
	fputs(",\"spec\":{\"interactive\":false", out);
	if (program->wants_cluster)
		write_cluster(out, server);
	fputs("}}", out);
	bool has_failed = ferror(out);
	if (fclose(out) || has_failed) {
		free(text);
		return NULL;
	}
	return text;
}

static size_t count_texts(const char *const *texts)
{
	size_t count = 0;
	while (texts && texts[count])
		count++;
	return count;
}

static bool is_same_variable(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");
	return strncmp(a, b, length + 1) == 0;
}

/* Ours, the program's and `info`, those that come later in place of the earlier ones. */
static char **make_environment(const struct exec_program *program, char *info)
{
	size_t ours = count_texts((const char *const *)environ);
	size_t theirs = count_texts(program->environment), used = 0;
	char **out = calloc(ours + theirs + 2, sizeof(*out));
	if (!out)
		return NULL;
	for (size_t i = 0; i < ours; i++) {
		bool is_replaced = is_same_variable(environ[i], info);
		for (size_t j = 0; j < theirs; j++)
			is_replaced |=
				is_same_variable(environ[i], program->environment[j]);
		if (!is_replaced)
			out[used++] = environ[i];
	}
	for (size_t j = 0; j < theirs; j++)
		out[used++] = (char *)program->environment[j];
	out[used] = info;
	return out;
}

/* --- what it says --- */

static const char *text_of(const struct node *map, const char *key)
{
	const struct node *node = map ? node_get(map, key) : NULL;
	return node && node->type == NODE_STRING ? node->text : "";
}

/* NULL, or what is wrong with it. */
static const char *read_credentials(const struct exec *exec, const struct node *documents,
	struct exec_credentials *out)
{
	const struct node *root = documents->first;
	const struct node *status = root ? node_get(root, "status") : NULL;
	if (!root || strcmp(text_of(root, "kind"), "ExecCredential") != 0 || !status)
		return "the output is no ExecCredential with a status";
	if (strcmp(text_of(root, "apiVersion"), exec->version) != 0)
		return "the output has another apiVersion than the kubeconfig";
	*out = (struct exec_credentials){
		.token = text_of(status, "token"),
		.certificate = text_of(status, "clientCertificateData"),
		.key = text_of(status, "clientKeyData"),
	};
	const char *expires = text_of(status, "expirationTimestamp");
	if (*expires && timestamp_parse(expires, &out->expires_ms))
		return "expirationTimestamp is no time";
	if (!*out->certificate != !*out->key)
		return "a certificate without a key, or a key without a certificate";
	if (!*out->token && !*out->certificate)
		return "the output has neither a token nor a certificate";
	return NULL;
}

static void exec_free(struct exec *exec)
{
	struct event *const events[] = {exec->ended, exec->readable, exec->timeout};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (exec->pid > 0) {
		kill(exec->pid, SIGKILL);
		while (waitpid(exec->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (exec->pidfd >= 0)
		close(exec->pidfd);
	if (exec->output >= 0)
		close(exec->output);
	if (exec->text)
		explicit_bzero(exec->text, exec->length);
	free(exec->text);
	free(exec);
}

void exec_cancel(struct exec *exec)
{
	if (exec)
		exec_free(exec);
}

static void exec_finish(struct exec *exec, const char *problem)
{
	struct exec_credentials credentials;
	struct document_error error;
	struct node *documents;
	struct arena arena;
	arena_init(&arena, 4096);
	if (!problem) {
		exec->text[exec->length] = '\0';
		enum err err = document_parse_json(
			&arena, exec->text, exec->length, &documents, &error);
		problem = err == ERR_SYNTAX ? "the output is no JSON"
			  : err             ? err_text(err)
				: read_credentials(exec, documents, &credentials);
	}
	exec->done(exec->context, problem ? NULL : &credentials, problem);
	arena_deinit(&arena);
	exec_free(exec);
}

/* False: at its end, or there is too much of it. */
static bool exec_read(struct exec *exec)
{
	for (;;) {
		size_t room = EXEC_OUTPUT_MAX - exec->length;
		if (!room)
			return false;
		ssize_t got = read(exec->output, exec->text + exec->length, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 && errno == EAGAIN;
		exec->length += (size_t)got;
	}
}

static void on_readable(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct exec *exec = context;
	if (exec_read(exec))
		return;
	if (exec->length == EXEC_OUTPUT_MAX)
		exec_finish(exec, "the output is too long");
	else
		event_del(exec->readable);
}

static void on_ended(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct exec *exec = context;
	int status = 0;
	char problem[80];
	if (waitpid(exec->pid, &status, WNOHANG) != exec->pid)
		return;
	exec->pid = -1;
	exec_read(exec);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		bool is_whole = exec->length < EXEC_OUTPUT_MAX;
		exec_finish(exec, is_whole ? NULL : "the output is too long");
		return;
	}
	snprintf(problem, sizeof(problem), "it ended with %s %d",
		WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	exec_finish(exec, problem);
}

static void on_timeout(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	exec_finish(context, "it took longer than a minute");
}

/* --- the start --- */

static int exec_spawn(struct exec *exec, const struct exec_program *program,
	const struct fetch_server *server, int output)
{
	size_t count = count_texts(program->arguments);
	char **arguments = calloc(count + 2, sizeof(*arguments));
	char *info = make_info(program, server);
	char **environment = info ? make_environment(program, info) : NULL;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error = ENOMEM;
	if (!arguments || !environment)
		goto end;
	arguments[0] = (char *)program->command;
	if (count)
		memcpy(arguments + 1, program->arguments, count * sizeof(*arguments));
	/* Signals that we ignore or block are not to be ignored by it. */
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, output, 1);
	if (!error)
		error = posix_spawnp(&exec->pid, program->command, &actions, &attributes,
			arguments, environment);
	if (error)
		exec->pid = -1;
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
end:
	free(environment);
	free(info);
	free(arguments);
	return error;
}

static bool exec_watch(struct exec *exec, struct event_base *base)
{
	const struct timeval limit = {EXEC_TIMEOUT_MS / 1000, 0};
	exec->ended = event_new(base, exec->pidfd, EV_READ | EV_PERSIST, on_ended, exec);
	exec->readable =
		event_new(base, exec->output, EV_READ | EV_PERSIST, on_readable, exec);
	exec->timeout = evtimer_new(base, on_timeout, exec);
	return exec->ended && exec->readable && exec->timeout &&
	       !event_add(exec->ended, NULL) && !event_add(exec->readable, NULL) &&
	       !event_add(exec->timeout, &limit);
}

enum err exec_start(const struct exec_program *program, const struct fetch_server *server,
	struct event_base *base, exec_done done, void *context, struct exec **out)
{
	struct exec *exec = calloc(1, sizeof(*exec));
	int ends[2];
	if (!exec)
		return ERR_NOMEM;
	*exec = (struct exec){
		.done = done, .context = context, .pid = -1, .pidfd = -1, .output = -1};
	snprintf(exec->version, sizeof(exec->version), "%s", program->version);
	exec->text = malloc(EXEC_OUTPUT_MAX + 1);
	if (!exec->text || pipe2(ends, O_CLOEXEC)) {
		exec_free(exec);
		return ERR_NOMEM;
	}
	exec->output = ends[0];
	int error = exec_spawn(exec, program, server, ends[1]);
	close(ends[1]);
	if (!error) {
		fcntl(exec->output, F_SETFL, O_NONBLOCK);
		exec->pidfd = pidfd_open(exec->pid, 0);
		error = exec->pidfd < 0 ? errno : 0;
	}
	if (error || !exec_watch(exec, base)) {
		exec_free(exec);
		errno = error;
		return error == ENOMEM || !error ? ERR_NOMEM : ERR_IO;
	}
	*out = exec;
	return ERR_NONE;
}
