/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/scrape.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "server/base/clock.h"
#include "server/control/exposition.h"
#include "server/control/metrics.h"
#include "server/control/scrape_kube.h"
#include "server/control/status.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void integer_family(
	FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	exposition_family(out, name, type, help);
	exposition_integer(out, name, NULL, value);
}

static void write_build(FILE *out)
{
	const struct labels labels = {
		.items = {{"version", PACKAGE_VERSION}, {"revision", ""},
			{"goversion", COMPILER}},
		.count = 3,
	};
	exposition_family(out, "coredns_build_info", "gauge",
		"The version of Waymark, and with what it was compiled.");
	exposition_integer(out, "coredns_build_info", &labels, 1);
	integer_family(out, "coredns_panics_total", "counter",
		"Always 0: a failed check ends the process.", 0);
}

static void write_health(FILE *out, const struct http_watch *health)
{
	static const char name[] = "coredns_health_request_duration_seconds";
	double bounds[HTTP_WATCH_DURATIONS - 1], bound = HTTP_WATCH_DURATION0_NS / 1e9;
	for (unsigned i = 0; i < HTTP_WATCH_DURATIONS - 1; i++) {
		bounds[i] = bound;
		bound *= 10;
	}
	const struct exposition_histogram histogram = {
		.buckets = health->durations,
		.bounds = bounds,
		.count = HTTP_WATCH_DURATIONS,
		.sum = health->duration_ns,
		.is_ns = true,
	};
	exposition_family(out, name, "histogram",
		"Time of the request to /health that the server sends itself each "
		"second.");
	exposition_histogram(out, name, NULL, &histogram);
	integer_family(out, "coredns_health_request_failures_total", "counter",
		"Requests to /health of the server itself that failed.",
		health->failures);
}

static void write_reload(FILE *out, const struct status_figures *figures)
{
	const struct labels labels = {
		.items = {{"hash", "sha512"}, {"value", figures->sha512}},
		.count = 2,
	};
	integer_family(out, "coredns_reload_failed_total", "counter",
		"Reloads that were refused.", figures->reloads_failed);
	exposition_family(out, "coredns_reload_version_info", "gauge",
		"The content of the Corefile in force and of what it imports.");
	exposition_integer(out, "coredns_reload_version_info", &labels, 1);
}

/* --- the registry and the store --- */

static void kinds_write(FILE *out, const char *name, const uint64_t *counts)
{
	for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
		struct labels labels = labels_with(NULL, "kind", object_kind_name(kind));
		exposition_integer(out, name, &labels, counts[kind]);
	}
}

static void write_rejected(FILE *out, const struct cluster_counters *counters)
{
	static const char name[] = "waymark_registry_rejected_total";
	exposition_family(out, name, "counter",
		"Problems that left out an object, a part of it or a manifest.");
	uint64_t others = counters->problems;
	for (unsigned kind = 0; kind < OBJECT_KINDS; kind++) {
		struct labels labels = labels_with(NULL, "kind", object_kind_name(kind));
		labels = labels_with(&labels, "reason", "conflict");
		exposition_integer(out, name, &labels, counters->conflicts[kind]);
		others -= counters->conflicts[kind];
	}
	struct labels labels = labels_with(NULL, "kind", "");
	struct labels invalid = labels_with(&labels, "reason", "invalid");
	exposition_integer(out, name, &invalid, others);
	struct labels memory = labels_with(&labels, "reason", "memory");
	exposition_integer(out, name, &memory, counters->failed);
}

static void write_registry(FILE *out, const struct status_figures *figures)
{
	uint64_t objects[OBJECT_KINDS];
	for (unsigned kind = 0; kind < OBJECT_KINDS; kind++)
		objects[kind] = figures->objects[kind];
	exposition_family(
		out, "waymark_registry_objects", "gauge", "Objects in the registry.");
	kinds_write(out, "waymark_registry_objects", objects);
	exposition_family(out, "waymark_registry_changes_total", "counter",
		"Objects that the source told of, new, changed or gone.");
	kinds_write(out, "waymark_registry_changes_total", figures->clusters.changes);
	write_rejected(out, &figures->clusters);
	static const char age[] = "waymark_registry_age_seconds";
	exposition_family(
		out, age, "gauge", "Time since the source last confirmed the registry.");
	static const char *const sources[STATUS_SOURCES] = {
		[STATUS_MANIFESTS] = "manifests", [STATUS_APISERVER] = "apiserver"};
	for (unsigned i = 0; i < STATUS_SOURCES; i++) {
		struct labels labels = labels_with(NULL, "source", sources[i]);
		int64_t age_ms = clock_now_ms() - figures->confirmed_ms[i];
		if (figures->has_source[i] && figures->confirmed_ms[i])
			exposition_seconds(out, age, &labels, (uint64_t)age_ms * 1000000);
	}
}

