/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "zones/programming.h"
#include "zones/registry/object.h"
#include "zones/source/kube/fetch.h"
#include "zones/source/kube/kube.h"
#include "zones/store/store.h"
#include "zones/synth/synth.h"

/*
 * A cluster: one source of objects, the registry it fills and the store that is made of
 * it. Objects go in, answers come out; every commit of the source is one published
 * change. Control thread only; the store is for all threads.
 */

struct cluster;
struct event_base;
struct selector;

/* The zones of k8s_external, which have a store of their own. */
struct cluster_external {
	const struct dname *zones; /* as below; count 0: none */
	size_t zone_count;
	uint32_t ttl_s;
	struct synth_external synth;
};

struct cluster_options {
	const struct dname *zones; /* lower-case; one of them not a reverse zone */
	size_t zone_count;
	uint32_t ttl_s;
	enum pod_mode pods;
	bool uses_pod_names, ignores_empty, ignores_endpoints;
	bool serves_zones; /* option zonal */
	/* Those of the zones whose names are the ServiceImports'. */
	const struct dname *multicluster;
	size_t multicluster_count;
	bool keeps_hints; /* what is known of names that do not exist */
	const char *const *namespaces;
	size_t namespace_count;
	const char *labels, *namespace_labels; /* selectors as text; NULL: all */
	const struct ipprefix *service_cidrs;
	size_t service_cidr_count;
	const char *const *manifests; /* folders */
	size_t manifest_count;        /* 0: the registry is an API server's */
	struct kube_options kube;     /* how that is reached and asked */
	int64_t startup_timeout_ms;   /* how long it is waited for */
	const char *state;            /* a file for the last good registry; NULL: none */
	const struct ipaddr *own_addresses;
	size_t own_address_count;
	struct cluster_external external;
	bool maps_clients; /* keeps whose an address is */
};

enum {
	PUBLISH_BUCKETS = 17, /* 0.1 ms * 2^n, the last is +Inf */
	PUBLISH_BUCKET0_NS = 100000,
};

/* Nothing but counters of 64 bits. */
struct cluster_counters {
	uint64_t commits;                 /* batches of changes taken in */
	uint64_t published;               /* those that altered an answer */
	uint64_t failed;                  /* objects or batches that found no memory */
	uint64_t problems;                /* diagnostics about the user's files */
	uint64_t changes[OBJECT_KINDS];   /* objects that the source told of */
	uint64_t conflicts[OBJECT_KINDS]; /* problems of objects with each other */
	/* From the first object of a batch until it was answerable; not cumulative. */
	uint64_t publish_counts[PUBLISH_BUCKETS];
	uint64_t publish_ns;
	struct programming_counters programming; /* of an API server's slices */
};

void cluster_counters_add(
	struct cluster_counters *sum, const struct cluster_counters *counters);

/* Takes problems as they come up; NULL: they are logged. */
struct cluster_report {
	void *context;
	void (*report)(void *context, const struct diag_list *problems);
};

/* Whoever else follows the cluster. */
struct cluster_follower {
	void *context;
	/* A change was published, and the registry still says what it touched; or the
	 * registry has become complete, then it says nothing. */
	void (*changed)(void *context);
};

/* Options are copied. NULL: no memory. `key` is the process's. */
struct cluster *cluster_new(const struct cluster_options *options,
	const struct hash_key *key, const struct cluster_report *report);
/* No reader of its store may be left. */
void cluster_free(struct cluster *cluster);

/*
 * Reads everything once; with `base`, follows the source from then on. What an API server
 * has comes while the base runs, unless `waits` is set: then it is waited for, for as
 * long as startup_timeout_ms. Without a base it always is. ERR_NOMEM, ERR_IO;
 * ERR_INVALID: reported, and nothing will come. Problems with manifests are reported, not
 * returned.
 */
enum err cluster_start(
	struct cluster *cluster, struct event_base *base, bool waits) MUST_CHECK;

/* One at a time; all zero: nobody. */
void cluster_set_follower(
	struct cluster *cluster, const struct cluster_follower *follower);

/* The API server has not told all in time: answers with what the state file had, if there
 * was one, until it has. False: there was none. */
bool cluster_accept_state(struct cluster *cluster);
/* The registry goes into the state file, if there is one, with what is new in it. */
void cluster_save_state(struct cluster *cluster);

/* When the source last said that this is how it is, on the monotonic clock; 0: never. */
int64_t cluster_confirmed_ms(const struct cluster *cluster);

/* The API server that it comes from, host and port; NULL: it comes from manifests. */
const char *cluster_apiserver(const struct cluster *cluster);
/* That is the one of the pod that this runs in, and this is none. */
bool cluster_lacks_pod(const struct cluster *cluster);
uint64_t cluster_repairs(const struct cluster *cluster);
const struct fetch_counters *cluster_requests(const struct cluster *cluster);

/* What an API server has not told yet and why, as one line; "" when it has told all. */
void cluster_describe(const struct cluster *cluster, char *out, size_t size);

/* Whether a cluster with the one is a cluster with the other. */
bool cluster_options_equal(
	const struct cluster_options *a, const struct cluster_options *b);

/* Every folder was there and every file could be read, or the API server told all. */
bool cluster_is_whole(const struct cluster *cluster);

/* The serials of zones that `previous` has, too, continue behind its own. */
void cluster_follow(struct cluster *cluster, const struct cluster *previous);

/* Frees what was replaced and no reader can see any more, and publishes what found no
 * memory before; to be called now and then. */
void cluster_reclaim(struct cluster *cluster);

/* Valid as long as the cluster. */
const struct cluster_options *cluster_options(const struct cluster *cluster);
const struct store *cluster_store(const struct cluster *cluster);
/* NULL: there are no external zones. */
const struct store *cluster_external_store(const struct cluster *cluster);
/* Read by client_find (zones/store/client.h). NULL: it is not kept. */
const struct store *cluster_clients(const struct cluster *cluster);
const struct registry *cluster_registry(const struct cluster *cluster);
/* Of ServiceImports, NULL: there are no multicluster zones. */
const struct registry *cluster_imports(const struct cluster *cluster);
/* The first zone that is not a reverse zone. */
const struct dname *cluster_primary(const struct cluster *cluster);
/* As given, without the zones. */
const struct cluster_options *cluster_get_options(const struct cluster *cluster);
const struct cluster_counters *cluster_counters(const struct cluster *cluster);
