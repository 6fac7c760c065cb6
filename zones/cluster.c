/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/cluster.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "zones/imports.h"
#include "zones/keeper.h"
#include "zones/registry/registry.h"
#include "zones/registry/selector.h"
#include "zones/source/manifest.h"
#include "zones/source/state.h"
#include "zones/store/store_write.h"
#include "zones/synth/clients.h"

/* How many replaced sets may wait for their readers before they are freed in one go. */
enum { RETIRED_MAX = 1024 };

struct cluster {
	struct arena arena; /* of copied options */
	struct cluster_options options;
	struct hash_key key;
	struct cluster_report report;
	struct cluster_counters counters;
	struct cluster_follower follower;
	struct selector *labels, *namespace_labels;
	struct registry *registry;
	struct store *store;
	struct synth *synth;
	struct imports *imports;      /* NULL: no multicluster zones */
	struct store *external_store; /* NULL, as the next: no external zones */
	struct synth *external_synth;
	struct store *clients_store; /* NULL, as the next: not wanted */
	struct clients *clients;
	struct manifest_source *manifests; /* or */
	struct kube_source *kube;
	struct programming programming;
	struct keeper *keeper; /* of the state file, NULL: none */
	struct dname primary, external_primary;
	int64_t batch_start_ns; /* 0: no object came since the last commit */
	bool is_loading;   /* nothing is published before the first commit is whole */
	bool has_leftover; /* a batch that found no memory is to be published */
};

/* --- what the source tells --- */

static void cluster_report(struct cluster *cluster, const struct diag_list *problems)
{
	if (!problems->count && !problems->unstored)
		return;
	cluster->counters.problems += problems->count + problems->unstored;
	if (cluster->report.report)
		cluster->report.report(cluster->report.context, problems);
	else
		diag_list_log(problems);
}

static void cluster_failed(struct cluster *cluster, const char *what, enum err err)
{
	cluster->counters.failed++;
	log_error("cannot take in %s: %s; the answers stay as they are", what,
		err_text(err));
}

static void cluster_count_change(struct cluster *cluster, enum object_kind kind)
{
	cluster->counters.changes[kind]++;
	if (!cluster->batch_start_ns)
		cluster->batch_start_ns = clock_now_ns();
}

static enum err on_upsert(void *context, const struct object *object)
{
	struct cluster *cluster = context;
	cluster_count_change(cluster, object->kind);
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = registry_put(cluster->registry, object, &problems);
	if (!err)
		err = imports_put(cluster->imports, object, &problems);
	if (err)
		cluster_failed(cluster, object->name, err);
	cluster->counters.conflicts[object->kind] += problems.count;
	cluster_report(cluster, &problems);
	diag_list_deinit(&problems);
	/* What was there before us has taken no time of ours. */
	if (!err && object->kind == OBJECT_SLICE && cluster->kube &&
		kube_source_is_synced(cluster->kube))
		programming_note(&cluster->programming, cluster->registry, object);
	return err;
}

static enum err on_remove(
	void *context, enum object_kind kind, const char *ns, const char *name)
{
	struct cluster *cluster = context;
	cluster_count_change(cluster, kind);
	enum err err = registry_remove(cluster->registry, kind, ns, name);
	if (!err)
		err = imports_remove(cluster->imports, kind, ns, name);
	if (err)
		cluster_failed(cluster, name, err);
	return err;
}

static enum err on_sweep(void *context, enum object_kind kind,
	bool (*has)(void *source, const char *ns, const char *name), void *source)
{
	struct cluster *cluster = context;
	enum err err = registry_sweep(cluster->registry, kind, has, source);
	if (!err)
		err = imports_sweep(cluster->imports, kind, has, source);
	if (err)
		cluster_failed(cluster, "what is gone", err);
	return err;
}

static void cluster_tell_follower(struct cluster *cluster)
{
	if (cluster->follower.changed)
		cluster->follower.changed(cluster->follower.context);
}

static enum err cluster_publish(struct cluster *cluster)
{
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = registry_settle(cluster->registry, &problems);
	cluster->counters.conflicts[OBJECT_SERVICE] += problems.count;
	size_t count = problems.count;
	if (!err)
		err = imports_settle(cluster->imports, &problems);
	cluster->counters.conflicts[OBJECT_IMPORT] += problems.count - count;
	cluster_report(cluster, &problems);
	diag_list_deinit(&problems);
	if (!err)
		err = synth_apply(cluster->synth);
	if (!err)
		err = imports_apply(cluster->imports);
	if (!err && cluster->external_synth)
		err = synth_apply(cluster->external_synth);
	if (!err && cluster->clients)
		err = clients_apply(cluster->clients);
	if (err)
		return err;
	cluster_tell_follower(cluster);
	registry_end_batch(cluster->registry);
	imports_end_batch(cluster->imports);
	return ERR_NONE;
}

