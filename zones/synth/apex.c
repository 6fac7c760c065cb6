/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "zones/synth/synth_internal.h"

/*
 * What every zone has: its apex with the NS set, and in forward zones ns.dns, svc, pod
 * and dns-version. The server is named after the services that have one of its own
 * addresses among their ready endpoints, else ns.dns; every such name resolves. In
 * external zones the name is ns1 below the apex label, with those services' addresses. In
 * multicluster zones, where services have no names, it is ns.dns.
 */

static bool is_own(const struct synth *synth, const struct ipaddr *address)
{
	return ipaddr_is_among(
		address, synth->options.own_addresses, synth->options.own_address_count);
}

static bool names_server(const struct synth *synth, const struct plan *plan)
{
	if (plan->kind != PLAN_CLUSTER_IP && plan->kind != PLAN_HEADLESS)
		return false;
	for (uint32_t i = 0; i < plan->hit_count; i++)
		if (is_own(synth, &plan->hits[i].address))
			return true;
	return false;
}

void apex_forget_service(struct synth *synth, const struct registry_service *service)
{
	struct name_servers *list = &synth->name_servers;
	for (size_t i = 0; i < list->count; i++)
		if (list->services[i] == service) {
			list->services[i] = list->services[--list->count];
			list->is_stale = true;
			return;
		}
}

enum err apex_note_service(struct synth *synth, const struct plan *plan)
{
	struct name_servers *list = &synth->name_servers;
	apex_forget_service(synth, plan->service);
	if (!names_server(synth, plan))
		return ERR_NONE;
	list->is_stale = true;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity * 2 + 4;
		void *grown = realloc(list->services, capacity * sizeof(*list->services));
		if (!grown)
			return ERR_NOMEM;
		list->services = grown;
		list->capacity = capacity;
	}
	list->services[list->count++] = plan->service;
	return ERR_NONE;
}

static int service_compare(const void *a, const void *b)
{
	const struct registry_service *const *left = a, *const *right = b;
	int order = strcmp((*left)->ns->name, (*right)->ns->name);
	return order ? order : strcmp((*left)->name, (*right)->name);
}

/* NS targets may be compressed (RFC 1035 3.3); those in the zone itself are, so that
 * they repeat the spelling of the question. */
static void add_name_server(struct synth *synth, unsigned zone, const struct dname *name)
{
	const struct dname *apex = &store_zone(synth->store, zone)->name;
	uint8_t rdata[DNAME_MAX + 1];
	size_t length = name->length;
	memcpy(rdata, name->bytes, name->length);
	if (dname_is_within(name, apex) && apex->length > 2) {
		length = (size_t)name->length - apex->length;
		rdata[length++] = 0xc0;
		rdata[length++] = DNS_HEADER_SIZE;
	}
	answer_add(synth->builder, TYPE_NS, synth->options.ttl_s, rdata, length);
}

/* The slice that has an own address lends the names of all its ready endpoints. */
static bool target_shares_slice(const struct synth *synth, const struct plan *plan,
	const struct plan_target *target)
{
	for (uint32_t i = 0; i < target->hit_count; i++) {
		uint32_t slice = plan->hits[target->first_hit + i].slice;
		for (uint32_t j = 0; j < plan->hit_count; j++)
			if (plan->hits[j].slice == slice &&
				is_own(synth, &plan->hits[j].address))
				return true;
	}
	return false;
}

/* Adds how many names it found to `count`. */
static enum err add_service_name_servers(struct synth *synth, unsigned zone,
	const struct dname *suffix, const struct registry_service *service, size_t *count)
{
	struct dname base;
	unsigned home = (unsigned)store_zone_find(synth->store, suffix);
	enum err err = plan_make(&synth->plan, &synth->options, service);
	if (err || emit_service_name(synth, service, suffix, &base))
		return err;
	const struct plan *plan = &synth->plan;
	if (plan->kind == PLAN_CLUSTER_IP && emit_is_in_zone(synth, &base, home)) {
		add_name_server(synth, zone, &base);
		++*count;
	}
	for (uint32_t i = 0; plan->kind == PLAN_HEADLESS && i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];
		struct dname name = base;
		if (target_shares_slice(synth, plan, target) &&
			!dname_prepend(&name, target->label, target->label_length) &&
			emit_is_in_zone(synth, &name, home)) {
			add_name_server(synth, zone, &name);
			++*count;
		}
	}
	return ERR_NONE;
}

/* "ns.dns.zone", in external zones "ns1.APEX.zone". ERR_RANGE. */
static enum err make_own_name(
	const struct synth *synth, const struct dname *zone, struct dname *out)
{
	const struct synth_external *external = synth->options.external;
	const char *apex = external ? external->apex : "dns";
	const char *label = external ? "ns1" : "ns";
	*out = *zone;
	enum err err = dname_prepend(out, apex, strlen(apex));
	return err ? err : dname_prepend(out, label, strlen(label));
}

