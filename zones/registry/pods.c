/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "zones/registry/registry_internal.h"
#include "zones/registry/selector.h"

/* Pods: their addresses for `pods verified`, and the endpoints of services that have a
 * selector but no slice, as the endpoint slice controller would make them. */

static uint64_t pod_hash(const void *object)
{
	return ((const struct registry_pod *)object)->hash;
}

static bool pod_has_key(const void *object, const void *key)
{
	const struct registry_pod *pod = object;
	const struct registry_key *wanted = key;
	return pod->ns == wanted->ns &&
	       strcmp(pack_pod_name(pod->object), wanted->name) == 0;
}

static uint64_t pod_address_hash(const void *object)
{
	return ((const struct pod_address_entry *)object)->hash;
}

static bool pod_address_has_key(const void *object, const void *key)
{
	const struct pod_address_entry *entry = object;
	const struct registry_pod_address *wanted = key;
	return entry->ns == wanted->ns && ipaddr_equal(&entry->address, &wanted->address);
}

/* Entries of one address have one hash: each namespace's is found by its key, and
 * those of others than `but` without. */
struct other_namespace {
	const struct ipaddr *address;
	const struct registry_namespace *but; /* NULL: any */
};

static bool is_other_namespace(const void *object, const void *key)
{
	const struct pod_address_entry *entry = object;
	const struct other_namespace *wanted = key;
	return entry->ns != wanted->but && ipaddr_equal(&entry->address, wanted->address);
}

const struct ptable_type pod_table_type = {pod_hash, pod_has_key};
const struct ptable_type pod_address_table_type = {pod_address_hash, pod_address_has_key};

/* --- addresses --- */

static uint32_t address_hash_of(
	const struct registry *registry, const struct ipaddr *address)
{
	return (uint32_t)hash_bytes(
		registry->options.key, address->bytes, address->length);
}

static struct pod_address_entry *find_address(
	const struct registry *registry, const struct registry_pod_address *address)
{
	return ptable_find(&registry->pod_addresses,
		address_hash_of(registry, &address->address), address);
}

static const struct pod_address_entry *find_other(const struct registry *registry,
	const struct ipaddr *address, const struct registry_namespace *but)
{
	static const struct ptable_type others = {pod_address_hash, is_other_namespace};
	struct ptable table = registry->pod_addresses;
	const struct other_namespace key = {address, but};
	table.type = &others;
	return ptable_find(&table, address_hash_of(registry, address), &key);
}

const struct registry_namespace *registry_client_namespace(
	const struct registry *registry, const struct ipaddr *address)
{
	const struct pod_address_entry *entry = find_other(registry, address, NULL);
	bool is_sure =
		entry && !entry->hosts && !find_other(registry, address, entry->ns);
	return is_sure ? entry->ns : NULL;
}

bool registry_has_pod_address(const struct registry *registry,
	const struct registry_namespace *ns, const struct ipaddr *address)
{
	struct registry_pod_address wanted = {(struct registry_namespace *)ns, *address};
	return find_address(registry, &wanted) != NULL;
}

/* Room to note that `count` addresses came or went, so that noting cannot fail. */
static enum err touched_addresses_make_room(struct registry *registry, size_t count)
{
	size_t wanted = registry->address_count + count;
	if (wanted <= registry->address_capacity)
		return ERR_NONE;
	size_t capacity = wanted * 2 + 16;
	void *grown = realloc(registry->addresses_touched,
		capacity * sizeof(*registry->addresses_touched));
	if (!grown)
		return ERR_NOMEM;
	registry->addresses_touched = grown;
	registry->address_capacity = capacity;
	return ERR_NONE;
}

static void touch_address(
	struct registry *registry, const struct registry_pod_address *address)
{
	registry->addresses_touched[registry->address_count++] = *address;
}

