/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/wire/message.h"
#include "zones/synth/synth_internal.h"

/* From a service's plan to the answer sets of its names. */

static const char *const protocol_labels[] = {
	[PROTOCOL_TCP] = "_tcp",
	[PROTOCOL_UDP] = "_udp",
	[PROTOCOL_SCTP] = "_sctp",
};

enum err emit_service_name(const struct synth *synth,
	const struct registry_service *service, const struct dname *zone,
	struct dname *out)
{
	*out = *zone;
	if ((!synth->options.external && dname_prepend(out, "svc", 3)) ||
		dname_prepend(out, service->ns->name, strlen(service->ns->name)) ||
		dname_prepend(out, service->name, strlen(service->name)))
		return ERR_RANGE;
	return ERR_NONE;
}

bool emit_is_in_zone(const struct synth *synth, const struct dname *name, unsigned zone)
{
	return store_zone_find(synth->store, name) == (int)zone;
}

/* --- the names --- */

struct port_filter {
	const char *name; /* NULL: every port */
	enum object_protocol protocol;
	bool has_zone; /* hits of one availability zone only */
	uint32_t zone; /* in plan->zones */
};

static bool filter_has_hit(const struct port_filter *filter, const struct plan_hit *hit)
{
	return !filter->has_zone || hit->zone == filter->zone;
}

static bool filter_has(const struct port_filter *filter, const struct plan_port *port)
{
	return !filter->name || (port->protocol == filter->protocol &&
					strcmp(port->name, filter->name) == 0);
}

/* Is this the first port in the sets with its name and protocol? Then it makes a name. */
static bool port_is_first(const struct plan_port_set *sets, uint32_t set, uint32_t index)
{
	const struct plan_port *port = &sets[set].ports[index];
	struct port_filter filter = {.name = port->name, .protocol = port->protocol};
	for (uint32_t i = 0; i <= set; i++) {
		uint32_t end = i < set ? sets[i].count : index;
		for (uint32_t j = 0; j < end; j++)
			if (filter_has(&filter, &sets[i].ports[j]))
				return false;
	}
	return true;
}

/* The port sets that SRV answers of the service's own names are made of. */
static const struct plan_port_set *service_port_sets(
	const struct plan *plan, uint32_t *count)
{
	*count = 0;
	if (plan->kind == PLAN_CLUSTER_IP || plan->host_count) {
		*count = 1;
		return &plan->service_ports;
	}
	if (plan->kind == PLAN_HEADLESS)
		*count = plan->port_set_count;
	return plan->port_sets;
}

static enum err port_name(
	const struct dname *base, const struct plan_port *port, struct dname *out)
{
	char label[DNAME_LABEL_MAX + 2];
	size_t length = strlen(port->name);
	const char *protocol = protocol_labels[port->protocol];
	if (length + 1 > DNAME_LABEL_MAX)
		return ERR_RANGE;
	label[0] = '_';
	memcpy(label + 1, port->name, length);
	*out = *base;
	if (dname_prepend(out, protocol, strlen(protocol)) ||
		dname_prepend(out, label, length + 1))
		return ERR_RANGE;
	return ERR_NONE;
}

/* Calls `visit` for the service's name, its port names and its endpoint names below
 * `base`; what would be too long a name is not there to be asked for. */
struct emission {
	struct synth *synth;
	const struct plan *plan;
	unsigned zone;
	struct dname base;
	/* What the SRV records of the service's own names point at: the service itself,
	 * with these addresses, where that is all; else a table. */
	bool is_own_target;
	struct target_addresses own;
	struct targets *targets;
};

struct emit_visitor {
	const struct synth *synth;
	unsigned zone;
	void *context;
	enum err (*service)(void *context, const struct dname *name);
	enum err (*port)(void *context, const struct dname *name,
		const struct port_filter *filter);
	enum err (*endpoint)(void *context, const struct dname *name, uint32_t target);
	enum err (*zonal)(void *context, const struct dname *name,
		const struct port_filter *filter);
};

