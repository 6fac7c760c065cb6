/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/kubernetes/hint.h"

#include <string.h>

static const char *const absences[] = {
	[ABSENCE_NOT_READY] = "none of the service's endpoints is ready",
	[ABSENCE_NO_ENDPOINTS] = "endpoints are left out: option noendpoints",
	[ABSENCE_NO_ADDRESS] = "the service has no cluster IP",
};

/* The name from the label at `offset` on. */
static struct dname ancestor(const struct dname *name, size_t offset)
{
	struct dname out = {.length = (uint8_t)(name->length - offset)};
	memcpy(out.bytes, name->bytes + offset, out.length);
	return out;
}

static bool label_is(const uint8_t *label, const char *text, size_t length)
{
	return label[0] == length && memcmp(label + 1, text, length) == 0;
}

static bool namespace_exists(const struct store *store, const struct dname *name)
{
	if (store_find_name(store, name))
		return true;
	/* Without names of pods only "NS.svc" stands in the store. */
	struct dname in_svc = *name;
	size_t tree = name->bytes[0] + 1u;
	memcpy(in_svc.bytes + tree + 1, "svc", 3);
	return store_find_name(store, &in_svc) != NULL;
}

/* `name` is from the service's label on. */
static void hint_service(const struct store *store, unsigned zone,
	const struct dname *name, bool is_below, struct reply *reply)
{
	enum absence absence = store_find_absence(store, name);
	if (absence != ABSENCE_NONE) {
		reply_set_ede(reply, EDE_OTHER, absences[absence], NULL);
		return;
	}
	if (is_below && store_find_name(store, name)) {
		reply_set_ede(reply, EDE_OTHER,
			"the service has no such port and no such ready endpoint", NULL);
		return;
	}
	const struct answer_set *other = store_find_service(store, zone, name->bytes);
	if (other)
		reply_set_ede(reply, EDE_OTHER,
			"a service of this name is in the namespace ",
			other->labels + other->labels[0] + 1);
}

void hint_write(const struct store *store, unsigned zone, const struct dname *name,
	struct reply *reply)
{
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned labels = dname_labels(name->bytes, offsets) -
			  dname_labels(store_zone(store, zone)->name.bytes, NULL);
	if (labels < 2)
		return;
	const uint8_t *tree = name->bytes + offsets[labels - 1];
	bool is_service = label_is(tree, "svc", 3);
	if (!is_service && !label_is(tree, "pod", 3))
		return;
	struct dname above = ancestor(name, offsets[labels - 2]);
	if (!namespace_exists(store, &above)) {
		reply_set_ede(reply, EDE_OTHER, "there is no such namespace", NULL);
		return;
	}
	if (!is_service || labels < 3)
		return;
	above = ancestor(name, offsets[labels - 3]);
	hint_service(store, zone, &above, labels > 3, reply);
}
