/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/kubernetes/hint.h"

#include <string.h>

static const char *const absences[] = {
	[ABSENCE_NOT_READY] = "none of the service's endpoints is ready",
	[ABSENCE_NO_ENDPOINTS] = "endpoints are left out: option noendpoints",
	[ABSENCE_NO_ADDRESS] = "the service has no cluster IP",
};

/* A name, or an ancestor of one from one of its labels on. */
struct hint_name {
	const uint8_t *bytes;
	size_t length;
};

static bool label_is(const uint8_t *label, const char *text, size_t length)
{
	return label[0] == length && memcmp(label + 1, text, length) == 0;
}

static bool name_exists(const struct store *store, const uint8_t *name, size_t length)
{
	return store_find(store, name, length, store_hash(store, name, length)) != NULL;
}

static bool namespace_exists(const struct store *store, const struct hint_name *name)
{
	if (name_exists(store, name->bytes, name->length))
		return true;
	/* Without names of pods only "NS.svc" stands in the store. */
	uint8_t in_svc[DNAME_MAX];
	memcpy(in_svc, name->bytes, name->length);
	memcpy(in_svc + name->bytes[0] + 2, "svc", 3);
	return memcmp(in_svc, name->bytes, name->length) != 0 &&
	       name_exists(store, in_svc, name->length);
}

/* What the store knows of the service itself, in one hash; false: nothing. */
static bool hint_service(const struct store *store, const struct hint_name *name,
	bool is_below, struct reply *reply)
{
	uint64_t hash = store_hash(store, name->bytes, name->length);
	if (is_below && store_find(store, name->bytes, name->length, hash)) {
		reply_set_ede(reply, EDE_OTHER,
			"the service has no such port and no such ready endpoint", NULL);
		return true;
	}
	enum absence absence = store_find_absence(store, name->bytes, name->length, hash);
	if (absence == ABSENCE_NONE)
		return false;
	reply_set_ede(reply, EDE_OTHER, absences[absence], NULL);
	return true;
}

static void hint_elsewhere(const struct store *store, unsigned zone, const uint8_t *label,
	struct reply *reply)
{
	const struct answer_set *other = store_find_service(store, zone, label);
	if (other)
		reply_set_ede(reply, EDE_OTHER,
			"a service of this name is in the namespace ",
			other->labels + other->labels[0] + 1);
}

void hint_write(const struct store *store, unsigned zone, const uint8_t *name,
	size_t length, struct reply *reply)
{
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned labels = dname_labels(name, offsets) -
			  dname_labels(store_zone(store, zone)->name.bytes, NULL);
	if (labels < 2)
		return;
	const uint8_t *tree = name + offsets[labels - 1];
	bool is_service = label_is(tree, "svc", 3);
	if (!is_service && !label_is(tree, "pod", 3))
		return;
	const struct hint_name ns = {
		name + offsets[labels - 2], length - offsets[labels - 2]};
	const struct hint_name service = {labels > 2 ? name + offsets[labels - 3] : NULL,
		labels > 2 ? length - offsets[labels - 3] : 0};
	is_service = is_service && labels > 2;
	if (is_service && hint_service(store, &service, labels > 3, reply))
		return;
	if (!namespace_exists(store, &ns))
		reply_set_ede(reply, EDE_OTHER, "there is no such namespace", NULL);
	else if (is_service)
		hint_elsewhere(store, zone, service.bytes, reply);
}
