/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/base/hash.h"
#include "server/query/plugin.h"

/*
 * Which server block a question belongs to: the longest zone that it is in. One router
 * for each listening address. Built by the control thread, then immutable.
 */

struct router;
struct series;

struct route {
	struct dname zone;
	const struct server_block *block;
	struct series *series; /* counts its queries; NULL: nobody does */
};

/* `key` is the process's hash key; requests are hashed with it. NULL: no memory. */
struct router *router_new(const struct hash_key *key);
void router_free(struct router *router); /* the blocks stay their owner's */

/* Every name in `zone` (lower-case) leads to `block`. ERR_EXISTS, ERR_NOMEM. */
enum err router_add(struct router *router, const struct dname *zone,
	const struct server_block *block) MUST_CHECK;

/* All zones have been added; before the first router_find. ERR_NOMEM. */
enum err router_seal(struct router *router) MUST_CHECK;

/* NULL: the name is in no zone. */
const struct route *router_find(
	const struct router *router, const struct request *request);
const struct hash_key *router_key(const struct router *router);

/* Each route, longest zone first; NULL behind the last. */
const struct route *router_route(const struct router *router, size_t index);

/* Before workers see the router: what counts the queries of a route, and those that no
 * route takes. Borrowed. */
void router_set_series(struct router *router, size_t index, struct series *series);
void router_set_unrouted(struct router *router, struct series *series);
struct series *router_unrouted(const struct router *router);
