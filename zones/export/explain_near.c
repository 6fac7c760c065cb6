/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/wire/reverse.h"
#include "zones/export/explain_internal.h"
#include "zones/registry/pack.h"

/* What is near a name that does not exist: one rule for each mistake. */

enum { NAMESAKES_SHOWN = 5 };

static bool is_shown(const struct registry_namespace *ns)
{
	return ns && registry_is_exposed(ns);
}

/* --- the tree: "svc" or "pod" in front of the zone --- */

/* "web.shop.ZONE": is a service of that name there? Or of one label, anywhere? */
static void near_missing_tree(struct explanation *explanation)
{
	if (explanation->is_service_tree || explanation->is_pod_tree ||
		reverse_is_below(explanation->name))
		return;
	explain_reason(
		explanation, "in front of the zone stands neither \"svc\" nor \"pod\"");
	if (explanation->labels < 2)
		return;
	const struct registry_service *service = registry_find_service(
		explanation->registry, explanation->tree, explanation->ns_name);
	if (service && explain_is_published(explanation, service))
		explain_near(explanation, "\"svc\" is missing", "", service);
}

static void near_misspelt_tree(struct explanation *explanation)
{
	if (explanation->is_service_tree || explanation->is_pod_tree ||
		explanation->labels < 3)
		return;
	const struct registry_service *service = registry_find_service(
		explanation->registry, explanation->ns_name, explanation->service_name);
	if (service && explain_is_published(explanation, service))
		explain_near(explanation, "names of services end in \"svc\" and the zone",
			"", service);
}

/* --- the namespace --- */

static void near_hidden_namespace(struct explanation *explanation)
{
	const struct registry_namespace *ns = explanation->ns;
	if (!ns || registry_is_exposed(ns))
		return;
	if (!ns->has_object && !ns->is_builtin) {
		explain_reason(explanation,
			finding_format(explanation->out,
				"there are objects in the namespace \"%s\", but there is "
				"no Namespace object of that name",
				ns->name));
		return;
	}
	const struct finding head = {
		.kind = FINDING_REASON,
		.text = ns->is_listed ? "the namespace is hidden by namespace_labels"
				      : "the namespace is not in the list of namespaces",
	};
	explain_object(explanation, &head, OBJECT_NAMESPACE, NULL, ns->name, &ns->origin);
}

static const struct registry_namespace *nearest_namespace(
	const struct explanation *explanation)
{
	struct nearest nearest;
	nearest_init(&nearest, explanation->ns_name);
	size_t position = 0;
	const struct registry_namespace *ns;
	while ((ns = registry_next_namespace(explanation->registry, &position)))
		if (registry_is_exposed(ns))
			nearest_offer(&nearest, ns->name);
	return nearest.found
		       ? registry_find_namespace(explanation->registry, nearest.found)
		       : NULL;
}

static void near_unknown_namespace(struct explanation *explanation)
{
	if (explanation->ns || explanation->labels < 2 ||
		(!explanation->is_service_tree && !explanation->is_pod_tree))
		return;
	explain_reason(explanation,
		finding_format(explanation->out, "there is no namespace \"%s\"",
			explanation->ns_name));
	const struct registry_namespace *ns = nearest_namespace(explanation);
	if (!ns)
		return;
	const struct registry_service *service = registry_find_service(
		explanation->registry, ns->name, explanation->service_name);
	if (service && explain_is_published(explanation, service)) {
		explain_near(
			explanation, "the namespace is spelt differently", "", service);
		return;
	}
	const struct finding finding = {
		.kind = FINDING_NEAR,
		.text = finding_format(
			explanation->out, "there is a namespace \"%s\"", ns->name),
	};
	finding_add(explanation->out, &finding);
}

/* --- the service --- */

/* "shop.web" instead of "web.shop". */
static void near_swapped(struct explanation *explanation)
{
	if (explanation->service || !explanation->is_service_tree ||
		explanation->labels != 3)
		return;
	const struct registry_service *service = registry_find_service(
		explanation->registry, explanation->service_name, explanation->ns_name);
	if (service && explain_is_published(explanation, service))
		explain_near(explanation, "the service stands in front of its namespace",
			"", service);
}

static void near_elsewhere(struct explanation *explanation)
{
	if (explanation->service || !explanation->is_service_tree ||
		explanation->labels < 3)
		return;
	unsigned left = 0;
	size_t position = 0;
	const struct registry_namespace *ns;
	while ((ns = registry_next_namespace(explanation->registry, &position))) {
		const struct registry_service *service = registry_find_service(
			explanation->registry, ns->name, explanation->service_name);
		if (service && explain_is_published(explanation, service) &&
			left++ < NAMESAKES_SHOWN)
			explain_near(explanation, "in another namespace", "", service);
	}
	if (left > NAMESAKES_SHOWN)
		explain_reason(explanation,
			finding_format(explanation->out,
				"%u more namespaces have a service of this name",
				left - NAMESAKES_SHOWN));
}

