/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/wire/message.h"
#include "server/wire/reverse.h"
#include "zones/export/explain_internal.h"
#include "zones/registry/pack.h"

/* Names that an address stands in: those of pods and reverse names. */

/* "10-0-0-1" or "fd00--1"; false: no address. */
static bool read_dashed(const char *label, struct ipaddr *out)
{
	char text[LABEL_SIZE];
	for (unsigned form = 0; form < 2; form++) {
		size_t length = strlen(label);
		for (size_t i = 0; i <= length; i++)
			text[i] = label[i] == '-' ? (form ? ':' : '.') : label[i];
		if (!ipaddr_parse(text, out))
			return true;
	}
	return false;
}

/* Each pod of the namespace with the address; returns whether one counts. */
static bool pods_with(struct explanation *explanation,
	const struct registry_namespace *ns, const struct ipaddr *address)
{
	bool has_any = false;
	const struct pack_pod *pod;
	for (size_t i = 0; (pod = registry_next_pod(ns, &i));) {
		bool has_address = false;
		for (unsigned j = 0; j < pod->ip_count && !has_address; j++) {
			struct ipaddr own = pack_pod_address(pod, j);
			has_address = ipaddr_equal(&own, address);
		}
		if (!has_address)
			continue;
		const struct finding head = {
			.kind = pod->is_gone ? FINDING_LEFT_OUT : FINDING_SOURCE,
			.text = pod->is_gone ? "the pod is finished or terminating"
					     : NULL,
		};
		const struct object_origin origin = pack_pod_origin(pod);
		explain_object(
			explanation, &head, OBJECT_POD, ns, pack_pod_name(pod), &origin);
		has_any |= !pod->is_gone;
	}
	return has_any;
}

/* There are pods with the address; a name of theirs has that of its family alone. */
static void explain_verified(
	struct explanation *explanation, const struct ipaddr *address)
{
	uint16_t own = address->length == 4 ? TYPE_A : TYPE_AAAA;
	explanation->exists = true;
	if (explanation->type != own && explanation->type != TYPE_ANY)
		explain_reason(explanation,
			own == TYPE_A ? "the name has records of other types: A"
				      : "the name has records of other types: AAAA");
}

static void pod_elsewhere(struct explanation *explanation, const struct ipaddr *address)
{
	size_t position = 0;
	const struct registry_namespace *ns;
	while ((ns = registry_next_namespace(
			explanation->cluster->registry, &position))) {
		if (!registry_is_exposed(ns) ||
			!registry_has_pod_address(
				explanation->cluster->registry, ns, address))
			continue;
		explain_reason(explanation,
			finding_format(explanation->out,
				"a pod of the namespace \"%s\" has this address",
				ns->name));
	}
}

void explain_pod(struct explanation *explanation)
{
	const struct registry_namespace *ns = explanation->ns;
	if (!explanation->is_pod_tree || explanation->labels < 3 || !ns ||
		!registry_is_exposed(ns))
		return;
	struct ipaddr address;
	if (explanation->cluster->pods == PODS_DISABLED)
		explain_reason(explanation,
			"there are no names of pods: the option is \"pods disabled\"");
	else if (explanation->labels > 3)
		explain_reason(explanation, "there is nothing below a pod's name");
	else if (!read_dashed(explanation->service_name, &address))
		explain_reason(explanation,
			"a pod's name is its address with dashes, 10-244-1-31");
	else if (explanation->cluster->pods == PODS_INSECURE)
		explain_reason(explanation,
			"read off the name: the option is \"pods insecure\"");
	else if (pods_with(explanation, ns, &address)) {
		explain_verified(explanation, &address);
	} else {
		explain_reason(explanation, "no pod of the namespace has this address");
		pod_elsewhere(explanation, &address);
	}
}

/* --- reverse names --- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The address that a whole reverse name is of, by making each form again. */
static bool read_reverse(const struct dname *name, struct ipaddr *out)
{
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned labels = dname_labels(name->bytes, offsets);
	*out = (struct ipaddr){.length = labels == 6 ? 4 : 16};
	if (labels != 6 && labels != 34)
		return false;
	for (unsigned i = 0; i < labels - 2; i++) {
		const uint8_t *label = name->bytes + offsets[labels - 3 - i];
		unsigned value = 0;
		for (unsigned j = 1; j <= label[0]; j++) {
			int digit = hex_digit(label[j]);
			value = value * (labels == 6 ? 10 : 16) + (unsigned)digit;
		}
		if (labels == 6)
			out->bytes[i] = (uint8_t)value;
		else
			out->bytes[i / 2] = (uint8_t)(out->bytes[i / 2] << 4 | value);
	}
	struct dname again = {.length = 0};
	reverse_name(out, &again);
	return dname_equal(&again, name);
}

static bool endpoint_has(
	const struct pack_endpoint *endpoint, const struct ipaddr *address)
{
	for (unsigned i = 0; i < endpoint->address_count; i++) {
		struct ipaddr own = pack_endpoint_address(endpoint, i);
		if (ipaddr_equal(&own, address))
			return true;
	}
	return false;
}

/* Why the service's name is not found by an address that it has; NULL: it has not. */
static const char *why_hidden(
	const struct registry_service *service, const struct ipaddr *address)
{
	struct ipaddr own[2];
	if (ipaddr_is_among(address, own, registry_cluster_ips(service, own)))
		return "its namespace is hidden";
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			struct pack_endpoint_iterator endpoints =
				pack_subset_endpoints(&subset);
			struct pack_endpoint endpoint;
			while (pack_endpoint_next(&endpoints, &endpoint))
				if (endpoint_has(&endpoint, address))
					return endpoint.is_ready
						       ? "its namespace is hidden"
						       : "an endpoint, not ready";
		}
	}
	return NULL;
}

static void hidden_holders(struct explanation *explanation,
	const struct registry_namespace *ns, const struct ipaddr *address)
{
	static const struct object_origin none = {NULL, 0};
	for (uint32_t i = 0; i < ns->service_count; i++) {
		const struct registry_service *service = ns->services[i];
		const struct finding head = {
			.kind = FINDING_LEFT_OUT,
			.text = why_hidden(service, address),
		};
		if (head.text)
			explain_object(explanation, &head, OBJECT_SERVICE, ns,
				service->name,
				service->object ? &service->object->origin : &none);
	}
}

void explain_address(struct explanation *explanation)
{
	struct ipaddr address;
	if (explanation->exists || !reverse_is_below(explanation->name) ||
		!read_reverse(explanation->name, &address))
		return;
	char text[IPADDR_TEXT_SIZE];
	explain_reason(explanation,
		finding_format(explanation->out,
			"no service and no ready endpoint of one has the address %s",
			ipaddr_format(&address, text)));
	size_t position = 0;
	const struct registry_namespace *ns;
	while ((ns = registry_next_namespace(explanation->cluster->registry, &position)))
		hidden_holders(explanation, ns, &address);
	pod_elsewhere(explanation, &address);
}
