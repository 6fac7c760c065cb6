/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/slab.h"
#include "zones/registry/registry_internal.h"
#include "zones/registry/selector.h"

enum { TOUCHED_KEPT = 1024 };

/* --- tables --- */

uint32_t registry_hash(const struct registry *registry, const void *ns, const char *name)
{
	struct hash_key key = *registry->options.key;
	key.k0 ^= (uint64_t)(uintptr_t)ns;
	return (uint32_t)hash_bytes(&key, name, strlen(name));
}

static uint64_t namespace_hash(const void *object)
{
	return ((const struct registry_namespace *)object)->hash;
}

static bool namespace_has_key(const void *object, const void *key)
{
	return strcmp(((const struct registry_namespace *)object)->name, key) == 0;
}

static uint64_t service_hash(const void *object)
{
	return ((const struct registry_service *)object)->hash;
}

static bool service_has_key(const void *object, const void *key)
{
	const struct registry_service *service = object;
	const struct registry_key *wanted = key;
	return service->ns == wanted->ns && strcmp(service->name, wanted->name) == 0;
}

static const struct ptable_type namespace_table_type = {
	namespace_hash, namespace_has_key};
static const struct ptable_type service_table_type = {service_hash, service_has_key};

struct registry *registry_new(
	const struct registry_options *options, const struct registry_observer *observer)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	if (!registry)
		return NULL;
	registry->options = *options;
	registry->observer = *observer;
	registry->first_free_id = UINT32_MAX;
	ptable_init(&registry->namespaces, &namespace_table_type);
	ptable_init(&registry->services, &service_table_type);
	ptable_init(&registry->slices, &registry_slice_table_type);
	pod_addresses_init(&registry->pod_addresses, options->key);
	address_index_init(&registry->index, options->key);
	registry->pods = slab_new();
	if (!registry->pods || registry_assign_init(registry)) {
		registry_free(registry);
		return NULL;
	}
	return registry;
}

static void service_free(struct registry_service *service)
{
	for (unsigned i = 0; i < service->slice_count; i++)
		free(service->slices[i]);
	free(service->slices);
	free(service->endpoints);
	free(service->derived);
	free(service->object);
	free(service);
}

static void namespace_free(struct registry *registry, struct registry_namespace *ns)
{
	registry_free_pods(registry, ns);
	free(ns->services);
	free(ns);
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	void *object;
	for (size_t i = 0; (object = ptable_next(&registry->slices, &i));)
		free(object);
	for (size_t i = 0; (object = ptable_next(&registry->services, &i));)
		service_free(object);
	for (size_t i = 0; (object = ptable_next(&registry->namespaces, &i));)
		namespace_free(registry, object);
	ptable_deinit(&registry->namespaces);
	ptable_deinit(&registry->services);
	ptable_deinit(&registry->slices);
	address_index_deinit(&registry->index);
	pod_addresses_deinit(&registry->pod_addresses);
	slab_free(registry->pods);
	free(registry->namespaces_by_id);
	registry_assign_deinit(registry);
	free(registry->by_id);
	free(registry->services_touched.items);
	free(registry->namespaces_touched.items);
	free(registry->addresses_touched);
	free(registry);
}

/* --- namespaces --- */

struct registry_namespace *registry_find_namespace(
	const struct registry *registry, const char *name)
{
	return ptable_find(
		&registry->namespaces, registry_hash(registry, NULL, name), name);
}

static bool namespace_is_listed(const struct registry *registry, const char *name)
{
	const struct registry_options *options = &registry->options;
	for (size_t i = 0; i < options->namespace_count; i++)
		if (strcmp(options->namespaces[i], name) == 0)
			return true;
	return options->namespace_count == 0;
}

