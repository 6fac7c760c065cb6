/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/sha512.h"
#include "server/control/env_writer.h"
#include "server/net/workers.h"
#include "server/query/plugin.h"
#include "zones/cluster.h"

/*
 * How the server is, for the HTTP thread: the control thread, which alone may look at
 * clusters and sockets, puts a copy here each second. A lock guards the copy, which is
 * held for as long as that takes.
 */

struct status;

enum status_phase { STATUS_STARTING, STATUS_SERVING, STATUS_ENDING };

enum status_source { STATUS_MANIFESTS, STATUS_APISERVER, STATUS_SOURCES };

enum { STATUS_APISERVERS_MAX = 4 }; /* more are counted with the last one */

struct status_apiserver {
	char host[128];
	struct fetch_counters counters;
	uint64_t repairs;
};

struct status_figures {
	enum status_phase phase;
	uint64_t unready;    /* plugins, a bit for each plugin_number */
	uint64_t were_ready; /* those that have been once */
	unsigned unsynced;   /* clusters that are not complete yet */
	uint64_t reloads_failed;
	char sha512[SHA512_TEXT_SIZE]; /* of the configuration in force */
	struct net_counters net;
	/* Sums over the clusters. */
	size_t objects[OBJECT_KINDS];
	size_t store_names, store_bytes;
	struct cluster_counters clusters;
	unsigned cluster_count;
	/* When the clusters of each kind of source last were what it says; 0: never. */
	int64_t confirmed_ms[STATUS_SOURCES];
	bool has_source[STATUS_SOURCES];
	struct status_apiserver apiservers[STATUS_APISERVERS_MAX];
	unsigned apiserver_count;
	char missing[512]; /* of the clusters, and why */
	unsigned envfiles_folders;
	struct env_writer_counters envfiles; /* a sum as well */
	struct plugin_figures plugins;
};

/* NULL: no memory. */
struct status *status_new(void);
void status_free(struct status *status);

void status_put(struct status *status, const struct status_figures *figures);
void status_get(struct status *status, struct status_figures *out);

/* Adds up what there is of a cluster. Control thread only. */
void status_add_cluster(struct status_figures *figures, const struct cluster *cluster);
