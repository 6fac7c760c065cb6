/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zones/source/field.h"
#include "zones/source/validate.h"

/* A container that runs beside the others: its ports count. An init container does when
 * it is a sidecar, which restartPolicy Always says. */
static bool pod_is_running(const struct node *container, bool is_init)
{
	const struct node *policy = node_get(container, "restartPolicy");
	return !is_init || (policy && policy->type == NODE_STRING &&
				   strcmp(policy->text, "Always") == 0);
}

static size_t pod_count_ports(
	struct decode *decode, const struct field *list, bool is_init)
{
	size_t count = 0;
	size_t index = 0;
	const struct node *node;
	field_list(decode, list, &node);
	for (; node; node = node->next, index++) {
		struct field container = field_item(list, index, node);
		struct field ports = field_get(&container, "ports");
		const struct node *ignored;
		if (pod_is_running(node, is_init))
			count += field_list(decode, &ports, &ignored);
	}
	return count;
}

static void pod_container_port(struct decode *decode, const struct field *item,
	struct object_container_port *port)
{
	struct field name = field_get(item, "name");
	struct field protocol = field_get(item, "protocol");
	struct field number = field_get(item, "containerPort");
	port->name = field_text(decode, &name);
	port->protocol = field_protocol(decode, &protocol);
	port->port = field_port_number(decode, &number);
	if (*port->name && !validate_is_port_name(port->name))
		field_fail(decode, &name, "is not the name of a port");
}

static void pod_add_ports(struct decode *decode, const struct field *list, bool is_init,
	struct object_container_port *ports)
{
	struct object_pod *pod = &decode->object.pod;
	size_t index = 0;
	const struct node *node;
	field_list(decode, list, &node);
	for (; node; node = node->next, index++) {
		struct field container = field_item(list, index, node);
		struct field field = field_get(&container, "ports");
		size_t port_index = 0;
		const struct node *port;
		if (!pod_is_running(node, is_init))
			continue;
		field_list(decode, &field, &port);
		for (; port; port = port->next) {
			struct field item = field_item(&field, port_index++, port);
			pod_container_port(decode, &item, &ports[pod->port_count++]);
		}
	}
}

static void pod_ports(struct decode *decode, const struct field *spec)
{
	struct object_pod *pod = &decode->object.pod;
	struct field containers = field_get(spec, "containers");
	struct field sidecars = field_get(spec, "initContainers");
	size_t count = pod_count_ports(decode, &containers, false) +
		       pod_count_ports(decode, &sidecars, true);
	/* A list that is none has been reported, once is enough. */
	if (decode->faults)
		return;
	struct object_container_port *ports = field_alloc(decode, count, sizeof(*ports));
	if (!ports)
		return;
	pod->ports = ports;
	pod_add_ports(decode, &containers, false, ports);
	pod_add_ports(decode, &sidecars, true, ports);
}

static void pod_ips(struct decode *decode, const struct field *status)
{
	struct object_pod *pod = &decode->object.pod;
	struct field single = field_get(status, "podIP");
	struct field all = field_get(status, "podIPs");
	const struct node *node;
	size_t count = field_list(decode, &all, &node);
	bool has_single = single.node && *field_text(decode, &single);
	if (!count && !has_single)
		return;
	struct ipaddr *ips = field_alloc(decode, count ? count : 1, sizeof(*ips));
	if (!ips)
		return;
	if (!count)
		field_address(decode, &single, &ips[0]);
	for (size_t i = 0; i < count; i++, node = node->next) {
		struct field item = field_item(&all, i, node);
		struct field ip = field_get(&item, "ip");
		field_address(decode, &ip, &ips[i]);
	}
	pod->ips = ips;
	pod->ip_count = count ? count : 1;
}

static bool pod_is_ready(struct decode *decode, const struct field *status)
{
	struct field field = field_get(status, "conditions");
	const struct node *node;
	size_t index = 0;
	field_list(decode, &field, &node);
	for (; node; node = node->next) {
		struct field item = field_item(&field, index++, node);
		struct field type = field_get(&item, "type");
		struct field value = field_get(&item, "status");
		if (strcmp(field_text(decode, &type), "Ready") == 0)
			return strcmp(field_text(decode, &value), "True") == 0;
	}
	return false;
}

static bool pod_is_finished(struct decode *decode, const struct field *status)
{
	struct field phase = field_get(status, "phase");
	const char *text = field_text(decode, &phase);
	return strcmp(text, "Succeeded") == 0 || strcmp(text, "Failed") == 0 ||
	       strcmp(text, "Unknown") == 0;
}

void decode_pod(struct decode *decode, const struct field *object)
{
	struct object_pod *pod = &decode->object.pod;
	struct field metadata = field_get(object, "metadata");
	struct field spec = field_get(object, "spec");
	struct field status = field_get(object, "status");
	struct field hostname = field_get(&spec, "hostname");
	struct field subdomain = field_get(&spec, "subdomain");
	struct field host_network = field_get(&spec, "hostNetwork");
	pod->is_terminating = node_get(metadata.node, "deletionTimestamp") != NULL;
	pod->hostname = field_label(decode, &hostname);
	pod->subdomain = field_label(decode, &subdomain);
	pod->is_host_network = field_flag(decode, &host_network, false);
	pod_ips(decode, &status);
	pod->is_ready = pod_is_ready(decode, &status);
	pod->is_finished = pod_is_finished(decode, &status);
	pod_ports(decode, &spec);
}
