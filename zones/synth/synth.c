/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/synth/synth.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "server/wire/reverse.h"
#include "zones/synth/synth_internal.h"

bool synth_is_reverse(const struct dname *zone)
{
	return reverse_is_below(zone);
}

struct synth *synth_new(const struct synth_options *options,
	const struct registry *registry, struct store *store)
{
	struct synth *synth = calloc(1, sizeof(*synth));
	if (!synth)
		return NULL;
	synth->options = *options;
	synth->registry = registry;
	synth->store = store;
	plan_init(&synth->plan);
	arena_init(&synth->batch, 65536);
	arena_init(&synth->scratch, 8192);
	unsigned zones = store_zone_count(store);
	synth->builder = answer_builder_new(store);
	synth->targets_builder = targets_builder_new();
	synth->emitted = name_set_new();
	synth->zone_is_reverse = calloc(zones + 1u, sizeof(bool));
	synth->zone_is_served = calloc(zones + 1u, sizeof(bool));
	if (!synth->builder || !synth->targets_builder || !synth->emitted ||
		!synth->zone_is_reverse || !synth->zone_is_served) {
		synth_free(synth);
		return NULL;
	}
	for (unsigned i = 0; i < zones; i++) {
		const struct store_zone *zone = store_zone(store, i);
		synth->zone_is_reverse[i] = synth_is_reverse(&zone->name);
		synth->zone_is_served[i] =
			!synth->zone_is_reverse[i] &&
			zone->is_multicluster == options->serves_imports;
		synth->has_reverse |=
			synth->zone_is_reverse[i] && !options->serves_imports;
	}
	if (synth->has_reverse) {
		int primary = store_zone_find(store, options->primary);
		assert(primary >= 0);
		synth->primary_zone = (unsigned)primary;
	}
	return synth;
}

void synth_free(struct synth *synth)
{
	if (!synth)
		return;
	plan_deinit(&synth->plan);
	arena_deinit(&synth->batch);
	arena_deinit(&synth->scratch);
	answer_builder_free(synth->builder);
	targets_builder_free(synth->targets_builder);
	name_set_free(synth->emitted);
	free(synth->name_servers.services);
	free(synth->zone_is_reverse);
	free(synth->zone_is_served);
	free(synth);
}

/* --- what was published --- */

struct noting {
	struct synth *synth;
	struct published *published;
};

static enum err note_name(void *context, const struct dname *name)
{
	struct noting *noting = context;
	struct arena *arena = &noting->synth->batch;
	struct published_name *item = arena_alloc(arena, sizeof(*item));
	/* Only the octets in use are kept. */
	struct dname *copy = arena_alloc(arena, 1u + name->length);
	if (!item || !copy)
		return ERR_NOMEM;
	memcpy(copy, name, 1u + name->length);
	*item = (struct published_name){noting->published->names, copy};
	noting->published->names = item;
	return ERR_NONE;
}

static enum err note_published(
	struct synth *synth, const struct registry_service *service)
{
	struct published *published = arena_calloc(&synth->batch, 1, sizeof(*published));
	if (!published)
		return ERR_NOMEM;
	published->service = service;
	struct noting noting = {synth, published};
	const struct name_visitor visitor = {&noting, note_name};
	enum err err = plan_make(&synth->plan, &synth->options, service);
	if (!err)
		err = emit_names(synth, &synth->plan, &visitor);
	if (!err && synth->has_reverse)
		err = reverse_note(&synth->plan, &synth->batch, &published->pointers);
	if (err)
		return err;
	published->next = synth->published;
	synth->published = published;
	return ERR_NONE;
}

enum err synth_before_change(void *context, const struct registry_service *service)
{
	/* A service that has just come has nothing published. */
	if (!service->object && !service->slice_count && !service->endpoints)
		return ERR_NONE;
	return note_published(context, service);
}

/* --- services --- */

