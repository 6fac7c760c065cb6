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
	return ipaddr_is_among(address, ips, registry_cluster_ips(service, ips));
}

static int service_order(
	const struct registry_service *a, const struct registry_service *b)
{
	int order = strcmp(a->ns->name, b->ns->name);
	return order ? order : strcmp(a->name, b->name);
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

/* What one address points at, put together in the synth's scratch memory. */
struct pointers {
	struct synth *synth; /* with a plan at hand that may be of one of the services */
	const struct registry_service **services; /* that may have the address */
	size_t service_count, service_capacity;
	/* Sorted at last: their order depends neither on the order of arrival nor on
	 * which service asked for them. */
	struct dname *names;
	size_t count, capacity;
};

/* Room for one more item in an array; NULL: no memory. */
static void *array_extend(
	struct synth *synth, void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	size_t larger = *capacity * 2 + 4;
	void *copy = arena_alloc(&synth->scratch, larger * size);
	if (!copy)
		return NULL;
	if (count)
		memcpy(copy, items, count * size);
	*capacity = larger;
	return copy;
}

static enum err add_pointer(struct pointers *pointers, const struct dname *name)
{
	struct dname *names = array_extend(pointers->synth, pointers->names,
		pointers->count, &pointers->capacity, sizeof(*names));
	if (!names)
		return ERR_NOMEM;
	pointers->names = names;
	memcpy(&names[pointers->count++], name, 1u + name->length);
	return ERR_NONE;
}

/* The index may name a service several times, and others in vain. */
static enum err find_services(struct pointers *pointers, const struct ipaddr *address)
{
	const struct registry *registry = pointers->synth->registry;
	const struct registry_service *service, **services;
	size_t position = 0;
	while ((service = registry_next_by_address(registry, address, &position))) {
		services = array_extend(pointers->synth, pointers->services,
			pointers->service_count, &pointers->service_capacity,
			sizeof(*services));
		if (!services)
			return ERR_NOMEM;
		pointers->services = services;
		services[pointers->service_count++] = service;
	}
	return ERR_NONE;
}

static const struct registry_service *first_by_cluster_ip(
	const struct pointers *pointers, const struct ipaddr *address)
{
	const struct registry_service *first = NULL;
	for (size_t i = 0; i < pointers->service_count; i++) {
		const struct registry_service *service = pointers->services[i];
		if (registry_is_exposed(service->ns) &&
			has_cluster_ip(service, address) &&
			(!first || service_order(service, first) < 0))
			first = service;
	}
	return first;
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

/* Where in plan->by_address the hits of the address begin. */
static uint32_t find_hits(const struct plan *plan, const struct ipaddr *address)
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
	return low;
}

static enum err add_from_plan(struct pointers *pointers, const struct ipaddr *address)
{
	const struct plan *plan = &pointers->synth->plan;
	for (uint32_t i = find_hits(plan, address); i < plan->hit_count; i++) {
		const struct plan_hit *hit = &plan->hits[plan->by_address[i]];
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
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < pointers->service_count; i++) {
		const struct registry_service *service = pointers->services[i];
		struct dname name;
		if (plan_has_namespace(&synth->options, service->ns) &&
			has_external_ip(service, address) &&
			!emit_service_name(synth, service, synth->options.primary, &name))
			err = add_pointer(pointers, &name);
	}
	return err;
}

static enum err add_endpoint_pointers(
	struct pointers *pointers, const struct ipaddr *address)
{
	const struct registry_service **services = pointers->services;
	if (pointers->service_count > 1)
		qsort(services, pointers->service_count, sizeof(*services),
			service_compare);
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < pointers->service_count; i++) {
		const struct registry_service *service = services[i];
		if ((i && service == services[i - 1]) || !has_endpoint_pointers(service))
			continue;
		err = pointers->synth->plan.service == service
			      ? add_from_plan(pointers, address)
			      : add_from_service(pointers, service, address);
	}
	return err;
}

static enum err add_pointers(struct pointers *pointers, const struct ipaddr *address)
{
	const struct synth *synth = pointers->synth;
	enum err err = find_services(pointers, address);
	if (err)
		return err;
	if (synth->options.external)
		return add_external_pointers(pointers, address);
	const struct registry_service *first = first_by_cluster_ip(pointers, address);
	struct dname name;
	if (!first)
		return add_endpoint_pointers(pointers, address);
	if (emit_service_name(synth, first, synth->options.primary, &name))
		return ERR_NONE;
	return add_pointer(pointers, &name);
}