static void cluster_count_publish(struct cluster *cluster)
{
	if (!cluster->batch_start_ns)
		return;
	int64_t duration_ns = clock_now_ns() - cluster->batch_start_ns;
	int64_t bound_ns = PUBLISH_BUCKET0_NS;
	unsigned bucket = 0;
	for (; bucket < PUBLISH_BUCKETS - 1 && duration_ns > bound_ns; bucket++)
		bound_ns *= 2;
	cluster->counters.publish_counts[bucket]++;
	cluster->counters.publish_ns += (uint64_t)duration_ns;
	cluster->batch_start_ns = 0;
}

static void cluster_commit(struct cluster *cluster)
{
	enum err err = cluster_publish(cluster);
	cluster->has_leftover = err != ERR_NONE;
	if (err) {
		cluster_failed(cluster, "a change", err);
		return;
	}
	cluster->counters.commits++;
	bool has_published = store_commit(cluster->store);
	if (cluster->external_store)
		has_published |= store_commit(cluster->external_store);
	if (has_published)
		cluster->counters.published++;
	/* What a source loads at first it gathers for as long as that takes. */
	if (cluster->kube && !kube_source_is_synced(cluster->kube))
		cluster->batch_start_ns = 0;
	cluster_count_publish(cluster);
	programming_count(
		&cluster->programming, clock_unix_ms(), &cluster->counters.programming);
}

static void store_reclaim_many(const struct cluster *cluster, struct store *store)
{
	if (store && (cluster->is_loading || store_retired(store) > RETIRED_MAX))
		store_reclaim(store);
}

static void on_commit(void *context)
{
	struct cluster *cluster = context;
	cluster_commit(cluster);
	store_reclaim_many(cluster, cluster->store);
	store_reclaim_many(cluster, cluster->external_store);
	store_reclaim_many(cluster, cluster->clients_store);
}

static void on_synced(void *context, bool is_synced)
{
	struct cluster *cluster = context;
	if (is_synced == (store_missing(cluster->store) != 0) || cluster->is_loading)
		log_info(is_synced ? "the registry is complete"
				   : "the registry is not complete yet");
	store_set_synced(cluster->store, is_synced);
	if (cluster->external_store)
		store_set_synced(cluster->external_store, is_synced);
	if (is_synced)
		cluster_tell_follower(cluster);
}

/* The rest is answered; a state file has what was there once. */
static void on_denied(void *context, unsigned kinds)
{
	struct cluster *cluster = context;
	char missing[512];
	unsigned bits = (kinds & 1u << OBJECT_SERVICE ? STORE_MISSING_SERVICES : 0) |
			(kinds & 1u << OBJECT_SLICE ? STORE_MISSING_ENDPOINTS : 0) |
			(kinds & 1u << OBJECT_POD ? STORE_MISSING_PODS : 0) |
			(kinds & 1u << OBJECT_IMPORT ? STORE_MISSING_IMPORTS : 0);
	/* Without namespaces nothing is there. */
	if (!kinds || kinds & 1u << OBJECT_NAMESPACE)
		return;
	if (cluster->keeper && keeper_loaded_unix_s(cluster->keeper))
		bits = 0;
	kube_source_describe(cluster->kube, missing, sizeof(missing));
	log_warn("answering without what may not be read: %s", missing);
	store_set_missing(cluster->store, bits);
	if (!cluster->options.external.synth.serves_headless)
		bits &= ~(unsigned)STORE_MISSING_ENDPOINTS;
	if (cluster->external_store)
		store_set_missing(cluster->external_store,
			bits & ~(unsigned)(STORE_MISSING_PODS | STORE_MISSING_IMPORTS));
	cluster_tell_follower(cluster);
}

static void on_report(void *context, const struct diag_list *problems)
{
	cluster_report(context, problems);
}

/* --- making one --- */

static const char *const *copy_texts(
	struct arena *arena, const char *const *texts, size_t count)
{
	char **copy = arena_calloc(arena, count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = arena_strndup(arena, texts[i], strlen(texts[i]));
		if (!copy[i])
			return NULL;
	}
	return (const char *const *)copy;
}