/* A zone of the store may begin below a service's name; what is in it is not ours. */
static bool is_visited(const struct emit_visitor *visitor, const struct dname *name)
{
	return emit_is_in_zone(visitor->synth, name, visitor->zone);
}

static enum err visit_ports(const struct plan *plan, const struct dname *base,
	const struct emit_visitor *visitor)
{
	uint32_t count;
	const struct plan_port_set *sets = service_port_sets(plan, &count);
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < sets[i].count; j++) {
			const struct plan_port *port = &sets[i].ports[j];
			struct dname name;
			if (!*port->name || !port_is_first(sets, i, j) ||
				port_name(base, port, &name) ||
				!is_visited(visitor, &name))
				continue;
			struct port_filter filter = {
				.name = port->name, .protocol = port->protocol};
			enum err err = visitor->port(visitor->context, &name, &filter);
			if (err)
				return err;
		}
	return ERR_NONE;
}

static enum err visit_endpoints(const struct plan *plan, const struct dname *base,
	const struct emit_visitor *visitor)
{
	for (uint32_t i = 0; plan->has_endpoint_names && i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];
		struct dname name;
		if (!target->label_length || plan_target_name(target, base, &name) ||
			!is_visited(visitor, &name))
			continue;
		enum err err = visitor->endpoint(visitor->context, &name, i);
		if (err)
			return err;
	}
	return ERR_NONE;
}

/* "ZONE.pin._zone." or "ZONE.prefer._zone." in front of the base; a zone may span labels.
 * ERR_SYNTAX, ERR_RANGE: nobody can ask for it. */
static enum err zone_name(const struct dname *base, const char *zone,
	const char *directive, struct dname *out)
{
	struct dname labels;
	*out = *base;
	if (dname_prepend(out, "_zone", 5) ||
		dname_prepend(out, directive, strlen(directive)))
		return ERR_RANGE;
	if (dname_from_text(zone, &labels))
		return ERR_SYNTAX;
	uint8_t offsets[DNAME_LABELS_MAX];
	for (unsigned i = dname_labels(labels.bytes, offsets); i--;) {
		const uint8_t *label = labels.bytes + offsets[i];
		if (dname_prepend(out, label + 1, *label))
			return ERR_RANGE;
	}
	return ERR_NONE;
}

static enum err visit_zone(const struct dname *base, const char *zone,
	const char *directive, const struct port_filter *filter,
	const struct emit_visitor *visitor)
{
	struct dname name;
	if (zone_name(base, zone, directive, &name) || !is_visited(visitor, &name))
		return ERR_NONE;
	return visitor->zonal(visitor->context, &name, filter);
}

/* The names that ask for the endpoints of a zone. What is preferred of a zone that has
 * none is all of them, under a label that no zone is called by. */
static enum err visit_zones(const struct plan *plan, const struct dname *base,
	const struct emit_visitor *visitor)
{
	if (!visitor->synth->options.serves_zones || plan->kind != PLAN_HEADLESS)
		return ERR_NONE;
	enum err err = ERR_NONE;
	struct port_filter filter = {.has_zone = true};
	for (; filter.zone < plan->zone_count && !err; filter.zone++) {
		const char *zone = plan->zones[filter.zone];
		err = visit_zone(base, zone, "pin", &filter, visitor);
		if (!err)
			err = visit_zone(base, zone, "prefer", &filter, visitor);
	}
	filter.has_zone = false;
	return err ? err : visit_zone(base, "_", "prefer", &filter, visitor);
}

static enum err visit_names(const struct plan *plan, const struct dname *base,
	const struct emit_visitor *visitor)
{
	enum err err = ERR_NONE;
	if (plan->kind != PLAN_ENDPOINTS)
		err = visitor->service(visitor->context, base);
	if (!err)
		err = visit_ports(plan, base, visitor);
	if (!err)
		err = visit_endpoints(plan, base, visitor);
	return err ? err : visit_zones(plan, base, visitor);
}