/* Counts one pod more or less; it is told where that changes whose address it is. */
static void entry_count(struct registry *registry, struct pod_address_entry *entry,
	const struct registry_pod *pod, int more)
{
	bool was_host = entry->hosts;
	entry->pods += (uint32_t)more;
	if (pod->object->is_host_network)
		entry->hosts += (uint32_t)more;
	struct registry_pod_address address = {entry->ns, entry->address};
	if (!entry->pods || (more > 0 && entry->pods == 1) || was_host != !!entry->hosts)
		touch_address(registry, &address);
}

static enum err add_address(struct registry *registry, const struct registry_pod *pod,
	const struct registry_pod_address *address)
{
	struct pod_address_entry *entry = find_address(registry, address);
	if (!entry) {
		entry = malloc(sizeof(*entry));
		if (!entry)
			return ERR_NOMEM;
		*entry = (struct pod_address_entry){
			.hash = address_hash_of(registry, &address->address),
			.ns = address->ns,
			.address = address->address,
		};
		enum err err = ptable_add(&registry->pod_addresses, entry);
		if (err) {
			free(entry);
			return err;
		}
	}
	entry_count(registry, entry, pod, 1);
	return ERR_NONE;
}

static void drop_address(struct registry *registry, const struct registry_pod *pod,
	const struct registry_pod_address *address)
{
	struct pod_address_entry *entry = find_address(registry, address);
	entry_count(registry, entry, pod, -1);
	if (entry->pods)
		return;
	ptable_remove(&registry->pod_addresses, entry);
	free(entry);
}

/* A pod that is over or on its way out has no address (D15). */
static unsigned pod_address_count(const struct registry_pod *pod)
{
	return pod && !pod->object->is_gone ? pod->object->ip_count : 0;
}

static void drop_addresses(
	struct registry *registry, const struct registry_pod *pod, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct registry_pod_address address = {
			pod->ns, pack_pod_address(pod->object, i)};
		drop_address(registry, pod, &address);
	}
}

static enum err add_addresses(struct registry *registry, const struct registry_pod *pod)
{
	for (unsigned i = 0; i < pod_address_count(pod); i++) {
		struct registry_pod_address address = {
			pod->ns, pack_pod_address(pod->object, i)};
		enum err err = add_address(registry, pod, &address);
		if (err) {
			drop_addresses(registry, pod, i);
			return err;
		}
	}
	return ERR_NONE;
}

/* --- which services a pod touches --- */

bool registry_is_pod_backed(const struct registry_service *service)
{
	return service->object && service->object->selector_count &&
	       service->object->type != SERVICE_EXTERNAL_NAME && !service->slice_count &&
	       !service->endpoints;
}

/* Reads labels of a pod or a selector into memory of the arena; NULL: none there. */
static struct object_label *read_labels(struct arena *arena, size_t count)
{
	return arena_calloc(arena, count ? count : 1, sizeof(struct object_label));
}

static bool service_selects(const struct registry_service *service,
	const struct object_label *labels, size_t count, struct arena *arena)
{
	const struct pack_service *object = service->object;
	struct object_label *selector = read_labels(arena, object->selector_count);
	if (!selector)
		return true; /* touched in vain is no harm */
	pack_service_selector(object, selector);
	return selector_matches_all(selector, object->selector_count, labels, count);
}

static enum err touch_selecting(struct registry *registry, const struct registry_pod *pod)
{
	if (registry->options.ignores_endpoints)
		return ERR_NONE;
	struct arena arena;
	arena_init(&arena, 4096);
	struct object_label *labels = read_labels(&arena, pod->object->label_count);
	enum err err = labels ? ERR_NONE : ERR_NOMEM;
	if (labels) {
		const char *hostname, *subdomain;
		pack_pod_read(pod->object, labels, &hostname, &subdomain);
	}
	for (uint32_t i = 0; !err && i < pod->ns->service_count; i++) {
		struct registry_service *service = pod->ns->services[i];
		if (registry_is_pod_backed(service) &&
			service_selects(
				service, labels, pod->object->label_count, &arena))
			err = registry_touch(registry, service);
	}
	arena_deinit(&arena);
	return err;
}

