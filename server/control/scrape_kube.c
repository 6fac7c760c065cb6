/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/scrape_kube.h"

#include "server/control/exposition.h"
#include "server/control/status.h"

/* --- requests --- */

static void write_requests(FILE *out, const struct status_apiserver *apiserver)
{
	static const char name[] = "coredns_kubernetes_rest_client_requests_total";
	for (unsigned i = 0; i < FETCH_CODES; i++) {
		if (!apiserver->counters.requests[i])
			continue;
		struct labels labels = labels_with(NULL, "code", fetch_code_text(i));
		labels = labels_with(&labels, "host", apiserver->host);
		labels = labels_with(&labels, "method", "GET");
		exposition_integer(out, name, &labels, apiserver->counters.requests[i]);
	}
}

static void write_durations(FILE *out, const struct status_apiserver *apiserver)
{
	struct labels labels = labels_with(NULL, "host", apiserver->host);
	labels = labels_with(&labels, "verb", "GET");
	const struct exposition_histogram histogram = {
		.buckets = apiserver->counters.durations,
		.bounds = fetch_bounds,
		.count = FETCH_BUCKETS,
		.sum = apiserver->counters.duration_ns,
		.is_ns = true,
	};
	exposition_histogram(out,
		"coredns_kubernetes_rest_client_request_duration_seconds", &labels,
		&histogram);
}

/* --- from a change in the cluster until it is answered --- */

static void write_programming(FILE *out, const struct programming_counters *counters)
{
	static const char name[] = "coredns_kubernetes_dns_programming_duration_seconds";
	static const char *const kinds[PROGRAMMING_KINDS] = {
		[PROGRAMMING_CLUSTER_IP] = "cluster_ip",
		[PROGRAMMING_HEADLESS_SELECTOR] = "headless_with_selector",
		[PROGRAMMING_HEADLESS_PLAIN] = "headless_without_selector",
	};
	double bounds[PROGRAMMING_BUCKETS - 1];
	for (unsigned i = 0; i < PROGRAMMING_BUCKETS - 1; i++)
		bounds[i] = PROGRAMMING_BUCKET0_MS / 1e3 * (double)(1u << i);
	exposition_family(out, name, "histogram",
		"Time from a change of endpoints in the cluster until it is answered.");
	for (unsigned kind = 0; kind < PROGRAMMING_KINDS; kind++) {
		struct labels labels = labels_with(NULL, "service_kind", kinds[kind]);
		const struct exposition_histogram histogram = {
			.buckets = counters->counts[kind],
			.bounds = bounds,
			.count = PROGRAMMING_BUCKETS,
			.sum = counters->sums_ms[kind] * 1000000,
			.is_ns = true,
		};
		exposition_histogram(out, name, &labels, &histogram);
	}
}

void scrape_kube(FILE *out, const struct status_figures *figures)
{
	if (!figures->apiserver_count)
		return;
	exposition_family(out, "coredns_kubernetes_rest_client_requests_total", "counter",
		"Requests to the API server, by the status of the reply.");
	for (unsigned i = 0; i < figures->apiserver_count; i++)
		write_requests(out, &figures->apiservers[i]);
	exposition_family(out, "coredns_kubernetes_rest_client_request_duration_seconds",
		"histogram",
		"Time from a request to the API server until its reply begins.");
	for (unsigned i = 0; i < figures->apiserver_count; i++)
		write_durations(out, &figures->apiservers[i]);
	exposition_family(out, "waymark_registry_repairs_total", "counter",
		"Loads for what a watch of the API server had missed.");
	for (unsigned i = 0; i < figures->apiserver_count; i++) {
		struct labels labels =
			labels_with(NULL, "host", figures->apiservers[i].host);
		exposition_integer(out, "waymark_registry_repairs_total", &labels,
			figures->apiservers[i].repairs);
	}
	write_programming(out, &figures->clusters.programming);
}
