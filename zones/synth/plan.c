/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/synth/plan.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 64 };

void plan_init(struct plan *plan)
{
	*plan = (struct plan){0};
	arena_init(&plan->arena, 65536);
}

void plan_deinit(struct plan *plan)
{
	arena_deinit(&plan->arena);
}

unsigned plan_endpoint_label(const struct synth_options *options,
	const struct pack_endpoint *endpoint, const struct ipaddr *address, char *out)
{
	const char *name = endpoint->hostname;
	/* A pod may be called "web.0", which is no label. */
	if (!*name && options->uses_pod_names && !strchr(endpoint->pod_name, '.'))
		name = endpoint->pod_name;
	size_t length = strlen(name);
	if (length && length < LABEL_SIZE) {
		memcpy(out, name, length + 1);
		return (unsigned)length;
	}
	unsigned dashed = ipaddr_format_dashed(address, out);
	/* A label may not end in a dash: "fd00::" becomes "fd00--0". */
	if (out[dashed - 1] == '-')
		out[dashed++] = '0';
	return dashed;
}

enum err plan_target_name(
	const struct plan_target *target, const struct dname *service, struct dname *out)
{
	enum err err = ERR_NONE;
	*out = *service;
	if (*target->cluster)
		err = dname_prepend(out, target->cluster, strlen(target->cluster));
	return err ? err : dname_prepend(out, target->label, target->label_length);
}

/* --- ports --- */

static bool port_sets_equal(const struct plan_port_set *a, const struct plan_port_set *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->ports[i].number != b->ports[i].number ||
			a->ports[i].protocol != b->ports[i].protocol ||
			strcmp(a->ports[i].name, b->ports[i].name) != 0)
			return false;
	return true;
}

static enum err read_port_set(struct plan *plan, struct pack_port_iterator ports,
	uint32_t count, struct plan_port_set *out)
{
	out->count = count ? count : 1;
	out->ports = arena_calloc(&plan->arena, out->count, sizeof(*out->ports));
	if (!out->ports)
		return ERR_NOMEM;
	out->ports[0] = (struct plan_port){.name = "", .number = -1};
	struct object_port port;
	for (uint32_t i = 0; pack_port_next(&ports, &port); i++)
		out->ports[i] = (struct plan_port){port.name, port.protocol, port.port};
	return ERR_NONE;
}

/* The index of the subset's ports among the plan's sets, added if they are new ones. */
static enum err intern_port_set(
	struct plan *plan, const struct pack_subset *subset, uint32_t *index)
{
	struct plan_port_set set;
	enum err err = read_port_set(plan, subset->ports, subset->port_count, &set);
	if (err)
		return err;
	for (uint32_t i = 0; i < plan->port_set_count; i++)
		if (port_sets_equal(&plan->port_sets[i], &set)) {
			*index = i;
			return ERR_NONE;
		}
	plan->port_sets[plan->port_set_count] = set;
	*index = plan->port_set_count++;
	return ERR_NONE;
}

/* --- hits and targets --- */

struct sizes {
	uint32_t subsets, hits;
};

static struct sizes count_hits(const struct registry_service *service)
{
	struct sizes sizes = {0};
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			sizes.subsets++;
			struct pack_endpoint_iterator endpoints =
				pack_subset_endpoints(&subset);
			struct pack_endpoint endpoint;
			while (pack_endpoint_next(&endpoints, &endpoint))
				if (endpoint.is_ready)
					sizes.hits += endpoint.address_count;
		}
	}
	return sizes;
}

/* A table from label to target for the time of one plan. */
struct label_table {
	uint32_t *slots; /* target + 1; 0: free */
	uint32_t mask;
};

static uint32_t label_hash(const char *label, unsigned length)
{
	uint32_t hash = 2166136261u;
	for (unsigned i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)label[i]) * 16777619u;
	return hash ^ hash >> 15;
}

/* The target with this label, made if there is none; UINT32_MAX: no memory. */
static uint32_t intern_target(struct plan *plan, struct label_table *table,
	const char *cluster, const char *label, unsigned length)
{
	uint32_t i = label_hash(label, length) & table->mask;
	for (; table->slots[i]; i = (i + 1) & table->mask) {
		const struct plan_target *target = &plan->targets[table->slots[i] - 1];
		if (target->label_length == length &&
			memcmp(target->label, label, length) == 0 &&
			strcmp(target->cluster, cluster) == 0)
			return table->slots[i] - 1;
	}
	char *copy = arena_strndup(&plan->arena, label, length);
	if (!copy)
		return UINT32_MAX;
	plan->targets[plan->target_count] = (struct plan_target){
		.label = copy, .cluster = cluster, .label_length = (uint8_t)length};
	table->slots[i] = ++plan->target_count;
	return plan->target_count - 1;
}

