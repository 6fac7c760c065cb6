/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "server/wire/reverse.h"
#include "zones/synth/synth_internal.h"

/*
 * PTR records. An address answers with the service that has it as cluster IP, the first
 * by namespace and name where manifests gave it to several; else with the name of every
 * ready endpoint that has it, whatever its service. So an address may depend on several
 * services, which the registry's address index finds. In external zones an address
 * answers with all services that have it there.
 */

static bool has_cluster_ip(
	const struct registry_service *service, const struct ipaddr *address)
{
	struct ipaddr ips[2];
	unsigned count = registry_cluster_ips(service, ips);
	for (unsigned i = 0; i < count; i++)
		if (ipaddr_equal(&ips[i], address))
			return true;
	return false;
}

static int service_order(
	const struct registry_service *a, const struct registry_service *b)
{
	int order = strcmp(a->ns->name, b->ns->name);
	return order ? order : strcmp(a->name, b->name);
}

static const struct registry_service *first_by_cluster_ip(
	const struct synth *synth, const struct ipaddr *address)
{
	const struct registry_service *first = NULL, *service;
	size_t position = 0;
	while ((service = registry_next_by_address(synth->registry, address, &position)))
		if (registry_is_exposed(service->ns) &&
			has_cluster_ip(service, address) &&
			(!first || service_order(service, first) < 0))
			first = service;
	return first;
}

static bool has_external_ip(
	const struct registry_service *service, const struct ipaddr *address)
{
	if (!service->object)
		return false;
	struct pack_external_iterator external = pack_service_external(service->object);
	struct ipaddr theirs;
	while (pack_external_next_address(&external, &theirs))
		if (ipaddr_equal(&theirs, address))
			return true;
	return false;
}

/* A service that was left out for want of a cluster IP has no names to point at. */
static bool has_endpoint_pointers(const struct registry_service *service)
{
	const struct pack_service *object = service->object;
	struct ipaddr ips[2];
	return registry_is_exposed(service->ns) &&
	       (!object || object->is_headless || object->type == SERVICE_EXTERNAL_NAME ||
		       registry_cluster_ips(service, ips));
}

/* The names that an address points at, collected and then sorted: their order depends
 * neither on the order of arrival nor on which service asked for them. */
struct pointers {
	const struct synth *synth;
	struct arena arena;
	struct dname *names;
	size_t count, capacity;
};

static enum err add_pointer(struct pointers *pointers, const struct dname *name)
{
	if (pointers->count == pointers->capacity) {
		size_t capacity = pointers->capacity * 2 + 8;
		struct dname *names =
			arena_calloc(&pointers->arena, capacity, sizeof(*names));
		if (!names)
			return ERR_NOMEM;
		if (pointers->count)
			memcpy(names, pointers->names, pointers->count * sizeof(*names));
		pointers->names = names;
		pointers->capacity = capacity;
	}
	pointers->names[pointers->count++] = *name;
	return ERR_NONE;
}

static int name_compare(const void *a, const void *b)
{
	const struct dname *left = a, *right = b;
	int order = left->length - right->length;
	return order ? order : memcmp(left->bytes, right->bytes, left->length);
}

/* Each name once. */
static void emit_pointers(struct synth *synth, struct pointers *pointers)
{
	struct dname *names = pointers->names;
	if (pointers->count)
		qsort(names, pointers->count, sizeof(*names), name_compare);
	for (size_t i = 0; i < pointers->count; i++)
		if (!i || !dname_equal(&names[i - 1], &names[i]))
			answer_add_name(
				synth->builder, TYPE_PTR, synth->primary_zone, &names[i]);
}

static enum err add_endpoint_pointer(struct pointers *pointers,
	const struct registry_service *service, const char *label, size_t length)
{
	struct dname name;
	if (emit_service_name(
		    pointers->synth, service, pointers->synth->options.primary, &name) ||
		dname_prepend(&name, label, length))
		return ERR_NONE;
	return add_pointer(pointers, &name);
}