static enum err copy_text(struct arena *arena, const char **text)
{
	if (!*text)
		return ERR_NONE;
	*text = arena_strndup(arena, *text, strlen(*text));
	return *text ? ERR_NONE : ERR_NOMEM;
}

static void *copy_array(struct arena *arena, const void *array, size_t count, size_t size)
{
	void *copy = arena_calloc(arena, count + 1, size);
	if (copy && count)
		memcpy(copy, array, count * size);
	return copy;
}

/* The first zone that is not a reverse zone. */
static struct dname first_forward(const struct dname *zones, size_t count)
{
	struct dname first = {.length = 0};
	for (size_t i = count; i--;)
		if (!synth_is_reverse(&zones[i]))
			first = zones[i];
	return first;
}

static enum err cluster_copy_external(
	struct cluster *cluster, const struct cluster_external *options)
{
	struct cluster_external *own = &cluster->options.external;
	own->zones = copy_array(&cluster->arena, options->zones, options->zone_count,
		sizeof(*own->zones));
	cluster->external_primary = first_forward(options->zones, options->zone_count);
	return own->zones ? copy_text(&cluster->arena, &own->synth.apex) : ERR_NOMEM;
}

static enum err copy_kube_options(struct arena *arena, struct kube_options *options)
{
	const char **const texts[] = {&options->endpoint, &options->certificate,
		&options->key, &options->ca, &options->kubeconfig, &options->context,
		&options->labels, &options->namespace_labels};
	enum err err = ERR_NONE;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && !err; i++)
		err = copy_text(arena, texts[i]);
	return err;
}

static enum err cluster_copy_options(
	struct cluster *cluster, const struct cluster_options *options)
{
	struct arena *arena = &cluster->arena;
	struct cluster_options *own = &cluster->options;
	*own = *options;
	own->namespaces =
		copy_texts(arena, options->namespaces, options->namespace_count);
	own->manifests = copy_texts(arena, options->manifests, options->manifest_count);
	own->service_cidrs = copy_array(arena, options->service_cidrs,
		options->service_cidr_count, sizeof(*own->service_cidrs));
	own->own_addresses = copy_array(arena, options->own_addresses,
		options->own_address_count, sizeof(*own->own_addresses));
	own->zones = copy_array(
		arena, options->zones, options->zone_count, sizeof(*own->zones));
	own->multicluster = copy_array(arena, options->multicluster,
		options->multicluster_count, sizeof(*own->multicluster));
	if (!own->namespaces || !own->manifests || !own->service_cidrs ||
		!own->own_addresses || !own->zones || !own->multicluster ||
		copy_text(arena, &own->labels) ||
		copy_text(arena, &own->namespace_labels) ||
		copy_text(arena, &own->state) || copy_kube_options(arena, &own->kube))
		return ERR_NOMEM;
	cluster->primary = first_forward(options->zones, options->zone_count);
	return cluster_copy_external(cluster, &options->external);
}

static bool is_multicluster(
	const struct cluster_options *options, const struct dname *zone)
{
	for (size_t i = 0; i < options->multicluster_count; i++)
		if (dname_equal(&options->multicluster[i], zone))
			return true;
	return false;
}

static enum err cluster_make_store(
	struct cluster *cluster, const struct cluster_options *options)
{
	struct store_zone *zones =
		arena_calloc(&cluster->arena, options->zone_count + 1, sizeof(*zones));
	if (!zones)
		return ERR_NOMEM;
	for (size_t i = 0; i < options->zone_count; i++)
		zones[i] = (struct store_zone){
			.name = options->zones[i],
			.ttl_s = options->ttl_s,
			.is_multicluster = is_multicluster(options, &options->zones[i]),
		};
	cluster->store = store_new(&cluster->key, zones, (unsigned)options->zone_count);
	return cluster->store ? ERR_NONE : ERR_NOMEM;
}

static enum err cluster_make_external_store(
	struct cluster *cluster, const struct cluster_external *options)
{
	if (!options->zone_count)
		return ERR_NONE;
	struct store_zone *zones =
		arena_calloc(&cluster->arena, options->zone_count, sizeof(*zones));
	if (!zones)
		return ERR_NOMEM;
	size_t length = strlen(options->synth.apex);
	assert(length && length <= DNAME_LABEL_MAX);
	for (size_t i = 0; i < options->zone_count; i++) {
		zones[i].name = options->zones[i];
		zones[i].ttl_s = options->ttl_s;
		zones[i].apex_label[0] = (uint8_t)length;
		memcpy(zones[i].apex_label + 1, options->synth.apex, length);
	}
	cluster->external_store =
		store_new(&cluster->key, zones, (unsigned)options->zone_count);
	return cluster->external_store ? ERR_NONE : ERR_NOMEM;
}

