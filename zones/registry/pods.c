/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/slab.h"
#include "zones/registry/registry_internal.h"
#include "zones/registry/selector.h"

/* Pods that come and go, and whose an address is. What endpoints they make
 * stands in derive.c. */

static uint64_t pod_hash(const void *object)
{
	return ((const struct pack_pod *)object)->hash;
}

static bool pod_has_name(const void *object, const void *name)
{
	return strcmp(pack_pod_name(object), name) == 0;
}

const struct ptable_type pod_table_type = {pod_hash, pod_has_name};

/* --- addresses --- */

/* An address is a namespace's in two ways: that of pods, and that of pods in
 * their node's network. */
static uint32_t whose(const struct registry_namespace *ns, bool is_host)
{
	return ns->id * 2 + is_host;
}

const struct registry_namespace *registry_client_namespace(
	const struct registry *registry, const struct ipaddr *address)
{
	uint32_t first, other;
	size_t position = 0;
	bool is_sure =
		pod_addresses_next(&registry->pod_addresses, address, &position, &first);
	while (is_sure &&
		pod_addresses_next(&registry->pod_addresses, address, &position, &other))
		is_sure = false;
	return is_sure && first % 2 == 0 ? registry->namespaces_by_id[first / 2] : NULL;
}

static bool has_address(const struct registry *registry,
	const struct registry_namespace *ns, const struct ipaddr *address, bool is_host)
{
	return pod_addresses_count(&registry->pod_addresses, address, whose(ns, is_host));
}

bool registry_has_pod_address(const struct registry *registry,
	const struct registry_namespace *ns, const struct ipaddr *address)
{
	return has_address(registry, ns, address, false) ||
	       has_address(registry, ns, address, true);
}

/* Room to note that `count` addresses came or went, so that noting cannot fail.
 */
static enum err touched_addresses_make_room(struct registry *registry, size_t count)
{
	size_t wanted = registry->address_count + count;
	if (wanted <= registry->address_capacity)
		return ERR_NONE;
	size_t capacity = wanted + wanted / 2 + 16;
	void *grown = realloc(registry->addresses_touched,
		capacity * sizeof(*registry->addresses_touched));
	if (!grown)
		return ERR_NOMEM;
	registry->addresses_touched = grown;
	registry->address_capacity = capacity;
	return ERR_NONE;
}

/* The first pod that has the address in this way came, or the last one went:
 * noted where that changes whose the address is. */
static void touch_address(struct registry *registry, struct registry_namespace *ns,
	const struct ipaddr *address, bool is_host)
{
	if (is_host || !has_address(registry, ns, address, true))
		registry->addresses_touched[registry->address_count++] =
			(struct registry_pod_address){ns, *address};
}

static enum err add_address(struct registry *registry, struct registry_namespace *ns,
	const struct pack_pod *pod, unsigned index)
{
	struct ipaddr address = pack_pod_address(pod, index);
	bool is_host = pod->is_host_network;
	bool is_first = !has_address(registry, ns, &address, is_host);
	enum err err =
		pod_addresses_add(&registry->pod_addresses, &address, whose(ns, is_host));
	if (!err && is_first)
		touch_address(registry, ns, &address, is_host);
	return err;
}

static void drop_address(struct registry *registry, struct registry_namespace *ns,
	const struct pack_pod *pod, unsigned index)
{
	struct ipaddr address = pack_pod_address(pod, index);
	bool is_host = pod->is_host_network;
	pod_addresses_remove(&registry->pod_addresses, &address, whose(ns, is_host));
	if (!has_address(registry, ns, &address, is_host))
		touch_address(registry, ns, &address, is_host);
}

/* A pod that is over or on its way out has no address (D15). */
static unsigned pod_address_count(const struct pack_pod *pod)
{
	return pod && !pod->is_gone ? pod->ip_count : 0;
}

static void drop_addresses(struct registry *registry, struct registry_namespace *ns,
	const struct pack_pod *pod, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		drop_address(registry, ns, pod, i);
}

static enum err add_addresses(struct registry *registry, struct registry_namespace *ns,
	const struct pack_pod *pod)
{
	for (unsigned i = 0; i < pod_address_count(pod); i++) {
		enum err err = add_address(registry, ns, pod, i);
		if (err) {
			drop_addresses(registry, ns, pod, i);
			return err;
		}
	}
	return ERR_NONE;
}

/* --- which services a pod touches --- */

static bool service_selects(const struct registry_service *service,
	const struct object_label *labels, size_t count, struct arena *arena)
{
	const struct pack_service *object = service->object;
	struct object_label *selector =
		registry_new_labels(arena, object->selector_count);
	if (!selector)
		return true; /* touched in vain is no harm */
	pack_service_selector(object, selector);
	return selector_matches_all(selector, object->selector_count, labels, count);
}

