/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/wire/message.h"
#include "zones/synth/synth_internal.h"

/* Names that exist with a namespace, and those of verified pods. */

/* "LABEL.ns.TREE.zone", label or tree NULL for none. False: too long, or not in this
 * zone. */
static bool tree_name(const struct store *store, unsigned zone, const char *tree,
	const struct registry_namespace *ns, const char *label, struct dname *out)
{
	*out = store_zone(store, zone)->name;
	return !synth_is_reverse(out) &&
	       (!tree || !dname_prepend(out, tree, strlen(tree))) &&
	       !dname_prepend(out, ns->name, strlen(ns->name)) &&
	       (!label || !dname_prepend(out, label, strlen(label))) &&
	       store_zone_find(store, out) == (int)zone;
}

static bool pod_name(const struct store *store, unsigned zone,
	const struct registry_namespace *ns, const struct ipaddr *address,
	struct dname *out)
{
	char label[DNAME_LABEL_MAX + 1];
	ipaddr_format_dashed(address, label);
	return tree_name(store, zone, "pod", ns, label, out);
}

static enum err update_pod(struct synth *synth, const struct registry_namespace *ns,
	const struct ipaddr *address)
{
	bool is_there = registry_is_exposed(ns) &&
			registry_has_pod_address(synth->registry, ns, address);
	enum err err = ERR_NONE;
	struct dname name;
	for (unsigned i = 0; !err && i < store_zone_count(synth->store); i++) {
		if (!pod_name(synth->store, i, ns, address, &name))
			continue;
		if (is_there)
			err = store_put_pod(synth->store, &name, i);
		else
			store_remove_pod(synth->store, &name, i);
	}
	return err;
}

/* Each address of its pods, perhaps more than once. */
static enum err each_address(const struct registry_namespace *ns, void *context,
	enum err (*visit)(void *context, const struct registry_namespace *ns,
		const struct ipaddr *address))
{
	enum err err = ERR_NONE;
	const struct pack_pod *pod;
	for (size_t i = 0; !err && (pod = registry_next_pod(ns, &i));)
		for (unsigned j = 0; !err && j < pod->ip_count; j++) {
			struct ipaddr address = pack_pod_address(pod, j);
			err = visit(context, ns, &address);
		}
	return err;
}

static enum err visit_update(
	void *context, const struct registry_namespace *ns, const struct ipaddr *address)
{
	return update_pod(context, ns, address);
}

static enum err update_namespace(struct synth *synth, const struct registry_namespace *ns)
{
	static const char *const inside[] = {"svc", "pod"}, *const outside[] = {NULL};
	const char *const *trees = synth->options.external ? outside : inside;
	bool has_pods = !synth->options.external && synth->options.pods != PODS_DISABLED;
	enum err err = ERR_NONE;
	for (unsigned i = 0; i < store_zone_count(synth->store); i++)
		for (size_t j = 0; !err && j < 1u + has_pods; j++) {
			struct dname name;
			if (plan_is_apex(&synth->options, ns) ||
				!tree_name(synth->store, i, trees[j], ns, NULL, &name))
				continue;
			answer_begin(synth->builder, &name, i);
			err = registry_is_exposed(ns)
				      ? store_put(synth->store, synth->builder)
				      : store_remove(synth->store, &name);
		}
	if (!err && synth->options.pods == PODS_VERIFIED)
		err = each_address(ns, synth, visit_update);
	return err;
}

enum err namespaces_update(struct synth *synth)
{
	size_t count;
	struct registry_namespace *const *namespaces =
		registry_touched_namespaces(synth->registry, &count);
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < count; i++)
		err = update_namespace(synth, namespaces[i]);
	const struct registry_pod_address *addresses =
		registry_touched_addresses(synth->registry, &count);
	if (synth->options.pods != PODS_VERIFIED)
		count = 0;
	for (size_t i = 0; !err && i < count; i++)
		err = update_pod(synth, addresses[i].ns, &addresses[i].address);
	return err;
}

/* --- for who lists all names --- */

struct listing {
	const struct registry *registry;
	const struct store *store;
	struct store *into;
	struct answer_builder *builder;
};

static enum err list_address(
	void *context, const struct registry_namespace *ns, const struct ipaddr *address)
{
	const struct listing *listing = context;
	enum err err = ERR_NONE;
	struct dname name;
	for (unsigned i = 0; !err && i < store_zone_count(listing->store); i++) {
		if (!pod_name(listing->store, i, ns, address, &name) ||
			!store_has_pod(listing->store,
				store_hash(listing->store, name.bytes, name.length)))
			continue;
		answer_begin(listing->builder, &name, i);
		answer_add(listing->builder, address->length == 4 ? TYPE_A : TYPE_AAAA,
			store_zone(listing->store, i)->ttl_s, address->bytes,
			address->length);
		err = store_put(listing->into, listing->builder);
	}
	return err;
}

enum err synth_list_pods(
	const struct registry *registry, const struct store *store, struct store *into)
{
	struct listing listing = {registry, store, into, answer_builder_new(into)};
	if (!listing.builder)
		return ERR_NOMEM;
	enum err err = ERR_NONE;
	const struct registry_namespace *ns;
	for (size_t i = 0; !err && (ns = registry_next_namespace(registry, &i));)
		err = each_address(ns, &listing, list_address);
	answer_builder_free(listing.builder);
	return err;
}
