/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/corefile.h"
#include "server/control/exposition.h"
#include "server/control/metrics_cache.h"
#include "server/control/metrics_forward.h"
#include "server/control/plugins.h"
#include "server/control/server.h"
#include "server/net/socket.h"
#include "server/query/plugin.h"
#include "server/query/router.h"
#include "server/query/series.h"

#define ZONE_DROPPED "dropped" /* CoreDNS's word */

enum { SERVER_SIZE = SOCKET_TEXT_SIZE + sizeof("dns://") };

/* What is counted for one address and zone. */
struct metrics_entry {
	struct metrics_entry *next;
	struct series *series;
	struct series_counters sums; /* while metrics_write has the lock */
	struct metrics_cache *cache; /* of the block; NULL: it has none */
	char server[SERVER_SIZE];
	char zone[];
};

/* A plugin of a zone at an address. */
struct metrics_plugin {
	struct metrics_plugin *next;
	const struct metrics_entry *entry;
	const char *name; /* of its row */
};

struct metrics {
	unsigned worker_count;
	/* The lists are the control thread's to change and the HTTP thread's to read. */
	pthread_mutex_t lock;
	struct metrics_entry *entries;
	struct metrics_cache *caches;
	struct metrics_upstream *upstreams;
	struct metrics_plugin *plugins;
	struct metrics_plugin *next; /* of what metrics_plan was given */
};

/* --- planning --- */

struct metrics *metrics_new(unsigned worker_count)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	if (!metrics)
		return NULL;
	metrics->worker_count = worker_count;
	pthread_mutex_init(&metrics->lock, NULL);
	return metrics;
}

static void plugins_free(struct metrics_plugin *plugin)
{
	while (plugin) {
		struct metrics_plugin *next = plugin->next;
		free(plugin);
		plugin = next;
	}
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	while (metrics->entries) {
		struct metrics_entry *entry = metrics->entries;
		metrics->entries = entry->next;
		series_free(entry->series);
		free(entry);
	}
	plugins_free(metrics->plugins);
	plugins_free(metrics->next);
	metrics_cache_free(metrics->caches);
	metrics_forward_free(metrics->upstreams);
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
}

/* CoreDNS's way to write an address: all of them are none. */
static void server_label(const struct sockaddr_storage *address, char *out)
{
	char text[SOCKET_TEXT_SIZE];
	if (socket_is_wildcard(address))
		snprintf(out, SERVER_SIZE, "dns://:%u", socket_port(address));
	else
		snprintf(out, SERVER_SIZE, "dns://%s", socket_format(address, text));
}

/* NULL: there is none. */
static struct metrics_entry *metrics_entry_get(
	const struct metrics *metrics, const char *server, const char *zone)
{
	struct metrics_entry *entry = metrics->entries;
	while (entry &&
		(strcmp(entry->server, server) != 0 || strcmp(entry->zone, zone) != 0))
		entry = entry->next;
	return entry;
}

/* The entry, made if there is none. NULL: no memory. */
static struct metrics_entry *metrics_entry(
	struct metrics *metrics, const char *server, const char *zone)
{
	struct metrics_entry *known = metrics_entry_get(metrics, server, zone);
	if (known)
		return known;
	struct metrics_entry **end = &metrics->entries;
	while (*end)
		end = &(*end)->next;
	size_t length = strlen(zone) + 1;
	struct metrics_entry *entry = calloc(1, sizeof(*entry) + length);
	if (!entry)
		return NULL;
	entry->series = series_new(metrics->worker_count);
	if (!entry->series) {
		free(entry);
		return NULL;
	}
	memcpy(entry->server, server, strlen(server) + 1);
	memcpy(entry->zone, zone, length);
	*end = entry;
	return entry;
}

/* Those that only say how to listen or be watched have no part in a query: CoreDNS does
 * not list them either. */
static bool plugin_is_handler(const char *name)
{
	static const char *const others[] = {
		"bind", "cache_bytes", "debug", "health", "ready", "reload", "tls"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i], name) == 0)
			return false;
	return true;
}

static enum err plan_plugins(struct metrics_plugin **list,
	const struct metrics_entry *entry, const struct corefile_block *source)
{
	for (const struct metrics_plugin *i = *list; i; i = i->next)
		if (i->entry == entry)
			return ERR_NONE;
	for (size_t i = 0; i < source->directive_count; i++) {
		const char *name = source->directives[i].name.text;
		uint8_t number = plugin_number(name);
		if (!number || !plugin_is_handler(name))
			continue;
		struct metrics_plugin *plugin = calloc(1, sizeof(*plugin));
		if (!plugin)
			return ERR_NOMEM;
		*plugin = (struct metrics_plugin){*list, entry, plugin_name_of(number)};
		*list = plugin;
	}
	return ERR_NONE;
}

