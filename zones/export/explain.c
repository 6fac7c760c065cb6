/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/explain.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/wire/message.h"
#include "zones/export/explain_internal.h"
#include "zones/registry/pack.h"
#include "zones/synth/plan.h"

/* --- helpers --- */

void explain_reason(struct explanation *explanation, const char *text)
{
	const struct finding finding = {.kind = FINDING_REASON, .text = text};
	finding_add(explanation->out, &finding);
}

void explain_near(struct explanation *explanation, const char *text, const char *front,
	const struct registry_service *service)
{
	char zone[DNAME_TEXT_SIZE];
	dname_to_text(
		store_zone(explanation->cluster->store, explanation->zone)->name.bytes,
		zone);
	const char *name = finding_format(explanation->out, "%s%s.%s.svc.%s", front,
		service->name, service->ns->name, zone);
	/* Two rules may lead to the same name; the first one says why. */
	for (size_t i = 0; i < explanation->out->count; i++)
		if (explanation->out->items[i].name &&
			strcmp(explanation->out->items[i].name, name) == 0)
			return;
	const struct finding finding = {.kind = FINDING_NEAR, .text = text, .name = name};
	finding_add(explanation->out, &finding);
}

void explain_object(struct explanation *explanation, const struct finding *head,
	enum object_kind kind, const struct registry_namespace *ns, const char *name,
	const struct object_origin *origin)
{
	struct finding finding = *head;
	finding.object_kind = object_kind_name(kind);
	finding.ns = ns ? ns->name : "";
	finding.object_name = name;
	finding.origin = *origin;
	finding_add(explanation->out, &finding);
}

bool explain_is_published(
	const struct explanation *explanation, const struct registry_service *service)
{
	const struct pack_service *object = service->object;
	if (!object || !registry_is_exposed(service->ns))
		return false;
	if (object->type == SERVICE_EXTERNAL_NAME)
		return true;
	unsigned ready;
	explain_count(service, &ready);
	struct ipaddr addresses[2];
	if (object->is_headless)
		return ready > 0;
	return registry_cluster_ips(service, addresses) &&
	       (ready || !explanation->cluster->ignores_empty);
}

const char *explain_kind(const struct explanation *explanation)
{
	return object_kind_name(registry_service_kind(explanation->registry));
}

void explain_endpoint_label(const struct explanation *explanation,
	const struct pack_slice *slice, const struct pack_endpoint *endpoint,
	const struct ipaddr *address, char out[ENDPOINT_LABEL_SIZE])
{
	const struct synth_options options = {
		.uses_pod_names = explanation->cluster->uses_pod_names};
	const char *cluster = pack_slice_cluster(slice);
	out[0] = '\0';
	if (explanation->of_imports && !*cluster)
		return;
	unsigned length = plan_endpoint_label(&options, endpoint, address, out);
	if (*cluster)
		snprintf(out + length, ENDPOINT_LABEL_SIZE - length, ".%s", cluster);
}

unsigned explain_count(const struct registry_service *service, unsigned *ready)
{
	unsigned all = 0, position = 0;
	*ready = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			struct pack_endpoint_iterator endpoints =
				pack_subset_endpoints(&subset);
			struct pack_endpoint endpoint;
			for (; pack_endpoint_next(&endpoints, &endpoint); all++)
				*ready += endpoint.is_ready;
		}
	}
	return all;
}

const char *explain_protocol(enum object_protocol protocol)
{
	static const char *const texts[] = {
		[PROTOCOL_TCP] = "tcp",
		[PROTOCOL_UDP] = "udp",
		[PROTOCOL_SCTP] = "sctp",
	};
	return texts[protocol];
}

/* --- reading the question --- */

/* What is not printable names no object, so it may be shown as anything. */
static void label_text(const uint8_t *label, char out[LABEL_SIZE])
{
	for (unsigned i = 0; i < label[0]; i++)
		out[i] = isgraph(label[i + 1]) ? (char)label[i + 1] : '?';
	out[label[0]] = '\0';
}

