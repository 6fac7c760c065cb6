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

/* `key` is the process's hash key; requests are hashed with it. NULL: no memory. */
struct router *router_new(const struct hash_key *key);
void router_free(struct router *router); /* the blocks stay their owner's */

/* Every name in `zone` (lower-case) leads to `block`. ERR_EXISTS, ERR_NOMEM. */
enum err router_add(struct router *router, const struct dname *zone,
	const struct server_block *block) MUST_CHECK;

const struct server_block *router_find(
	const struct router *router, const struct request *request);
const struct hash_key *router_key(const struct router *router);
