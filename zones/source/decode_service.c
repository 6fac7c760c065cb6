/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zones/source/field.h"
#include "zones/source/validate.h"

enum { FAMILIES_MAX = 2 };

static enum service_type service_type(struct decode *decode, const struct field *spec)
{
	static const char *const names[] = {
		[SERVICE_CLUSTER_IP] = "ClusterIP",
		[SERVICE_NODE_PORT] = "NodePort",
		[SERVICE_LOAD_BALANCER] = "LoadBalancer",
		[SERVICE_EXTERNAL_NAME] = "ExternalName",
	};
	struct field field = field_get(spec, "type");
	const char *text = field_text(decode, &field);
	for (int i = SERVICE_CLUSTER_IP; i <= SERVICE_EXTERNAL_NAME; i++)
		if (strcmp(text, names[i]) == 0)
			return (enum service_type)i;
	if (*text)
		field_fail(decode, &field, "is not a type of service");
	return SERVICE_CLUSTER_IP;
}

static void service_ip_family_policy(struct decode *decode, const struct field *spec)
{
	static const char *const names[] = {
		[IP_SINGLE_STACK] = "SingleStack",
		[IP_PREFER_DUAL_STACK] = "PreferDualStack",
		[IP_REQUIRE_DUAL_STACK] = "RequireDualStack",
	};
	struct field field = field_get(spec, "ipFamilyPolicy");
	const char *text = field_text(decode, &field);
	decode->object.service.ip_family_policy = IP_SINGLE_STACK;
	for (int i = IP_SINGLE_STACK; i <= IP_REQUIRE_DUAL_STACK; i++) {
		if (strcmp(text, names[i]) == 0) {
			decode->object.service.ip_family_policy =
				(enum ip_family_policy)i;
			return;
		}
	}
	if (*text)
		field_fail(decode, &field,
			"is not one of SingleStack, PreferDualStack, RequireDualStack");
}

static void service_ip_families(struct decode *decode, const struct field *spec)
{
	uint8_t *families = decode->object.service.ip_families;
	struct field field = field_get(spec, "ipFamilies");
	const struct node *node;
	size_t count = field_list(decode, &field, &node);
	if (count > FAMILIES_MAX) {
		field_fail(decode, &field, "has more than two families");
		return;
	}
	for (size_t i = 0; node; node = node->next, i++) {
		struct field item = field_item(&field, i, node);
		const char *text = field_text(decode, &item);
		if (strcmp(text, "IPv4") == 0)
			families[i] = 4;
		else if (strcmp(text, "IPv6") == 0)
			families[i] = 6;
		else
			field_fail(decode, &item, "is not one of IPv4, IPv6");
		if (i && families[i] && families[i] == families[0])
			field_fail(decode, &item, "appears twice");
	}
}

/* One cluster IP, checked against the one before it and against its family. */
static void service_cluster_ip(
	struct decode *decode, const struct field *item, struct ipaddr *ips, size_t index)
{
	const uint8_t *families = decode->object.service.ip_families;
	if (!field_address(decode, item, &ips[index]))
		return;
	uint8_t family = ips[index].length == 4 ? 4 : 6;
	if (index && ips[index].length == ips[0].length)
		field_fail(decode, item, "is of the same family as the first");
	else if (families[index] && families[index] != family)
		field_fail(decode, item, "is not an IPv%d address as in ipFamilies",
			families[index]);
}

static bool field_says_none(const struct field *field)
{
	return field->node && field->node->type == NODE_STRING &&
	       strcmp(field->node->text, "None") == 0;
}