static void read_tree(struct explanation *explanation, const uint8_t *offsets)
{
	const uint8_t *name = explanation->name->bytes;
	unsigned labels = explanation->labels;
	label_text(name + offsets[labels - 1], explanation->tree);
	explanation->is_service_tree = strcmp(explanation->tree, "svc") == 0;
	explanation->is_pod_tree = strcmp(explanation->tree, "pod") == 0;
	/* Of pods there is one kind. */
	explanation->of_imports &= !explanation->is_pod_tree;
	const struct registry *registry = explanation->of_imports
						  ? explanation->cluster->imports
						  : explanation->cluster->registry;
	explanation->registry = registry;
	if (labels < 2)
		return;
	label_text(name + offsets[labels - 2], explanation->ns_name);
	explanation->ns = registry_find_namespace(registry, explanation->ns_name);
	if (labels < 3)
		return;
	label_text(name + offsets[labels - 3], explanation->service_name);
	if (explanation->is_service_tree)
		explanation->service = registry_find_service(
			registry, explanation->ns_name, explanation->service_name);
	explanation->front = labels - 3;
	if (explanation->front)
		label_text(name + offsets[0], explanation->first);
	if (explanation->front > 1)
		label_text(name + offsets[1], explanation->second);
}

static bool read_name(struct explanation *explanation)
{
	const struct store *store = explanation->cluster->store;
	int zone = store_zone_find(store, explanation->name);
	if (zone < 0)
		return false;
	uint8_t offsets[DNAME_LABELS_MAX];
	explanation->zone = (unsigned)zone;
	explanation->of_imports = store_zone(store, explanation->zone)->is_multicluster &&
				  explanation->cluster->imports;
	explanation->registry = explanation->cluster->registry;
	explanation->labels =
		dname_labels(explanation->name->bytes, offsets) -
		dname_labels(store_zone(store, explanation->zone)->name.bytes, NULL);
	explanation->set = store_find_name(store, explanation->name);
	explanation->exists = explanation->set != NULL;
	if (explanation->labels)
		read_tree(explanation, offsets);
	return true;
}

/* --- rules for names that exist --- */

static void explain_namespace(struct explanation *explanation)
{
	const struct registry_namespace *ns = explanation->ns;
	if (explanation->labels != 2 || !explanation->exists || !ns || !ns->has_object)
		return;
	const struct finding head = {.kind = FINDING_SOURCE};
	explain_object(explanation, &head, OBJECT_NAMESPACE, NULL, ns->name, &ns->origin);
}

/* The types that the name has instead of the one asked. */
static void explain_nodata(struct explanation *explanation)
{
	const struct answer_set *set = explanation->set;
	if (!set || answer_set_find(set, explanation->type) ||
		answer_set_find(set, TYPE_CNAME) || explanation->type == TYPE_ANY ||
		!explanation->labels)
		return;
	const char *types = "";
	for (const struct rrset *rrset = answer_set_next(set, NULL); rrset;
		rrset = answer_set_next(set, rrset)) {
		char type[16];
		types = finding_format(explanation->out, "%s%s%s", types,
			*types ? ", " : "", dns_type_text(rrset->type, type));
	}
	explain_reason(explanation,
		*types ? finding_format(explanation->out,
				 "the name has records of other types: %s", types)
		       : "the name has no records, there are only names below it");
}

static const explain_rule rules[] = {
	explain_namespace,
	explain_sources,
	explain_port_sources,
	explain_pod,
	explain_address,
	explain_nodata,
};

/* The targets of a PTR set are names of services or endpoints: their objects. */
static void explain_targets(struct explanation *explanation)
{
	const struct rrset *rrset = answer_set_find(explanation->set, TYPE_PTR);
	struct dname target;
	uint32_t offset = 0;
	while (rrset &&
		names_next(explanation->cluster->store, rrset, &offset, &target)) {
		struct explanation of_target = {
			.cluster = explanation->cluster,
			.out = explanation->out,
			.name = &target,
			.type = TYPE_A,
		};
		if (read_name(&of_target))
			explain_sources(&of_target);
	}
}

enum err explain_name(const struct explain_cluster *cluster, const struct dname *name,
	uint16_t type, struct finding_list *out)
{
	struct explanation explanation = {
		.cluster = cluster,
		.out = out,
		.name = name,
		.type = type,
	};
	if (!read_name(&explanation))
		return ERR_NONE;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		rules[i](&explanation);
	if (explanation.set)
		explain_targets(&explanation);
	for (size_t i = 0; !explanation.exists && explain_near_rules[i]; i++)
		explain_near_rules[i](&explanation);
	return out->has_failed ? ERR_NOMEM : ERR_NONE;
}
