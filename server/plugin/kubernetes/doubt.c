/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/kubernetes/doubt.h"

#include <string.h>

#include "server/plugin/kubernetes/pod_name.h"
#include "server/wire/reverse.h"

/* "_port._proto" in front of a service's name. */
enum { PORT_LABELS = 2 };

/* A name by its labels; those of the zone do not count. */
struct labels {
	const struct dname *name;
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned count;
};

static bool label_is(const struct labels *labels, unsigned index, const char *text)
{
	const uint8_t *label = labels->name->bytes + labels->offsets[index];
	return *label == strlen(text) && memcmp(label + 1, text, *label) == 0;
}

/* The ancestor that begins with a label. */
static const struct answer_set *find_from(
	const struct doubt *doubt, const struct labels *labels, unsigned index)
{
	const uint8_t *name = labels->name->bytes + labels->offsets[index];
	size_t length = labels->name->length - labels->offsets[index];
	return store_find(
		doubt->store, name, length, store_hash(doubt->store, name, length));
}

static bool is_not_ready(
	const struct doubt *doubt, const struct labels *labels, unsigned index)
{
	const uint8_t *name = labels->name->bytes + labels->offsets[index];
	size_t length = labels->name->length - labels->offsets[index];
	return store_find_absence(doubt->store, name, length,
		       store_hash(doubt->store, name, length)) == ABSENCE_NOT_READY;
}

/* "ADDRESS.NS.pod" */
static bool doubt_pod(const struct doubt *doubt, const struct labels *labels)
{
	struct ipaddr address;
	return doubt->missing & STORE_MISSING_PODS && labels->count == 3 &&
	       find_from(doubt, labels, 1) && !pod_name_parse(labels->name, &address);
}

/*
 * "SVC.NS.svc" and below, of Services or of ServiceImports. A service with a cluster IP
 * has its ports all the same; of its endpoints and of services without one nothing is
 * known. A namespace and a service that do not exist have none.
 */
static bool doubt_service(const struct doubt *doubt, const struct labels *labels)
{
	unsigned service = labels->count - 3, ns = labels->count - 2;
	bool of_imports = store_zone(doubt->store, doubt->zone)->is_multicluster;
	if (!find_from(doubt, labels, ns))
		return false;
	if (doubt->missing &
		(unsigned)(of_imports ? STORE_MISSING_IMPORTS : STORE_MISSING_SERVICES))
		return true;
	if (!(doubt->missing & STORE_MISSING_ENDPOINTS))
		return false;
	if (service > 0 && find_from(doubt, labels, service))
		return service <= (of_imports ? 2u : 1u) && labels->name->bytes[1] != '_';
	return is_not_ready(doubt, labels, service);
}

/* "SVC.NS" and below: why a service has no answer is not kept here. */
static bool doubt_external(const struct doubt *doubt, const struct labels *labels)
{
	unsigned most = 2 + PORT_LABELS;
	return doubt->missing & (STORE_MISSING_SERVICES | STORE_MISSING_ENDPOINTS) &&
	       labels->count >= 2 && labels->count <= most &&
	       find_from(doubt, labels, labels->count - 1);
}

bool doubt_absence(const struct doubt *doubt, const struct dname *name)
{
	const struct dname *apex = &store_zone(doubt->store, doubt->zone)->name;
	struct labels labels = {.name = name};
	labels.count = dname_labels(name->bytes, labels.offsets) -
		       dname_labels(apex->bytes, NULL);
	if (reverse_is_below(apex))
		return doubt->missing &
		       (STORE_MISSING_SERVICES | STORE_MISSING_ENDPOINTS);
	if (doubt->is_external)
		return doubt_external(doubt, &labels);
	if (labels.count < 3)
		return false;
	if (label_is(&labels, labels.count - 1, "pod"))
		return doubt_pod(doubt, &labels);
	return label_is(&labels, labels.count - 1, "svc") &&
	       doubt_service(doubt, &labels);
}
