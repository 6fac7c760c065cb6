/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "server/base/err.h"
#include "server/query/series.h"

/*
 * What caches have counted, as coredns_cache_*: one for each listening address and
 * directive. The series of the zones that a directive speaks for are added up.
 */

struct corefile_block;
struct server_block;

struct metrics_cache {
	struct metrics_cache *next;
	const char *server; /* the label; lives as long as this */
	char *zones;        /* the label */
	uint64_t counts[SERIES_CACHE_COUNTERS];
	uint64_t entries[2];
};

/* The one of the block's cache in the list, made if there is none; *out is NULL where the
 * block has none. ERR_NOMEM. */
enum err metrics_cache_find(struct metrics_cache **list, const char *server,
	const struct corefile_block *block, struct metrics_cache **out) MUST_CHECK;
void metrics_cache_free(struct metrics_cache *list);

/* How many entries the block's cache has now. */
void metrics_cache_measure(struct metrics_cache *cache, const struct server_block *block);

void metrics_cache_write(const struct metrics_cache *list, FILE *out);