/* --- pods that come and go --- */

static struct registry_pod *find_pod(
	const struct registry *registry, const char *ns_name, const char *name)
{
	const struct registry_namespace *ns = registry_find_namespace(registry, ns_name);
	struct registry_key key = {ns, name};
	return ns ? ptable_find(&registry->pods, registry_hash(registry, ns, name), &key)
		  : NULL;
}

static void namespace_drop_pod(struct registry_namespace *ns, struct registry_pod *pod)
{
	uint32_t i = 0;
	while (ns->pods[i] != pod)
		i++;
	ns->pods[i] = ns->pods[--ns->pod_count];
}

static enum err namespace_add_pod(struct registry_namespace *ns, struct registry_pod *pod)
{
	if (ns->pod_count == ns->pod_capacity) {
		uint32_t capacity = ns->pod_capacity * 2 + 4;
		void *grown = realloc(ns->pods, capacity * sizeof(*ns->pods));
		if (!grown)
			return ERR_NOMEM;
		ns->pods = grown;
		ns->pod_capacity = capacity;
	}
	ns->pods[ns->pod_count++] = pod;
	return ERR_NONE;
}

static void pod_free(struct registry_pod *pod)
{
	if (pod)
		free(pod->object);
	free(pod);
}

enum err registry_remove_pod(struct registry *registry, const char *ns, const char *name)
{
	struct registry_pod *pod = find_pod(registry, ns, name);
	if (!pod)
		return ERR_NONE;
	unsigned count = pod_address_count(pod);
	enum err err = touched_addresses_make_room(registry, count);
	if (!err)
		err = touch_selecting(registry, pod);
	if (err)
		return err;
	drop_addresses(registry, pod, count);
	ptable_remove(&registry->pods, pod);
	namespace_drop_pod(pod->ns, pod);
	pod_free(pod);
	registry->counts[OBJECT_POD]--;
	return ERR_NONE;
}

/* The pod, whose addresses are in the table, becomes one of those known. */
static enum err add_pod(struct registry *registry, struct registry_pod *pod)
{
	enum err err = namespace_add_pod(pod->ns, pod);
	if (err)
		return err;
	pod->hash = registry_hash(registry, pod->ns, pack_pod_name(pod->object));
	err = ptable_add(&registry->pods, pod);
	if (err)
		pod->ns->pod_count--;
	else
		registry->counts[OBJECT_POD]++;
	return err;
}

/* `pod` takes the place of `old` or, where that is NULL, is added. What can fail comes
 * first. */
static enum err set_pod(
	struct registry *registry, struct registry_pod *old, struct registry_pod *pod)
{
	/* Twice its own: once more for taking them back. */
	unsigned own = pod_address_count(pod), olds = pod_address_count(old);
	enum err err = touched_addresses_make_room(registry, 2u * own + olds);
	if (!err && old)
		err = touch_selecting(registry, old);
	if (!err)
		err = touch_selecting(registry, pod);
	if (!err)
		err = add_addresses(registry, pod);
	if (err)
		return err;
	if (!old) {
		err = add_pod(registry, pod);
		if (err)
			drop_addresses(registry, pod, own);
		return err;
	}
	drop_addresses(registry, old, olds);
	struct pack_pod *object = old->object;
	old->object = pod->object;
	pod->object = object;
	pod_free(pod);
	return ERR_NONE;
}

enum err registry_put_pod(struct registry *registry, const struct object *object)
{
	struct registry_pod *old = find_pod(registry, object->ns, object->name);
	struct registry_pod *pod = calloc(1, sizeof(*pod));
	if (!pod)
		return ERR_NOMEM;
	pod->ns = registry_namespace_at(registry, object->ns);
	pod->object = pod->ns ? pack_pod_new(object) : NULL;
	enum err err = pod->object ? ERR_NONE : ERR_NOMEM;
	if (!err && old && pack_pod_equal(old->object, pod->object)) {
		old->object->origin = pod->object->origin;
		pod_free(pod);
		return ERR_NONE;
	}
	if (!err)
		err = set_pod(registry, old, pod);
	if (err)
		pod_free(pod);
	return err;
}