/* The zones in which the service has a name, from *zone on. */
static bool next_zone(const struct synth *synth, const struct plan *plan, unsigned *zone,
	struct dname *base)
{
	for (; plan->kind != PLAN_NOTHING && *zone < store_zone_count(synth->store);
		(*zone)++) {
		const struct dname *apex = &store_zone(synth->store, *zone)->name;
		if (synth->zone_is_served[*zone] &&
			!emit_service_name(synth, plan->service, apex, base) &&
			emit_is_in_zone(synth, base, *zone))
			return true;
	}
	return false;
}

static enum err name_only(void *context, const struct dname *name)
{
	const struct name_visitor *visitor = context;
	return visitor->visit(visitor->context, name);
}

static enum err name_only_port(
	void *context, const struct dname *name, const struct port_filter *filter)
{
	(void)filter;
	return name_only(context, name);
}

static enum err name_only_endpoint(
	void *context, const struct dname *name, uint32_t target)
{
	(void)target;
	return name_only(context, name);
}

enum err emit_names(const struct synth *synth, const struct plan *plan,
	const struct name_visitor *visitor)
{
	struct emit_visitor names = {synth, 0, (void *)visitor, name_only, name_only_port,
		name_only_endpoint, name_only_port};
	struct dname base;
	for (unsigned zone = 0; next_zone(synth, plan, &zone, &base); zone++) {
		names.zone = zone;
		enum err err = visit_names(plan, &base, &names);
		if (err)
			return err;
	}
	return ERR_NONE;
}

/* --- the answers --- */

void emit_address(struct synth *synth, const struct ipaddr *address)
{
	uint16_t type = address->length == 4 ? TYPE_A : TYPE_AAAA;
	answer_add(synth->builder, type, synth->options.ttl_s, address->bytes,
		address->length);
}

/* Puts the set that was built, and remembers its name. */
static enum err emit_put(struct emission *emission, const struct dname *name)
{
	struct synth *synth = emission->synth;
	enum err err = store_put(synth->store, synth->builder);
	return err ? err : name_set_add(synth->emitted, name);
}

/* Within one target: there the repetition may be with another target's hit. */
static bool is_repeated_in_target(
	const struct plan *plan, const struct plan_target *target, uint32_t hit)
{
	if (!plan->hits[hit].is_repeated)
		return false;
	for (uint32_t i = target->first_hit; i < hit; i++)
		if (ipaddr_equal(&plan->hits[i].address, &plan->hits[hit].address))
			return true;
	return false;
}

static void emit_target_addresses(
	struct synth *synth, const struct plan *plan, const struct plan_target *target)
{
	uint32_t end = target->first_hit + target->hit_count;
	for (unsigned length = 4; length <= 16; length += 12)
		for (uint32_t i = target->first_hit; i < end; i++)
			if (plan->hits[i].address.length == length &&
				!is_repeated_in_target(plan, target, i))
				emit_address(synth, &plan->hits[i].address);
}

/* --- SRV --- */

/* floor(100 / n), at least 1: all together weigh about 100. */
static uint16_t srv_weight(uint64_t hits)
{
	return hits >= 100 ? 1 : (uint16_t)(100 / (hits ? hits : 1));
}

static uint32_t count_ports(
	const struct plan_port_set *set, const struct port_filter *filter)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < set->count; i++)
		count += filter_has(filter, &set->ports[i]);
	return count;
}

/* An earlier hit that passes has the address. */
static bool is_repeated_hit(
	const struct plan *plan, const struct port_filter *filter, uint32_t hit)
{
	if (!filter->has_zone || !plan->hits[hit].is_repeated)
		return plan->hits[hit].is_repeated;
	for (uint32_t i = 0; i < hit; i++)
		if (filter_has_hit(filter, &plan->hits[i]) &&
			ipaddr_equal(&plan->hits[i].address, &plan->hits[hit].address))
			return true;
	return false;
}

