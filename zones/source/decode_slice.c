/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zones/source/field.h"
#include "zones/source/timestamp.h"
#include "zones/source/validate.h"

#define SERVICE_NAME_LABEL   "kubernetes.io/service-name"
#define IMPORT_NAME_LABEL    "multicluster.kubernetes.io/service-name"
#define IMPORT_CLUSTER_LABEL "multicluster.kubernetes.io/source-cluster"
#define TRIGGER_ANNOTATION   "endpoints.kubernetes.io/last-change-trigger-time"

/* One address of an endpoint, of the family asked for (4, 6; 0: either). */
static void endpoint_address(struct decode *decode, const struct field *field,
	unsigned family, struct ipaddr *address)
{
	if (!field_address(decode, field, address))
		return;
	const char *special = validate_special_address(address);
	if (special)
		field_fail(decode, field, "is %s", special);
	else if (family && address->length != (family == 4 ? 4 : 16))
		field_fail(decode, field, "is not an IPv%u address as in addressType",
			family);
}

static void endpoint_target(
	struct decode *decode, const struct field *item, struct object_endpoint *endpoint)
{
	struct field target = field_get(item, "targetRef");
	struct field kind = field_get(&target, "kind");
	struct field name = field_get(&target, "name");
	endpoint->pod_name = "";
	if (strcmp(field_text(decode, &kind), "Pod") != 0)
		return;
	endpoint->pod_name = field_text(decode, &name);
	if (*endpoint->pod_name && !validate_is_subdomain(endpoint->pod_name))
		field_fail(decode, &name, "is not a DNS name (RFC 1123)");
}

static void slice_endpoint(struct decode *decode, const struct field *item,
	unsigned family, struct object_endpoint *endpoint)
{
	struct field addresses = field_get(item, "addresses");
	struct field hostname = field_get(item, "hostname");
	struct field zone = field_get(item, "zone");
	struct field conditions = field_get(item, "conditions");
	struct field ready = field_get(&conditions, "ready");
	const struct node *node;
	size_t count = field_list(decode, &addresses, &node);
	if (!count)
		field_fail_missing(decode, &addresses);
	struct ipaddr *list = field_alloc(decode, count, sizeof(*list));
	if (!list)
		return;
	for (size_t i = 0; i < count; i++, node = node->next) {
		struct field address = field_item(&addresses, i, node);
		endpoint_address(decode, &address, family, &list[i]);
	}
	endpoint->addresses = list;
	endpoint->address_count = count;
	endpoint->hostname = field_label(decode, &hostname);
	endpoint->zone = field_lower(decode, field_text(decode, &zone));
	endpoint->is_ready = field_flag(decode, &ready, true);
	endpoint_target(decode, item, endpoint);
}

static void slice_endpoints(struct decode *decode, const struct field *object,
	unsigned family, struct object_subset *subset)
{
	struct field field = field_get(object, "endpoints");
	const struct node *node;
	size_t count = field_list(decode, &field, &node);
	struct object_endpoint *endpoints =
		field_alloc(decode, count, sizeof(*endpoints));
	if (!endpoints)
		return;
	subset->endpoints = endpoints;
	size_t before = decode->faults;
	for (size_t i = 0; i < count; i++, node = node->next) {
		struct field item = field_item(&field, i, node);
		slice_endpoint(decode, &item, family, &endpoints[subset->endpoint_count]);
		/* What is wrong with one endpoint is told, and costs that endpoint alone.
		 */
		if (decode->faults == before)
			subset->endpoint_count++;
		decode->faults = before;
	}
}

/* Ports of endpoints; without a number (slices only) the port is any. */
static void endpoint_ports(
	struct decode *decode, const struct field *object, struct object_subset *subset)
{
	enum { PORTS_MAX = 1024 };
	struct field field = field_get(object, "ports");
	bool is_slice = decode->object.kind == OBJECT_SLICE;
	const struct node *node;
	size_t count = field_list(decode, &field, &node);
	if (count > PORTS_MAX) {
		field_fail(decode, &field, "has more than %d ports", PORTS_MAX);
		return;
	}
	struct object_port *ports = field_alloc(decode, count, sizeof(*ports));
	if (!ports)
		return;
	for (size_t i = 0; i < count; i++, node = node->next) {
		struct field item = field_item(&field, i, node);
		struct field name = field_get(&item, "name");
		struct field protocol = field_get(&item, "protocol");
		struct field number = field_get(&item, "port");
		ports[i].name = field_lower(decode, field_text(decode, &name));
		ports[i].protocol = field_protocol(decode, &protocol);
		ports[i].port = is_slice && !number.node
					? -1
					: field_port_number(decode, &number);
		ports[i].target_name = "";
		if (*ports[i].name && !validate_is_label(ports[i].name))
			field_fail(decode, &name, "is not a DNS label (RFC 1123)");
		if (!*ports[i].name && !is_slice && count > 1)
			field_fail_missing(decode, &name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(ports[j].name, ports[i].name) == 0 && is_slice)
				field_fail(decode, &name, "appears twice");
	}
	subset->ports = ports;
	subset->port_count = count;
}

/* Of no use to anyone but a metric: what is wrong with it is not told. */
static int64_t slice_triggered_ms(const struct field *metadata)
{
	struct field annotations = field_get(metadata, "annotations");
	struct field trigger = field_get(&annotations, TRIGGER_ANNOTATION);
	int64_t unix_ms;
	if (!trigger.node || trigger.node->type != NODE_STRING ||
		timestamp_parse(trigger.node->text, &unix_ms))
		return 0;
	return unix_ms;
}