/* The texts were checked with the configuration; here only memory may lack. */
static enum err cluster_make_selectors(struct cluster *cluster)
{
	const struct cluster_options *options = &cluster->options;
	unsigned offset;
	const char *reason;
	enum err err = ERR_NONE;
	if (options->labels)
		err = selector_parse(options->labels, &cluster->labels, &offset, &reason);
	if (!err && options->namespace_labels)
		err = selector_parse(options->namespace_labels,
			&cluster->namespace_labels, &offset, &reason);
	return err;
}

static enum err before_change(void *context, const struct registry_service *service)
{
	struct cluster *cluster = context;
	enum err err = synth_before_change(cluster->synth, service);
	if (!err && cluster->external_synth)
		err = synth_before_change(cluster->external_synth, service);
	return err;
}

static enum err cluster_make_synth(
	struct cluster *cluster, const struct registry_options *registry_options)
{
	const struct cluster_options *options = &cluster->options;
	const struct synth_options synth_options = {
		.ttl_s = options->ttl_s,
		.pods = options->pods,
		.uses_pod_names = options->uses_pod_names,
		.ignores_empty = options->ignores_empty,
		.ignores_endpoints = options->ignores_endpoints,
		.serves_zones = options->serves_zones,
		.keeps_hints = options->keeps_hints,
		.keeps_absences = !options->manifest_count,
		.primary = &cluster->primary,
		.own_addresses = options->own_addresses,
		.own_address_count = options->own_address_count,
	};
	cluster->synth = synth_new(&synth_options, cluster->registry, cluster->store);
	if (cluster->synth && options->multicluster_count)
		cluster->imports =
			imports_new(registry_options, &synth_options, cluster->store);
	return cluster->synth && (cluster->imports || !options->multicluster_count)
		       ? ERR_NONE
		       : ERR_NOMEM;
}

static enum err cluster_make_registry(struct cluster *cluster)
{
	const struct cluster_options *options = &cluster->options;
	bool has_reverse = false;
	for (unsigned i = 0; i < store_zone_count(cluster->store); i++)
		has_reverse |= synth_is_reverse(&store_zone(cluster->store, i)->name);
	const struct registry_options registry_options = {
		.key = &cluster->key,
		.service_cidrs = options->service_cidrs,
		.service_cidr_count = options->service_cidr_count,
		.labels = cluster->labels,
		.namespace_labels = cluster->namespace_labels,
		.namespaces = options->namespaces,
		.namespace_count = options->namespace_count,
		.keeps_pod_names = options->uses_pod_names,
		.keeps_zones = options->serves_zones,
		.indexes_endpoints = has_reverse,
		.ignores_endpoints = options->ignores_endpoints,
		.keeps_external = options->external.zone_count != 0,
		/* The API server's controller makes them. */
		.has_all_slices = !options->manifest_count,
	};
	const struct registry_observer observer = {cluster, before_change};
	cluster->registry = registry_new(&registry_options, &observer);
	return cluster->registry ? cluster_make_synth(cluster, &registry_options)
				 : ERR_NOMEM;
}

static enum err cluster_make_external_synth(struct cluster *cluster)
{
	const struct cluster_options *options = &cluster->options;
	const struct synth_options synth_options = {
		.external = &options->external.synth,
		.ttl_s = options->external.ttl_s,
		.uses_pod_names = options->uses_pod_names,
		.ignores_endpoints = options->ignores_endpoints,
		.primary = &cluster->external_primary,
		.own_addresses = options->own_addresses,
		.own_address_count = options->own_address_count,
	};
	if (!cluster->external_store)
		return ERR_NONE;
	cluster->external_synth =
		synth_new(&synth_options, cluster->registry, cluster->external_store);
	return cluster->external_synth ? ERR_NONE : ERR_NOMEM;
}

static enum err cluster_make_clients(struct cluster *cluster)
{
	const struct store_zone root = {.name = {.length = 1}};
	cluster->clients_store = store_new(&cluster->key, &root, 1);
	if (cluster->clients_store)
		cluster->clients = clients_new(cluster->registry, cluster->clients_store);
	return cluster->clients ? ERR_NONE : ERR_NOMEM;
}