/* IPv4 before IPv6, so that each type's records stand together. */
static void emit_hit_addresses(
	struct synth *synth, const struct plan *plan, const struct port_filter *filter)
{
	for (unsigned length = 4; length <= 16; length += 12)
		for (uint32_t i = 0; i < plan->hit_count; i++) {
			const struct plan_hit *hit = &plan->hits[i];
			if (hit->address.length == length &&
				filter_has_hit(filter, hit) &&
				!is_repeated_hit(plan, filter, i) &&
				count_ports(&plan->port_sets[hit->port_set], filter))
				emit_address(synth, &hit->address);
		}
}

/* As many as a source lets an object have. */
enum { GROUP_PORTS_MAX = 1024 };

/* The numbers of ports that pass, each once and none of `except`. */
struct port_list {
	uint16_t numbers[GROUP_PORTS_MAX];
	uint16_t count;
};

static bool port_list_has(const struct port_list *list, uint16_t number)
{
	for (uint16_t i = 0; i < list->count; i++)
		if (list->numbers[i] == number)
			return true;
	return false;
}

static const struct port_list no_ports;

static void add_ports(const struct plan_port_set *set, const struct port_filter *filter,
	const struct port_list *except, struct port_list *out)
{
	for (uint32_t i = 0; i < set->count && out->count < GROUP_PORTS_MAX; i++) {
		const struct plan_port *port = &set->ports[i];
		uint16_t number = (uint16_t)port->number;
		if (port->number > 0 && filter_has(filter, port) &&
			!port_list_has(out, number) && !port_list_has(except, number))
			out->numbers[out->count++] = number;
	}
}

static void list_ports(const struct plan_port_set *set, const struct port_filter *filter,
	const struct port_list *except, struct port_list *out)
{
	out->count = 0;
	add_ports(set, filter, except, out);
}

static bool target_is_mixed(const struct plan *plan, const struct plan_target *target)
{
	const struct plan_hit *first = &plan->hits[target->first_hit];
	for (uint32_t i = 1; i < target->hit_count; i++)
		if (first[i].port_set != first->port_set || first[i].zone != first->zone)
			return true;
	return false;
}

/* A target that hits with different ports share: a group for each new set of ports. */
static void emit_mixed_target(struct synth *synth, const struct plan *plan,
	uint32_t index, const struct port_filter *filter)
{
	const struct plan_target *target = &plan->targets[index];
	uint32_t end = target->first_hit + target->hit_count;
	struct port_list done, ports;
	done.count = 0;
	for (uint32_t i = target->first_hit; i < end; i++) {
		if (!filter_has_hit(filter, &plan->hits[i]))
			continue;
		list_ports(
			&plan->port_sets[plan->hits[i].port_set], filter, &done, &ports);
		if (!ports.count)
			continue;
		answer_add_srv_group(synth->builder, index, 1, done.count == 0,
			ports.numbers, ports.count);
		for (uint16_t j = 0; j < ports.count && done.count < GROUP_PORTS_MAX; j++)
			done.numbers[done.count++] = ports.numbers[j];
	}
}

/* Groups for the targets from `first` to `end`: runs with the same ports as one. */
static void emit_target_groups(struct synth *synth, const struct plan *plan,
	uint32_t first, uint32_t end, const struct port_filter *filter)
{
	while (first < end) {
		const struct plan_target *target = &plan->targets[first];
		if (target_is_mixed(plan, target)) {
			emit_mixed_target(synth, plan, first++, filter);
			continue;
		}
		const struct plan_hit *hit = &plan->hits[target->first_hit], *other;
		uint32_t next = first + 1;
		while (next < end && !target_is_mixed(plan, &plan->targets[next]) &&
			(other = &plan->hits[plan->targets[next].first_hit])->port_set ==
				hit->port_set &&
			(!filter->has_zone || other->zone == hit->zone))
			next++;
		struct port_list ports;
		list_ports(&plan->port_sets[hit->port_set], filter, &no_ports, &ports);
		if (ports.count && filter_has_hit(filter, hit))
			answer_add_srv_group(synth->builder, first, next - first, true,
				ports.numbers, ports.count);
		first = next;
	}
}