static void near_misspelt_service(struct explanation *explanation)
{
	if (explanation->service || !explanation->is_service_tree ||
		!is_shown(explanation->ns) || explanation->labels < 3)
		return;
	explain_reason(explanation,
		finding_format(explanation->out,
			"there is no %s \"%s\" in the namespace \"%s\"",
			explanation->of_imports ? "ServiceImport" : "service",
			explanation->service_name, explanation->ns_name));
	struct nearest nearest;
	nearest_init(&nearest, explanation->service_name);
	for (uint32_t i = 0; i < explanation->ns->service_count; i++)
		if (explain_is_published(explanation, explanation->ns->services[i]))
			nearest_offer(&nearest, explanation->ns->services[i]->name);
	if (nearest.found)
		explain_near(explanation, "a near spelling", "",
			registry_find_service(explanation->registry, explanation->ns_name,
				nearest.found));
}

/* A Service that is not imported, or one that was and is not of this cluster: has the
 * name records where the other kind has its names? */
static void near_other_zones(struct explanation *explanation)
{
	const struct store *store = explanation->cluster->store;
	const struct dname *name = explanation->name;
	bool of_imports = store_zone(store, explanation->zone)->is_multicluster;
	size_t front =
		(size_t)name->length - store_zone(store, explanation->zone)->name.length;
	if (!explanation->is_service_tree || explanation->labels < 3)
		return;
	for (unsigned i = 0; i < store_zone_count(store); i++) {
		const struct store_zone *zone = store_zone(store, i);
		struct dname other = {.length = (uint8_t)(front + zone->name.length)};
		if (zone->is_multicluster == of_imports ||
			front + zone->name.length > DNAME_MAX)
			continue;
		memcpy(other.bytes, name->bytes, front);
		memcpy(other.bytes + front, zone->name.bytes, zone->name.length);
		const struct answer_set *set = store_find_name(store, &other);
		if (!set || !set->rrset_count)
			continue;
		char text[DNAME_TEXT_SIZE];
		const struct finding finding = {
			.kind = FINDING_NEAR,
			.text = of_imports ? "of this cluster's own Service"
					   : "of the ServiceImport",
			.name = finding_format(
				explanation->out, "%s", dname_to_text(other.bytes, text)),
		};
		finding_add(explanation->out, &finding);
	}
}

/* Endpoints without the Service that they name. */
static void near_orphans(struct explanation *explanation)
{
	const struct registry_service *service = explanation->service;
	if (!service || service->object || !is_shown(service->ns))
		return;
	unsigned position = 0;
	const struct pack_slice *slice = registry_next_slice(service, &position);
	if (!slice)
		return;
	const struct finding head = {
		.kind = FINDING_REASON,
		.text = finding_format(explanation->out,
			"there are endpoints but there is no %s of this name",
			explain_kind(explanation)),
	};
	explain_object(explanation, &head,
		slice == service->endpoints ? OBJECT_ENDPOINTS : OBJECT_SLICE,
		service->ns, pack_slice_name(slice), &slice->origin);
}

static const char *missing_endpoints(
	struct explanation *explanation, const struct registry_service *service)
{
	unsigned ready, all = explain_count(service, &ready);
	const char *kind = service->object->is_headless
				   ? "headless service"
				   : "service (ignore empty_service)";
	if (explanation->cluster->ignores_endpoints)
		return "a headless service has no names with the option noendpoints";
	if (all)
		return finding_format(explanation->out,
			"%s with %u endpoint%s, none of them ready", kind, all,
			all == 1 ? "" : "s");
	if (service->object->selector_count)
		return finding_format(explanation->out,
			"%s without endpoints: no pod matches its selector", kind);
	return finding_format(explanation->out, "%s without endpoints: no %s names it",
		kind,
		explanation->of_imports ? "EndpointSlice"
					: "EndpointSlice or Endpoints object");
}

static void near_absent_service(struct explanation *explanation)
{
	const struct registry_service *service = explanation->service;
	if (!service || !service->object || !is_shown(service->ns) ||
		explain_is_published(explanation, service))
		return;
	struct ipaddr addresses[2];
	if (!service->object->is_headless && !registry_cluster_ips(service, addresses)) {
		explain_reason(explanation,
			explanation->of_imports
				? "the ServiceImport has no address: none stands in "
				  "spec.ips"
				: "the service has no cluster IP: give it one, or set "
				  "service_cidr");
		return;
	}
	explain_reason(explanation, missing_endpoints(explanation, service));
}

