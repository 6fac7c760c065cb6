/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/metrics_forward.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/exposition.h"
#include "server/plugin/forward/forward.h"
#include "server/plugin/forward/forward_series.h"

struct metrics_upstream {
	struct metrics_upstream *next;
	struct forward_series *series;
	char text[FORWARD_TEXT_SIZE];
};

/* --- planning --- */

/* The upstream's, made if there is none. NULL: no memory. */
static struct forward_series *find(
	struct metrics_upstream **list, const char *text, unsigned worker_count)
{
	for (; *list; list = &(*list)->next)
		if (strcmp((*list)->text, text) == 0)
			return (*list)->series;
	struct metrics_upstream *made = calloc(1, sizeof(*made));
	if (!made)
		return NULL;
	made->series = forward_series_new(worker_count);
	if (!made->series) {
		free(made);
		return NULL;
	}
	memcpy(made->text, text, strlen(text) + 1);
	*list = made;
	return made->series;
}

enum err metrics_forward_plan(struct metrics_upstream **list,
	const struct server_block *block, unsigned worker_count)
{
	for (unsigned i = 0; i < block->chain_length; i++) {
		const struct plugin_instance *plugin = &block->chain[i];
		const struct forward_options *options = forward_options_of(plugin);
		for (size_t k = 0; options && k < options->upstream_count; k++) {
			struct forward_series *series =
				find(list, options->upstreams[k].text, worker_count);
			if (!series)
				return ERR_NOMEM;
			forward_set_series(plugin, k, series);
		}
	}
	return ERR_NONE;
}

void metrics_forward_free(struct metrics_upstream *list)
{
	while (list) {
		struct metrics_upstream *next = list->next;
		forward_series_free(list->series);
		free(list);
		list = next;
	}
}

/* --- writing --- */

typedef void (*write_upstream)(const struct labels *labels,
	const struct forward_counts *counts, const char *name, FILE *out);

static void write_durations(const struct labels *labels,
	const struct forward_counts *counts, const char *name, FILE *out)
{
	double bounds[SERIES_DURATIONS - 1];
	for (unsigned i = 0; i < SERIES_DURATIONS - 1; i++)
		bounds[i] = SERIES_DURATION0_NS / 1e9 * (double)(1u << i);
	for (unsigned i = 0; i < SERIES_RCODES; i++) {
		char text[16];
		struct labels all = labels_with(labels, "rcode", dns_rcode_text(i, text));
		const struct exposition_histogram histogram = {
			.buckets = counts->durations[i],
			.bounds = bounds,
			.count = SERIES_DURATIONS,
			.sum = counts->duration_ns[i],
			.is_ns = true,
		};
		exposition_histogram(out, name, &all, &histogram);
	}
}

static uint64_t replies(const struct forward_counts *counts, unsigned rcode)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < SERIES_DURATIONS; i++)
		sum += counts->durations[rcode][i];
	return sum;
}

static void write_responses(const struct labels *labels,
	const struct forward_counts *counts, const char *name, FILE *out)
{
	for (unsigned i = 0; i < SERIES_RCODES; i++) {
		char text[16];
		struct labels all = labels_with(labels, "rcode", dns_rcode_text(i, text));
		if (replies(counts, i))
			exposition_integer(out, name, &all, replies(counts, i));
	}
}

static void write_requests(const struct labels *labels,
	const struct forward_counts *counts, const char *name, FILE *out)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < SERIES_RCODES; i++)
		sum += replies(counts, i);
	exposition_integer(out, name, labels, sum);
}

static void write_checks(const struct labels *labels, const struct forward_counts *counts,
	const char *name, FILE *out)
{
	exposition_integer(out, name, labels, counts->failed_checks);
}

static void write_by_proto(
	const struct labels *labels, const uint64_t *counts, const char *name, FILE *out)
{
	static const char *const protos[FORWARD_PROTOS] = {"udp", "tcp", "tcp-tls"};
	for (unsigned i = 0; i < FORWARD_PROTOS; i++) {
		struct labels all = labels_with(labels, "proto", protos[i]);
		if (counts[i])
			exposition_integer(out, name, &all, counts[i]);
	}
}

static void write_hits(const struct labels *labels, const struct forward_counts *counts,
	const char *name, FILE *out)
{
	write_by_proto(labels, counts->hits, name, out);
}

static void write_misses(const struct labels *labels, const struct forward_counts *counts,
	const char *name, FILE *out)
{
	write_by_proto(labels, counts->misses, name, out);
}

static void write_wrong(const struct labels *labels, const struct forward_counts *counts,
	const char *name, FILE *out)
{
	exposition_integer(out, name, labels, counts->wrong);
}

/* The names of coredns_forward_* by upstream are those that CoreDNS had until 2023. */
static const struct {
	const char *name, *type, *help;
	bool is_proxy; /* with the label proxy_name */
	write_upstream write;
} families[] = {
	{"coredns_proxy_request_duration_seconds", "histogram",
		"Time from a question to an upstream to its reply.", true,
		write_durations},
	{"coredns_proxy_healthcheck_failures_total", "counter", "Checks that failed.",
		true, write_checks},
	{"coredns_proxy_conn_cache_hits_total", "counter",
		"Questions by a connection that was there.", true, write_hits},
	{"coredns_proxy_conn_cache_misses_total", "counter",
		"Questions by a new connection.", true, write_misses},
	{"coredns_forward_requests_total", "counter", "Questions that were answered.",
		false, write_requests},
	{"coredns_forward_responses_total", "counter", "Replies of upstreams.", false,
		write_responses},
	{"coredns_forward_request_duration_seconds", "histogram",
		"Time from a question to an upstream to its reply.", false,
		write_durations},
	{"coredns_forward_healthcheck_failures_total", "counter", "Checks that failed.",
		false, write_checks},
	{"waymark_forward_wrong_total", "counter",
		"Messages of upstreams that answered nothing asked, or were malformed.",
		false, write_wrong},
};

static void write_total(FILE *out, const char *name, const char *help, uint64_t value)
{
	exposition_family(out, name, "counter", help);
	exposition_integer(out, name, NULL, value);
}

void metrics_forward_write(const struct metrics_upstream *list, FILE *out)
{
	struct forward_counts counts;
	uint64_t broken = 0, rejects = 0;
	if (!list)
		return;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		exposition_family(
			out, families[i].name, families[i].type, families[i].help);
		for (const struct metrics_upstream *at = list; at; at = at->next) {
			struct labels labels = {.count = 0};
			if (families[i].is_proxy)
				labels = labels_with(NULL, "proxy_name", "forward");
			labels = labels_with(&labels, "to", at->text);
			forward_series_sum(at->series, &counts);
			families[i].write(&labels, &counts, families[i].name, out);
		}
	}
	for (const struct metrics_upstream *at = list; at; at = at->next) {
		forward_series_sum(at->series, &counts);
		broken += counts.broken;
		rejects += counts.rejects;
	}
	write_total(out, "coredns_forward_healthcheck_broken_total",
		"Questions that were asked although all upstreams are down.", broken);
	write_total(out, "coredns_forward_max_concurrent_rejects_total",
		"Questions above max_concurrent.", rejects);
}
