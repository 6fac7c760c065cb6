/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/hash.h"
#include "zones/source/source.h"

/*
 * The registry as a kube-apiserver has it: each resource is listed, then watched. What
 * was delivered stays until the server says otherwise: a server that is away, an empty
 * or an odd answer take nothing away. Control thread only.
 */

struct event_base;
struct kube_source;

struct kube_options {
	/* How to reach it: an URL, a kubeconfig, or neither: in a cluster. */
	const char *endpoint;
	const char *certificate, *key, *ca; /* files; NULL: none */
	const char *kubeconfig, *context;   /* context NULL: the current one */
	/* What is asked for. */
	bool needs_pods, needs_imports, ignores_endpoints;
	const char *labels, *namespace_labels; /* selectors; NULL: all */
	/* How hard: requests a second, at once after a rest, without a reply yet; 0: no
	 * limit. */
	double qps;
	unsigned burst, inflight;
	int64_t compare_ms; /* how often names and versions are compared; 0: never */
	int64_t silence_ms; /* after which a watch is not trusted any more */
};

enum { KUBE_SILENCE_MS = 90000, KUBE_COMPARE_MS = 600000 };

/* They name no server, so it is that of the pod that this runs in, and this is none. */
bool kube_options_lack_pod(const struct kube_options *options);

/* Options are borrowed for the source's life. NULL: no memory. */
struct kube_source *kube_source_new(const struct kube_options *options,
	const struct hash_key *key, const struct source_sink *sink);
void kube_source_free(struct kube_source *source);

/* Begins to list and watch. Problems with files that the options name go to
 * sink->report. ERR_NOMEM; ERR_INVALID: reported. */
enum err kube_source_start(
	struct kube_source *source, struct event_base *base) MUST_CHECK;

/* The same, with a base of its own, until everything is there or the time is over; then
 * kube_source_start goes on with what was begun. */
enum err kube_source_load(struct kube_source *source, int64_t timeout_ms) MUST_CHECK;

bool kube_source_is_synced(const struct kube_source *source);

/* When every watch was last heard of, on the monotonic clock; 0: never. */
int64_t kube_source_confirmed_ms(const struct kube_source *source);

/* Host and port, "" before it is started. */
const char *kube_source_host(const struct kube_source *source);
/* All zero before it is started. */
const struct fetch_counters *kube_source_counters(const struct kube_source *source);

/* How often something was loaded anew as a watch had missed it. */
uint64_t kube_source_repairs(const struct kube_source *source);

/* What is not there yet and why, as one line without a newline; "" when all is. */
void kube_source_describe(const struct kube_source *source, char *out, size_t size);
