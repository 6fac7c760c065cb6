/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/cidr_alloc.h"
#include "zones/registry/registry_internal.h"

/* Cluster IPs for services that a person wrote without: which families a service wants,
 * as the API server reads ipFamilyPolicy and ipFamilies, and what is reserved. */

/* Index of the allocator of a family. */
static unsigned family_index(const struct ipaddr *address)
{
	return address->length == 4 ? 0 : 1;
}

/* A service was moved: its records are to be made anew. What is missed here for want of
 * memory is made up for when the batch is settled. */
static void assign_moved(void *context, const char *ns, const char *name)
{
	struct registry *registry = context;
	struct registry_service *service = registry_find_service(registry, ns, name);
	if (service && registry_touch(registry, service))
		registry->has_missed_moves = true;
}

enum err registry_assign_init(struct registry *registry)
{
	const struct registry_options *options = &registry->options;
	for (size_t i = 0; i < options->service_cidr_count; i++) {
		const struct ipprefix *prefix = &options->service_cidrs[i];
		struct cidr_alloc *cidr = cidr_alloc_new(prefix, assign_moved, registry);
		if (!cidr)
			return ERR_NOMEM;
		registry->cidrs[family_index(&prefix->address)] = cidr;
	}
	return ERR_NONE;
}

void registry_assign_deinit(struct registry *registry)
{
	cidr_alloc_free(registry->cidrs[0]);
	cidr_alloc_free(registry->cidrs[1]);
}

static bool takes_cluster_ip(const struct pack_service *object)
{
	return object && !object->is_headless && object->type != SERVICE_EXTERNAL_NAME;
}

/* The family that comes first: what the service says, else the first range's. */
static unsigned first_family(
	const struct registry *registry, const struct pack_service *object)
{
	if (object->ip_families[0])
		return object->ip_families[0] == 4 ? 0 : 1;
	return family_index(&registry->options.service_cidrs[0].address);
}

/* Bits of the families for which an address is to be found. */
static unsigned wanted_families(
	const struct registry *registry, const struct pack_service *object)
{
	if (!takes_cluster_ip(object) || !registry->options.service_cidr_count)
		return 0;
	unsigned given = 0, available = 0;
	for (unsigned i = 0; i < object->cluster_ip_count; i++)
		given |= 1u << family_index(&object->cluster_ips[i]);
	for (unsigned i = 0; i < 2; i++)
		available |= registry->cidrs[i] ? 1u << i : 0;
	unsigned wanted = 3;
	if (object->ip_family_policy == IP_SINGLE_STACK)
		wanted = given ? 0 : 1u << first_family(registry, object);
	return wanted & available & ~given;
}

static void assign_warn(const struct registry_service *service,
	const struct pack_service *object, const char *text, struct diag_list *problems)
{
	diag_add(problems, SEVERITY_WARNING, object->origin.file, object->origin.line, 0,
		"Service %s/%s %s", service->ns->name, service->name, text);
}

/* The first `count` of the object's explicit addresses are free again. */
static void release_explicit(
	struct registry *registry, const struct pack_service *object, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct ipaddr *address = &object->cluster_ips[i];
		struct cidr_alloc *cidr = registry->cidrs[family_index(address)];
		if (cidr)
			cidr_alloc_release(cidr, address);
	}
}

static unsigned explicit_count(const struct pack_service *object)
{
	return object ? object->cluster_ip_count : 0;
}

static enum err reserve_explicit(
	struct registry *registry, const struct pack_service *object)
{
	for (unsigned i = 0; i < explicit_count(object); i++) {
		const struct ipaddr *address = &object->cluster_ips[i];
		struct cidr_alloc *cidr = registry->cidrs[family_index(address)];
		enum err err = cidr ? cidr_alloc_reserve(cidr, address) : ERR_NONE;
		if (err) {
			release_explicit(registry, object, i);
			return err;
		}
	}
	return ERR_NONE;
}

static void remove_families(struct registry *registry,
	const struct registry_service *service, unsigned families)
{
	for (unsigned i = 0; i < 2; i++)
		if (families & 1u << i)
			cidr_alloc_remove(
				registry->cidrs[i], service->ns->name, service->name);
}

static enum err add_families(struct registry *registry,
	const struct registry_service *service, const struct pack_service *object,
	unsigned families, struct diag_list *problems)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!(families & 1u << i))
			continue;
		enum err err = cidr_alloc_add(
			registry->cidrs[i], service->ns->name, service->name);
		if (err == ERR_RANGE) {
			assign_warn(service, object,
				"finds no free address in service_cidr", problems);
		} else if (err) {
			remove_families(registry, service, families & ((1u << i) - 1));
			return err;
		}
	}
	return ERR_NONE;
}

enum err registry_assign_change(struct registry *registry,
	const struct registry_service *service, const struct pack_service *old,
	const struct pack_service *new, struct diag_list *problems)
{
	unsigned before = wanted_families(registry, old);
	unsigned after = wanted_families(registry, new);
	enum err err = reserve_explicit(registry, new);
	if (err)
		return err;
	err = add_families(registry, service, new, after & ~before, problems);
	if (err) {
		release_explicit(registry, new, explicit_count(new));
		return err;
	}
	remove_families(registry, service, before & ~after);
	release_explicit(registry, old, explicit_count(old));
	/* A ServiceImport gets its address from a controller, when that comes to it. */
	if (takes_cluster_ip(new) && !new->cluster_ip_count && !after &&
		!registry->options.holds_imports)
		assign_warn(service, new,
			registry->options.service_cidr_count
				? "has no clusterIP and service_cidr has no range of its "
				  "family; it is left out"
				: "has no clusterIP; it is left out (the option "
				  "service_cidr gives such services an address)",
			problems);
	return ERR_NONE;
}

static void read_assigned(const struct registry *registry,
	const struct registry_service *service, struct ipaddr out[2])
{
	out[0].length = out[1].length = 0;
	unsigned wanted = wanted_families(registry, service->object);
	unsigned slot = 0;
	unsigned first = wanted ? first_family(registry, service->object) : 0;
	for (unsigned i = 0; i < 2; i++) {
		unsigned family = first ^ i;
		if (wanted & 1u << family &&
			cidr_alloc_find(registry->cidrs[family], service->ns->name,
				service->name, &out[slot]))
			slot++;
	}
}

void registry_assign_read(struct registry *registry, struct registry_service *service)
{
	read_assigned(registry, service, service->assigned);
}

static bool is_same_assigned(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->length == b->length && (!a->length || ipaddr_equal(a, b));
}

enum err registry_assign_catch_up(struct registry *registry)
{
	if (!registry->has_missed_moves)
		return ERR_NONE;
	struct registry_service *service;
	for (size_t i = 0; (service = ptable_next(&registry->services, &i));) {
		struct ipaddr assigned[2];
		read_assigned(registry, service, assigned);
		if (is_same_assigned(&assigned[0], &service->assigned[0]) &&
			is_same_assigned(&assigned[1], &service->assigned[1]))
			continue;
		enum err err = registry_touch(registry, service);
		if (err)
			return err;
	}
	registry->has_missed_moves = false;
	return ERR_NONE;
}
