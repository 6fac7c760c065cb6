/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/wire/message.h"
#include "zones/export/explain_internal.h"
#include "zones/registry/pack.h"

/* The objects that a service's records come from, and the endpoints left out of them. */

/* "_name._protocol" asked for; NULL: every port. */
struct port_wanted {
	const char *name, *protocol;
};

static struct port_wanted port_wanted(const struct explanation *explanation)
{
	struct port_wanted wanted = {NULL, NULL};
	if (explanation->front == 2 && explanation->first[0] == '_' &&
		explanation->second[0] == '_') {
		wanted.name = explanation->first + 1;
		wanted.protocol = explanation->second + 1;
	}
	return wanted;
}

/* The endpoint asked for by its label, of an import with its cluster's; NULL: every one.
 */
static const char *endpoint_wanted(const struct explanation *explanation)
{
	unsigned labels = explanation->of_imports ? 2 : 1;
	if (explanation->front != labels || explanation->first[0] == '_')
		return NULL;
	return explanation->of_imports ? finding_format(explanation->out, "%s.%s",
						 explanation->first, explanation->second)
				       : explanation->first;
}

/* --- the service itself --- */

static void service_object(
	struct explanation *explanation, const char *subject, const char *text)
{
	const struct registry_service *service = explanation->service;
	const struct finding head = {
		.kind = explanation->exists ? FINDING_SOURCE : FINDING_REASON,
		.subject = subject,
		.text = text,
	};
	explain_object(explanation, &head, registry_service_kind(explanation->registry),
		service->ns, service->name, &service->object->origin);
}

static void cluster_ips(struct explanation *explanation)
{
	struct ipaddr addresses[2];
	unsigned count = registry_cluster_ips(explanation->service, addresses);
	bool is_given = explanation->service->object->cluster_ip_count > 0;
	const char *subject = "";
	for (unsigned i = 0; i < count; i++) {
		char text[IPADDR_TEXT_SIZE];
		subject = finding_format(explanation->out, "%s%s%s", subject,
			i ? ", " : "", ipaddr_format(&addresses[i], text));
	}
	service_object(explanation, *subject ? subject : NULL,
		count && !is_given ? "address from service_cidr" : NULL);
}

static void endpoint_summary(struct explanation *explanation)
{
	unsigned ready, all = explain_count(explanation->service, &ready);
	explain_reason(explanation,
		finding_format(explanation->out,
			"%u of %u endpoints ready; the cluster IP stands for them", ready,
			all));
}

/* --- endpoints --- */

struct endpoint_walk {
	struct explanation *explanation;
	const struct pack_slice *slice;
	const char *label; /* wanted; NULL: all */
	struct port_wanted port;
};

/* The pod that a derived endpoint's address was read from. */
static const struct pack_pod *find_pod(
	const struct registry_service *service, const struct ipaddr *address)
{
	const struct pack_pod *pod;
	for (size_t i = 0; (pod = registry_next_pod(service->ns, &i));)
		for (unsigned j = 0; j < pod->ip_count; j++) {
			struct ipaddr own = pack_pod_address(pod, j);
			if (ipaddr_equal(&own, address))
				return pod;
		}
	return NULL;
}

static void endpoint_object(const struct endpoint_walk *walk, const struct finding *head,
	const struct ipaddr *address)
{
	struct explanation *explanation = walk->explanation;
	const struct registry_service *service = explanation->service;
	const struct pack_slice *slice = walk->slice;
	if (slice != service->derived) {
		enum object_kind kind =
			slice == service->endpoints ? OBJECT_ENDPOINTS : OBJECT_SLICE;
		explain_object(explanation, head, kind, service->ns,
			pack_slice_name(slice), &slice->origin);
		return;
	}
	const struct pack_pod *pod = find_pod(service, address);
	if (!pod)
		return;
	const struct object_origin origin = pack_pod_origin(pod);
	explain_object(
		explanation, head, OBJECT_POD, service->ns, pack_pod_name(pod), &origin);
}