static enum err plan_listener(struct metrics *metrics, const struct server *server,
	size_t listener, struct metrics_plugin **plugins)
{
	size_t count;
	char label[SERVER_SIZE], zone[DNAME_TEXT_SIZE];
	struct router *router = server_router(server, listener);
	server_label(&server_listeners(server, &count)[listener].address, label);
	struct metrics_entry *entry = metrics_entry(metrics, label, ZONE_DROPPED);
	if (!entry)
		return ERR_NOMEM;
	router_set_unrouted(router, entry->series);
	const struct route *route;
	for (size_t i = 0; (route = router_route(router, i)); i++) {
		if (!route->block->is_counted)
			continue;
		entry = metrics_entry(
			metrics, label, dname_to_text(route->zone.bytes, zone));
		if (!entry)
			return ERR_NOMEM;
		router_set_series(router, i, entry->series);
		const struct corefile_block *source =
			server_block_source(server, route->block);
		enum err err = metrics_cache_find(
			&metrics->caches, entry->server, source, &entry->cache);
		if (!err)
			err = plan_plugins(plugins, entry, source);
		if (!err)
			err = metrics_forward_plan(
				&metrics->upstreams, route->block, metrics->worker_count);
		if (err)
			return err;
	}
	return ERR_NONE;
}

static bool server_is_counted(const struct server *server)
{
	const struct corefile *corefile = server_corefile(server);
	for (size_t i = 0; i < corefile->block_count; i++)
		for (size_t j = 0; j < corefile->blocks[i].directive_count; j++)
			if (strcmp(corefile->blocks[i].directives[j].name.text,
				    "prometheus") == 0)
				return true;
	return false;
}

enum err metrics_plan(struct metrics *metrics, const struct server *server)
{
	plugins_free(metrics->next);
	metrics->next = NULL;
	if (!server_is_counted(server))
		return ERR_NONE;
	size_t count;
	server_listeners(server, &count);
	enum err err = ERR_NONE;
	pthread_mutex_lock(&metrics->lock);
	for (size_t i = 0; i < count && !err; i++)
		err = plan_listener(metrics, server, i, &metrics->next);
	pthread_mutex_unlock(&metrics->lock);
	return err;
}

void metrics_commit(struct metrics *metrics)
{
	pthread_mutex_lock(&metrics->lock);
	struct metrics_plugin *before = metrics->plugins;
	metrics->plugins = metrics->next;
	metrics->next = NULL;
	pthread_mutex_unlock(&metrics->lock);
	plugins_free(before);
}

/* Those that there are no more have no entries. */
void metrics_measure(struct metrics *metrics, const struct server *server)
{
	size_t count;
	char label[SERVER_SIZE], zone[DNAME_TEXT_SIZE];
	const struct net_listener *listeners = server_listeners(server, &count);
	pthread_mutex_lock(&metrics->lock);
	for (struct metrics_cache *i = metrics->caches; i; i = i->next)
		memset(i->entries, 0, sizeof(i->entries));
	for (size_t i = 0; metrics->caches && i < count; i++) {
		const struct route *route;
		server_label(&listeners[i].address, label);
		for (size_t k = 0; (route = router_route(server_router(server, i), k));
			k++) {
			const struct metrics_entry *entry = metrics_entry_get(
				metrics, label, dname_to_text(route->zone.bytes, zone));
			if (entry && entry->cache)
				metrics_cache_measure(entry->cache, route->block);
		}
	}
	pthread_mutex_unlock(&metrics->lock);
}

/* --- writing --- */

static struct labels entry_labels(const struct metrics_entry *entry)
{
	return (struct labels){
		.items = {{"server", entry->server}, {"zone", entry->zone}, {"view", ""}},
		.count = 3,
	};
}

static void write_plugins(const struct metrics *metrics, FILE *out)
{
	exposition_family(out, "coredns_plugin_enabled", "gauge",
		"1 for each plugin of a zone at an address.");
	for (const struct metrics_plugin *i = metrics->plugins; i; i = i->next) {
		struct labels labels = entry_labels(i->entry);
		labels = labels_with(&labels, "name", i->name);
		exposition_integer(out, "coredns_plugin_enabled", &labels, 1);
	}
}

static const char *const protocols[] = {[TRANSPORT_UDP] = "udp", [TRANSPORT_TCP] = "tcp"};
static const char *const families[] = {"1", "2"};

static void write_requests(const struct metrics_entry *entry, const char *name, FILE *out)
{
	struct labels labels = entry_labels(entry);
	for (unsigned i = 0; i < SERIES_TRANSPORTS; i++) {
		struct labels proto = labels_with(&labels, "proto", protocols[i]);
		for (unsigned j = 0; j < SERIES_FAMILIES; j++) {
			struct labels family = labels_with(&proto, "family", families[j]);
			for (unsigned k = 0; k < SERIES_TYPES; k++) {
				uint64_t count = entry->sums.requests[i][j][k];
				struct labels all = labels_with(
					&family, "type", series_type_names[k]);
				if (count)
					exposition_integer(out, name, &all, count);
			}
		}
	}
}

