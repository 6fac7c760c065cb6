/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/dname_index.h"

struct router {
	struct hash_key key;
	struct route *routes; /* longest zone first */
	size_t count, capacity;
	struct dname_index *index; /* of the routes, once it is sealed */
	struct series *unrouted;
};

struct router *router_new(const struct hash_key *key)
{
	struct router *router = calloc(1, sizeof(*router));
	if (router)
		router->key = *key;
	return router;
}

void router_free(struct router *router)
{
	if (!router)
		return;
	dname_index_free(router->index);
	free(router->routes);
	free(router);
}

enum err router_add(
	struct router *router, const struct dname *zone, const struct server_block *block)
{
	assert(!router->index);
	for (size_t i = 0; i < router->count; i++)
		if (dname_equal(&router->routes[i].zone, zone))
			return ERR_EXISTS;
	if (router->count == router->capacity) {
		size_t capacity = router->capacity * 2 + 4;
		void *grown = realloc(router->routes, capacity * sizeof(*router->routes));
		if (!grown)
			return ERR_NOMEM;
		router->routes = grown;
		router->capacity = capacity;
	}
	size_t i = router->count++;
	for (; i && router->routes[i - 1].zone.length < zone->length; i--)
		router->routes[i] = router->routes[i - 1];
	router->routes[i] = (struct route){*zone, block, NULL};
	return ERR_NONE;
}

enum err router_seal(struct router *router)
{
	assert(!router->index);
	_Static_assert(offsetof(struct route, zone) == 0, "as the index wants it");
	router->index =
		dname_index_new(router->routes, sizeof(*router->routes), router->count);
	return router->index ? ERR_NONE : ERR_NOMEM;
}

const struct route *router_find(
	const struct router *router, const struct request *request)
{
	int i = dname_index_find(router->index, &request->name);
	return i < 0 ? NULL : &router->routes[i];
}

const struct hash_key *router_key(const struct router *router)
{
	return &router->key;
}

const struct route *router_route(const struct router *router, size_t index)
{
	return index < router->count ? &router->routes[index] : NULL;
}

void router_set_series(struct router *router, size_t index, struct series *series)
{
	router->routes[index].series = series;
}

void router_set_unrouted(struct router *router, struct series *series)
{
	router->unrouted = series;
}

struct series *router_unrouted(const struct router *router)
{
	return router->unrouted;
}
