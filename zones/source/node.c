/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "zones/source/document.h"

enum { PAIRWISE_MAX = 16 };

const struct node *node_get(const struct node *map, const char *key)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	for (const struct node *node = map->first; node; node = node->next)
		if (node->key[0] == key[0] && strcmp(node->key, key) == 0)
			return node->type == NODE_NULL ? NULL : node;
	return NULL;
}

static int node_compare_keys(const void *a, const void *b)
{
	const struct node *const *left = a;
	const struct node *const *right = b;
	int order = strcmp((*left)->key, (*right)->key);
	if (order)
		return order;
	if ((*left)->line != (*right)->line)
		return (*left)->line < (*right)->line ? -1 : 1;
	return (*left)->column < (*right)->column ? -1 : 1;
}

/* A map of many keys is sorted first: comparing each with each would let a small file
 * cost minutes. */
static enum err node_find_duplicate_sorted(
	struct arena *arena, const struct node *map, const struct node **duplicate)
{
	const struct node **sorted =
		arena_calloc(arena, map->length, sizeof(const struct node *));
	if (!sorted)
		return ERR_NOMEM;
	size_t count = 0;
	for (const struct node *node = map->first; node; node = node->next)
		sorted[count++] = node;
	qsort(sorted, count, sizeof(const struct node *), node_compare_keys);
	*duplicate = NULL;
	for (size_t i = 1; i < count; i++) {
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0) {
			*duplicate = sorted[i];
			break;
		}
	}
	return ERR_NONE;
}

enum err node_find_duplicate(
	struct arena *arena, const struct node *map, const struct node **duplicate)
{
	if (map->length > PAIRWISE_MAX)
		return node_find_duplicate_sorted(arena, map, duplicate);
	for (const struct node *node = map->first; node; node = node->next) {
		for (const struct node *other = map->first; other != node;
			other = other->next) {
			if (other->key[0] == node->key[0] &&
				strcmp(other->key, node->key) == 0) {
				*duplicate = node;
				return ERR_NONE;
			}
		}
	}
	*duplicate = NULL;
	return ERR_NONE;
}