/* It never goes, as its records may have to: neither does its id. */
static enum err namespace_take_id(
	struct registry *registry, struct registry_namespace *ns)
{
	if (registry->namespace_count == registry->namespace_capacity) {
		uint32_t capacity = registry->namespace_capacity * 2 + 16;
		void *grown = realloc(registry->namespaces_by_id,
			capacity * sizeof(*registry->namespaces_by_id));
		if (!grown)
			return ERR_NOMEM;
		registry->namespaces_by_id = grown;
		registry->namespace_capacity = capacity;
	}
	ns->id = registry->namespace_count;
	registry->namespaces_by_id[ns->id] = ns;
	return ERR_NONE;
}

struct registry_namespace *registry_namespace_at(
	struct registry *registry, const char *name)
{
	struct registry_namespace *ns = registry_find_namespace(registry, name);
	if (ns)
		return ns;
	size_t length = strlen(name) + 1;
	ns = calloc(1, sizeof(*ns) + length);
	if (!ns)
		return NULL;
	memcpy(ns->name, name, length);
	ns->hash = registry_hash(registry, NULL, name);
	ns->is_listed = namespace_is_listed(registry, name);
	ptable_init(&ns->pods, &pod_table_type);
	if (namespace_take_id(registry, ns) || ptable_add(&registry->namespaces, ns)) {
		free(ns);
		return NULL;
	}
	registry->namespace_count++;
	return ns;
}

bool registry_is_exposed(const struct registry_namespace *ns)
{
	return ns->has_object && ns->is_selected && ns->is_listed;
}