/* clusterIPs where it is given, else clusterIP alone; both given, they must agree. */
static void service_cluster_ips(struct decode *decode, const struct field *spec)
{
	struct object_service *service = &decode->object.service;
	struct field single = field_get(spec, "clusterIP");
	struct field all = field_get(spec, "clusterIPs");
	const struct node *node;
	const char *text = field_text(decode, &single);
	size_t count = field_list(decode, &all, &node);
	struct field first = count ? field_item(&all, 0, node) : single;

	if (count && *text && strcmp(text, field_text(decode, &first)) != 0) {
		field_fail(decode, &first, "is not clusterIP");
		return;
	}
	if (count > FAMILIES_MAX) {
		field_fail(decode, &all, "has more than two addresses");
		return;
	}
	if (field_says_none(&first) && count <= 1) {
		service->is_headless = true;
		return;
	}
	if (!count && !*text)
		return;
	struct ipaddr *ips = field_alloc(decode, FAMILIES_MAX, sizeof(*ips));
	if (!ips)
		return;
	service->cluster_ips = ips;
	service->cluster_ip_count = count ? count : 1;
	if (!count)
		service_cluster_ip(decode, &single, ips, 0);
	for (size_t i = 0; node; node = node->next, i++) {
		struct field item = field_item(&all, i, node);
		service_cluster_ip(decode, &item, ips, i);
	}
	/* Of an IPv4 address there is one text only. */
	char canonical[IPADDR_TEXT_SIZE];
	const char *written = field_text(decode, &first);
	if (ips[0].length == 16 && strcmp(written, ipaddr_format(&ips[0], canonical)))
		service->cluster_ip_text = written;
}

static void service_external_name(struct decode *decode, const struct field *spec)
{
	struct object_service *service = &decode->object.service;
	struct field field = field_get(spec, "externalName");
	struct ipaddr address;
	service->external_name = field_text(decode, &field);
	if (!*service->external_name)
		field_fail_missing(decode, &field);
	else if (!ipaddr_parse(service->external_name, &address))
		field_fail(decode, &field, "is an IP address, no name");
	else if (!validate_is_external_name(service->external_name))
		field_fail(decode, &field, "is not a DNS name (RFC 1123)");
}

static void external_host(
	struct decode *decode, const struct field *field, const char **hosts)
{
	struct object_service *service = &decode->object.service;
	const char *text = field_text(decode, field);
	if (!*text)
		return;
	if (!validate_is_external_name(text)) {
		field_fail(decode, field, "is not a DNS name (RFC 1123)");
		return;
	}
	hosts[service->external_host_count++] = field_lower(decode, text);
}

/* Each has an address or a name; the address counts where it has both. */
static void service_load_balancers(struct decode *decode, const struct field *ingress,
	struct ipaddr *ips, const char **hosts)
{
	struct object_service *service = &decode->object.service;
	const struct node *node;
	field_list(decode, ingress, &node);
	for (size_t i = 0; node; node = node->next, i++) {
		struct field item = field_item(ingress, i, node);
		struct field ip = field_get(&item, "ip");
		struct field host = field_get(&item, "hostname");
		if (!*field_text(decode, &ip))
			external_host(decode, &host, hosts);
		else if (field_address(decode, &ip, &ips[service->external_ip_count]))
			service->external_ip_count++;
	}
}

static void service_external(
	struct decode *decode, const struct field *object, const struct field *spec)
{
	enum { EXTERNALS_MAX = 1024 };
	struct object_service *service = &decode->object.service;
	struct field all = field_get(spec, "externalIPs");
	struct field status = field_get(object, "status");
	struct field balancer = field_get(&status, "loadBalancer");
	struct field ingress = field_get(&balancer, "ingress");
	const struct node *node;
	size_t ingress_count = field_list(decode, &ingress, &node);
	size_t count = field_list(decode, &all, &node);
	if (count + ingress_count > EXTERNALS_MAX) {
		field_fail(decode, count ? &all : &ingress,
			"makes more than %d external addresses", EXTERNALS_MAX);
		return;
	}
	struct ipaddr *ips = field_alloc(decode, count + ingress_count, sizeof(*ips));
	const char **hosts = field_alloc(decode, ingress_count, sizeof(*hosts));
	if (!ips || (ingress_count && !hosts))
		return;
	service->external_ips = ips;
	service->external_hosts = hosts;
	for (size_t i = 0; node; node = node->next, i++) {
		struct field item = field_item(&all, i, node);
		if (field_address(decode, &item, &ips[service->external_ip_count]))
			service->external_ip_count++;
	}
	service_load_balancers(decode, &ingress, ips, hosts);
}