/* The index of the zone among the plan's; they are few. */
static uint32_t intern_zone(
	struct plan *plan, const struct synth_options *options, const char *zone)
{
	if (!options->serves_zones || !*zone)
		return UINT32_MAX;
	for (uint32_t i = 0; i < plan->zone_count; i++)
		if (strcmp(plan->zones[i], zone) == 0)
			return i;
	plan->zones[plan->zone_count] = zone;
	return plan->zone_count++;
}

struct collector {
	struct plan *plan;
	const struct synth_options *options;
	struct label_table labels;
	struct plan_hit *hits; /* in order of appearance */
	uint32_t slice;        /* being read */
	const char *cluster;   /* whose that is, "" */
};

/* UINT32_MAX: no memory. */
static uint32_t endpoint_target(struct collector *collector,
	const struct pack_endpoint *endpoint, const struct ipaddr *address)
{
	char label[LABEL_SIZE];
	unsigned length = 0;
	if (*collector->cluster || !collector->options->serves_imports)
		length =
			plan_endpoint_label(collector->options, endpoint, address, label);
	return intern_target(
		collector->plan, &collector->labels, collector->cluster, label, length);
}

static enum err collect_subset(
	struct collector *collector, const struct pack_subset *subset)
{
	struct plan *plan = collector->plan;
	uint32_t port_set;
	enum err err = intern_port_set(plan, subset, &port_set);
	if (err)
		return err;
	struct pack_endpoint_iterator endpoints = pack_subset_endpoints(subset);
	struct pack_endpoint endpoint;
	while (pack_endpoint_next(&endpoints, &endpoint)) {
		if (!endpoint.is_ready)
			continue;
		for (unsigned i = 0; i < endpoint.address_count; i++) {
			struct plan_hit *hit = &collector->hits[plan->hit_count];
			hit->address = pack_endpoint_address(&endpoint, i);
			hit->port_set = port_set;
			hit->slice = collector->slice;
			hit->zone = intern_zone(plan, collector->options, endpoint.zone);
			hit->is_repeated = false;
			hit->target =
				endpoint_target(collector, &endpoint, &hit->address);
			if (hit->target == UINT32_MAX)
				return ERR_NOMEM;
			plan->targets[hit->target].hit_count++;
			plan->hit_count++;
		}
	}
	return ERR_NONE;
}

/* A counting sort: each target's hits stand together, otherwise in their order. */
static void sort_hits(struct plan *plan, const struct plan_hit *unsorted)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < plan->target_count; i++) {
		plan->targets[i].first_hit = next;
		next += plan->targets[i].hit_count;
		plan->targets[i].hit_count = 0;
	}
	for (uint32_t i = 0; i < plan->hit_count; i++) {
		struct plan_target *target = &plan->targets[unsorted[i].target];
		plan->hits[target->first_hit + target->hit_count++] = unsorted[i];
	}
}

static int hit_compare(const void *a, const void *b, void *context)
{
	const struct plan_hit *hits = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	int order = ipaddr_compare(&hits[left].address, &hits[right].address);
	return order ? order : (left > right) - (left < right);
}

static void mark_repeated(struct plan *plan)
{
	for (uint32_t i = 0; i < plan->hit_count; i++)
		plan->by_address[i] = i;
	qsort_r(plan->by_address, plan->hit_count, sizeof(*plan->by_address), hit_compare,
		plan->hits);
	for (uint32_t i = 1; i < plan->hit_count; i++) {
		struct plan_hit *hit = &plan->hits[plan->by_address[i]];
		const struct plan_hit *before = &plan->hits[plan->by_address[i - 1]];
		hit->is_repeated = ipaddr_equal(&hit->address, &before->address);
	}
}

static enum err collect(struct plan *plan, const struct synth_options *options)
{
	struct sizes sizes = count_hits(plan->service);
	if (!sizes.hits)
		return ERR_NONE;
	uint32_t slots = 4;
	while (slots < sizes.hits * 2)
		slots *= 2;
	struct arena *arena = &plan->arena;
	struct collector collector = {.plan = plan, .options = options};
	collector.labels.mask = slots - 1;
	collector.labels.slots = arena_calloc(arena, slots, sizeof(uint32_t));
	collector.hits = arena_calloc(arena, sizes.hits, sizeof(*collector.hits));
	plan->hits = arena_calloc(arena, sizes.hits, sizeof(*plan->hits));
	plan->by_address = arena_calloc(arena, sizes.hits, sizeof(*plan->by_address));
	plan->targets = arena_calloc(arena, sizes.hits, sizeof(*plan->targets));
	plan->port_sets = arena_calloc(arena, sizes.subsets, sizeof(*plan->port_sets));
	plan->zones = arena_calloc(
		arena, options->serves_zones ? sizes.hits : 1, sizeof(*plan->zones));
	if (!collector.labels.slots || !collector.hits || !plan->hits ||
		!plan->by_address || !plan->targets || !plan->port_sets || !plan->zones)
		return ERR_NOMEM;
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(plan->service, &position))) {
		collector.slice = position;
		collector.cluster = pack_slice_cluster(slice);
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			enum err err = collect_subset(&collector, &subset);
			if (err)
				return err;
		}
	}
	sort_hits(plan, collector.hits);
	mark_repeated(plan);
	return ERR_NONE;
}