static enum err put_apex(struct synth *synth, unsigned zone)
{
	const struct dname *apex = &store_zone(synth->store, zone)->name;
	const struct dname *suffix =
		synth->zone_is_reverse[zone] ? synth->options.primary : apex;
	const struct name_servers *list = &synth->name_servers;
	size_t count = 0;
	answer_begin(synth->builder, apex, zone);
	int home = store_zone_find(synth->store, suffix);
	bool has_services = home >= 0 && synth->zone_is_served[home];
	for (size_t i = 0; !synth->options.external && has_services && i < list->count;
		i++) {
		enum err err = add_service_name_servers(
			synth, zone, suffix, list->services[i], &count);
		if (err)
			return err;
	}
	if (!count && synth->options.own_address_count) {
		struct dname name;
		if (!make_own_name(synth, suffix, &name))
			add_name_server(synth, zone, &name);
	}
	return store_put(synth->store, synth->builder);
}

/* Names that never change while the server runs. */
static enum err put_fixed(struct synth *synth, unsigned zone, const char *label)
{
	struct dname name = store_zone(synth->store, zone)->name;
	if (dname_prepend(&name, label, strlen(label)) ||
		!emit_is_in_zone(synth, &name, zone))
		return ERR_NONE;
	answer_begin(synth->builder, &name, zone);
	/* The specification's version (2.2), for a day's third. */
	static const uint8_t version[] = {5, '1', '.', '1', '.', '0'};
	if (strcmp(label, "dns-version") == 0)
		answer_add(synth->builder, TYPE_TXT, 28800, version, sizeof(version));
	return store_put(synth->store, synth->builder);
}

/* The addresses of ns.dns: those that the name servers have, each once. */
struct own_name {
	struct ipaddr *addresses; /* in the batch's arena */
	size_t count, capacity;
};

static enum err own_name_add(
	struct synth *synth, struct own_name *own, const struct ipaddr *address)
{
	if (ipaddr_is_among(address, own->addresses, own->count))
		return ERR_NONE;
	if (own->count == own->capacity) {
		size_t capacity = own->capacity * 2 + 8;
		struct ipaddr *grown =
			arena_calloc(&synth->batch, capacity, sizeof(*grown));
		if (!grown)
			return ERR_NOMEM;
		if (own->count)
			memcpy(grown, own->addresses, own->count * sizeof(*grown));
		own->addresses = grown;
		own->capacity = capacity;
	}
	own->addresses[own->count++] = *address;
	return ERR_NONE;
}

static enum err own_name_add_service(
	struct synth *synth, struct own_name *own, const struct registry_service *service)
{
	const struct plan *plan = &synth->plan;
	enum err err = plan_make(&synth->plan, &synth->options, service);
	for (unsigned i = 0;
		!err && plan->kind == PLAN_CLUSTER_IP && i < plan->cluster_ip_count; i++)
		err = own_name_add(synth, own, &plan->cluster_ips[i]);
	for (uint32_t i = 0; !err && plan->kind == PLAN_HEADLESS && i < plan->hit_count;
		i++)
		if (target_shares_slice(
			    synth, plan, &plan->targets[plan->hits[i].target]))
			err = own_name_add(synth, own, &plan->hits[i].address);
	return err;
}

static enum err own_name_read(struct synth *synth, struct own_name *own)
{
	const struct name_servers *list = &synth->name_servers;
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < list->count; i++)
		err = own_name_add_service(synth, own, list->services[i]);
	for (size_t i = 0; !err && !list->count && i < synth->options.own_address_count;
		i++)
		err = own_name_add(synth, own, &synth->options.own_addresses[i]);
	return err;
}

static enum err put_own_name(
	struct synth *synth, unsigned zone, const struct own_name *own)
{
	struct dname name;
	if (!own->count ||
		make_own_name(synth, &store_zone(synth->store, zone)->name, &name) ||
		!emit_is_in_zone(synth, &name, zone))
		return ERR_NONE;
	answer_begin(synth->builder, &name, zone);
	for (unsigned length = 4; length <= 16; length += 12)
		for (size_t i = 0; i < own->count; i++)
			if (own->addresses[i].length == length)
				emit_address(synth, &own->addresses[i]);
	return store_put(synth->store, synth->builder);
}

static enum err put_base(struct synth *synth, unsigned zone)
{
	static const char *const labels[] = {"svc", "pod", "dns-version"};
	enum err err = ERR_NONE;
	if (synth->options.external)
		return put_fixed(synth, zone, synth->options.external->apex);
	for (size_t i = 0; !err && i < sizeof(labels) / sizeof(labels[0]); i++)
		err = put_fixed(synth, zone, labels[i]);
	return err;
}

enum err apex_update(struct synth *synth)
{
	struct name_servers *list = &synth->name_servers;
	if (synth->has_base && !list->is_stale)
		return ERR_NONE;
	if (list->count)
		qsort(list->services, list->count, sizeof(*list->services),
			service_compare);
	struct own_name own = {.count = 0};
	enum err err = own_name_read(synth, &own);
	for (unsigned i = 0; !err && i < store_zone_count(synth->store); i++) {
		err = put_apex(synth, i);
		if (!err && !synth->zone_is_reverse[i])
			err = put_own_name(synth, i, &own);
		if (!err && !synth->has_base && !synth->zone_is_reverse[i])
			err = put_base(synth, i);
	}
	if (err)
		return err;
	synth->has_base = true;
	list->is_stale = false;
	return ERR_NONE;
}