static enum err touched_make_room(struct touched *touched)
{
	if (touched->count < touched->capacity)
		return ERR_NONE;
	size_t capacity = touched->capacity * 2 + 16;
	void **items = realloc(touched->items, capacity * sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	touched->items = items;
	touched->capacity = capacity;
	return ERR_NONE;
}

/* There is room. */
static void touched_add(struct touched *touched, void *item)
{
	touched->items[touched->count++] = item;
}

/* All that is in the namespace changes with its exposure. */
static enum err namespace_change(struct registry *registry, struct registry_namespace *ns,
	bool has_object, bool is_selected)
{
	if (ns->has_object == has_object && ns->is_selected == is_selected)
		return ERR_NONE;
	if (!ns->is_touched) {
		enum err err = touched_make_room(&registry->namespaces_touched);
		if (err)
			return err;
		touched_add(&registry->namespaces_touched, ns);
		ns->is_touched = true;
		ns->was_exposed = registry_is_exposed(ns);
	}
	for (uint32_t i = 0; i < ns->service_count; i++) {
		enum err err = registry_touch(registry, ns->services[i]);
		if (err)
			return err;
	}
	registry->counts[OBJECT_NAMESPACE] += (size_t)has_object - ns->has_object;
	ns->has_object = has_object;
	ns->is_selected = is_selected;
	return ERR_NONE;
}

static enum err put_namespace(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	(void)problems;
	struct registry_namespace *ns = registry_namespace_at(registry, object->name);
	if (!ns)
		return ERR_NOMEM;
	const struct selector *selector = registry->options.namespace_labels;
	bool is_selected =
		!selector || object->is_selected ||
		selector_matches(selector, object->labels, object->label_count);
	ns->origin = object->origin;
	return namespace_change(registry, ns, true, is_selected);
}

/* As the API server makes it, with the label that it puts on every namespace. */
static enum err put_builtin_namespace(struct registry *registry, const char *name)
{
	struct object_label label = {"kubernetes.io/metadata.name", name};
	struct object object = {.kind = OBJECT_NAMESPACE,
		.ns = "",
		.name = name,
		.labels = &label,
		.label_count = 1};
	enum err err = put_namespace(registry, &object, NULL);
	if (!err)
		registry_find_namespace(registry, name)->is_builtin = true;
	return err;
}

static enum err remove_namespace(
	struct registry *registry, const char *ns_name, const char *name)
{
	(void)ns_name;
	struct registry_namespace *ns = registry_find_namespace(registry, name);
	if (!ns)
		return ERR_NONE;
	return ns->is_builtin ? put_builtin_namespace(registry, name)
			      : namespace_change(registry, ns, false, false);
}

enum err registry_put_builtin_namespaces(struct registry *registry)
{
	static const char *const names[] = {
		"default", "kube-node-lease", "kube-public", "kube-system"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum err err = put_builtin_namespace(registry, names[i]);
		if (err)
			return err;
	}
	return ERR_NONE;
}

/* --- services --- */

struct registry_service *registry_find_service(
	const struct registry *registry, const char *ns_name, const char *name)
{
	const struct registry_namespace *ns = registry_find_namespace(registry, ns_name);
	struct registry_key key = {ns, name};
	return ns ? ptable_find(
			    &registry->services, registry_hash(registry, ns, name), &key)
		  : NULL;
}

/* Ids are small numbers, so that the address index can hold them. */
static enum err service_take_id(
	struct registry *registry, struct registry_service *service)
{
	if (registry->id_count == registry->id_capacity) {
		uint32_t capacity = registry->id_capacity * 2 + 64;
		void *grown =
			realloc(registry->by_id, capacity * sizeof(*registry->by_id));
		if (!grown)
			return ERR_NOMEM;
		registry->by_id = grown;
		registry->id_capacity = capacity;
	}
	uint32_t id = registry->first_free_id;
	while (id < registry->id_count && registry->by_id[id])
		id++;
	if (id >= registry->id_count)
		id = registry->id_count++;
	registry->first_free_id = id + 1;
	registry->by_id[id] = service;
	service->id = id;
	return ERR_NONE;
}

static void service_give_id(struct registry *registry, struct registry_service *service)
{
	registry->by_id[service->id] = NULL;
	if (service->id < registry->first_free_id)
		registry->first_free_id = service->id;
	while (registry->id_count && !registry->by_id[registry->id_count - 1])
		registry->id_count--;
}

static enum err namespace_add_service(
	struct registry_namespace *ns, struct registry_service *service)
{
	if (ns->service_count == ns->service_capacity) {
		uint32_t capacity = ns->service_capacity * 2 + 4;
		void *grown = realloc(ns->services, capacity * sizeof(*ns->services));
		if (!grown)
			return ERR_NOMEM;
		ns->services = grown;
		ns->service_capacity = capacity;
	}
	ns->services[ns->service_count++] = service;
	return ERR_NONE;
}

struct registry_service *registry_service_at(
	struct registry *registry, const char *ns_name, const char *name)
{
	struct registry_namespace *ns = registry_namespace_at(registry, ns_name);
	if (!ns)
		return NULL;
	struct registry_key key = {ns, name};
	uint32_t hash = registry_hash(registry, ns, name);
	struct registry_service *service = ptable_find(&registry->services, hash, &key);
	if (service)
		return service;
	size_t length = strlen(name) + 1;
	service = calloc(1, sizeof(*service) + length);
	if (!service)
		return NULL;
	memcpy(service->name, name, length);
	service->hash = hash;
	service->ns = ns;
	if (service_take_id(registry, service)) {
		free(service);
		return NULL;
	}
	if (namespace_add_service(ns, service)) {
		service_give_id(registry, service);
		free(service);
		return NULL;
	}
	if (ptable_add(&registry->services, service)) {
		ns->service_count--;
		service_give_id(registry, service);
		free(service);
		return NULL;
	}
	return service;
}

static void registry_drop_service(
	struct registry *registry, struct registry_service *service)
{
	struct registry_namespace *ns = service->ns;
	uint32_t i = 0;
	while (ns->services[i] != service)
		i++;
	ns->services[i] = ns->services[--ns->service_count];
	ptable_remove(&registry->services, service);
	service_give_id(registry, service);
	service_free(service);
}

static bool service_is_nothing(const struct registry_service *service)
{
	return !service->object && !service->slice_count && !service->endpoints;
}

void registry_service_release(struct registry *registry, struct registry_service *service)
{
	if (!service->is_touched && service_is_nothing(service))
		registry_drop_service(registry, service);
}

unsigned registry_cluster_ips(
	const struct registry_service *service, struct ipaddr out[2])
{
	const struct pack_service *object = service->object;
	unsigned count = 0;
	if (!object)
		return 0;
	for (unsigned i = 0; i < object->cluster_ip_count; i++)
		out[count++] = object->cluster_ips[i];
	for (unsigned i = 0; i < 2 && count < 2; i++)
		if (service->assigned[i].length)
			out[count++] = service->assigned[i];
	return count;
}

const char *registry_cluster_ip_text(const struct registry_service *service, char *out)
{
	struct ipaddr addresses[2];
	if (!registry_cluster_ips(service, addresses))
		return NULL;
	const char *written = pack_service_cluster_ip_text(service->object);
	if (*written && strlen(written) < IPADDR_TEXT_SIZE)
		return strcpy(out, written);
	return ipaddr_format(&addresses[0], out);
}

const struct pack_slice *registry_next_slice(
	const struct registry_service *service, unsigned *position)
{
	unsigned i = (*position)++;
	if (service->slice_count)
		return i < service->slice_count ? service->slices[i] : NULL;
	if (i)
		return NULL;
	return service->endpoints ? service->endpoints : service->derived;
}

/* --- the address index --- */

static enum err index_address(struct registry *registry,
	const struct registry_service *service, const struct ipaddr *address, bool adds)
{
	if (adds)
		return address_index_add(&registry->index, address, service->id);
	address_index_remove(&registry->index, address, service->id);
	return ERR_NONE;
}

static enum err index_slice(struct registry *registry,
	const struct registry_service *service, const struct pack_slice *slice, bool adds)
{
	struct pack_subset_iterator subsets = pack_slice_subsets(slice);
	struct pack_subset subset;
	while (pack_subset_next(&subsets, &subset)) {
		struct pack_endpoint_iterator endpoints = pack_subset_endpoints(&subset);
		struct pack_endpoint endpoint;
		while (pack_endpoint_next(&endpoints, &endpoint))
			for (unsigned i = 0; i < endpoint.address_count; i++) {
				struct ipaddr address =
					pack_endpoint_address(&endpoint, i);
				enum err err =
					index_address(registry, service, &address, adds);
				if (err)
					return err;
			}
	}
	return ERR_NONE;
}

/* Puts all addresses of the service as it is now into the index, or takes them out. */
static enum err index_service(
	struct registry *registry, const struct registry_service *service, bool adds)
{
	struct ipaddr ips[2];
	unsigned count = registry_cluster_ips(service, ips);
	for (unsigned i = 0; i < count; i++) {
		enum err err = index_address(registry, service, &ips[i], adds);
		if (err)
			return err;
	}
	if (service->object) {
		struct pack_external_iterator external =
			pack_service_external(service->object);
		struct ipaddr address;
		while (pack_external_next_address(&external, &address)) {
			enum err err = index_address(registry, service, &address, adds);
			if (err)
				return err;
		}
	}
	if (!registry->options.indexes_endpoints)
		return ERR_NONE;
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position))) {
		enum err err = index_slice(registry, service, slice, adds);
		if (err)
			return err;
	}
	return ERR_NONE;
}