const struct pack_pod *registry_next_pod(
	const struct registry_namespace *ns, size_t *position)
{
	return *position < ns->pod_count ? ns->pods[(*position)++]->object : NULL;
}

void registry_free_pods(struct registry *registry)
{
	void *object;
	for (size_t i = 0; (object = ptable_next(&registry->pods, &i));)
		pod_free(object);
	for (size_t i = 0; (object = ptable_next(&registry->pod_addresses, &i));)
		free(object);
	ptable_deinit(&registry->pods);
	ptable_deinit(&registry->pod_addresses);
}

/* --- endpoints from pods --- */

/* Everything of one derivation lives in its arena. */
struct derivation {
	struct arena arena;
	const struct registry_service *service;
	struct object_label *selector;
	struct object_port *ports;   /* of the service */
	struct object_label *labels; /* of the pod at hand */
};

/* The container port that targetPort names, or its number; -1: the pod has none so
 * called, and is no endpoint of this port. */
static int32_t pod_port(const struct pack_pod *pod, const struct object_port *port)
{
	if (!port->target_name[0])
		return port->target_port ? port->target_port : port->port;
	struct pack_port_iterator ports = pack_pod_ports(pod);
	struct object_port have;
	while (pack_port_next(&ports, &have))
		if (have.protocol == port->protocol &&
			strcmp(have.name, port->target_name) == 0)
			return have.port;
	return -1;
}

/* A service of one family has endpoints of that family, as far as it says which. */
static bool is_of_family(const struct pack_service *object, const struct ipaddr *address)
{
	uint8_t family = object->ip_families[0];
	return object->ip_family_policy != IP_SINGLE_STACK || !family ||
	       object->ip_families[1] || (family == 4) == (address->length == 4);
}

/* The pod's addresses that are endpoints of the service into `out`; returns how many. */
static size_t derive_addresses(const struct pack_service *object,
	const struct registry_pod *pod, struct ipaddr *out)
{
	size_t count = 0;
	for (unsigned i = 0; i < pod->object->ip_count; i++) {
		out[count] = pack_pod_address(pod->object, i);
		count += is_of_family(object, &out[count]);
	}
	return count;
}

/* A subset for one pod: its ports may differ from the next one's. False: no memory. */
static bool derive_subset(struct derivation *derivation, const struct registry_pod *pod,
	const char *hostname, struct object_subset *out)
{
	const struct pack_service *object = derivation->service->object;
	struct arena *arena = &derivation->arena;
	struct object_port *ports =
		arena_calloc(arena, object->port_count + 1u, sizeof(*ports));
	struct ipaddr *addresses =
		arena_calloc(arena, pod->object->ip_count, sizeof(*addresses));
	struct object_endpoint *endpoint = arena_calloc(arena, 1, sizeof(*endpoint));
	if (!ports || !addresses || !endpoint)
		return false;
	size_t count = 0;
	for (unsigned i = 0; i < object->port_count; i++) {
		ports[count] = derivation->ports[i];
		ports[count].target_name = "";
		ports[count].target_port = 0;
		ports[count].port = pod_port(pod->object, &derivation->ports[i]);
		if (ports[count].port > 0)
			count++;
	}
	*endpoint = (struct object_endpoint){
		.addresses = addresses,
		.address_count = derive_addresses(object, pod, addresses),
		.hostname = hostname,
		.pod_name = pack_pod_name(pod->object),
		.is_ready = pod->object->is_ready || object->publishes_not_ready,
	};
	*out = (struct object_subset){ports, count, endpoint, 1};
	return true;
}

