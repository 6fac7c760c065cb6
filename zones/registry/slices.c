/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "zones/registry/registry_internal.h"

/* EndpointSlices and Endpoints objects. What can fail is done before anything changes,
 * so that a change without memory leaves all as it was. */

static uint64_t slice_hash(const void *object)
{
	return ((const struct slice_entry *)object)->hash;
}

static bool slice_has_key(const void *object, const void *key)
{
	const struct slice_entry *entry = object;
	const struct registry_key *wanted = key;
	return entry->service->ns == wanted->ns &&
	       strcmp(pack_slice_name(entry->slice), wanted->name) == 0;
}

const struct ptable_type registry_slice_table_type = {slice_hash, slice_has_key};

static struct slice_entry *find_slice(
	const struct registry *registry, const char *ns_name, const char *name)
{
	const struct registry_namespace *ns = registry_find_namespace(registry, ns_name);
	struct registry_key key = {ns, name};
	return ns ? ptable_find(
			    &registry->slices, registry_hash(registry, ns, name), &key)
		  : NULL;
}

static void service_drop_slice(struct registry_service *service, struct pack_slice *slice)
{
	unsigned i = 0;
	while (service->slices[i] != slice)
		i++;
	service->slice_count--;
	memmove(&service->slices[i], &service->slices[i + 1],
		(service->slice_count - i) * sizeof(*service->slices));
	free(slice);
}

static enum err service_make_room(struct registry_service *service)
{
	if (service->slice_count < service->slice_capacity)
		return ERR_NONE;
	if (service->slice_capacity > UINT16_MAX / 2)
		return ERR_NOMEM;
	uint16_t capacity =
		service->slice_capacity ? (uint16_t)(service->slice_capacity * 2) : 1;
	void *grown = realloc(service->slices, capacity * sizeof(*service->slices));
	if (!grown)
		return ERR_NOMEM;
	service->slices = grown;
	service->slice_capacity = capacity;
	return ERR_NONE;
}

/* In the order of names, so that answers do not depend on the order of arrival. */
static void service_insert_slice(
	struct registry_service *service, struct pack_slice *slice)
{
	unsigned i = service->slice_count;
	for (; i; i--) {
		struct pack_slice *before = service->slices[i - 1];
		if (strcmp(pack_slice_name(before), pack_slice_name(slice)) <= 0)
			break;
		service->slices[i] = before;
	}
	service->slices[i] = slice;
	service->slice_count++;
}

enum err registry_remove_slice(
	struct registry *registry, const char *ns, const char *name)
{
	struct slice_entry *entry = find_slice(registry, ns, name);
	if (!entry)
		return ERR_NONE;
	enum err err = registry_touch(registry, entry->service);
	if (err)
		return err;
	ptable_remove(&registry->slices, entry);
	service_drop_slice(entry->service, entry->slice);
	free(entry);
	registry->counts[OBJECT_SLICE]--;
	return ERR_NONE;
}

static enum err add_entry(struct registry *registry, struct registry_service *service,
	struct pack_slice *slice)
{
	struct slice_entry *entry = malloc(sizeof(*entry));
	if (!entry)
		return ERR_NOMEM;
	*entry = (struct slice_entry){
		registry_hash(registry, service->ns, pack_slice_name(slice)), service,
		slice};
	enum err err = ptable_add(&registry->slices, entry);
	if (err)
		free(entry);
	else
		registry->counts[OBJECT_SLICE]++;
	return err;
}

/* `slice` takes the place of the one in `entry`, or is new (NULL). */
static enum err set_slice(struct registry *registry, struct slice_entry *entry,
	struct registry_service *service, struct pack_slice *slice)
{
	enum err err = service_make_room(service);
	if (!err)
		err = registry_touch(registry, service);
	if (!err && entry)
		err = registry_touch(registry, entry->service);
	if (!err && !entry)
		err = add_entry(registry, service, slice);
	if (err)
		return err;
	if (entry) {
		service_drop_slice(entry->service, entry->slice);
		entry->service = service;
		entry->slice = slice;
	}
	service_insert_slice(service, slice);
	return ERR_NONE;
}

/* A slice may belong to a Service, to a ServiceImport or to one of each. */
static const char *slice_owner(
	const struct registry *registry, const struct object_slice *slice)
{
	return registry->options.holds_imports ? slice->import : slice->service;
}

enum err registry_put_slice(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	(void)problems;
	if (registry->options.ignores_endpoints)
		return ERR_NONE;
	const char *owner = slice_owner(registry, &object->slice);
	if (!owner)
		return ERR_NONE;
	if (!*owner || !registry_selects(registry, object))
		return registry_remove_slice(registry, object->ns, object->name);
	const struct pack_slice_options options = {
		.keeps_pod_names = registry->options.keeps_pod_names,
		.keeps_zones = registry->options.keeps_zones,
		.is_import = registry->options.holds_imports,
	};
	struct pack_slice *slice = pack_slice_new(object, &options);
	if (!slice)
		return ERR_NOMEM;
	struct slice_entry *entry = find_slice(registry, object->ns, object->name);
	if (entry && pack_slice_equal(entry->slice, slice)) {
		entry->slice->origin = slice->origin;
		free(slice);
		return ERR_NONE;
	}
	struct registry_service *service =
		registry_service_at(registry, object->ns, owner);
	enum err err = service ? set_slice(registry, entry, service, slice) : ERR_NOMEM;
	if (err) {
		free(slice);
		if (service)
			registry_service_release(registry, service);
	}
	return err;
}

/* --- Endpoints objects --- */

static enum err service_set_endpoints(struct registry *registry,
	struct registry_service *service, struct pack_slice *endpoints)
{
	enum err err = registry_touch(registry, service);
	if (err) {
		free(endpoints);
		registry_service_release(registry, service);
		return err;
	}
	registry->counts[OBJECT_ENDPOINTS] += (size_t) !!endpoints - !!service->endpoints;
	free(service->endpoints);
	service->endpoints = endpoints;
	return ERR_NONE;
}

enum err registry_remove_endpoints(
	struct registry *registry, const char *ns, const char *name)
{
	struct registry_service *service = registry_find_service(registry, ns, name);
	if (!service || !service->endpoints)
		return ERR_NONE;
	return service_set_endpoints(registry, service, NULL);
}

enum err registry_put_endpoints(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	(void)problems;
	if (registry->options.ignores_endpoints)
		return ERR_NONE;
	if (!registry_selects(registry, object))
		return registry_remove_endpoints(registry, object->ns, object->name);
	const struct pack_slice_options options = {
		.keeps_pod_names = registry->options.keeps_pod_names,
		.keeps_zones = registry->options.keeps_zones,
	};
	struct pack_slice *pack = pack_slice_new(object, &options);
	struct registry_service *service =
		pack ? registry_service_at(registry, object->ns, object->name) : NULL;
	if (!service) {
		free(pack);
		return ERR_NOMEM;
	}
	if (service->endpoints && pack_slice_equal(service->endpoints, pack)) {
		service->endpoints->origin = pack->origin;
		free(pack);
		return ERR_NONE;
	}
	return service_set_endpoints(registry, service, pack);
}