struct registry_service *registry_next_by_address(
	const struct registry *registry, const struct ipaddr *address, size_t *position)
{
	uint32_t id;
	if (!address_index_next(&registry->index, address, position, &id))
		return NULL;
	return registry->by_id[id];
}

static void service_unindex(struct registry *registry, struct registry_service *service)
{
	if (service->is_indexed && index_service(registry, service, false))
		assert(!"taking out takes no memory");
	service->is_indexed = false;
}

static enum err service_index(struct registry *registry, struct registry_service *service)
{
	service->is_indexed = true;
	enum err err = index_service(registry, service, true);
	if (err)
		service_unindex(registry, service);
	return err;
}

enum err registry_touch(struct registry *registry, struct registry_service *service)
{
	/* Touched and indexed: the batch was settled, perhaps published in part, and goes
	 * on. The observer has to know that state too. */
	if (service->is_touched && !service->is_indexed)
		return ERR_NONE;
	enum err err = touched_make_room(&registry->services_touched);
	if (!err)
		err = registry->observer.before_change(
			registry->observer.context, service);
	if (err)
		return err;
	if (!service->is_touched)
		touched_add(&registry->services_touched, service);
	service->is_touched = true;
	service_unindex(registry, service);
	return ERR_NONE;
}

bool registry_selects(const struct registry *registry, const struct object *object)
{
	const struct selector *selector = registry->options.labels;
	return !selector || object->is_selected ||
	       selector_matches(selector, object->labels, object->label_count);
}