static bool has_numbered_port(const struct plan_port_set *sets, uint32_t count,
	const struct port_filter *filter)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < sets[i].count; j++)
			if (sets[i].ports[j].number > 0 &&
				filter_has(filter, &sets[i].ports[j]))
				return true;
	return false;
}

/* The SRV set of the service's name or one of its port names; `skip` octets stand in
 * front of the service's name. Ports without a number make no record. */
static void emit_service_srv(
	struct emission *emission, const struct port_filter *filter, uint8_t skip)
{
	struct synth *synth = emission->synth;
	const struct plan *plan = emission->plan;
	uint32_t set_count;
	const struct plan_port_set *sets = service_port_sets(plan, &set_count);
	if (!has_numbered_port(sets, set_count, filter))
		return;
	uint64_t hits = 0;
	if (plan->kind != PLAN_HEADLESS)
		hits = (uint64_t)count_ports(sets, filter) *
		       (plan->cluster_ip_count + plan->host_count);
	for (uint32_t i = 0; plan->kind == PLAN_HEADLESS && i < plan->hit_count; i++)
		if (filter_has_hit(filter, &plan->hits[i]))
			hits += count_ports(
				&plan->port_sets[plan->hits[i].port_set], filter);
	if (plan->kind == PLAN_HEADLESS) {
		answer_begin_srv(synth->builder, emission->targets, srv_weight(hits),
			synth->options.ttl_s, skip);
		emit_target_groups(synth, plan, 0, plan->target_count, filter);
		return;
	}
	struct port_list ports;
	list_ports(sets, filter, &no_ports, &ports);
	if (emission->is_own_target) {
		answer_add_one_srv(synth->builder, srv_weight(hits), skip, ports.numbers,
			ports.count, skip ? &emission->own : NULL);
		return;
	}
	answer_begin_srv(synth->builder, emission->targets, srv_weight(hits),
		synth->options.ttl_s, skip);
	uint32_t targets = plan->host_count + (plan->cluster_ip_count ? 1 : 0);
	answer_add_srv_group(
		synth->builder, 0, targets, true, ports.numbers, ports.count);
}

/* What the service's own name holds beside SRV records: the addresses, of hits those
 * with a port that passes, or the name that stands for them. ERR_SYNTAX: that is none. */
static enum err emit_service_addresses(
	struct emission *emission, const struct port_filter *filter)
{
	struct synth *synth = emission->synth;
	const struct plan *plan = emission->plan;
	if (plan->kind == PLAN_EXTERNAL_NAME) {
		struct dname target;
		if (dname_from_text(plan->external_name, &target))
			return ERR_SYNTAX;
		answer_add(synth->builder, TYPE_CNAME, synth->options.ttl_s, target.bytes,
			target.length);
		return ERR_NONE;
	}
	for (unsigned length = 4; length <= 16; length += 12)
		for (unsigned i = 0;
			plan->kind == PLAN_CLUSTER_IP && i < plan->cluster_ip_count; i++)
			if (plan->cluster_ips[i].length == length)
				emit_address(synth, &plan->cluster_ips[i]);
	if (plan->kind == PLAN_HEADLESS)
		emit_hit_addresses(synth, plan, filter);
	return ERR_NONE;
}

static enum err emit_service(void *context, const struct dname *name)
{
	struct emission *emission = context;
	const struct port_filter every = {.name = NULL};
	answer_begin(emission->synth->builder, name, emission->zone);
	if (emit_service_addresses(emission, &every))
		return ERR_NONE;
	emit_service_srv(emission, &every, 0);
	return emit_put(emission, name);
}

/* Inside the cluster the name of a port holds SRV records alone (RFC 2782); outside of it
 * the service's addresses too, as CoreDNS has it. */