static enum err touch_selecting(struct registry *registry,
	const struct registry_namespace *ns, const struct pack_pod *pod)
{
	if (registry->options.ignores_endpoints || registry->options.has_all_slices)
		return ERR_NONE;
	struct arena arena;
	arena_init(&arena, 4096);
	struct object_label *labels = registry_new_labels(&arena, pod->label_count);
	enum err err = labels ? ERR_NONE : ERR_NOMEM;
	if (labels) {
		const char *hostname, *subdomain;
		pack_pod_read(pod, labels, &hostname, &subdomain);
	}
	for (uint32_t i = 0; !err && i < ns->service_count; i++) {
		struct registry_service *service = ns->services[i];
		if (registry_is_pod_backed(service) &&
			service_selects(service, labels, pod->label_count, &arena))
			err = registry_touch(registry, service);
	}
	arena_deinit(&arena);
	return err;
}

/* --- pods that come and go --- */

static struct pack_pod *find_pod(const struct registry *registry,
	const struct registry_namespace *ns, const char *name)
{
	return ns ? ptable_find(&ns->pods, registry_hash(registry, ns, name), name)
		  : NULL;
}

enum err registry_remove_pod(
	struct registry *registry, const char *ns_name, const char *name)
{
	struct registry_namespace *ns = registry_find_namespace(registry, ns_name);
	struct pack_pod *pod = find_pod(registry, ns, name);
	if (!pod)
		return ERR_NONE;
	unsigned count = pod_address_count(pod);
	enum err err = touched_addresses_make_room(registry, count);
	if (!err)
		err = touch_selecting(registry, ns, pod);
	if (err)
		return err;
	drop_addresses(registry, ns, pod, count);
	ptable_remove(&ns->pods, pod);
	pack_pod_free(pod, registry->pods);
	registry->counts[OBJECT_POD]--;
	return ERR_NONE;
}

/* The pod, whose addresses are in the table, becomes one of those known. */
static enum err add_pod(
	struct registry *registry, struct registry_namespace *ns, struct pack_pod *pod)
{
	enum err err = ptable_add(&ns->pods, pod);
	if (!err)
		registry->counts[OBJECT_POD]++;
	return err;
}

/* `pod` takes the place of `old` or, where that is NULL, is added. What can
 * fail comes first. */
static enum err set_pod(struct registry *registry, struct registry_namespace *ns,
	struct pack_pod *old, struct pack_pod *pod)
{
	/* Twice its own: once more for taking them back. */
	unsigned own = pod_address_count(pod), olds = pod_address_count(old);
	enum err err = touched_addresses_make_room(registry, 2u * own + olds);
	if (!err && old)
		err = touch_selecting(registry, ns, old);
	if (!err)
		err = touch_selecting(registry, ns, pod);
	if (!err)
		err = add_addresses(registry, ns, pod);
	if (err)
		return err;
	if (!old) {
		err = add_pod(registry, ns, pod);
		if (err)
			drop_addresses(registry, ns, pod, own);
		return err;
	}
	drop_addresses(registry, ns, old, olds);
	ptable_replace(&ns->pods, old, pod);
	pack_pod_free(old, registry->pods);
	return ERR_NONE;
}

enum err registry_put_pod(struct registry *registry, const struct object *object)
{
	const struct pack_pod_options options = {
		.slab = registry->pods,
		.addresses_only = registry->options.has_all_slices,
	};
	struct registry_namespace *ns = registry_namespace_at(registry, object->ns);
	struct pack_pod *pod = ns ? pack_pod_new(object, &options) : NULL;
	if (!pod)
		return ERR_NOMEM;
	struct pack_pod *old = find_pod(registry, ns, object->name);
	if (old && pack_pod_equal(old, pod)) {
		pack_pod_set_origin(old, pod);
		pack_pod_free(pod, registry->pods);
		return ERR_NONE;
	}
	pod->hash = registry_hash(registry, ns, object->name);
	enum err err = set_pod(registry, ns, old, pod);
	if (err)
		pack_pod_free(pod, registry->pods);
	return err;
}

const struct pack_pod *registry_next_pod(
	const struct registry_namespace *ns, size_t *position)
{
	return ptable_next(&ns->pods, position);
}

void registry_free_pods(struct registry *registry, struct registry_namespace *ns)
{
	void *object;
	for (size_t i = 0; (object = ptable_next(&ns->pods, &i));)
		pack_pod_free(object, registry->pods);
	ptable_deinit(&ns->pods);
}
