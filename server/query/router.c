/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/router.h"

#include <stdlib.h>
#include <string.h>

struct router {
	struct hash_key key;
	struct route *routes; /* longest zone first: the first match is the right one */
	size_t count, capacity;
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
	free(router->routes);
	free(router);
}

enum err router_add(
	struct router *router, const struct dname *zone, const struct server_block *block)
{
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

const struct route *router_find(
	const struct router *router, const struct request *request)
{
	for (size_t i = 0; i < router->count; i++)
		if (dname_is_within(&request->name, &router->routes[i].zone))
			return &router->routes[i];
	return NULL;
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
