/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/base/hash.h"
#include "server/base/ptable.h"
#include "zones/registry/object.h"
#include "zones/registry/pack.h"

/*
 * The registry: namespaces, services, their endpoints and pods as DNS sees them, and
 * what a change to one of them touches. Objects come in through put and remove; at the
 * end of a batch the owner asks which services, namespaces and pod addresses were
 * touched, recomputes their records and ends the batch. Control thread only.
 *
 * A service exists here from its Service object or from its first slice on. Its
 * endpoints are its EndpointSlices; without one, its Endpoints object; without
 * that too, and with a selector, the pods that match, unless all are known to
 * have slices.
 *
 * A registry of imports holds ServiceImports for services and, as their endpoints, the
 * EndpointSlices that name them; of Services, Endpoints and pods it takes none.
 */

struct registry;
struct selector;

struct registry_options {
	const struct hash_key *key;
	const struct ipprefix *service_cidrs; /* at most one per family */
	size_t service_cidr_count;
	const struct selector *labels; /* NULL: all; of services, slices, pods */
	const struct selector *namespace_labels; /* NULL: all */
	const char *const *namespaces;           /* exposed ones; count 0: all */
	size_t namespace_count;
	bool keeps_pod_names;   /* of endpoints: option endpoint_pod_names */
	bool keeps_zones;       /* of endpoints: option zonal */
	bool indexes_endpoints; /* registry_next_by_address finds endpoints too */
	bool ignores_endpoints; /* option noendpoints: slices and endpoints are not kept
				 */
	bool has_all_slices;    /* no service has other endpoints than those of slices:
				   of pods only the addresses are kept */
	bool keeps_external;    /* addresses from outside; registry_next_by_address
				   finds them too */
	bool holds_imports;     /* it is a registry of imports */
};

struct registry_namespace {
	uint32_t hash, id;
	bool has_object;
	bool is_builtin;  /* exists without an object */
	bool is_selected; /* its labels match namespace_labels */
	bool is_listed;   /* in the list of namespaces, or there is none */
	bool is_touched;
	bool was_exposed; /* before this batch, while is_touched */
	struct registry_service **services;
	uint32_t service_count, service_capacity;
	struct ptable pods; /* of struct pack_pod, by name */
	struct object_origin origin;
	char name[];
};

struct registry_service {
	uint32_t hash, id;
	struct registry_namespace *ns;
	struct pack_service *object;  /* NULL: slices without a Service or import */
	struct pack_slice **slices;   /* sorted by name */
	struct pack_slice *endpoints; /* the Endpoints object */
	struct pack_slice *derived;   /* from pods */
	struct ipaddr assigned[2];    /* from service_cidr; length 0: none */
	uint16_t slice_count, slice_capacity;
	bool is_touched;
	bool is_indexed;   /* its addresses are in the index */
	bool is_unchecked; /* its object changed in this batch */
	char name[];
};

/* A pod address of a namespace that came or went, or that is its node's no
 * longer or from now on. */
struct registry_pod_address {
	struct registry_namespace *ns;
	struct ipaddr address;
};

/*
 * Called when a service is touched for the first time in a batch, while it still is as
 * its published records say; again when it is touched after registry_settle, in a batch
 * that could not be ended.
 */
struct registry_observer {
	void *context;
	/* ERR_NOMEM: the change is not made. */
	enum err (*before_change)(void *context, const struct registry_service *service);
};

/* Everything in `options` is borrowed for the registry's life. NULL: no memory. */
struct registry *registry_new(
	const struct registry_options *options, const struct registry_observer *observer);
void registry_free(struct registry *registry);

/* The namespaces that every API server has, whether or not a manifest describes them:
 * default, kube-node-lease, kube-public, kube-system. */
enum err registry_put_builtin_namespaces(struct registry *registry) MUST_CHECK;

/*
 * The object is there from now on. What it cannot be served with (a cluster IP that two
 * services have, no address and no service_cidr) goes to `problems` as warnings.
 * Kinds that the registry does not hold are passed over. ERR_NOMEM: as before.
 */
enum err registry_put(struct registry *registry, const struct object *object,
	struct diag_list *problems) MUST_CHECK;

/* Not there any more; unknown objects are fine. ERR_NOMEM. */
enum err registry_remove(struct registry *registry, enum object_kind kind, const char *ns,
	const char *name) MUST_CHECK;

/* Removes the objects of the kind that `has` does not know. ERR_NOMEM: some are left. */
enum err registry_sweep(struct registry *registry, enum object_kind kind,
	bool (*has)(void *context, const char *ns, const char *name),
	void *context) MUST_CHECK;

/*
 * Brings what depends on several objects up to date (addresses from service_cidr,
 * endpoints from pods, the address index). After it and before registry_end_batch the
 * touched things can be read.
 */
enum err registry_settle(
	struct registry *registry, struct diag_list *problems) MUST_CHECK;

struct registry_service *const *registry_touched_services(
	const struct registry *registry, size_t *count);
struct registry_namespace *const *registry_touched_namespaces(
	const struct registry *registry, size_t *count);
const struct registry_pod_address *registry_touched_addresses(
	const struct registry *registry, size_t *count);

/* Forgets what was touched and frees services that are nothing any more. */
void registry_end_batch(struct registry *registry);

/* --- reading --- */

/* Does its namespace exist and is it shown? */
bool registry_is_exposed(const struct registry_namespace *ns);

/* The cluster IPs, given or assigned; returns how many (0 to 2). */
unsigned registry_cluster_ips(
	const struct registry_service *service, struct ipaddr out[2]);

/* The first of them, as it was written where it was given; into `out`, of
 * IPADDR_TEXT_SIZE octets. NULL: it has none. */
const char *registry_cluster_ip_text(const struct registry_service *service, char *out);

/* The slices that count, *position from 0 on; NULL at the end. */
const struct pack_slice *registry_next_slice(
	const struct registry_service *service, unsigned *position);

/* Services that have `address` as cluster IP or, where indexed, as an endpoint's
 * address, perhaps some that do not: the caller looks. *position from 0 on. */
struct registry_service *registry_next_by_address(
	const struct registry *registry, const struct ipaddr *address, size_t *position);

/* The namespace whose pods alone have the address, none of them in its node's network.
 * NULL: there is none, or it cannot be said which. */
const struct registry_namespace *registry_client_namespace(
	const struct registry *registry, const struct ipaddr *address);

bool registry_has_pod_address(const struct registry *registry,
	const struct registry_namespace *ns, const struct ipaddr *address);

/* NULL: none. */
struct registry_service *registry_find_service(
	const struct registry *registry, const char *ns, const char *name);
struct registry_namespace *registry_find_namespace(
	const struct registry *registry, const char *name);

/* The pods of a namespace: *position from 0 on; NULL at the end. No changes in between.
 */
const struct pack_pod *registry_next_pod(
	const struct registry_namespace *ns, size_t *position);

/* All namespaces: *position from 0 on; NULL at the end. */
struct registry_namespace *registry_next_namespace(
	const struct registry *registry, size_t *position);

/* The kind of object that its services are. */
enum object_kind registry_service_kind(const struct registry *registry);

/* Objects of each kind. */
size_t registry_count(const struct registry *registry, enum object_kind kind);