static struct source_sink cluster_sink(struct cluster *cluster)
{
	return (struct source_sink){
		.context = cluster,
		.upsert = on_upsert,
		.remove = on_remove,
		.sweep = on_sweep,
		.commit = on_commit,
		.synced = on_synced,
		.denied = on_denied,
		.report = on_report,
	};
}

static enum err cluster_make_source(struct cluster *cluster)
{
	const struct source_sink sink = cluster_sink(cluster);
	if (cluster->options.manifest_count)
		cluster->manifests = manifest_source_new(cluster->options.manifests,
			cluster->options.manifest_count, &sink);
	else
		cluster->kube =
			kube_source_new(&cluster->options.kube, &cluster->key, &sink);
	if (cluster->kube && cluster->options.state) {
		cluster->keeper = keeper_new(&cluster->options);
		if (!cluster->keeper)
			return ERR_NOMEM;
	}
	return cluster->manifests || cluster->kube ? ERR_NONE : ERR_NOMEM;
}

struct cluster *cluster_new(const struct cluster_options *options,
	const struct hash_key *key, const struct cluster_report *report)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	if (!cluster)
		return NULL;
	arena_init(&cluster->arena, 4096);
	cluster->key = *key;
	if (report)
		cluster->report = *report;
	enum err err = cluster_copy_options(cluster, options);
	if (!err)
		err = cluster_make_store(cluster, options);
	if (!err)
		err = cluster_make_external_store(cluster, &options->external);
	if (!err)
		err = cluster_make_selectors(cluster);
	if (!err)
		err = cluster_make_registry(cluster);
	if (!err)
		err = cluster_make_external_synth(cluster);
	if (!err && options->maps_clients)
		err = cluster_make_clients(cluster);
	if (!err)
		/* An API server says which there are. */
		if (!err && options->manifest_count)
			err = registry_put_builtin_namespaces(cluster->registry);
	if (!err && options->manifest_count)
		err = imports_put_builtin_namespaces(cluster->imports);
	if (!err)
		err = cluster_make_source(cluster);
	if (err) {
		cluster_free(cluster);
		return NULL;
	}
	return cluster;
}

void cluster_free(struct cluster *cluster)
{
	if (!cluster)
		return;
	manifest_source_free(cluster->manifests);
	kube_source_free(cluster->kube);
	programming_deinit(&cluster->programming);
	keeper_free(cluster->keeper);
	synth_free(cluster->synth);
	imports_free(cluster->imports);
	synth_free(cluster->external_synth);
	registry_free(cluster->registry);
	store_free(cluster->store);
	store_free(cluster->external_store);
	clients_free(cluster->clients);
	store_free(cluster->clients_store);
	selector_free(cluster->labels);
	selector_free(cluster->namespace_labels);
	arena_deinit(&cluster->arena);
	free(cluster);
}

/* The API server's objects then come as changes to these. */
static enum err load_state(struct cluster *cluster)
{
	const struct source_sink sink = cluster_sink(cluster);
	cluster->is_loading = true;
	enum err err = keeper_load(cluster->keeper, &sink);
	if (!err)
		on_commit(cluster);
	cluster->is_loading = false;
	return err;
}

/* Whoever waits for it is not to wonder. */
static void report_missing(struct cluster *cluster)
{
	char missing[512];
	struct diag_list problems;
	kube_source_describe(cluster->kube, missing, sizeof(missing));
	diag_list_init(&problems);
	diag_add(&problems, SEVERITY_ERROR, NULL, 0, 0,
		"the API server has not told all: %s", missing);
	cluster_report(cluster, &problems);
	diag_list_deinit(&problems);
}

static enum err start_kube(struct cluster *cluster, struct event_base *base, bool waits)
{
	enum err err = ERR_NONE;
	/* Commands, which have no base, tell what is and not what was. */
	if (cluster->keeper && base)
		err = load_state(cluster);
	if (!err && (waits || !base))
		err = kube_source_load(
			cluster->kube, cluster->options.startup_timeout_ms);
	if (!err && (waits || !base) && !kube_source_is_synced(cluster->kube))
		report_missing(cluster);
	if (!err && base)
		err = kube_source_start(cluster->kube, base);
	return err;
}

enum err cluster_start(struct cluster *cluster, struct event_base *base, bool waits)
{
	if (cluster->kube)
		return start_kube(cluster, base, waits);
	enum err err = base ? manifest_source_watch(cluster->manifests, base) : ERR_NONE;
	if (err)
		return err;
	cluster->is_loading = true;
	err = manifest_source_load(cluster->manifests);
	cluster->is_loading = false;
	return err;
}