/* The endpoints of the plan at hand are sorted by address. */
static enum err add_from_plan(
	struct pointers *pointers, const struct plan *plan, const struct ipaddr *address)
{
	uint32_t low = 0, high = plan->hit_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct plan_hit *hit = &plan->hits[plan->by_address[middle]];
		if (ipaddr_compare(&hit->address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < plan->hit_count; low++) {
		const struct plan_hit *hit = &plan->hits[plan->by_address[low]];
		if (!ipaddr_equal(&hit->address, address))
			break;
		const struct plan_target *target = &plan->targets[hit->target];
		enum err err = add_endpoint_pointer(
			pointers, plan->service, target->label, target->label_length);
		if (err)
			return err;
	}
	return ERR_NONE;
}

static enum err add_from_subset(struct pointers *pointers,
	const struct registry_service *service, const struct pack_subset *subset,
	const struct ipaddr *address)
{
	struct pack_endpoint_iterator endpoints = pack_subset_endpoints(subset);
	struct pack_endpoint endpoint;
	while (pack_endpoint_next(&endpoints, &endpoint)) {
		for (unsigned i = 0; endpoint.is_ready && i < endpoint.address_count;
			i++) {
			struct ipaddr theirs = pack_endpoint_address(&endpoint, i);
			if (!ipaddr_equal(&theirs, address))
				continue;
			char label[DNAME_LABEL_MAX + 1];
			unsigned length = plan_endpoint_label(
				&pointers->synth->options, &endpoint, address, label);
			enum err err =
				add_endpoint_pointer(pointers, service, label, length);
			if (err)
				return err;
		}
	}
	return ERR_NONE;
}

static enum err add_from_service(struct pointers *pointers,
	const struct registry_service *service, const struct ipaddr *address)
{
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			enum err err =
				add_from_subset(pointers, service, &subset, address);
			if (err)
				return err;
		}
	}
	return ERR_NONE;
}

/* The services that may have the address; the index may name one several times and
 * others in vain. NULL: no memory. */
static const struct registry_service **find_services(
	struct pointers *pointers, const struct ipaddr *address, size_t *count)
{
	const struct registry *registry = pointers->synth->registry;
	size_t position = 0;
	*count = 0;
	while (registry_next_by_address(registry, address, &position))
		(*count)++;
	const struct registry_service **services =
		arena_calloc(&pointers->arena, *count + 1, sizeof(*services));
	position = 0;
	for (size_t i = 0; services && i < *count; i++)
		services[i] = registry_next_by_address(registry, address, &position);
	return services;
}

static int service_compare(const void *a, const void *b)
{
	const struct registry_service *const *left = a, *const *right = b;
	uintptr_t l = (uintptr_t)*left, r = (uintptr_t)*right;
	return (l > r) - (l < r);
}

/* In external zones: every service that has the address there. */
static enum err add_external_pointers(
	struct pointers *pointers, const struct ipaddr *address)
{
	const struct synth *synth = pointers->synth;
	const struct registry_service *service;
	size_t position = 0;
	enum err err = ERR_NONE;
	while (!err && (service = registry_next_by_address(
				synth->registry, address, &position))) {
		struct dname name;
		if (plan_has_namespace(&synth->options, service->ns) &&
			has_external_ip(service, address) &&
			!emit_service_name(synth, service, synth->options.primary, &name))
			err = add_pointer(pointers, &name);
	}
	return err;
}

static enum err add_pointers(
	struct pointers *pointers, const struct plan *plan, const struct ipaddr *address)
{
	const struct synth *synth = pointers->synth;
	struct dname name;
	if (synth->options.external)
		return add_external_pointers(pointers, address);
	const struct registry_service *first = first_by_cluster_ip(synth, address);
	if (first) {
		if (emit_service_name(synth, first, synth->options.primary, &name))
			return ERR_NONE;
		return add_pointer(pointers, &name);
	}
	size_t count;
	const struct registry_service **services =
		find_services(pointers, address, &count);
	if (!services)
		return ERR_NOMEM;
	qsort(services, count, sizeof(*services), service_compare);
	for (size_t i = 0; i < count; i++) {
		const struct registry_service *service = services[i];
		if ((i && service == services[i - 1]) || !has_endpoint_pointers(service))
			continue;
		enum err err = plan && plan->service == service
				       ? add_from_plan(pointers, plan, address)
				       : add_from_service(pointers, service, address);
		if (err)
			return err;
	}
	return ERR_NONE;
}

enum err reverse_update(
	struct synth *synth, const struct plan *plan, const struct ipaddr *address)
{
	struct dname owner;
	reverse_name(address, &owner);
	int zone = store_zone_find(synth->store, &owner);
	if (zone < 0 || !synth->zone_is_reverse[zone])
		return ERR_NONE;
	answer_begin(synth->builder, &owner, (unsigned)zone);
	struct pointers pointers = {.synth = synth};
	arena_init(&pointers.arena, 8 * sizeof(struct dname));
	enum err err = add_pointers(&pointers, plan, address);
	if (!err) {
		emit_pointers(synth, &pointers);
		err = pointers.count ? store_put(synth->store, synth->builder)
				     : store_remove(synth->store, &owner);
	}
	arena_deinit(&pointers.arena);
	return err;
}

enum err reverse_addresses(const struct plan *plan, void *context,
	enum err (*visit)(void *context, const struct ipaddr *address))
{
	enum err err = ERR_NONE;
	for (unsigned i = 0; !err && i < plan->cluster_ip_count; i++)
		err = visit(context, &plan->cluster_ips[i]);
	for (uint32_t i = 0; !err && !plan->is_external && i < plan->hit_count; i++)
		if (!plan->hits[i].is_repeated)
			err = visit(context, &plan->hits[i].address);
	return err;
}