static bool derivation_selects(
	const struct derivation *derivation, const struct registry_pod *pod)
{
	bool has_address = false;
	for (unsigned i = 0; i < pod->object->ip_count; i++) {
		struct ipaddr address = pack_pod_address(pod->object, i);
		has_address |= is_of_family(derivation->service->object, &address);
	}
	if (pod->object->is_gone || !has_address)
		return false;
	const char *hostname, *subdomain;
	pack_pod_read(pod->object, derivation->labels, &hostname, &subdomain);
	return selector_matches_all(derivation->selector,
		derivation->service->object->selector_count, derivation->labels,
		pod->object->label_count);
}

/* A pod's host name counts where its subdomain is the service's name. */
static const char *derive_hostname(
	const struct derivation *derivation, const struct registry_pod *pod)
{
	const char *hostname, *subdomain;
	pack_pod_read(pod->object, derivation->labels, &hostname, &subdomain);
	return strcmp(subdomain, derivation->service->name) == 0 ? hostname : "";
}

static int pod_compare(const void *a, const void *b)
{
	const struct registry_pod *const *left = a, *const *right = b;
	return strcmp(pack_pod_name((*left)->object), pack_pod_name((*right)->object));
}

/* The selected pods by name; NULL: no memory. */
static struct registry_pod **derive_pods(struct derivation *derivation, size_t *count)
{
	const struct registry_namespace *ns = derivation->service->ns;
	struct registry_pod **pods = arena_calloc(
		&derivation->arena, ns->pod_count + 1u, sizeof(struct registry_pod *));
	size_t labels = 0;
	for (uint32_t i = 0; i < ns->pod_count; i++)
		if (ns->pods[i]->object->label_count > labels)
			labels = ns->pods[i]->object->label_count;
	derivation->labels = read_labels(&derivation->arena, labels);
	if (!pods || !derivation->labels)
		return NULL;
	*count = 0;
	for (uint32_t i = 0; i < ns->pod_count; i++)
		if (derivation_selects(derivation, ns->pods[i]))
			pods[(*count)++] = ns->pods[i];
	qsort(pods, *count, sizeof(struct registry_pod *), pod_compare);
	return pods;
}

static enum err derive_slice(const struct registry *registry,
	struct derivation *derivation, struct pack_slice **out)
{
	const struct registry_service *service = derivation->service;
	size_t count;
	struct registry_pod **pods = derive_pods(derivation, &count);
	struct object_subset *subsets =
		pods ? arena_calloc(&derivation->arena, count + 1, sizeof(*subsets))
		     : NULL;
	if (!subsets)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		if (!derive_subset(derivation, pods[i],
			    derive_hostname(derivation, pods[i]), &subsets[i]))
			return ERR_NOMEM;
	struct object object = {.kind = OBJECT_SLICE,
		.ns = service->ns->name,
		.name = "",
		.origin = service->object->origin,
		.slice = {service->name, subsets, count}};
	const struct pack_slice_options options = {
		.keeps_pod_names = registry->options.keeps_pod_names};
	*out = count ? pack_slice_new(&object, &options) : NULL;
	return count && !*out ? ERR_NOMEM : ERR_NONE;
}

enum err registry_derive(struct registry *registry, struct registry_service *service)
{
	free(service->derived);
	service->derived = NULL;
	if (!registry_is_pod_backed(service) || registry->options.ignores_endpoints)
		return ERR_NONE;
	struct derivation derivation = {.service = service};
	arena_init(&derivation.arena, 16384);
	const struct pack_service *object = service->object;
	derivation.selector = read_labels(&derivation.arena, object->selector_count);
	derivation.ports = arena_calloc(
		&derivation.arena, object->port_count + 1u, sizeof(*derivation.ports));
	enum err err = ERR_NOMEM;
	if (derivation.selector && derivation.ports) {
		pack_service_selector(object, derivation.selector);
		struct pack_port_iterator ports = pack_service_ports(object);
		for (unsigned i = 0; pack_port_next(&ports, &derivation.ports[i]); i++)
			;
		err = derive_slice(registry, &derivation, &service->derived);
	}
	arena_deinit(&derivation.arena);
	return err;
}