/* The service's object becomes `object`, which may be NULL and is owned from here. */
static enum err service_set_object(struct registry *registry,
	struct registry_service *service, struct pack_service *object,
	struct diag_list *problems)
{
	enum err err = registry_touch(registry, service);
	if (!err)
		err = registry_assign_change(
			registry, service, service->object, object, problems);
	if (err) {
		free(object);
		registry_service_release(registry, service);
		return err;
	}
	registry->counts[registry_service_kind(registry)] +=
		(size_t) !!object - !!service->object;
	free(service->object);
	service->object = object;
	service->is_unchecked = true;
	return ERR_NONE;
}

static enum err remove_service(
	struct registry *registry, const char *ns, const char *name)
{
	struct registry_service *service = registry_find_service(registry, ns, name);
	if (!service || !service->object)
		return ERR_NONE;
	return service_set_object(registry, service, NULL, NULL);
}

static enum err put_service(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	/* Who imports a service does not choose its labels. */
	if (object->kind == OBJECT_SERVICE && !registry_selects(registry, object))
		return remove_service(registry, object->ns, object->name);
	const struct pack_service_options options = {
		.keeps_external = registry->options.keeps_external,
	};
	struct pack_service *pack = pack_service_new(object, &options);
	struct registry_service *service =
		pack ? registry_service_at(registry, object->ns, object->name) : NULL;
	if (!service) {
		free(pack);
		return ERR_NOMEM;
	}
	if (service->object && pack_service_equal(service->object, pack)) {
		service->object->origin = pack->origin;
		free(pack);
		return ERR_NONE;
	}
	return service_set_object(registry, service, pack, problems);
}

/* --- what comes in --- */

static enum err put_pod(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	(void)problems;
	if (!registry_selects(registry, object))
		return registry_remove_pod(registry, object->ns, object->name);
	return registry_put_pod(registry, object);
}

struct kind_handler {
	enum err (*put)(struct registry *registry, const struct object *object,
		struct diag_list *problems);
	enum err (*remove)(struct registry *registry, const char *ns, const char *name);
};

static const struct kind_handler import_handlers[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = {put_namespace, remove_namespace},
	[OBJECT_SLICE] = {registry_put_slice, registry_remove_slice},
	[OBJECT_IMPORT] = {put_service, remove_service},
};

static const struct kind_handler service_handlers[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = {put_namespace, remove_namespace},
	[OBJECT_SERVICE] = {put_service, remove_service},
	[OBJECT_SLICE] = {registry_put_slice, registry_remove_slice},
	[OBJECT_ENDPOINTS] = {registry_put_endpoints, registry_remove_endpoints},
	[OBJECT_POD] = {put_pod, registry_remove_pod},
};

static const struct kind_handler *handler_of(
	const struct registry *registry, enum object_kind kind)
{
	return registry->options.holds_imports ? &import_handlers[kind]
					       : &service_handlers[kind];
}

enum err registry_put(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	const struct kind_handler *handler = handler_of(registry, object->kind);
	return handler->put ? handler->put(registry, object, problems) : ERR_NONE;
}

enum err registry_remove(struct registry *registry, enum object_kind kind, const char *ns,
	const char *name)
{
	const struct kind_handler *handler = handler_of(registry, kind);
	return handler->remove ? handler->remove(registry, ns, name) : ERR_NONE;
}