static void write_store(FILE *out, const struct status_figures *figures)
{
	static const char name[] = "waymark_publish_duration_seconds";
	double bounds[PUBLISH_BUCKETS - 1];
	for (unsigned i = 0; i < PUBLISH_BUCKETS - 1; i++)
		bounds[i] = PUBLISH_BUCKET0_NS / 1e9 * (double)(1u << i);
	const struct exposition_histogram histogram = {
		.buckets = figures->clusters.publish_counts,
		.bounds = bounds,
		.count = PUBLISH_BUCKETS,
		.sum = figures->clusters.publish_ns,
		.is_ns = true,
	};
	integer_family(out, "waymark_store_names", "gauge", "Names that have answers.",
		figures->store_names);
	integer_family(out, "waymark_store_bytes", "gauge", "Memory of the answers.",
		figures->store_bytes);
	exposition_family(out, name, "histogram",
		"Time from taking in a change until it is answered.");
	exposition_histogram(out, name, NULL, &histogram);
}

static void write_envfiles(FILE *out, const struct env_writer_counters *counters)
{
	integer_family(out, "waymark_envfiles_files", "gauge",
		"Environment files that are up to date.", counters->files);
	integer_family(out, "waymark_envfiles_too_large", "gauge",
		"Namespaces whose environment is larger than allowed: no file.",
		counters->too_large);
	integer_family(out, "waymark_envfiles_written_total", "counter",
		"Environment files that were made or exchanged.", counters->written);
	integer_family(out, "waymark_envfiles_failures_total", "counter",
		"Attempts to write or remove environment files that failed.",
		counters->failures);
}

static void write_dropped(FILE *out, const struct net_counters *net)
{
	const struct {
		const char *reason;
		uint64_t count;
	} rows[] = {
		{"no_reply", net->query.dropped},
		{"receive_buffer", net->udp_kernel_drops},
		{"send", net->udp_send_errors},
		{"tcp_limit", net->tcp_refused},
		{"tcp_protocol", net->tcp_protocol_errors},
	};
	static const char name[] = "waymark_dropped_total";
	exposition_family(out, name, "counter",
		"Queries, replies and connections that were given up.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct labels labels = labels_with(NULL, "reason", rows[i].reason);
		exposition_integer(out, name, &labels, rows[i].count);
	}
}

static void write_hosts(FILE *out, const struct plugin_figures *plugins)
{
	static const char name[] = "coredns_hosts_reload_timestamp_seconds";
	integer_family(out, "coredns_hosts_entries", "gauge",
		"Records of hosts files and of the Corefile's lines of that kind.",
		plugins->hosts_entries);
	exposition_family(out, name, "gauge",
		"When the hosts file was last changed that is in force.");
	exposition_seconds(
		out, name, NULL, (uint64_t)plugins->hosts_changed_ms * 1000000);
}

/* --- the process --- */

static uint64_t timeval_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_usec * 1000;
}

static uint64_t resident_bytes(void)
{
	char line[128] = "";
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file)
		return 0;
	const char *second = fgets(line, sizeof(line), file) ? strchr(line, ' ') : NULL;
	fclose(file);
	uint64_t pages = second ? strtoull(second, NULL, 10) : 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The folder's own is one of them. */
static uint64_t open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return 0;
	uint64_t count = 0;
	const struct dirent *entry;
	while ((entry = readdir(folder)))
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count - 1;
}

static void write_process(FILE *out, int64_t start_unix_s)
{
	struct rusage usage = {0};
	struct rlimit limit = {0};
	getrusage(RUSAGE_SELF, &usage);
	getrlimit(RLIMIT_NOFILE, &limit);
	exposition_family(out, "process_cpu_seconds_total", "counter",
		"CPU time, user and system.");
	exposition_seconds(out, "process_cpu_seconds_total", NULL,
		timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime));
	integer_family(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
		resident_bytes());
	integer_family(out, "process_open_fds", "gauge", "Open file descriptors.",
		open_descriptors());
	integer_family(out, "process_max_fds", "gauge",
		"How many file descriptors may be open.", limit.rlim_cur);
	integer_family(out, "process_start_time_seconds", "gauge",
		"When the process began, in seconds since 1970.", (uint64_t)start_unix_s);
}

void page_metrics(void *context, struct http_reply *reply)
{
	const struct scrape *scrape = context;
	struct status_figures figures;
	status_get(scrape->status, &figures);
	reply->type = EXPOSITION_TYPE;
	write_build(reply->body);
	metrics_write(scrape->metrics, reply->body);
	write_health(reply->body, scrape->health);
	write_reload(reply->body, &figures);
	integer_family(reply->body, "coredns_local_localhost_requests_total", "counter",
		"Queries for names below localhost, and localhost in a search list.",
		figures.net.query.localhost);
	if (figures.cluster_count) {
		write_registry(reply->body, &figures);
		write_store(reply->body, &figures);
	}
	if (figures.plugins.weight_files)
		integer_family(reply->body, "waymark_loadbalance_weights_failed_total",
			"counter", "Weight files that were not taken over.",
			figures.plugins.weight_failures);
	if (figures.plugins.hosts_count)
		write_hosts(reply->body, &figures.plugins);
	scrape_kube(reply->body, &figures);
	if (figures.envfiles_folders)
		write_envfiles(reply->body, &figures.envfiles);
	write_dropped(reply->body, &figures.net);
	write_process(reply->body, scrape->start_unix_s);
}