/* --- ports and endpoints --- */

static bool has_published(const struct explanation *explanation)
{
	return explanation->service &&
	       explain_is_published(explanation, explanation->service);
}

/* The service's ports, of a headless one those of the first endpoints. */
static struct pack_port_iterator ports_of(const struct registry_service *service)
{
	if (!service->object->is_headless)
		return pack_service_ports(service->object);
	unsigned position = 0;
	const struct pack_slice *slice = registry_next_slice(service, &position);
	struct pack_subset subset = {.port_count = 0};
	if (slice) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		if (pack_subset_next(&subsets, &subset))
			return subset.ports;
	}
	return subset.ports;
}

static void near_ports(struct explanation *explanation)
{
	if (!has_published(explanation) || explanation->front != 2 ||
		(explanation->of_imports && explanation->first[0] != '_'))
		return;
	struct pack_port_iterator ports = ports_of(explanation->service);
	struct object_port port;
	bool has_unnamed = false;
	explain_reason(explanation,
		finding_format(explanation->out, "the service has no port \"%s.%s\"",
			explanation->first, explanation->second));
	while (pack_port_next(&ports, &port)) {
		if (!*port.name) {
			has_unnamed = true;
			continue;
		}
		explain_near(explanation, "a port that it has",
			finding_format(explanation->out, "_%s._%s.", port.name,
				explain_protocol(port.protocol)),
			explanation->service);
	}
	if (has_unnamed)
		explain_reason(explanation,
			"its port has no name, and so no name of its own in DNS");
}

static void near_port_form(struct explanation *explanation)
{
	if (!has_published(explanation))
		return;
	bool is_port = explanation->first[0] == '_';
	if (explanation->front == 1 && is_port)
		explain_reason(
			explanation, "names of ports have two labels: _PORT._PROTOCOL");
	if (explanation->front == 2 && (!is_port || explanation->second[0] != '_') &&
		(is_port || !explanation->of_imports))
		explain_reason(
			explanation, "names of ports need both underscores (RFC 2782)");
	if (explanation->front > 2)
		explain_reason(explanation,
			"there is nothing below the names of ports and endpoints");
}

/* Offers the labels of ready endpoints; `found` takes the nearest one's text. */
static void nearest_endpoint(const struct explanation *explanation,
	const struct pack_slice *slice, const struct pack_subset *subset,
	struct nearest *nearest, char found[ENDPOINT_LABEL_SIZE])
{
	struct pack_endpoint_iterator endpoints = pack_subset_endpoints(subset);
	struct pack_endpoint endpoint;
	while (pack_endpoint_next(&endpoints, &endpoint)) {
		struct ipaddr address = pack_endpoint_address(&endpoint, 0);
		char label[ENDPOINT_LABEL_SIZE];
		explain_endpoint_label(explanation, slice, &endpoint, &address, label);
		if (!endpoint.is_ready || !*label)
			continue;
		nearest_offer(nearest, label);
		if (nearest->found == label) {
			memcpy(found, label, sizeof(label));
			nearest->found = found;
		}
	}
}

static void near_endpoint(struct explanation *explanation)
{
	bool is_whole = explanation->front == 2 && explanation->of_imports;
	if (!has_published(explanation) || (explanation->front != 1 && !is_whole) ||
		explanation->first[0] == '_')
		return;
	const char *label = explanation->first;
	if (is_whole)
		label = finding_format(
			explanation->out, "%s.%s", label, explanation->second);
	explain_reason(explanation,
		finding_format(explanation->out,
			"the service has no ready endpoint called \"%s\"", label));
	if (explanation->of_imports && !is_whole)
		explain_reason(explanation,
			"names of its endpoints have two labels: ENDPOINT.CLUSTER");
	struct nearest nearest;
	nearest_init(&nearest, label);
	char found[ENDPOINT_LABEL_SIZE];
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(explanation->service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset))
			nearest_endpoint(explanation, slice, &subset, &nearest, found);
	}
	if (nearest.found)
		explain_near(explanation, "a near spelling",
			finding_format(explanation->out, "%s.", found),
			explanation->service);
}

const explain_rule explain_near_rules[] = {
	near_missing_tree,
	near_misspelt_tree,
	near_hidden_namespace,
	near_unknown_namespace,
	near_swapped,
	near_misspelt_service,
	near_other_zones,
	near_elsewhere,
	near_orphans,
	near_absent_service,
	near_port_form,
	near_ports,
	near_endpoint,
	NULL,
};
