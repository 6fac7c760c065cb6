/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/programming.h"

#include <stdlib.h>

void programming_deinit(struct programming *programming)
{
	free(programming->changes);
	*programming = (struct programming){NULL, 0, 0};
}

static enum programming_kind kind_of(const struct pack_service *service)
{
	if (!service->is_headless)
		return PROGRAMMING_CLUSTER_IP;
	return service->selector_count ? PROGRAMMING_HEADLESS_SELECTOR
				       : PROGRAMMING_HEADLESS_PLAIN;
}

void programming_note(struct programming *programming, const struct registry *registry,
	const struct object *slice)
{
	if (!slice->slice.triggered_ms)
		return;
	const struct registry_service *service =
		registry_find_service(registry, slice->ns, slice->slice.service);
	if (!service || !service->object)
		return;
	if (programming->count == programming->capacity) {
		size_t capacity = programming->capacity * 2 + 16;
		void *grown = realloc(
			programming->changes, capacity * sizeof(*programming->changes));
		if (!grown)
			return;
		programming->changes = grown;
		programming->capacity = capacity;
	}
	programming->changes[programming->count++] = (struct programming_change){
		slice->slice.triggered_ms, kind_of(service->object)};
}

void programming_count(struct programming *programming, int64_t unix_ms,
	struct programming_counters *counters)
{
	for (size_t i = 0; i < programming->count; i++) {
		const struct programming_change *change = &programming->changes[i];
		/* Two machines' clocks: it may seem to lie ahead. */
		int64_t duration_ms = unix_ms > change->triggered_ms
					      ? unix_ms - change->triggered_ms
					      : 0;
		int64_t bound_ms = PROGRAMMING_BUCKET0_MS;
		unsigned bucket = 0;
		for (; bucket < PROGRAMMING_BUCKETS - 1 && duration_ms > bound_ms;
			bucket++)
			bound_ms *= 2;
		counters->counts[change->kind][bucket]++;
		counters->sums_ms[change->kind] += (uint64_t)duration_ms;
	}
	programming->count = 0;
}