/* --- the end of a batch --- */

/* An API server gives no address twice; manifests may. Both are answered, and the PTR is
 * that of the first by namespace and name. */
static void warn_of_shared_addresses(const struct registry *registry,
	const struct registry_service *service, struct diag_list *problems)
{
	const char *kind = object_kind_name(registry_service_kind(registry));
	struct ipaddr ips[2];
	unsigned count = registry_cluster_ips(service, ips);
	for (unsigned i = 0; i < count; i++) {
		size_t position = 0;
		const struct registry_service *other;
		while ((other = registry_next_by_address(registry, &ips[i], &position))) {
			struct ipaddr theirs[2];
			unsigned their_count = registry_cluster_ips(other, theirs);
			bool is_shared = false;
			for (unsigned j = 0; j < their_count; j++)
				is_shared |= ipaddr_equal(&ips[i], &theirs[j]);
			if (other == service || !is_shared)
				continue;
			char text[IPADDR_TEXT_SIZE];
			const struct object_origin *origin = &service->object->origin;
			diag_add(problems, SEVERITY_WARNING, origin->file, origin->line,
				0,
				"%s %s/%s has the cluster IP %s of %s %s/%s; "
				"both names are answered",
				kind, service->ns->name, service->name,
				ipaddr_format(&ips[i], text), kind, other->ns->name,
				other->name);
		}
	}
}

enum err registry_settle(struct registry *registry, struct diag_list *problems)
{
	struct touched *touched = &registry->services_touched;
	enum err err = registry_assign_catch_up(registry);
	if (err)
		return err;
	for (size_t i = 0; i < touched->count; i++) {
		struct registry_service *service = touched->items[i];
		service_unindex(registry, service);
		registry_assign_read(registry, service);
		err = registry_derive(registry, service);
		if (!err)
			err = service_index(registry, service);
		if (err)
			return err;
		if (service->is_unchecked && service->object)
			warn_of_shared_addresses(registry, service, problems);
		service->is_unchecked = false;
	}
	return ERR_NONE;
}

struct registry_service *const *registry_touched_services(
	const struct registry *registry, size_t *count)
{
	*count = registry->services_touched.count;
	return (struct registry_service *const *)registry->services_touched.items;
}

struct registry_namespace *const *registry_touched_namespaces(
	const struct registry *registry, size_t *count)
{
	*count = registry->namespaces_touched.count;
	return (struct registry_namespace *const *)registry->namespaces_touched.items;
}

const struct registry_pod_address *registry_touched_addresses(
	const struct registry *registry, size_t *count)
{
	*count = registry->address_count;
	return registry->addresses_touched;
}

void registry_end_batch(struct registry *registry)
{
	for (size_t i = 0; i < registry->services_touched.count; i++) {
		struct registry_service *service = registry->services_touched.items[i];
		service->is_touched = false;
		registry_service_release(registry, service);
	}
	for (size_t i = 0; i < registry->namespaces_touched.count; i++)
		((struct registry_namespace *)registry->namespaces_touched.items[i])
			->is_touched = false;
	registry->services_touched.count = 0;
	registry->namespaces_touched.count = 0;
	registry->address_count = 0;
	/* A list of all pods is a batch of its own size, and there is none soon. */
	if (registry->address_capacity > TOUCHED_KEPT) {
		free(registry->addresses_touched);
		registry->addresses_touched = NULL;
		registry->address_capacity = 0;
	}
}

struct registry_namespace *registry_next_namespace(
	const struct registry *registry, size_t *position)
{
	return ptable_next(&registry->namespaces, position);
}

enum object_kind registry_service_kind(const struct registry *registry)
{
	return registry->options.holds_imports ? OBJECT_IMPORT : OBJECT_SERVICE;
}

size_t registry_count(const struct registry *registry, enum object_kind kind)
{
	return registry->counts[kind];
}
