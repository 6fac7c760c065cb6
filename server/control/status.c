/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/status.h"

#include <pthread.h>
#include <stdlib.h>

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
	figures->store_names += size.names;
	figures->store_bytes += size.bytes;
	figures->cluster_count++;
	if (!store_is_synced(cluster_store(cluster)))
		figures->unsynced++;
	cluster_counters_add(&figures->clusters, cluster_counters(cluster));
}