bool cluster_is_whole(const struct cluster *cluster)
{
	if (!store_is_synced(cluster->store) || cluster->counters.failed)
		return false;
	return cluster->kube
		       ? kube_source_is_synced(cluster->kube)
		       : !manifest_source_counters(cluster->manifests)->files_failed;
}

void cluster_set_follower(
	struct cluster *cluster, const struct cluster_follower *follower)
{
	cluster->follower = *follower;
}

bool cluster_accept_state(struct cluster *cluster)
{
	if (!cluster->keeper || !keeper_loaded_unix_s(cluster->keeper))
		return false;
	int64_t age_s = clock_unix_s() - keeper_loaded_unix_s(cluster->keeper);
	log_warn("answering from the state file \"%s\", %" PRId64
		 " s old, until the API server has told all",
		cluster->options.state, age_s);
	store_set_synced(cluster->store, true);
	if (cluster->external_store)
		store_set_synced(cluster->external_store, true);
	cluster_tell_follower(cluster);
	return true;
}

/* A registry that is not complete would take the place of one that was. */
static void save_state(struct cluster *cluster, bool at_once)
{
	const struct state_registries from = {
		cluster->registry, imports_registry(cluster->imports)};
	if (cluster->keeper && kube_source_is_synced(cluster->kube))
		keeper_save(cluster->keeper, &from, cluster->counters.published, at_once);
}

void cluster_save_state(struct cluster *cluster)
{
	save_state(cluster, true);
}

int64_t cluster_confirmed_ms(const struct cluster *cluster)
{
	if (cluster->kube)
		return kube_source_confirmed_ms(cluster->kube);
	return store_is_synced(cluster->store) ? clock_now_ms() : 0;
}

const char *cluster_apiserver(const struct cluster *cluster)
{
	return cluster->kube ? kube_source_host(cluster->kube) : NULL;
}

bool cluster_lacks_pod(const struct cluster *cluster)
{
	return cluster->kube && kube_options_lack_pod(&cluster->options.kube);
}

const struct fetch_counters *cluster_requests(const struct cluster *cluster)
{
	return kube_source_counters(cluster->kube);
}

uint64_t cluster_repairs(const struct cluster *cluster)
{
	return kube_source_repairs(cluster->kube);
}

void cluster_describe(const struct cluster *cluster, char *out, size_t size)
{
	*out = '\0';
	if (cluster->kube)
		kube_source_describe(cluster->kube, out, size);
}

void cluster_follow(struct cluster *cluster, const struct cluster *previous)
{
	store_follow(cluster->store, previous->store);
	if (cluster->external_store && previous->external_store)
		store_follow(cluster->external_store, previous->external_store);
}

void cluster_reclaim(struct cluster *cluster)
{
	if (cluster->has_leftover)
		cluster_commit(cluster);
	save_state(cluster, false);
	store_reclaim(cluster->store);
	if (cluster->external_store)
		store_reclaim(cluster->external_store);
	if (cluster->clients_store)
		store_reclaim(cluster->clients_store);
}

const struct cluster_options *cluster_options(const struct cluster *cluster)
{
	return &cluster->options;
}

const struct store *cluster_store(const struct cluster *cluster)
{
	return cluster->store;
}

const struct store *cluster_external_store(const struct cluster *cluster)
{
	return cluster->external_store;
}

const struct store *cluster_clients(const struct cluster *cluster)
{
	return cluster->clients_store;
}

const struct registry *cluster_registry(const struct cluster *cluster)
{
	return cluster->registry;
}

const struct registry *cluster_imports(const struct cluster *cluster)
{
	return imports_registry(cluster->imports);
}

const struct dname *cluster_primary(const struct cluster *cluster)
{
	return &cluster->primary;
}

const struct cluster_options *cluster_get_options(const struct cluster *cluster)
{
	return &cluster->options;
}

const struct cluster_counters *cluster_counters(const struct cluster *cluster)
{
	return &cluster->counters;
}

void cluster_counters_add(
	struct cluster_counters *sum, const struct cluster_counters *counters)
{
	_Static_assert(sizeof(*sum) % sizeof(uint64_t) == 0, "counters only");
	const uint64_t *from = (const uint64_t *)counters;
	uint64_t *to = (uint64_t *)sum;
	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}
