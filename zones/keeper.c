/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/keeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "zones/cluster.h"
#include "zones/source/state.h"

struct keeper {
	const struct cluster_options *options;
	struct state_saver *saver;
	char *scope; /* of the file: see state_load */
	int64_t loaded_unix_s;
	int64_t next_ms; /* not saved again before */
	uint64_t saved;  /* version */
	struct log_limit limit;
};

/* Whose objects they are and which: with other options others would be needed. */
static char *scope_of(const struct cluster_options *options)
{
	const struct kube_options *kube = &options->kube;
	const char *from = kube->endpoint ? kube->endpoint : "the cluster around";
	const char *labels = options->labels ? options->labels : "";
	const char *namespace_labels =
		options->namespace_labels ? options->namespace_labels : "";
	char *scope = NULL;
	if (kube->kubeconfig)
		from = kube->kubeconfig;
	int length = asprintf(&scope,
		"from %s %s; labels %s; namespace_labels %s; %s pods; %s pod names; %s "
		"endpoints; "
		"%s external addresses; %s zones%s",
		from, kube->context ? kube->context : "", labels, namespace_labels,
		kube->needs_pods ? "with" : "no", options->uses_pod_names ? "with" : "no",
		options->ignores_endpoints ? "no" : "with",
		options->external.zone_count ? "with" : "no",
		options->serves_zones ? "with" : "no",
		options->multicluster_count ? "; with imports" : "");
	return length < 0 ? NULL : scope;
}

struct keeper *keeper_new(const struct cluster_options *options)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	if (!keeper)
		return NULL;
	keeper->options = options;
	keeper->scope = scope_of(options);
	keeper->saver =
		keeper->scope ? state_saver_new(options->state, keeper->scope) : NULL;
	if (!keeper->saver) {
		keeper_free(keeper);
		return NULL;
	}
	return keeper;
}

void keeper_free(struct keeper *keeper)
{
	if (!keeper)
		return;
	state_saver_free(keeper->saver);
	free(keeper->scope);
	free(keeper);
}

enum err keeper_load(struct keeper *keeper, const struct source_sink *sink)
{
	struct diag_list problems;
	struct state_summary summary;
	diag_list_init(&problems);
	enum err err = state_load(
		keeper->options->state, keeper->scope, sink, &summary, &problems);
	sink->report(sink->context, &problems);
	diag_list_deinit(&problems);
	if (err == ERR_NOMEM)
		return err;
	if (!err) {
		keeper->loaded_unix_s = summary.written_unix_s;
		log_info("%" PRIu64 " objects from the state file \"%s\"",
			summary.objects, keeper->options->state);
	}
	return ERR_NONE;
}

int64_t keeper_loaded_unix_s(const struct keeper *keeper)
{
	return keeper->loaded_unix_s;
}

void keeper_save(struct keeper *keeper, const struct state_registries *from,
	uint64_t version, bool at_once)
{
	enum { TELL_EACH_MS = 600000 };
	int64_t now_ms = clock_now_ms();
	uint64_t left_out;
	bool is_busy;
	if (version == keeper->saved || (!at_once && now_ms < keeper->next_ms))
		return;
	keeper->next_ms = now_ms + KEEPER_INTERVAL_MS;
	enum err err = state_saver_save(keeper->saver, from, &is_busy);
	if (err == ERR_IO && log_limit_pass(&keeper->limit, TELL_EACH_MS, &left_out))
		log_errno("cannot write the state file \"%s\"", keeper->options->state);
	else if (err == ERR_NOMEM)
		log_error("cannot write the state file \"%s\": %s",
			keeper->options->state, err_text(err));
	if (!err && !is_busy)
		keeper->saved = version;
}
