/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_kube.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STARTUP_MS = 5000 };

/* --- checks --- */

/* A number as CoreDNS takes it: "50", "0.5". */
static bool read_qps(const char *text, double *out)
{
	char *end;
	if (!*text || text[strspn(text, "0123456789.")])
		return false;
	errno = 0;
	*out = strtod(text, &end);
	return !errno && !*end && isfinite(*out);
}

void stanza_check_qps(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_word *word = &directive->arguments[0];
	double qps;
	if (!read_qps(word->text, &qps))
		stanza_error(problems, word,
			"\"%.100s\" for \"apiserver_qps\", expected a number of 0 or "
			"more",
			word->text);
}

void stanza_check_endpoint(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	for (size_t i = 0; i < directive->argument_count; i++) {
		const struct corefile_word *word = &directive->arguments[i];
		const char *mark = strstr(word->text, "://");
		const char *host = mark ? mark + 3 : word->text;
		size_t scheme = mark ? (size_t)(mark - word->text) : 0;
		bool is_http = !mark ||
			       (scheme == 4 && !strncmp(word->text, "http", 4)) ||
			       (scheme == 5 && !strncmp(word->text, "https", 5));
		if (!is_http || !*host || strpbrk(host, " \t\"<>\\^`{|}@?#"))
			stanza_error(problems, word,
				"\"%.100s\" for \"endpoint\", expected a URL such as "
				"https://10.96.0.1:443",
				word->text);
		else if (i)
			diag_add(problems, SEVERITY_WARNING, word->place.file,
				word->place.line, word->place.column,
				"\"%.100s\" has no meaning to \"endpoint\": the first "
				"one "
				"is asked",
				word->text);
	}
}

/* --- options --- */

static enum err read_path(
	const struct corefile_word *word, struct arena *arena, const char **out)
{
	char *path = argument_path(word);
	*out = path ? arena_strndup(arena, path, strlen(path)) : NULL;
	free(path);
	return *out ? ERR_NONE : ERR_NOMEM;
}

static enum err read_endpoint(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	(void)arena;
	out->kube.endpoint = option->arguments[0].text;
	return ERR_NONE;
}

static enum err read_tls(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	struct kube_options *kube = &out->kube;
	enum err err = read_path(&option->arguments[0], arena, &kube->certificate);
	if (!err)
		err = read_path(&option->arguments[1], arena, &kube->key);
	if (!err)
		err = read_path(&option->arguments[2], arena, &kube->ca);
	return err;
}

static enum err read_kubeconfig(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	if (option->argument_count > 1)
		out->kube.context = option->arguments[1].text;
	return read_path(&option->arguments[0], arena, &out->kube.kubeconfig);
}

static enum err read_apiserver_qps(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	(void)arena;
	return read_qps(option->arguments[0].text, &out->kube.qps) ? ERR_NONE
								   : ERR_SYNTAX;
}

static enum err read_unsigned(const struct corefile_directive *option, unsigned *out)
{
	int64_t value;
	enum err err = argument_number(&option->arguments[0], &value);
	if (!err)
		*out = (unsigned)value;
	return err;
}

static enum err read_burst(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	(void)arena;
	return read_unsigned(option, &out->kube.burst);
}

static enum err read_inflight(const struct corefile_directive *option,
	struct arena *arena, struct cluster_options *out)
{
	(void)arena;
	return read_unsigned(option, &out->kube.inflight);
}

static enum err read_compare(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	(void)arena;
	return argument_duration_ms(&option->arguments[0], &out->kube.compare_ms);
}

static enum err read_silence(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	(void)arena;
	return argument_duration_ms(&option->arguments[0], &out->kube.silence_ms);
}

static enum err read_startup(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	(void)arena;
	return argument_duration_ms(&option->arguments[0], &out->startup_timeout_ms);
}

static enum err read_state(const struct corefile_directive *option, struct arena *arena,
	struct cluster_options *out)
{
	return read_path(&option->arguments[0], arena, &out->state);
}

static const struct {
	const char *name;
	enum err (*read)(const struct corefile_directive *option, struct arena *arena,
		struct cluster_options *out);
} readers[] = {
	{"endpoint", read_endpoint},
	{"tls", read_tls},
	{"kubeconfig", read_kubeconfig},
	{"apiserver_qps", read_apiserver_qps},
	{"apiserver_burst", read_burst},
	{"apiserver_max_inflight", read_inflight},
	{"apiserver_compare", read_compare},
	{"apiserver_silence", read_silence},
	{"startup_timeout", read_startup},
	{"state", read_state},
};

enum err stanza_read_kube(const struct corefile_directive *directive, struct arena *arena,
	struct cluster_options *out)
{
	out->kube.compare_ms = KUBE_COMPARE_MS;
	out->kube.silence_ms = KUBE_SILENCE_MS;
	out->startup_timeout_ms = STARTUP_MS;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		const struct corefile_directive *option =
			directive_option(directive, readers[i].name);
		enum err err = option ? readers[i].read(option, arena, out) : ERR_NONE;
		if (err)
			return err;
	}
	out->kube.needs_pods = out->pods == PODS_VERIFIED;
	out->kube.ignores_endpoints = out->ignores_endpoints;
	out->kube.labels = out->labels;
	out->kube.namespace_labels = out->namespace_labels;
	return ERR_NONE;
}
