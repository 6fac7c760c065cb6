/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/registry/registry.h"
#include "zones/store/store_write.h"

/*
 * Synth: from a registry's touched services, namespaces and pods to the record sets of
 * their names, written to the store. Only what was touched is recomputed. The rules are
 * those of the Kubernetes DNS-Based Service Discovery specification 1.1.0. Control
 * thread only.
 */

struct synth;

enum pod_mode { PODS_DISABLED, PODS_INSECURE, PODS_VERIFIED };

/* The names of services outside of the cluster, SERVICE.NAMESPACE.ZONE: what they have of
 * addresses from there, host names of load balancers included. */
struct synth_external {
	const char *apex;     /* the label below which the name server's name is */
	bool serves_headless; /* services without such addresses, by their endpoints */
};

struct synth_options {
	const struct synth_external *external; /* NULL: the names inside the cluster */
	uint32_t ttl_s;
	enum pod_mode pods;
	bool uses_pod_names;         /* option endpoint_pod_names */
	bool ignores_empty;          /* option ignore empty_service */
	bool ignores_endpoints;      /* option noendpoints */
	bool serves_zones;           /* option zonal: names for an availability zone */
	bool serves_imports;         /* names of ServiceImports alone, the registry
					being one of imports, in multicluster zones */
	bool keeps_hints;            /* of names that do not exist */
	bool keeps_absences;         /* of those, why services have no answer */
	const struct dname *primary; /* the zone that PTR targets end in */
	const struct ipaddr *own_addresses; /* of ns.dns */
	size_t own_address_count;
};

/* Registry and store are borrowed for its life. NULL: no memory. */
struct synth *synth_new(const struct synth_options *options,
	const struct registry *registry, struct store *store);
void synth_free(struct synth *synth);

/* The registry's observer: notes the names that the service has published. ERR_NOMEM. */
enum err synth_before_change(
	void *context, const struct registry_service *service) MUST_CHECK;

/*
 * Recomputes what was touched. ERR_NOMEM: what was not reached is as before; called
 * again, with the registry's batch not ended, it makes up for it.
 */
enum err synth_apply(struct synth *synth) MUST_CHECK;

/* Puts the names of verified pods that `store` knows `into` one of the same zones
 * (store_new_alike), with their records. ERR_NOMEM. */
enum err synth_list_pods(const struct registry *registry, const struct store *store,
	struct store *into) MUST_CHECK;

/* Is this zone in in-addr.arpa or ip6.arpa? `zone` is lower-case. */
bool synth_is_reverse(const struct dname *zone);