/* A number, or the name of a container's port. */
static void service_target_port(
	struct decode *decode, const struct field *item, struct object_port *port)
{
	struct field field = field_get(item, "targetPort");
	port->target_name = "";
	if (!field.node)
		return;
	if (field.node->type == NODE_STRING) {
		port->target_name = field.node->text;
		if (*port->target_name && !validate_is_port_name(port->target_name))
			field_fail(decode, &field, "is not the name of a port");
	} else if (field.node->type != NODE_INT) {
		field_fail(decode, &field, "is not a number or the name of a port");
	} else if (field.node->integer != 0) {
		port->target_port = field_port_number(decode, &field);
	}
}

static void service_check_port(struct decode *decode, const struct field *item,
	const struct object_port *ports, size_t index)
{
	struct field name = field_get(item, "name");
	struct field number = field_get(item, "port");
	const struct object_port *port = &ports[index];
	for (size_t i = 0; i < index; i++) {
		if (*port->name && strcmp(ports[i].name, port->name) == 0) {
			field_fail(decode, &name, "appears twice");
			return;
		}
		if (port->port && ports[i].port == port->port &&
			ports[i].protocol == port->protocol) {
			field_fail(
				decode, &number, "appears twice with the same protocol");
			return;
		}
	}
}

static void service_ports(struct decode *decode, const struct field *spec)
{
	enum { PORTS_MAX = 1024 };
	struct object_service *service = &decode->object.service;
	struct field field = field_get(spec, "ports");
	const struct node *node;
	size_t count = field_list(decode, &field, &node);
	/* Each port is compared with each: the limit bounds the time. */
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
		ports[i].port = field_port_number(decode, &number);
		if (!*ports[i].name && count > 1)
			field_fail_missing(decode, &name);
		else if (*ports[i].name && !validate_is_label(ports[i].name))
			field_fail(decode, &name, "is not a DNS label (RFC 1123)");
		service_target_port(decode, &item, &ports[i]);
		service_check_port(decode, &item, ports, i);
	}
	service->ports = ports;
	service->port_count = count;
}

void decode_service(struct decode *decode, const struct field *object)
{
	struct object_service *service = &decode->object.service;
	struct field spec = field_get(object, "spec");
	struct field publish = field_get(&spec, "publishNotReadyAddresses");
	struct field selector = field_get(&spec, "selector");
	service->external_name = service->cluster_ip_text = "";
	if (!field_is_map(decode, &spec))
		return;
	service->type = service_type(decode, &spec);
	service->publishes_not_ready = field_flag(decode, &publish, false);
	service->selector_count = field_labels(decode, &selector, &service->selector);
	service_ip_family_policy(decode, &spec);
	if (service->type == SERVICE_EXTERNAL_NAME) {
		service_external_name(decode, &spec);
	} else {
		service_ip_families(decode, &spec);
		service_cluster_ips(decode, &spec);
	}
	service_external(decode, object, &spec);
	service_ports(decode, &spec);
}

/* --- ServiceImports --- */

/* One of each family, as a rule. */
static void import_ips(struct decode *decode, const struct field *spec)
{
	struct object_service *service = &decode->object.service;
	struct field field = field_get(spec, "ips");
	const struct node *node;
	size_t count = field_list(decode, &field, &node);
	if (count > FAMILIES_MAX) {
		field_fail(decode, &field, "has more than two addresses");
		return;
	}
	struct ipaddr *ips = field_alloc(decode, count, sizeof(*ips));
	if (!ips)
		return;
	for (size_t i = 0; node; node = node->next, i++) {
		struct field item = field_item(&field, i, node);
		field_address(decode, &item, &ips[i]);
	}
	service->cluster_ips = ips;
	service->cluster_ip_count = count;
}

void decode_import(struct decode *decode, const struct field *object)
{
	struct object_service *service = &decode->object.service;
	struct field spec = field_get(object, "spec");
	struct field type = field_get(&spec, "type");
	service->external_name = service->cluster_ip_text = "";
	if (!field_is_map(decode, &spec))
		return;
	const char *text = field_text(decode, &type);
	service->is_headless = strcmp(text, "Headless") == 0;
	if (!*text)
		field_fail_missing(decode, &type);
	else if (!service->is_headless && strcmp(text, "ClusterSetIP") != 0)
		field_fail(decode, &type, "is not one of ClusterSetIP, Headless");
	if (!service->is_headless)
		import_ips(decode, &spec);
	service_ports(decode, &spec);
}
