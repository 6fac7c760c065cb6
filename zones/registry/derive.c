/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "zones/registry/registry_internal.h"
#include "zones/registry/selector.h"

/* The endpoints of services that have a selector but no slice, from pods, as
 * the endpoint slice controller would make them. */

struct object_label *registry_new_labels(struct arena *arena, size_t count)
{
	return arena_calloc(arena, count ? count : 1, sizeof(struct object_label));
}

bool registry_is_pod_backed(const struct registry_service *service)
{
	return service->object && service->object->selector_count &&
	       service->object->type != SERVICE_EXTERNAL_NAME && !service->slice_count &&
	       !service->endpoints;
}

/* Everything of one derivation lives in its arena. */
struct derivation {
	struct arena arena;
	const struct registry_service *service;
	struct object_label *selector;
	struct object_port *ports;   /* of the service */
	struct object_label *labels; /* of the pod at hand */
};

/* The container port that targetPort names, or its number; -1: the pod has none
 * so called, and is no endpoint of this port. */
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

/* A service of one family has endpoints of that family, as far as it says
 * which. */
static bool is_of_family(const struct pack_service *object, const struct ipaddr *address)
{
	uint8_t family = object->ip_families[0];
	return object->ip_family_policy != IP_SINGLE_STACK || !family ||
	       object->ip_families[1] || (family == 4) == (address->length == 4);
}

/* The pod's addresses that are endpoints of the service into `out`; returns how
 * many. */
static size_t derive_addresses(
	const struct pack_service *object, const struct pack_pod *pod, struct ipaddr *out)
{
	size_t count = 0;
	for (unsigned i = 0; i < pod->ip_count; i++) {
		out[count] = pack_pod_address(pod, i);
		count += is_of_family(object, &out[count]);
	}
	return count;
}

/* A subset for one pod: its ports may differ from the next one's. False: no
 * memory. */
static bool derive_subset(struct derivation *derivation, const struct pack_pod *pod,
	const char *hostname, struct object_subset *out)
{
	const struct pack_service *object = derivation->service->object;
	struct arena *arena = &derivation->arena;
	struct object_port *ports =
		arena_calloc(arena, object->port_count + 1u, sizeof(*ports));
	struct ipaddr *addresses = arena_calloc(arena, pod->ip_count, sizeof(*addresses));
	struct object_endpoint *endpoint = arena_calloc(arena, 1, sizeof(*endpoint));
	if (!ports || !addresses || !endpoint)
		return false;
	size_t count = 0;
	for (unsigned i = 0; i < object->port_count; i++) {
		ports[count] = derivation->ports[i];
		ports[count].target_name = "";
		ports[count].target_port = 0;
		ports[count].port = pod_port(pod, &derivation->ports[i]);
		if (ports[count].port > 0)
			count++;
	}
	*endpoint = (struct object_endpoint){
		.addresses = addresses,
		.address_count = derive_addresses(object, pod, addresses),
		.hostname = hostname,
		.pod_name = pack_pod_name(pod),
		.is_ready = pod->is_ready || object->publishes_not_ready,
	};
	*out = (struct object_subset){ports, count, endpoint, 1};
	return true;
}

static bool derivation_selects(
	const struct derivation *derivation, const struct pack_pod *pod)
{
	bool has_address = false;
	for (unsigned i = 0; i < pod->ip_count; i++) {
		struct ipaddr address = pack_pod_address(pod, i);
		has_address |= is_of_family(derivation->service->object, &address);
	}
	if (pod->is_gone || !has_address)
		return false;
	const char *hostname, *subdomain;
	pack_pod_read(pod, derivation->labels, &hostname, &subdomain);
	return selector_matches_all(derivation->selector,
		derivation->service->object->selector_count, derivation->labels,
		pod->label_count);
}

/* A pod's host name counts where its subdomain is the service's name. */
static const char *derive_hostname(
	const struct derivation *derivation, const struct pack_pod *pod)
{
	const char *hostname, *subdomain;
	pack_pod_read(pod, derivation->labels, &hostname, &subdomain);
	return strcmp(subdomain, derivation->service->name) == 0 ? hostname : "";
}

static int pod_compare(const void *a, const void *b)
{
	const struct pack_pod *const *left = a, *const *right = b;
	return strcmp(pack_pod_name(*left), pack_pod_name(*right));
}

/* The selected pods by name; NULL: no memory. */
static const struct pack_pod **derive_pods(struct derivation *derivation, size_t *count)
{
	const struct registry_namespace *ns = derivation->service->ns;
	const struct pack_pod **pods = arena_calloc(
		&derivation->arena, ns->pods.count + 1, sizeof(struct pack_pod *));
	const struct pack_pod *pod;
	size_t labels = 0;
	for (size_t i = 0; (pod = registry_next_pod(ns, &i));)
		if (pod->label_count > labels)
			labels = pod->label_count;
	derivation->labels = registry_new_labels(&derivation->arena, labels);
	if (!pods || !derivation->labels)
		return NULL;
	*count = 0;
	for (size_t i = 0; (pod = registry_next_pod(ns, &i));)
		if (derivation_selects(derivation, pod))
			pods[(*count)++] = pod;
	qsort(pods, *count, sizeof(struct pack_pod *), pod_compare);
	return pods;
}

static enum err derive_slice(const struct registry *registry,
	struct derivation *derivation, struct pack_slice **out)
{
	const struct registry_service *service = derivation->service;
	size_t count;
	const struct pack_pod **pods = derive_pods(derivation, &count);
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
		.slice = {.service = service->name,
			.subsets = subsets,
			.subset_count = count}};
	const struct pack_slice_options options = {
		.keeps_pod_names = registry->options.keeps_pod_names};
	*out = count ? pack_slice_new(&object, &options) : NULL;
	return count && !*out ? ERR_NOMEM : ERR_NONE;
}

enum err registry_derive(struct registry *registry, struct registry_service *service)
{
	free(service->derived);
	service->derived = NULL;
	if (!registry_is_pod_backed(service) || registry->options.ignores_endpoints ||
		registry->options.has_all_slices)
		return ERR_NONE;
	struct derivation derivation = {.service = service};
	arena_init(&derivation.arena, 16384);
	const struct pack_service *object = service->object;
	derivation.selector =
		registry_new_labels(&derivation.arena, object->selector_count);
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