/* --- the service --- */

bool plan_is_apex(
	const struct synth_options *options, const struct registry_namespace *ns)
{
	return options->external && strcmp(ns->name, options->external->apex) == 0;
}

bool plan_has_namespace(
	const struct synth_options *options, const struct registry_namespace *ns)
{
	return registry_is_exposed(ns) && !plan_is_apex(options, ns);
}

static enum err read_cluster_ips(struct plan *plan)
{
	plan->cluster_ips = arena_calloc(&plan->arena, 2, sizeof(struct ipaddr));
	if (!plan->cluster_ips)
		return ERR_NOMEM;
	plan->cluster_ip_count = registry_cluster_ips(plan->service, plan->cluster_ips);
	return ERR_NONE;
}

/* Each address and each name once. */
static enum err read_external(struct plan *plan)
{
	if (!plan->service->object)
		return ERR_NONE;
	struct pack_external_iterator external =
		pack_service_external(plan->service->object);
	plan->cluster_ips = arena_calloc(
		&plan->arena, external.address_count + 1u, sizeof(struct ipaddr));
	plan->hosts = arena_calloc(
		&plan->arena, external.host_count + 1u, sizeof(*plan->hosts));
	if (!plan->cluster_ips || !plan->hosts)
		return ERR_NOMEM;
	struct ipaddr address;
	while (pack_external_next_address(&external, &address))
		if (!ipaddr_is_among(&address, plan->cluster_ips, plan->cluster_ip_count))
			plan->cluster_ips[plan->cluster_ip_count++] = address;
	const char *host;
	while ((host = pack_external_next_host(&external))) {
		bool is_new = true;
		for (unsigned i = 0; i < plan->host_count; i++)
			is_new &= strcmp(plan->hosts[i], host) != 0;
		if (is_new)
			plan->hosts[plan->host_count++] = host;
	}
	return ERR_NONE;
}

/* A name that has addresses can have no CNAME, and one CNAME is all it can have. */
static enum plan_kind external_kind_of(
	const struct plan *plan, const struct synth_options *options)
{
	const struct pack_service *object = plan->service->object;
	if (plan->cluster_ip_count)
		return PLAN_CLUSTER_IP;
	if (plan->host_count)
		return PLAN_EXTERNAL_NAME;
	if (!object || !options->external->serves_headless || !plan->hit_count ||
		object->type == SERVICE_EXTERNAL_NAME)
		return PLAN_NOTHING;
	return object->is_headless ? PLAN_HEADLESS : PLAN_ENDPOINTS;
}

static enum plan_kind plan_kind_of(
	const struct plan *plan, const struct synth_options *options)
{
	const struct pack_service *object = plan->service->object;
	if (options->external)
		return external_kind_of(plan, options);
	if (!object)
		return PLAN_NOTHING;
	struct ipaddr address;
	if (object->type == SERVICE_EXTERNAL_NAME) {
		/* An address is no name that a CNAME could point at. */
		const char *text = pack_service_external_name(object);
		return ipaddr_parse(text, &address) ? PLAN_EXTERNAL_NAME : PLAN_NOTHING;
	}
	if (object->is_headless)
		return plan->hit_count ? PLAN_HEADLESS : PLAN_NOTHING;
	bool is_empty = options->ignores_empty && !plan->hit_count;
	return plan->cluster_ip_count && !is_empty ? PLAN_CLUSTER_IP : PLAN_NOTHING;
}

static void plan_reset(struct plan *plan, const struct registry_service *service)
{
	struct arena arena = plan->arena;
	arena_reset(&arena);
	*plan = (struct plan){.arena = arena, .service = service};
}

enum err plan_make(struct plan *plan, const struct synth_options *options,
	const struct registry_service *service)
{
	plan_reset(plan, service);
	plan->is_external = options->external != NULL;
	if (!plan_has_namespace(options, service->ns))
		return ERR_NONE;
	enum err err = collect(plan, options);
	if (!err)
		err = plan->is_external ? read_external(plan) : read_cluster_ips(plan);
	if (!err && service->object)
		err = read_port_set(plan, pack_service_ports(service->object),
			service->object->port_count, &plan->service_ports);
	if (err) {
		plan_reset(plan, service);
		return err;
	}
	plan->kind = plan_kind_of(plan, options);
	if (plan->kind == PLAN_EXTERNAL_NAME)
		plan->external_name =
			plan->is_external ? plan->hosts[0]
					  : pack_service_external_name(service->object);
	plan->has_endpoint_names = plan->kind == PLAN_HEADLESS ||
				   plan->kind == PLAN_ENDPOINTS ||
				   (plan->kind == PLAN_CLUSTER_IP && !plan->is_external);
	return ERR_NONE;
}
