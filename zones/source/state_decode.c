/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zones/source/state_format.h"
#include "zones/source/validate.h"

/*
 * The checksum says that a file is what was written, not who wrote it: each object is
 * checked as those of other sources are, by the same rules.
 */

enum { PORTS_MAX = 1024, PORT_MAX = 65535, EXTERNALS_MAX = 1024 };

static uint64_t get_number(struct state_reader *reader, unsigned size)
{
	uint64_t value = 0;
	if ((size_t)(reader->end - reader->at) < size) {
		reader->has_failed = true;
		reader->at = reader->end;
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)(uint8_t)reader->at[i] << 8 * i;
	reader->at += size;
	return value;
}

static uint8_t get_u8(struct state_reader *reader)
{
	return (uint8_t)get_number(reader, 1);
}

static void check(struct state_reader *reader, bool holds)
{
	reader->has_failed |= !holds;
}

/* One of 0 to `last`. */
static unsigned get_choice(struct state_reader *reader, unsigned last)
{
	unsigned value = get_u8(reader);
	check(reader, value <= last);
	return reader->has_failed ? 0 : value;
}

static bool get_flag(struct state_reader *reader)
{
	return get_choice(reader, 1) != 0;
}

static const char *get_text(struct state_reader *reader)
{
	const char *text = reader->at;
	const char *end = memchr(text, '\0', (size_t)(reader->end - text));
	if (!end) {
		reader->has_failed = true;
		reader->at = reader->end;
		return "";
	}
	reader->at = end + 1;
	return text;
}

/* "" or a DNS label. */
static const char *get_label(struct state_reader *reader)
{
	const char *text = get_text(reader);
	check(reader, !*text || validate_is_label(text));
	return text;
}

/* How many elements follow. Each has at least `least` octets: a count beyond what is
 * left asks for no memory. */
static size_t get_count(struct state_reader *reader, size_t least, size_t most)
{
	size_t count = (size_t)get_number(reader, 4);
	check(reader,
		count <= most && count <= (size_t)(reader->end - reader->at) / least);
	return reader->has_failed ? 0 : count;
}

static void *array_new(struct state_reader *reader, size_t count, size_t size)
{
	void *array = arena_calloc(&reader->arena, count + 1, size);
	reader->is_exhausted |= !array;
	return array;
}

static void get_address(struct state_reader *reader, struct ipaddr *out)
{
	uint8_t length = get_u8(reader);
	check(reader, length == 4 || length == 16);
	check(reader, (size_t)(reader->end - reader->at) >= length);
	if (reader->has_failed)
		return;
	out->length = length;
	memcpy(out->bytes, reader->at, length);
	reader->at += length;
}

static const struct ipaddr *get_addresses(
	struct state_reader *reader, size_t most, size_t *count)
{
	*count = get_count(reader, 5, most);
	struct ipaddr *addresses = array_new(reader, *count, sizeof(*addresses));
	for (size_t i = 0; addresses && i < *count; i++)
		get_address(reader, &addresses[i]);
	return addresses;
}

static const struct object_label *get_labels(struct state_reader *reader, size_t *count)
{
	*count = get_count(reader, 2, UINT16_MAX);
	struct object_label *labels = array_new(reader, *count, sizeof(*labels));
	for (size_t i = 0; labels && i < *count; i++) {
		labels[i].key = get_text(reader);
		labels[i].value = get_text(reader);
	}
	return labels;
}

/* `least` 1: a port has a number; -1: it may have none. */
static const struct object_port *get_ports(
	struct state_reader *reader, int32_t least, size_t *count)
{
	*count = get_count(reader, 11, PORTS_MAX);
	struct object_port *ports = array_new(reader, *count, sizeof(*ports));
	for (size_t i = 0; ports && i < *count; i++) {
		struct object_port *port = &ports[i];
		port->protocol = (enum object_protocol)get_choice(reader, PROTOCOL_SCTP);
		port->port = (int32_t)(uint32_t)get_number(reader, 4);
		port->target_port = (int32_t)(uint32_t)get_number(reader, 4);
		port->name = get_label(reader);
		port->target_name = get_text(reader);
		check(reader,
			port->port >= least && port->port != 0 && port->port <= PORT_MAX);
		check(reader, port->target_port >= 0 && port->target_port <= PORT_MAX);
		check(reader,
			!*port->target_name || validate_is_port_name(port->target_name));
	}
	return ports;
}

static void get_external(struct state_reader *reader, struct object_service *out)
{
	out->external_ip_count = get_count(reader, 5, EXTERNALS_MAX);
	out->external_host_count = get_count(reader, 1, EXTERNALS_MAX);
	struct ipaddr *ips = array_new(reader, out->external_ip_count, sizeof(*ips));
	const char **hosts = array_new(reader, out->external_host_count, sizeof(*hosts));
	for (size_t i = 0; ips && i < out->external_ip_count; i++)
		get_address(reader, &ips[i]);
	for (size_t i = 0; hosts && i < out->external_host_count; i++) {
		hosts[i] = get_text(reader);
		check(reader, validate_is_external_name(hosts[i]));
	}
	out->external_ips = ips;
	out->external_hosts = hosts;
}

