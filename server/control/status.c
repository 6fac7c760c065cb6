/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/status.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/registry/registry.h"
#include "zones/store/store_write.h"

struct status {
	pthread_mutex_t lock;
	struct status_figures figures;
};

struct status *status_new(void)
{
	struct status *status = calloc(1, sizeof(*status));
	if (status)
		pthread_mutex_init(&status->lock, NULL);
	return status;
}

void status_free(struct status *status)
{
	if (!status)
		return;
	pthread_mutex_destroy(&status->lock);
	free(status);
}

void status_put(struct status *status, const struct status_figures *figures)
{
	pthread_mutex_lock(&status->lock);
	status->figures = *figures;
	pthread_mutex_unlock(&status->lock);
}

void status_get(struct status *status, struct status_figures *out)
{
	pthread_mutex_lock(&status->lock);
	*out = status->figures;
	pthread_mutex_unlock(&status->lock);
}

static void add_requests(
	struct fetch_counters *sum, const struct fetch_counters *counters)
{
	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counters only");
	const uint64_t *from = (const uint64_t *)counters;
	uint64_t *to = (uint64_t *)sum;
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static void add_apiserver(struct status_figures *figures, const struct cluster *cluster)
{
	const char *host = cluster_apiserver(cluster);
	unsigned i = 0;
	while (i < figures->apiserver_count &&
		strcmp(figures->apiservers[i].host, host) != 0)
		i++;
	if (i == STATUS_APISERVERS_MAX)
		i--;
	if (i == figures->apiserver_count) {
		snprintf(figures->apiservers[i].host, sizeof(figures->apiservers[i].host),
			"%s", host);
		figures->apiserver_count++;
	}
	figures->apiservers[i].repairs += cluster_repairs(cluster);
	add_requests(&figures->apiservers[i].counters, cluster_requests(cluster));
}

/* The oldest word counts, and of one that never had any, none. */
static void add_source(struct status_figures *figures, const struct cluster *cluster)
{
	enum status_source source =
		cluster_apiserver(cluster) ? STATUS_APISERVER : STATUS_MANIFESTS;
	int64_t confirmed_ms = cluster_confirmed_ms(cluster);
	if (!figures->has_source[source] || confirmed_ms < figures->confirmed_ms[source])
		figures->confirmed_ms[source] = confirmed_ms;
	figures->has_source[source] = true;
	size_t used = strlen(figures->missing);
	char missing[sizeof(figures->missing)];
	cluster_describe(cluster, missing, sizeof(missing));
	if (*missing)
		snprintf(figures->missing + used, sizeof(figures->missing) - used, "%s%s",
			used ? "; " : "", missing);
}

/* Their slices count again where they are a Service's too: they are kept twice. */
static void add_imports(struct status_figures *figures, const struct registry *imports)
{
	if (!imports)
		return;
	figures->objects[OBJECT_IMPORT] += registry_count(imports, OBJECT_IMPORT);
	figures->objects[OBJECT_SLICE] += registry_count(imports, OBJECT_SLICE);
}

void status_add_cluster(struct status_figures *figures, const struct cluster *cluster)
{
	const struct registry *registry = cluster_registry(cluster);
	const struct store *external = cluster_external_store(cluster);
	struct store_size size = store_size(cluster_store(cluster));
	if (external) {
		struct store_size more = store_size(external);
		size.names += more.names;
		size.bytes += more.bytes;
	}
	for (unsigned kind = 0; kind < OBJECT_KINDS; kind++)
		figures->objects[kind] += registry_count(registry, kind);
	add_imports(figures, cluster_imports(cluster));
	figures->store_names += size.names + size.pods;
	figures->store_bytes += size.bytes;
	figures->cluster_count++;
	if (store_missing(cluster_store(cluster)))
		figures->unsynced++;
	add_source(figures, cluster);
	if (cluster_apiserver(cluster))
		add_apiserver(figures, cluster);
	cluster_counters_add(&figures->clusters, cluster_counters(cluster));
}