/* Makes the PTR of an address anew. */
static enum err update_address(struct synth *synth, const struct ipaddr *address)
{
	struct dname owner;
	reverse_name(address, &owner);
	int zone = store_zone_find(synth->store, &owner);
	if (zone < 0 || !synth->zone_is_reverse[zone])
		return ERR_NONE;
	arena_reset(&synth->scratch);
	struct pointers pointers = {.synth = synth};
	enum err err = add_pointers(&pointers, address);
	if (err)
		return err;
	if (!pointers.count)
		return store_remove(synth->store, &owner);
	answer_begin(synth->builder, &owner, (unsigned)zone);
	emit_pointers(synth, &pointers);
	return store_put(synth->store, synth->builder);
}

/* --- changes --- */

enum err reverse_note(
	const struct plan *plan, struct arena *arena, struct published_pointers *out)
{
	*out = (struct published_pointers){
		.has_endpoint_pointers = has_endpoint_pointers(plan->service)};
	size_t hits = plan->is_external ? 0 : plan->hit_count;
	out->cluster_ips =
		arena_alloc(arena, plan->cluster_ip_count * sizeof(*out->cluster_ips));
	out->hits = arena_alloc(arena, hits * sizeof(*out->hits));
	if (!out->cluster_ips || !out->hits)
		return ERR_NOMEM;
	if (plan->cluster_ip_count)
		memcpy(out->cluster_ips, plan->cluster_ips,
			plan->cluster_ip_count * sizeof(*out->cluster_ips));
	out->cluster_ip_count = plan->cluster_ip_count;
	for (size_t i = 0; i < hits; i++) {
		const struct plan_hit *hit = &plan->hits[plan->by_address[i]];
		const struct plan_target *target = &plan->targets[hit->target];
		const char *label =
			arena_strndup(arena, target->label, target->label_length);
		if (!label)
			return ERR_NOMEM;
		out->hits[out->hit_count++] = (struct published_hit){hit->address, label};
	}
	return ERR_NONE;
}

static enum err change_cluster_ips(
	struct synth *synth, const struct published_pointers *before, bool is_certain)
{
	const struct ipaddr *old = before->cluster_ips, *now = synth->plan.cluster_ips;
	unsigned old_count = before->cluster_ip_count,
		 now_count = synth->plan.cluster_ip_count;
	enum err err = ERR_NONE;
	for (unsigned i = 0; !err && i < now_count; i++)
		if (!is_certain || !ipaddr_is_among(&now[i], old, old_count))
			err = update_address(synth, &now[i]);
	for (unsigned i = 0; !err && i < old_count; i++)
		if (!ipaddr_is_among(&old[i], now, now_count))
			err = update_address(synth, &old[i]);
	return err;
}

/* What stands at one address in the hits of before and of now, both sorted by address. */
struct hit_walk {
	const struct published_pointers *before;
	const struct plan *plan;
	uint32_t old, now; /* where it is in either */
	uint32_t now_count;
};

static const struct plan_hit *walk_hit(const struct hit_walk *walk, uint32_t index)
{
	return &walk->plan->hits[walk->plan->by_address[index]];
}

/* Goes over the next address; *is_same: it has the same names as before. False: there
 * are no more. */
static bool walk_next(struct hit_walk *walk, struct ipaddr *address, bool *is_same)
{
	const struct published_hit *hits = walk->before->hits;
	bool has_old = walk->old < walk->before->hit_count;
	bool has_now = walk->now < walk->now_count;
	if (!has_old && !has_now)
		return false;
	int order = !has_old   ? 1
		    : !has_now ? -1
			       : ipaddr_compare(&hits[walk->old].address,
					 &walk_hit(walk, walk->now)->address);
	*address =
		order < 0 ? hits[walk->old].address : walk_hit(walk, walk->now)->address;
	*is_same = order == 0;
	for (;;) {
		bool is_old = walk->old < walk->before->hit_count &&
			      ipaddr_equal(&hits[walk->old].address, address);
		bool is_now = walk->now < walk->now_count &&
			      ipaddr_equal(&walk_hit(walk, walk->now)->address, address);
		if (!is_old && !is_now)
			return true;
		if (is_old != is_now ||
			strcmp(hits[walk->old].label,
				walk->plan->targets[walk_hit(walk, walk->now)->target]
					.label) != 0)
			*is_same = false;
		walk->old += is_old;
		walk->now += is_now;
	}
}

enum err reverse_change(
	struct synth *synth, const struct published_pointers *before, bool is_certain)
{
	const struct plan *plan = &synth->plan;
	struct hit_walk walk = {.before = before,
		.plan = plan,
		.now_count = plan->is_external ? 0 : plan->hit_count};
	is_certain &=
		before->has_endpoint_pointers == has_endpoint_pointers(plan->service);
	struct ipaddr address;
	bool is_same;
	enum err err = change_cluster_ips(synth, before, is_certain);
	while (!err && walk_next(&walk, &address, &is_same))
		if (!is_same || !is_certain)
			err = update_address(synth, &address);
	return err;
}