static enum err apply_service(struct synth *synth, const struct registry_service *service)
{
	enum err err = plan_make(&synth->plan, &synth->options, service);
	if (!err)
		err = emit_answers(synth, &synth->plan);
	if (!err && !synth->options.serves_imports)
		err = apex_note_service(synth, &synth->plan);
	return err;
}

/* Takes away the names that were published before and are not now. */
static enum err withdraw_names(struct synth *synth, const struct published *published)
{
	for (const struct published_name *item = published->names; item;
		item = item->next) {
		struct dname name;
		memcpy(&name, item->name, 1u + item->name->length);
		enum err err = name_set_has(synth->emitted, &name)
				       ? ERR_NONE
				       : store_remove(synth->store, &name);
		if (err)
			return err;
	}
	return ERR_NONE;
}

static int published_compare(const void *a, const void *b)
{
	const struct published *const *left = a, *const *right = b;
	uintptr_t l = (uintptr_t)(*left)->service, r = (uintptr_t)(*right)->service;
	return (l > r) - (l < r);
}

/* The records of touched services, sorted to be found by service; NULL: no memory. */
static struct published **sort_published(struct synth *synth, size_t *count)
{
	size_t n = 0;
	for (struct published *item = synth->published; item; item = item->next)
		n++;
	struct published **sorted =
		arena_calloc(&synth->batch, n + 1, sizeof(struct published *));
	if (!sorted)
		return NULL;
	*count = 0;
	for (struct published *item = synth->published; item; item = item->next)
		sorted[(*count)++] = item;
	qsort(sorted, n, sizeof(struct published *), published_compare);
	return sorted;
}

/* The records of one service: none where it had published nothing, more than one where a
 * batch was applied in part and then went on. */
static struct published **find_published(struct published **sorted, size_t count,
	const struct registry_service *service, size_t *found_count)
{
	struct published key = {.service = service}, *wanted = &key;
	struct published **end = sorted + count;
	struct published **first = bsearch(
		&wanted, sorted, count, sizeof(struct published *), published_compare);
	*found_count = 0;
	if (!first)
		return NULL;
	while (first > sorted && first[-1]->service == service)
		first--;
	while (first + *found_count < end && first[*found_count]->service == service)
		(*found_count)++;
	return first;
}

/* Takes back what the service published before and does not now; its plan is at hand. */
static enum err withdraw(
	struct synth *synth, struct published **found, size_t count, bool *was_published)
{
	static const struct published_pointers none;
	bool is_certain = count <= 1 && !synth->is_torn;
	enum err err = ERR_NONE;
	*was_published = false;
	for (size_t i = 0; !err && i < count; i++) {
		*was_published |= found[i]->names != NULL;
		err = withdraw_names(synth, found[i]);
	}
	if (!synth->has_reverse)
		return err;
	for (size_t i = 0; !err && i < count; i++)
		err = reverse_change(synth, &found[i]->pointers, is_certain);
	return err || count ? err : reverse_change(synth, &none, is_certain);
}

static enum err apply_services(struct synth *synth)
{
	size_t count, published_count;
	struct registry_service *const *services =
		registry_touched_services(synth->registry, &count);
	struct published **sorted = sort_published(synth, &published_count);
	if (!sorted)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t found_count;
		struct published **found = find_published(
			sorted, published_count, services[i], &found_count);
		bool was_published = false;
		name_set_reset(synth->emitted);
		enum err err = apply_service(synth, services[i]);
		if (!err)
			err = withdraw(synth, found, found_count, &was_published);
		if (!err)
			err = hints_update(synth, was_published);
		if (err)
			return err;
	}
	return ERR_NONE;
}

enum err synth_apply(struct synth *synth)
{
	enum err err = apply_services(synth);
	/* What every zone has is the other synth's, the one of Services. */
	bool is_whole = !synth->options.serves_imports;
	if (!err && is_whole)
		err = namespaces_update(synth);
	if (!err && is_whole)
		err = apex_update(synth);
	synth->is_torn = err != ERR_NONE;
	if (err)
		return err;
	arena_reset(&synth->batch);
	synth->published = NULL;
	return ERR_NONE;
}