/* Whose endpoints they are: a Service's, a ServiceImport's, or those of one of each. */
struct owners {
	struct field labels, service, import, cluster;
};

static void read_owners(const struct field *metadata, struct owners *out)
{
	out->labels = field_get(metadata, "labels");
	out->service = field_get(&out->labels, SERVICE_NAME_LABEL);
	out->import = field_get(&out->labels, IMPORT_NAME_LABEL);
	out->cluster = field_get(&out->labels, IMPORT_CLUSTER_LABEL);
}

static const char *owner_text(const struct field *label)
{
	return label->node && label->node->type == NODE_STRING ? label->node->text : "";
}

static void check_owner(struct decode *decode, const struct field *label)
{
	const char *text = owner_text(label);
	if (*text && !validate_is_label(text))
		field_fail(decode, label, "is not the name of a service");
}

/* It is a part of the endpoints' names; without it they have none, and that is all. */
static const char *source_cluster(struct decode *decode, const struct field *label)
{
	size_t before = decode->faults;
	const char *text = field_lower(decode, owner_text(label));
	if (!*text || validate_is_label(text))
		return text;
	field_fail(decode, label,
		"is not a DNS label (RFC 1123); these endpoints get no names");
	decode->faults = before;
	return "";
}

bool decode_slice(struct decode *decode, const struct field *object)
{
	struct object_slice *slice = &decode->object.slice;
	struct field metadata = field_get(object, "metadata");
	struct field type = field_get(object, "addressType");
	struct owners owners;
	read_owners(&metadata, &owners);
	slice->service = owner_text(&owners.service);
	slice->import = owner_text(&owners.import);
	if (!*slice->service && !*slice->import)
		return false;
	const char *address_type = field_text(decode, &type);
	if (strcmp(address_type, "FQDN") == 0)
		return false;
	bool is_v4 = strcmp(address_type, "IPv4") == 0;
	if (!type.node)
		field_fail_missing(decode, &type);
	else if (!is_v4 && strcmp(address_type, "IPv6") != 0)
		field_fail(decode, &type, "is not one of IPv4, IPv6, FQDN");
	check_owner(decode, &owners.service);
	check_owner(decode, &owners.import);
	/* An unknown type would make every address wrong as well. */
	if (decode->faults)
		return true;
	slice->cluster = *slice->import ? source_cluster(decode, &owners.cluster) : "";
	struct object_subset *subset = field_alloc(decode, 1, sizeof(*subset));
	if (!subset)
		return true;
	endpoint_ports(decode, object, subset);
	slice_endpoints(decode, object, is_v4 ? 4 : 6, subset);
	slice->subsets = subset;
	slice->subset_count = 1;
	slice->triggered_ms = slice_triggered_ms(&metadata);
	return true;
}

/* The addresses of one list, `addresses` or `notReadyAddresses`, behind those that the
 * subset has already. */
static void subset_addresses(struct decode *decode, const struct field *field,
	bool is_ready, struct object_subset *subset, struct object_endpoint *endpoints)
{
	const struct node *node;
	size_t count = field_list(decode, field, &node);
	size_t before = decode->faults;
	for (size_t i = 0; i < count; i++, node = node->next) {
		struct object_endpoint *endpoint = &endpoints[subset->endpoint_count];
		struct field item = field_item(field, i, node);
		struct field ip = field_get(&item, "ip");
		struct field hostname = field_get(&item, "hostname");
		struct ipaddr *address = field_alloc(decode, 1, sizeof(*address));
		if (!address)
			return;
		endpoint_address(decode, &ip, 0, address);
		endpoint->addresses = address;
		endpoint->address_count = 1;
		endpoint->hostname = field_label(decode, &hostname);
		endpoint->is_ready = is_ready;
		endpoint_target(decode, &item, endpoint);
		if (decode->faults == before)
			subset->endpoint_count++;
		decode->faults = before;
	}
}

static void endpoints_subset(
	struct decode *decode, const struct field *item, struct object_subset *subset)
{
	struct field ready = field_get(item, "addresses");
	struct field not_ready = field_get(item, "notReadyAddresses");
	const struct node *ignored;
	size_t count = field_list(decode, &ready, &ignored) +
		       field_list(decode, &not_ready, &ignored);
	if (decode->faults)
		return;
	endpoint_ports(decode, item, subset);
	struct object_endpoint *endpoints =
		field_alloc(decode, count, sizeof(*endpoints));
	if (!endpoints)
		return;
	subset->endpoints = endpoints;
	subset_addresses(decode, &ready, true, subset, endpoints);
	subset_addresses(decode, &not_ready, false, subset, endpoints);
}

void decode_endpoints(struct decode *decode, const struct field *object)
{
	struct object_slice *slice = &decode->object.slice;
	struct field field = field_get(object, "subsets");
	const struct node *node;
	size_t count = field_list(decode, &field, &node);
	slice->service = decode->object.name;
	struct object_subset *subsets = field_alloc(decode, count, sizeof(*subsets));
	if (!subsets)
		return;
	for (size_t i = 0; i < count; i++, node = node->next) {
		struct field item = field_item(&field, i, node);
		endpoints_subset(decode, &item, &subsets[i]);
	}
	slice->subsets = subsets;
	slice->subset_count = count;
}