static enum err emit_port(
	void *context, const struct dname *name, const struct port_filter *filter)
{
	struct emission *emission = context;
	answer_begin(emission->synth->builder, name, emission->zone);
	if (emission->plan->is_external && emit_service_addresses(emission, filter))
		return ERR_NONE;
	emit_service_srv(
		emission, filter, (uint8_t)(name->length - emission->base.length));
	return emit_put(emission, name);
}

/* Addresses and SRV records, as the service's own name has them. */
static enum err emit_zone(
	void *context, const struct dname *name, const struct port_filter *filter)
{
	struct emission *emission = context;
	answer_begin(emission->synth->builder, name, emission->zone);
	if (emit_service_addresses(emission, filter))
		return ERR_NONE;
	emit_service_srv(
		emission, filter, (uint8_t)(name->length - emission->base.length));
	return emit_put(emission, name);
}

static enum err emit_endpoint(void *context, const struct dname *name, uint32_t index)
{
	struct emission *emission = context;
	struct synth *synth = emission->synth;
	const struct plan *plan = emission->plan;
	const struct plan_target *target = &plan->targets[index];
	const struct port_filter every = {.name = NULL};
	struct port_list ports;
	uint64_t hits = 0;
	ports.count = 0;
	for (uint32_t i = 0; i < target->hit_count; i++) {
		const struct plan_port_set *set =
			&plan->port_sets[plan->hits[target->first_hit + i].port_set];
		hits += set->count;
		add_ports(set, &every, &no_ports, &ports);
	}
	answer_begin(synth->builder, name, emission->zone);
	emit_target_addresses(synth, plan, target);
	if (ports.count)
		answer_add_one_srv(synth->builder, srv_weight(hits), 0, ports.numbers,
			ports.count, NULL);
	return emit_put(emission, name);
}

/* --- targets --- */

/* The table that the published name `at` points at, for it may serve again. */
static const struct targets *previous_targets(
	const struct synth *synth, const struct dname *at)
{
	const struct answer_set *set = store_find_name(synth->store, at);
	const struct rrset *srv = set ? answer_set_find(set, TYPE_SRV) : NULL;
	return srv && srv->form == RRSET_TARGETS
		       ? ((const struct srv_data *)srv->data)->targets
		       : NULL;
}

/* An additional record set is whole or not there (RFC 2181 9). */
static uint16_t whole_set(uint32_t count)
{
	return count <= UINT16_MAX ? (uint16_t)count : 0;
}

/* Below the service stand two labels of an import's endpoint, so that its name is kept
 * whole. One without a name is pointed at by that of the service. */
static void add_import_target(struct emission *emission, const struct plan_target *target,
	const struct target_addresses *addresses)
{
	static const struct target_addresses none;
	struct targets_builder *builder = emission->synth->targets_builder;
	struct dname name;
	if (target->label_length && !plan_target_name(target, &emission->base, &name))
		targets_add_name(builder, &name, addresses);
	else
		targets_add_name(builder, &emission->base, &none);
}

/* Addresses of both families in scratch memory, apart. */
struct by_family {
	uint8_t *ipv4, *ipv6;
	uint32_t count4, count6;
};

/* Room for so many of either. ERR_NOMEM. */
static enum err by_family_init(
	struct by_family *families, struct emission *emission, size_t most)
{
	*families = (struct by_family){
		.ipv4 = arena_alloc(&emission->synth->plan.arena, most * (4u + 16u))};
	if (!families->ipv4)
		return ERR_NOMEM;
	families->ipv6 = families->ipv4 + most * 4u;
	return ERR_NONE;
}

static void by_family_add(struct by_family *families, const struct ipaddr *address)
{
	if (address->length == 4)
		memcpy(families->ipv4 + 4 * families->count4++, address->bytes, 4);
	else
		memcpy(families->ipv6 + 16 * families->count6++, address->bytes, 16);
}

static struct target_addresses by_family_get(const struct by_family *families)
{
	return (struct target_addresses){families->ipv4, whole_set(families->count4),
		families->ipv6, whole_set(families->count6)};
}