static void get_service(struct state_reader *reader, struct object_service *out)
{
	out->type = (enum service_type)get_choice(reader, SERVICE_EXTERNAL_NAME);
	out->is_headless = get_flag(reader);
	out->publishes_not_ready = get_flag(reader);
	out->ip_family_policy =
		(enum ip_family_policy)get_choice(reader, IP_REQUIRE_DUAL_STACK);
	for (unsigned i = 0; i < 2; i++) {
		out->ip_families[i] = get_u8(reader);
		check(reader, out->ip_families[i] == 0 || out->ip_families[i] == 4 ||
				      out->ip_families[i] == 6);
	}
	out->cluster_ips = get_addresses(reader, 2, &out->cluster_ip_count);
	struct ipaddr address;
	out->cluster_ip_text = get_text(reader);
	check(reader,
		!*out->cluster_ip_text || !ipaddr_parse(out->cluster_ip_text, &address));
	out->external_name = get_text(reader);
	check(reader, out->type == SERVICE_EXTERNAL_NAME
			      ? validate_is_external_name(out->external_name)
			      : !*out->external_name);
	out->ports = get_ports(reader, 1, &out->port_count);
	out->selector = get_labels(reader, &out->selector_count);
	get_external(reader, out);
}

static void get_endpoint(struct state_reader *reader, struct object_endpoint *out)
{
	out->addresses = get_addresses(reader, UINT8_MAX, &out->address_count);
	check(reader, out->address_count >= 1);
	for (size_t i = 0;
		!reader->has_failed && out->addresses && i < out->address_count; i++)
		check(reader, !validate_special_address(&out->addresses[i]));
	out->hostname = get_label(reader);
	out->pod_name = get_text(reader);
	check(reader, !*out->pod_name || validate_is_subdomain(out->pod_name));
	uint8_t flags = get_u8(reader);
	check(reader, flags <= (STATE_IS_READY | STATE_HAS_ZONE));
	out->is_ready = flags & STATE_IS_READY;
	out->zone = flags & STATE_HAS_ZONE ? get_text(reader) : "";
}

static void get_subset(struct state_reader *reader, struct object_subset *out)
{
	out->ports = get_ports(reader, -1, &out->port_count);
	out->endpoint_count = get_count(reader, 12, UINT32_MAX);
	struct object_endpoint *endpoints =
		array_new(reader, out->endpoint_count, sizeof(*endpoints));
	for (size_t i = 0; endpoints && !reader->has_failed && i < out->endpoint_count;
		i++)
		get_endpoint(reader, &endpoints[i]);
	out->endpoints = endpoints;
}

/* Of an import it is a part: the other one, which has its name too, tells of a Service.
 */
static void get_slice(
	struct state_reader *reader, bool is_import, struct object_slice *out)
{
	const char *owner = get_text(reader);
	check(reader, validate_is_subdomain(owner));
	out->service = is_import ? NULL : owner;
	out->import = is_import ? owner : NULL;
	out->cluster = is_import ? get_label(reader) : "";
	out->subset_count = get_count(reader, 8, UINT32_MAX);
	struct object_subset *subsets =
		array_new(reader, out->subset_count, sizeof(*subsets));
	for (size_t i = 0; subsets && !reader->has_failed && i < out->subset_count; i++)
		get_subset(reader, &subsets[i]);
	out->subsets = subsets;
}

static void get_container_ports(struct state_reader *reader, struct object_pod *out)
{
	const struct object_port *ports = get_ports(reader, 1, &out->port_count);
	struct object_container_port *list =
		array_new(reader, out->port_count, sizeof(*list));
	for (size_t i = 0; ports && list && i < out->port_count; i++)
		list[i] = (struct object_container_port){
			ports[i].name, ports[i].protocol, ports[i].port};
	out->ports = list;
}

static void get_pod(struct state_reader *reader, struct object *object)
{
	struct object_pod *out = &object->pod;
	out->ips = get_addresses(reader, UINT8_MAX, &out->ip_count);
	out->is_ready = get_flag(reader);
	out->is_finished = get_flag(reader);
	out->is_host_network = get_flag(reader);
	out->hostname = get_label(reader);
	out->subdomain = get_label(reader);
	object->labels = get_labels(reader, &object->label_count);
	get_container_ports(reader, out);
}

static void get_head(struct state_reader *reader, struct object *out, bool *is_import)
{
	unsigned kind = get_u8(reader);
	*is_import = kind == STATE_IMPORT_SLICE;
	check(reader, *is_import || kind < OBJECT_KINDS);
	out->kind =
		*is_import || reader->has_failed ? OBJECT_SLICE : (enum object_kind)kind;
	out->is_selected = true;
	out->ns = get_label(reader);
	out->name = get_text(reader);
	bool is_label = out->kind == OBJECT_NAMESPACE || out->kind == OBJECT_SERVICE ||
			out->kind == OBJECT_IMPORT;
	check(reader, is_label ? validate_is_label(out->name)
			       : validate_is_subdomain(out->name));
	check(reader, (out->kind == OBJECT_NAMESPACE) == !*out->ns);
}

bool state_get_object(struct state_reader *reader, struct object *out)
{
	if (reader->at == reader->end)
		return false;
	arena_reset(&reader->arena);
	*out = (struct object){0};
	bool is_import;
	get_head(reader, out, &is_import);
	if (out->kind == OBJECT_SERVICE || out->kind == OBJECT_IMPORT)
		get_service(reader, &out->service);
	else if (out->kind == OBJECT_SLICE || out->kind == OBJECT_ENDPOINTS)
		get_slice(reader, is_import, &out->slice);
	else if (out->kind == OBJECT_POD)
		get_pod(reader, out);
	return !reader->has_failed && !reader->is_exhausted;
}
