/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/system/judge/host.h"
#include "tests/system/judge/netns.h"
#include "tests/system/judge/suite.h"

enum {
	STEP_MS = 2,
	START_PATIENCE_MS = 30000, /* a sanitizer build on a busy machine */
	STOP_PATIENCE_MS = 20000,
	LOG_MAX = 1 << 20,
};

static void step_wait(void)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
	nanosleep(&step, NULL);
}

static enum err manifests_save(const char *folder, json_t *manifests)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/manifests", folder);
	if (mkdir(path, 0755))
		return ERR_IO;
	if (!manifests)
		return ERR_NONE;
	json_t *list = json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List",
		"items", manifests);
	if (!list)
		return ERR_NOMEM;
	snprintf(path, sizeof(path), "%s/manifests/objects.json", folder);
	int err = json_dump_file(list, path, JSON_INDENT(1));
	json_decref(list);
	return err ? ERR_IO : ERR_NONE;
}

/* Copies the suite's Corefile with our port and with `manifests` in its stanza. */
static void corefile_write(FILE *file, const char *text, const char *manifests)
{
	while (*text) {
		int length = (int)strcspn(text, "\n");
		const char *stanza = memmem(text, (size_t)length, "kubernetes ", 11);
		bool has_body = length > 0 && text[length - 1] == '{';
		if (strncmp(text, ".:53 ", 5) == 0)
			fprintf(file, ".:%d %.*s\n", HOST_PORT, length - 5, text + 5);
		else if (stanza)
			fprintf(file, "%.*s%s\n\t\tmanifests %s\n%s", length, text,
				has_body ? "" : " {", manifests, has_body ? "" : "\t}\n");
		else
			fprintf(file, "%.*s\n", length, text);
		text += length;
		text += *text == '\n';
	}
}

static enum err folder_write(const char *folder, const struct suite_setup *setup)
{
	/* The folder of a registry that is never known does not exist. */
	enum err err =
		setup->is_synced ? manifests_save(folder, setup->manifests) : ERR_NONE;
	if (err)
		return err;
	char path[PATH_MAX], manifests[PATH_MAX];
	snprintf(path, sizeof(path), "%s/Corefile", folder);
	snprintf(manifests, sizeof(manifests), "%s/manifests", folder);
	FILE *file = fopen(path, "we");
	if (!file)
		return ERR_IO;
	corefile_write(file, setup->corefile, manifests);
	return fclose(file) == 0 ? ERR_NONE : ERR_IO;
}

static void server_exec(const char *folder, const char *program)
{
	char corefile[PATH_MAX], log[PATH_MAX];
	snprintf(corefile, sizeof(corefile), "%s/Corefile", folder);
	snprintf(log, sizeof(log), "%s/log", folder);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
		execl(program, program, "serve", "-c", corefile, (char *)NULL);
	_exit(127);
}

/* The log so far, which the caller frees. */
static char *log_read(const struct host *host)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/log", host->folder);
	char *text = calloc(1, LOG_MAX);
	FILE *file = text ? fopen(path, "re") : NULL;
	if (file) {
		text[fread(text, 1, LOG_MAX - 1, file)] = '\0';
		fclose(file);
	}
	return text;
}

static bool is_ready_line(const char *line, size_t length)
{
	return memmem(line, length, "ready", 5) && !memmem(line, length, "not ready", 9);
}

static bool log_says_started(const struct host *host, bool is_synced)
{
	bool is_listening = false, is_ready = !is_synced;
	char *text = log_read(host);
	for (const char *line = text; line && *line;) {
		size_t length = strcspn(line, "\n");
		is_listening |= memmem(line, length, "listening on", 12) != NULL;
		is_ready |= is_ready_line(line, length);
		line += length + (line[length] == '\n');
	}
	free(text);
	return is_listening && is_ready;
}

static enum err started_wait(struct host *host, bool is_synced, FILE *out)
{
	for (int waited = 0; waited < START_PATIENCE_MS; waited += STEP_MS) {
		int status;
		if (waitpid(host->pid, &status, WNOHANG) == host->pid) {
			host->pid = 0;
			fprintf(out,
				"the server ended while starting (wait status %#x)\n",
				status);
			return ERR_IO;
		}
		if (log_says_started(host, is_synced))
			return ERR_NONE;
		step_wait();
	}
	fprintf(out, "the server was not ready within %d s\n", START_PATIENCE_MS / 1000);
	return ERR_IO;
}

static enum err local_ips_add(json_t *local_ips)
{
	size_t i;
	json_t *item;
	json_array_foreach(local_ips, i, item)
	{
		enum err err =
			netns_address_add((unsigned)i + 1, json_string_value(item));
		if (err)
			return err;
	}
	return ERR_NONE;
}

enum err host_net_check(void)
{
	return netns_enter();
}

enum err host_start(struct host *host, const struct suite_setup *setup, FILE *out)
{
	const char *program = getenv("WAYMARK");
	const char *tmp = getenv("TMPDIR");
	host->pid = 0;
	snprintf(host->folder, sizeof(host->folder), "%s/waymark-test-XXXXXX",
		tmp ? tmp : "/tmp");
	if (!program || access(program, X_OK) != 0 || !mkdtemp(host->folder)) {
		fprintf(out, "no program in $WAYMARK, or no temporary folder\n");
		host->folder[0] = '\0';
		return ERR_NOTFOUND;
	}
	enum err err = netns_enter();
	if (!err)
		err = local_ips_add(setup->local_ips);
	if (!err)
		err = folder_write(host->folder, setup);
	if (err) {
		fprintf(out, "cannot prepare the server: %s\n", err_text(err));
		return err;
	}
	fflush(NULL);
	host->pid = fork();
	if (host->pid == 0)
		server_exec(host->folder, program);
	if (host->pid < 0) {
		host->pid = 0;
		return ERR_IO;
	}
	return started_wait(host, setup->is_synced, out);
}

static int entry_remove(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

enum err host_stop(struct host *host, int *status)
{
	enum err err = ERR_NOTFOUND;
	for (int waited = 0; host->pid && waited < STOP_PATIENCE_MS; waited += STEP_MS) {
		if (waited == 0)
			kill(host->pid, SIGTERM);
		if (waitpid(host->pid, status, WNOHANG) == host->pid) {
			host->pid = 0;
			err = ERR_NONE;
			break;
		}
		step_wait();
	}
	if (host->pid) {
		kill(host->pid, SIGKILL);
		waitpid(host->pid, status, 0);
		host->pid = 0;
		err = ERR_IO;
	}
	if (err || *status != 0)
		host_log_print(host);
	if (host->folder[0])
		nftw(host->folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
	host->folder[0] = '\0';
	return err;
}

void host_log_print(const struct host *host)
{
	char *text = host->folder[0] ? log_read(host) : NULL;
	for (const char *line = text; line && *line;) {
		int length = (int)strcspn(line, "\n");
		printf("# log: %.*s\n", length, line);
		line += length;
		line += *line == '\n';
	}
	free(text);
}