static enum err add_target(struct emission *emission, const struct plan_target *target)
{
	struct synth *synth = emission->synth;
	const struct plan *plan = emission->plan;
	struct by_family families;
	enum err err = by_family_init(&families, emission, target->hit_count);
	if (err)
		return err;
	uint32_t end = target->first_hit + target->hit_count;
	for (uint32_t i = target->first_hit; i < end; i++)
		if (!is_repeated_in_target(plan, target, i))
			by_family_add(&families, &plan->hits[i].address);
	const struct target_addresses addresses = by_family_get(&families);
	if (synth->options.serves_imports)
		add_import_target(emission, target, &addresses);
	else
		targets_add(synth->targets_builder, target->label, target->label_length,
			&addresses);
	return ERR_NONE;
}

/* Each endpoint of a headless service. */
static enum err add_endpoint_targets(struct emission *emission)
{
	const struct plan *plan = emission->plan;
	for (uint32_t i = 0; i < plan->target_count; i++) {
		enum err err = add_target(emission, &plan->targets[i]);
		if (err)
			return err;
	}
	return ERR_NONE;
}

/* The addresses of the service's own. */
static enum err list_own_addresses(struct emission *emission)
{
	const struct plan *plan = emission->plan;
	struct by_family families;
	enum err err = by_family_init(&families, emission, plan->cluster_ip_count);
	if (err)
		return err;
	for (unsigned i = 0; i < plan->cluster_ip_count; i++)
		by_family_add(&families, &plan->cluster_ips[i]);
	emission->own = by_family_get(&families);
	return ERR_NONE;
}

/* The service with the addresses of its own, then the hosts that stand for it. */
static void add_service_targets(struct emission *emission)
{
	struct synth *synth = emission->synth;
	const struct plan *plan = emission->plan;
	if (plan->cluster_ip_count)
		targets_add(synth->targets_builder, "", 0, &emission->own);
	for (unsigned i = 0; i < plan->host_count; i++) {
		struct dname host;
		/* It was checked where it was read. */
		if (dname_from_text(plan->hosts[i], &host))
			host = emission->base;
		targets_add_name(synth->targets_builder, &host,
			&(struct target_addresses){.ipv4_count = 0});
	}
}

/* What SRV records of the service's own names point at, where they have any. */
static enum err make_targets(struct emission *emission)
{
	struct synth *synth = emission->synth;
	const struct plan *plan = emission->plan;
	bool has_own = plan->kind == PLAN_CLUSTER_IP || plan->host_count;
	enum err err = has_own ? list_own_addresses(emission) : ERR_NONE;
	emission->targets = NULL;
	emission->is_own_target =
		has_own && !plan->host_count && plan->cluster_ip_count <= UINT8_MAX;
	if (err || emission->is_own_target ||
		(!has_own && (plan->kind != PLAN_HEADLESS || !plan->target_count)))
		return err;
	targets_reset(synth->targets_builder);
	if (has_own)
		add_service_targets(emission);
	else
		err = add_endpoint_targets(emission);
	if (err)
		return err;
	emission->targets = targets_finish(
		synth->targets_builder, previous_targets(synth, &emission->base));
	return emission->targets ? ERR_NONE : ERR_NOMEM;
}

static enum err emit_in_zone(struct emission *emission)
{
	const struct emit_visitor answers = {emission->synth, emission->zone, emission,
		emit_service, emit_port, emit_endpoint, emit_zone};
	enum err err = make_targets(emission);
	if (!err)
		err = visit_names(emission->plan, &emission->base, &answers);
	targets_unref(emission->targets);
	return err;
}

enum err emit_answers(struct synth *synth, const struct plan *plan)
{
	struct emission emission = {.synth = synth, .plan = plan};
	for (unsigned zone = 0; next_zone(synth, plan, &zone, &emission.base); zone++) {
		emission.zone = zone;
		enum err err = emit_in_zone(&emission);
		if (err)
			return err;
	}
	return ERR_NONE;
}
