/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zones/synth/synth_internal.h"

/* What the store is told of names that do not exist, for Extended DNS Errors. */

/* A hint is not worth more than that where there are very many namespaces: a change must
 * not cost what the cluster's size is. */
enum { NAMESPACES_SEARCHED = 256 };

static enum absence absence_of(const struct synth *synth, const struct plan *plan)
{
	const struct pack_service *object = plan->service->object;
	if (plan->kind != PLAN_NOTHING || !object ||
		!registry_is_exposed(plan->service->ns))
		return ABSENCE_NONE;
	if (!object->is_headless && !plan->cluster_ip_count)
		return ABSENCE_NO_ADDRESS;
	return synth->options.ignores_endpoints ? ABSENCE_NO_ENDPOINTS
						: ABSENCE_NOT_READY;
}

/* Another service of this name, of a namespace that comes early, stands for it. */
static enum err find_namesake(
	struct synth *synth, const struct registry_service *service, unsigned zone)
{
	size_t position = 0;
	const uint8_t label_length = (uint8_t)strlen(service->name);
	uint8_t label[DNAME_LABEL_MAX + 1] = {label_length};
	memcpy(label + 1, service->name, label_length);
	for (unsigned i = 0;
		i < NAMESPACES_SEARCHED && !store_find_service(synth->store, zone, label);
		i++) {
		const struct registry_namespace *ns =
			registry_next_namespace(synth->registry, &position);
		if (!ns)
			break;
		const struct registry_service *namesake =
			registry_find_service(synth->registry, ns->name, service->name);
		struct dname name;
		if (!namesake || namesake == service ||
			emit_service_name(synth, namesake,
				&store_zone(synth->store, zone)->name, &name))
			continue;
		enum err err = emit_is_in_zone(synth, &name, zone)
				       ? store_put_service(synth->store, &name)
				       : ERR_NONE;
		if (err)
			return err;
	}
	return ERR_NONE;
}

static enum err update_in_zone(
	struct synth *synth, const struct dname *name, unsigned zone, bool was_published)
{
	const struct plan *plan = &synth->plan;
	enum err err =
		store_put_absence(synth->store, name, zone, absence_of(synth, plan));
	if (err || !synth->options.keeps_hints)
		return err;
	if (plan->kind != PLAN_NOTHING)
		return store_put_service(synth->store, name);
	return was_published ? find_namesake(synth, plan->service, zone) : ERR_NONE;
}

enum err hints_update(struct synth *synth, bool was_published)
{
	bool keeps_any = synth->options.keeps_hints || synth->options.keeps_absences;
	enum err err = ERR_NONE;
	for (unsigned i = 0; !err && i < store_zone_count(synth->store); i++) {
		const struct dname *zone = &store_zone(synth->store, i)->name;
		struct dname name;
		if (!keeps_any || !synth->zone_is_served[i] ||
			emit_service_name(synth, synth->plan.service, zone, &name) ||
			!emit_is_in_zone(synth, &name, i))
			continue;
		err = update_in_zone(synth, &name, i, was_published);
	}
	return err;
}