static void write_template_matches(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	struct labels labels = entry_labels(entry);
	labels = labels_with(&labels, "class", "IN");
	for (unsigned i = 0; i < SERIES_TYPES; i++) {
		struct labels all = labels_with(&labels, "type", series_type_names[i]);
		uint64_t count = entry->sums.template_matches[i];
		if (count)
			exposition_integer(out, name, &all, count);
	}
}

static void write_dnssec_ok(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	struct labels labels = entry_labels(entry);
	if (entry->sums.dnssec_ok)
		exposition_integer(out, name, &labels, entry->sums.dnssec_ok);
}

static void write_autopaths(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	struct labels labels = entry_labels(entry);
	if (entry->sums.autopaths)
		exposition_integer(out, name, &labels, entry->sums.autopaths);
}

static void write_responses(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	struct labels labels = entry_labels(entry);
	for (unsigned i = 0; i < SERIES_PLUGINS; i++) {
		for (unsigned j = 0; j < SERIES_RCODES; j++) {
			uint64_t count = entry->sums.responses[i][j];
			if (!count)
				continue;
			char text[16];
			struct labels all =
				labels_with(&labels, "rcode", dns_rcode_text(j, text));
			all = labels_with(&all, "plugin", plugin_name_of((uint8_t)i));
			exposition_integer(out, name, &all, count);
		}
	}
}

static void write_durations(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	double bounds[SERIES_DURATIONS - 1];
	for (unsigned i = 0; i < SERIES_DURATIONS - 1; i++)
		bounds[i] = SERIES_DURATION0_NS / 1e9 * (double)(1u << i);
	const struct exposition_histogram histogram = {
		.buckets = entry->sums.durations,
		.bounds = bounds,
		.count = SERIES_DURATIONS,
		.sum = entry->sums.duration_ns,
		.is_ns = true,
	};
	struct labels labels = entry_labels(entry);
	exposition_histogram(out, name, &labels, &histogram);
}

static void write_sizes(const struct metrics_entry *entry,
	const struct series_sizes *sizes, const char *name, FILE *out)
{
	double bounds[SERIES_SIZES - 1];
	for (unsigned i = 0; i < SERIES_SIZES - 1; i++)
		bounds[i] = series_size_bounds[i];
	struct labels labels = entry_labels(entry);
	for (unsigned i = 0; i < SERIES_TRANSPORTS; i++) {
		const struct exposition_histogram histogram = {
			.buckets = sizes[i].counts,
			.bounds = bounds,
			.count = SERIES_SIZES,
			.sum = sizes[i].octets,
		};
		struct labels proto = labels_with(&labels, "proto", protocols[i]);
		exposition_histogram(out, name, &proto, &histogram);
	}
}

static void write_request_sizes(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	write_sizes(entry, entry->sums.request_sizes, name, out);
}

static void write_response_sizes(
	const struct metrics_entry *entry, const char *name, FILE *out)
{
	write_sizes(entry, entry->sums.response_sizes, name, out);
}

/* A family must stand together, so entries are gone through once for each. */
static const struct metrics_family {
	const char *name, *type, *help;
	void (*write)(const struct metrics_entry *entry, const char *name, FILE *out);
} metrics_families[] = {
	{"coredns_dns_requests_total", "counter", "Queries.", write_requests},
	{"coredns_dns_do_requests_total", "counter", "Queries with the DO bit set.",
		write_dnssec_ok},
	{"coredns_autopath_success_total", "counter",
		"Questions answered by a name of the search list.", write_autopaths},
	{"coredns_dns_responses_total", "counter", "Replies.", write_responses},
	{"coredns_dns_request_duration_seconds", "histogram",
		"Time from receiving a query to sending its reply.", write_durations},
	{"coredns_dns_request_size_bytes", "histogram", "Size of queries.",
		write_request_sizes},
	{"coredns_template_matches_total", "counter", "Queries that a template matches.",
		write_template_matches},
	{"coredns_dns_response_size_bytes", "histogram", "Size of replies.",
		write_response_sizes},
};

void metrics_write(struct metrics *metrics, FILE *out)
{
	pthread_mutex_lock(&metrics->lock);
	for (struct metrics_cache *i = metrics->caches; i; i = i->next)
		memset(i->counts, 0, sizeof(i->counts));
	for (struct metrics_entry *i = metrics->entries; i; i = i->next) {
		series_sum(i->series, &i->sums);
		for (unsigned k = 0; i->cache && k < SERIES_CACHE_COUNTERS; k++)
			i->cache->counts[k] += i->sums.cache[k];
	}
	write_plugins(metrics, out);
	for (size_t i = 0; i < sizeof(metrics_families) / sizeof(metrics_families[0]);
		i++) {
		const struct metrics_family *family = &metrics_families[i];
		exposition_family(out, family->name, family->type, family->help);
		for (const struct metrics_entry *j = metrics->entries; j; j = j->next)
			family->write(j, family->name, out);
	}
	metrics_cache_write(metrics->caches, out);
	metrics_forward_write(metrics->upstreams, out);
	pthread_mutex_unlock(&metrics->lock);
}
