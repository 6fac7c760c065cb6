/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "zones/export/env_view.h"

/*
 * The variables that a kubelet sets in a container for the services that its pod sees
 * (REDIS_MASTER_SERVICE_HOST and so on), in an order that is always the same: services by
 * name, and for each its variables as the kubelet lists them. Where two services make a
 * variable of the same name the kubelet leaves to chance which it is; here it is that of
 * the service that comes first. Pure, any thread.
 *
 * Values hold digits, letters and ".:/[]" only, names capital letters, digits and "_";
 * a name may begin with a digit, as the name of a service may.
 */

/* Which services. Patterns as in fnmatch(3); a service counts if one matches. */
struct env_choice {
	bool without_links; /* `kubernetes` of `default` alone (enableServiceLinks) */
	const char *const *patterns;
	size_t pattern_count; /* 0: all */
};

struct env_variable {
	const char *name, *value;
	uint32_t service; /* index into the services */
};

struct env_collision {
	const char *name;
	const char *kept, *lost; /* services */
};

struct env {
	struct arena arena; /* of the variables' texts; the rest is the view's */
	const struct env_service **services;
	size_t service_count;
	struct env_variable *variables; /* grouped by service, in its order */
	size_t count, capacity;
	struct env_collision *collisions;
	size_t collision_count, collision_capacity;
};

/* The view must outlive it. ERR_NOMEM, then nothing is to be freed. */
enum err env_make(const struct env_view *view, const struct env_choice *choice,
	struct env *out) MUST_CHECK;
void env_deinit(struct env *env);
