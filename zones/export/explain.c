/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/explain.h"

#include <string.h>

#include "server/wire/message.h"
#include "zones/registry/pack.h"

static void write_origin(FILE *out, const char *kind, const char *ns, const char *name,
	const struct object_origin *origin)
{
	fprintf(out, ";; from %s %s%s%s", kind, ns, *ns ? "/" : "", name);
	if (origin->file)
		fprintf(out, " (%s:%u)", origin->file, origin->line);
	fputc('\n', out);
}

static unsigned count_ready(const struct pack_slice *slice, unsigned *all)
{
	unsigned ready = 0;
	*all = 0;
	struct pack_subset_iterator subsets = pack_slice_subsets(slice);
	struct pack_subset subset;
	while (pack_subset_next(&subsets, &subset)) {
		struct pack_endpoint_iterator endpoints = pack_subset_endpoints(&subset);
		struct pack_endpoint endpoint;
		while (pack_endpoint_next(&endpoints, &endpoint)) {
			ready += endpoint.is_ready;
			(*all)++;
		}
	}
	return ready;
}

static void write_slice(
	FILE *out, const struct registry_service *service, const struct pack_slice *slice)
{
	unsigned all, ready = count_ready(slice, &all);
	if (slice == service->derived) {
		fprintf(out, ";; endpoints from pods of its selector: %u ready of %u\n",
			ready, all);
		return;
	}
	const char *kind = object_kind_name(
		slice == service->endpoints ? OBJECT_ENDPOINTS : OBJECT_SLICE);
	fprintf(out, ";; %u ready of %u endpoints\n", ready, all);
	write_origin(
		out, kind, service->ns->name, pack_slice_name(slice), &slice->origin);
}

static void write_service(FILE *out, const struct registry_service *service)
{
	if (service->object)
		write_origin(out, object_kind_name(OBJECT_SERVICE), service->ns->name,
			service->name, &service->object->origin);
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position)))
		write_slice(out, service, slice);
}

static void write_namespace(FILE *out, const struct registry_namespace *ns)
{
	write_origin(out, object_kind_name(OBJECT_NAMESPACE), "", ns->name, &ns->origin);
}

static void label_text(const uint8_t *label, char *out)
{
	memcpy(out, label + 1, label[0]);
	out[label[0]] = '\0';
}

/* "....SVC.NS.svc.zone" and "....NS.pod.zone"; `labels` of them in front of the zone. */
static void write_forward(const struct registry *registry, const uint8_t *name,
	const uint8_t *offsets, unsigned labels, FILE *out)
{
	char tree[DNAME_LABEL_MAX + 1], ns_name[DNAME_LABEL_MAX + 1];
	if (labels < 2)
		return;
	label_text(name + offsets[labels - 1], tree);
	label_text(name + offsets[labels - 2], ns_name);
	const struct registry_namespace *ns = registry_find_namespace(registry, ns_name);
	if (!ns || !registry_is_exposed(ns))
		return;
	if (labels == 2 || strcmp(tree, "svc") != 0) {
		write_namespace(out, ns);
		return;
	}
	char service_name[DNAME_LABEL_MAX + 1];
	label_text(name + offsets[labels - 3], service_name);
	const struct registry_service *service =
		registry_find_service(registry, ns_name, service_name);
	if (service)
		write_service(out, service);
}

/* The targets of a PTR set are names of services or endpoints. */
static void write_reverse(const struct registry *registry, const struct store *store,
	const struct answer_set *set, FILE *out)
{
	const struct rrset *rrset = answer_set_find(set, TYPE_PTR);
	for (uint32_t at = 0; rrset && at < rrset->size;
		at += (uint32_t)canned_size(rrset->data + at)) {
		const uint8_t *rdata = rrset->data + at + 12;
		struct dname target = {.length = (uint8_t)dname_length(rdata)};
		memcpy(target.bytes, rdata, target.length);
		int zone = store_zone_find(store, &target);
		if (zone < 0)
			continue;
		uint8_t offsets[DNAME_LABELS_MAX];
		unsigned labels =
			dname_labels(target.bytes, offsets) -
			dname_labels(store_zone(store, (unsigned)zone)->name.bytes, NULL);
		write_forward(registry, target.bytes, offsets, labels, out);
	}
}

enum err explain_write(const struct registry *registry, const struct store *store,
	const struct dname *name, FILE *out)
{
	int zone = store_zone_find(store, name);
	if (zone < 0)
		return ERR_NONE;
	const struct answer_set *set = store_find_name(store, name);
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned zone_labels =
		dname_labels(store_zone(store, (unsigned)zone)->name.bytes, NULL);
	unsigned labels = dname_labels(name->bytes, offsets) - zone_labels;
	if (set && answer_set_find(set, TYPE_PTR))
		write_reverse(registry, store, set, out);
	else
		write_forward(registry, name->bytes, offsets, labels, out);
	return ferror(out) ? ERR_IO : ERR_NONE;
}