/* Why an endpoint of this subset is not in the answer; NULL: it is. */
static const char *left_out(const struct endpoint_walk *walk,
	const struct pack_subset *subset, const struct pack_endpoint *endpoint)
{
	if (!endpoint->is_ready)
		return "not ready";
	bool wants_number = walk->explanation->type == TYPE_SRV;
	if (!walk->port.name && !wants_number)
		return NULL;
	bool has_port = !walk->port.name;
	struct pack_port_iterator ports = subset->ports;
	struct object_port port;
	while (pack_port_next(&ports, &port)) {
		if (walk->port.name && (strcmp(port.name, walk->port.name) != 0 ||
					       strcmp(explain_protocol(port.protocol),
						       walk->port.protocol) != 0))
			continue;
		if (port.port >= 0)
			return NULL;
		has_port = true;
	}
	return has_port ? "its port has no number" : "it has no such port";
}

static void one_endpoint(const struct endpoint_walk *walk,
	const struct pack_subset *subset, const struct pack_endpoint *endpoint)
{
	struct finding_list *out = walk->explanation->out;
	const char *reason = left_out(walk, subset, endpoint);
	for (unsigned i = 0; i < endpoint->address_count; i++) {
		struct ipaddr address = pack_endpoint_address(endpoint, i);
		char text[IPADDR_TEXT_SIZE], label[ENDPOINT_LABEL_SIZE];
		explain_endpoint_label(
			walk->explanation, walk->slice, endpoint, &address, label);
		if (walk->label && strcmp(walk->label, label) != 0)
			continue;
		const struct finding head = {
			.kind = reason ? FINDING_LEFT_OUT : FINDING_SOURCE,
			.subject = finding_format(out, "%s%s%s",
				ipaddr_format(&address, text), *label ? " " : "", label),
			.text = reason,
		};
		endpoint_object(walk, &head, &address);
	}
}

static void each_endpoint(struct explanation *explanation)
{
	struct endpoint_walk walk = {
		.explanation = explanation,
		.label = endpoint_wanted(explanation),
		.port = port_wanted(explanation),
	};
	unsigned position = 0;
	while ((walk.slice = registry_next_slice(explanation->service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(walk.slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			struct pack_endpoint_iterator endpoints =
				pack_subset_endpoints(&subset);
			struct pack_endpoint endpoint;
			while (pack_endpoint_next(&endpoints, &endpoint))
				one_endpoint(&walk, &subset, &endpoint);
		}
	}
}

/* --- rules --- */

static bool has_shown_service(const struct explanation *explanation)
{
	return explanation->service && registry_is_exposed(explanation->service->ns);
}

void explain_sources(struct explanation *explanation)
{
	if (!has_shown_service(explanation))
		return;
	const struct pack_service *object = explanation->service->object;
	if (!object)
		return;
	bool is_external = object->type == SERVICE_EXTERNAL_NAME;
	if (is_external)
		service_object(
			explanation, pack_service_external_name(object), "ExternalName");
	else if (object->is_headless)
		service_object(explanation, NULL, "headless");
	else
		cluster_ips(explanation);
	if (object->is_headless || endpoint_wanted(explanation))
		each_endpoint(explanation);
	else if (!is_external && explanation->exists)
		endpoint_summary(explanation);
}

/* Which of the service's ports an SRV question is answered with. */
void explain_port_sources(struct explanation *explanation)
{
	struct port_wanted wanted = port_wanted(explanation);
	if (!has_shown_service(explanation) || !wanted.name ||
		!explanation->service->object ||
		explanation->service->object->is_headless)
		return;
	struct pack_port_iterator ports =
		pack_service_ports(explanation->service->object);
	struct object_port port;
	while (pack_port_next(&ports, &port))
		if (strcmp(port.name, wanted.name) == 0 &&
			strcmp(explain_protocol(port.protocol), wanted.protocol) == 0)
			service_object(explanation,
				finding_format(explanation->out, "port %d", port.port),
				NULL);
}
