/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/metrics_cache.h"

#include <stdlib.h>
#include <string.h>

#include "server/config/directive.h"
#include "server/control/exposition.h"
#include "server/plugin/cache/cache.h"
#include "server/query/plugin.h"

static const char *const kinds[CACHE_KINDS] = {
	[CACHE_SUCCESS] = "success", [CACHE_DENIAL] = "denial"};

static void write_zone(void *context, const struct dname *zone)
{
	char text[DNAME_TEXT_SIZE];
	FILE *out = context;
	fprintf(out, "%s%s", ftell(out) ? "," : "", dname_to_text(zone->bytes, text));
}

/* "cluster.local.,in-addr.arpa.", malloc'ed: CoreDNS's label. NULL: no memory. */
static char *zones_label(
	const struct corefile_directive *directive, const struct corefile_block *block)
{
	char *label = NULL;
	size_t size;
	int64_t number;
	FILE *out = open_memstream(&label, &size);
	if (!out)
		return NULL;
	size_t first = directive->argument_count &&
		       !argument_number(&directive->arguments[0], &number);
	bool is_bad = false;
	for (size_t i = first; i < directive->argument_count; i++)
		is_bad |= argument_zones(directive->arguments[i].text, write_zone, out);
	for (size_t i = 0; first == directive->argument_count && i < block->key_count;
		i++)
		write_zone(out, &block->keys[i].zone);
	if (fclose(out) || is_bad) {
		free(label);
		return NULL;
	}
	return label;
}

enum err metrics_cache_find(struct metrics_cache **list, const char *server,
	const struct corefile_block *block, struct metrics_cache **out)
{
	const struct corefile_directive *directive = directive_in_block(block, "cache");
	struct metrics_cache *cache = NULL;
	*out = NULL;
	if (!directive)
		return ERR_NONE;
	char *zones = zones_label(directive, block);
	if (!zones)
		return ERR_NOMEM;
	struct metrics_cache **at = list;
	while (*at &&
		(strcmp((*at)->server, server) != 0 || strcmp((*at)->zones, zones) != 0))
		at = &(*at)->next;
	if (!*at)
		cache = *at = calloc(1, sizeof(*cache));
	*out = *at;
	if (!cache) {
		free(zones);
		return *out ? ERR_NONE : ERR_NOMEM;
	}
	cache->server = server;
	cache->zones = zones;
	return ERR_NONE;
}

void metrics_cache_free(struct metrics_cache *list)
{
	while (list) {
		struct metrics_cache *next = list->next;
		free(list->zones);
		free(list);
		list = next;
	}
}

void metrics_cache_measure(struct metrics_cache *cache, const struct server_block *block)
{
	for (unsigned i = 0; i < block->chain_length; i++) {
		const struct plugin_instance *plugin = &block->chain[i];
		if (strcmp(plugin->ops->name, "cache") != 0)
			continue;
		for (unsigned kind = 0; kind < CACHE_KINDS; kind++)
			cache->entries[kind] = cache_entry_count(
				plugin->instance, (enum cache_kind)kind);
	}
}

/* --- writing --- */

static const struct cache_family {
	const char *name, *type, *help;
	int counter;   /* of enum series_cache; -1: the entries */
	bool has_kind; /* one for each kind, and the label type */
} families[] = {
	{"coredns_cache_entries", "gauge", "Replies that are kept.", -1, true},
	{"coredns_cache_requests_total", "counter", "Queries that came to the cache.",
		SERIES_CACHE_REQUESTS, false},
	{"coredns_cache_hits_total", "counter", "Replies given out, stale ones too.",
		SERIES_CACHE_HITS, true},
	{"coredns_cache_misses_total", "counter", "Queries that were passed on.",
		SERIES_CACHE_MISSES, false},
	{"coredns_cache_prefetch_total", "counter", "Replies asked for to be renewed.",
		SERIES_CACHE_PREFETCHES, false},
	{"coredns_cache_drops_total", "counter",
		"Replies that are not one to the question.", SERIES_CACHE_DROPS, false},
	{"coredns_cache_served_stale_total", "counter", "Stale replies given out.",
		SERIES_CACHE_STALE, false},
	{"coredns_cache_evictions_total", "counter", "Replies that had to go for others.",
		SERIES_CACHE_EVICTIONS, true},
};

static void write_sample(
	const struct metrics_cache *cache, const struct cache_family *family, FILE *out)
{
	const struct labels labels = {
		.items = {{"server", cache->server}, {"zones", cache->zones},
			{"view", ""}},
		.count = 3,
	};
	const uint64_t *values =
		family->counter < 0 ? cache->entries : &cache->counts[family->counter];
	if (!family->has_kind)
		exposition_integer(out, family->name, &labels, values[0]);
	for (unsigned kind = 0; family->has_kind && kind < CACHE_KINDS; kind++) {
		struct labels all = labels_with(&labels, "type", kinds[kind]);
		exposition_integer(out, family->name, &all, values[kind]);
	}
}

void metrics_cache_write(const struct metrics_cache *list, FILE *out)
{
	if (!list)
		return;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		const struct cache_family *family = &families[i];
		exposition_family(out, family->name, family->type, family->help);
		for (const struct metrics_cache *cache = list; cache; cache = cache->next)
			write_sample(cache, family, out);
	}
}
