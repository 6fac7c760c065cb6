/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/registry/address_index.h"
#include "zones/registry/pod_addresses.h"
#include "zones/registry/registry.h"

/* What the files of the registry share. */

struct arena;
struct cidr_alloc;

/* An EndpointSlice by its own name: which service it belongs to. */
struct slice_entry {
	uint32_t hash;
	struct registry_service *service;
	struct pack_slice *slice;
};

struct touched {
	void **items;
	size_t count, capacity;
};

struct registry {
	struct registry_options options;
	struct registry_observer observer;
	struct ptable namespaces, services, slices;
	struct registry_namespace **namespaces_by_id; /* they never go */
	uint32_t namespace_count, namespace_capacity;
	struct slab *pods; /* their memory */
	struct pod_addresses pod_addresses;
	struct address_index index;
	struct registry_service **by_id; /* NULL where an id is free */
	uint32_t id_count, id_capacity, first_free_id;
	struct touched services_touched, namespaces_touched;
	struct registry_pod_address *addresses_touched;
	size_t address_count, address_capacity;
	struct cidr_alloc *cidrs[2];
	size_t counts[OBJECT_KINDS];
	bool has_missed_moves; /* assign.c found no memory to touch what was moved */
};

/* A key for the tables by namespace and name. */
struct registry_key {
	const struct registry_namespace *ns;
	const char *name;
};

uint32_t registry_hash(const struct registry *registry, const void *ns, const char *name);

/* Finds or makes; NULL: no memory. */
struct registry_namespace *registry_namespace_at(
	struct registry *registry, const char *name);
struct registry_service *registry_service_at(
	struct registry *registry, const char *ns_name, const char *name);

/* Frees a service that is nothing and touched by nothing. */
void registry_service_release(
	struct registry *registry, struct registry_service *service);

/* Call before a service changes: tells the observer, takes its addresses out of the
 * index. ERR_NOMEM: nothing may change. */
enum err registry_touch(
	struct registry *registry, struct registry_service *service) MUST_CHECK;

/* Does the option `labels` let it in? */
bool registry_selects(const struct registry *registry, const struct object *object);

/* --- slices.c --- */
extern const struct ptable_type registry_slice_table_type;
enum err registry_put_slice(struct registry *registry, const struct object *object,
	struct diag_list *problems) MUST_CHECK;
enum err registry_remove_slice(
	struct registry *registry, const char *ns, const char *name) MUST_CHECK;
enum err registry_put_endpoints(struct registry *registry, const struct object *object,
	struct diag_list *problems) MUST_CHECK;
enum err registry_remove_endpoints(
	struct registry *registry, const char *ns, const char *name) MUST_CHECK;

/* --- pods.c --- */
extern const struct ptable_type pod_table_type; /* of a namespace's pods */
enum err registry_put_pod(
	struct registry *registry, const struct object *object) MUST_CHECK;
enum err registry_remove_pod(
	struct registry *registry, const char *ns, const char *name) MUST_CHECK;
void registry_free_pods(struct registry *registry, struct registry_namespace *ns);

/* --- derive.c --- */

/* Room for labels of a pod or a selector; NULL: no memory. */
struct object_label *registry_new_labels(struct arena *arena, size_t count);
/* Are this service's endpoints its pods? */
bool registry_is_pod_backed(const struct registry_service *service);
/* Makes service->derived anew. */
enum err registry_derive(
	struct registry *registry, struct registry_service *service) MUST_CHECK;

/* --- assign.c --- */
enum err registry_assign_init(struct registry *registry) MUST_CHECK;
void registry_assign_deinit(struct registry *registry);
/* The service's object goes from `old` to `new` (either may be NULL): its explicit
 * addresses are reserved, or it asks for some. ERR_NOMEM: as before. */
enum err registry_assign_change(struct registry *registry,
	const struct registry_service *service, const struct pack_service *old,
	const struct pack_service *new, struct diag_list *problems) MUST_CHECK;
/* Touches what was moved while there was no memory to do so. */
enum err registry_assign_catch_up(struct registry *registry) MUST_CHECK;
/* Fetches what it has been given. */
void registry_assign_read(struct registry *registry, struct registry_service *service);
