/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/base/hash.h"
#include "zones/source/state_format.h"

uint64_t state_sum(uint64_t before, const void *octets, size_t length)
{
	/* No secret: it is damage that is looked for. */
	const struct hash_key key = {before, 0x7761796d61726b21};
	return hash_bytes(&key, octets, length);
}

static char *make_room(struct state_buffer *buffer, size_t length)
{
	if (buffer->capacity - buffer->length < length) {
		size_t capacity = buffer->capacity * 2 + STATE_BLOCK;
		while (capacity - buffer->length < length)
			capacity *= 2;
		char *octets = realloc(buffer->octets, capacity);
		if (!octets) {
			buffer->is_exhausted = true;
			return NULL;
		}
		buffer->octets = octets;
		buffer->capacity = capacity;
	}
	char *at = buffer->octets + buffer->length;
	buffer->length += length;
	return at;
}

static void put_octets(struct state_buffer *buffer, const void *octets, size_t length)
{
	char *at = make_room(buffer, length);
	if (at)
		memcpy(at, octets, length);
}

static void put_number(struct state_buffer *buffer, uint64_t value, unsigned size)
{
	char *at = make_room(buffer, size);
	for (unsigned i = 0; at && i < size; i++)
		at[i] = (char)(value >> 8 * i);
}

void state_put_u8(struct state_buffer *buffer, uint8_t value)
{
	put_number(buffer, value, 1);
}

void state_put_u32(struct state_buffer *buffer, uint32_t value)
{
	put_number(buffer, value, 4);
}

void state_put_u64(struct state_buffer *buffer, uint64_t value)
{
	put_number(buffer, value, 8);
}

void state_put_text(struct state_buffer *buffer, const char *text)
{
	put_octets(buffer, text, strlen(text) + 1);
}

static void put_address(struct state_buffer *buffer, const struct ipaddr *address)
{
	state_put_u8(buffer, address->length);
	put_octets(buffer, address->bytes, address->length);
}

static void put_ports(struct state_buffer *buffer, struct pack_port_iterator ports)
{
	struct object_port port;
	state_put_u32(buffer, ports.left);
	while (pack_port_next(&ports, &port)) {
		state_put_u8(buffer, (uint8_t)port.protocol);
		state_put_u32(buffer, (uint32_t)port.port);
		state_put_u32(buffer, (uint32_t)port.target_port);
		state_put_text(buffer, port.name);
		state_put_text(buffer, port.target_name);
	}
}

static void put_labels(
	struct state_buffer *buffer, const struct object_label *labels, size_t count)
{
	state_put_u32(buffer, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		state_put_text(buffer, labels[i].key);
		state_put_text(buffer, labels[i].value);
	}
}

static struct object_label *labels_new(
	struct state_buffer *buffer, struct arena *arena, size_t count)
{
	arena_reset(arena);
	struct object_label *labels = arena_calloc(arena, count + 1, sizeof(*labels));
	buffer->is_exhausted |= !labels;
	return labels;
}

static void put_head(
	struct state_buffer *buffer, unsigned kind, const char *ns, const char *name)
{
	state_put_u8(buffer, (uint8_t)kind);
	state_put_text(buffer, ns);
	state_put_text(buffer, name);
}

void state_put_namespace(struct state_buffer *buffer, const struct registry_namespace *ns)
{
	put_head(buffer, OBJECT_NAMESPACE, "", ns->name);
}

static void put_external(struct state_buffer *buffer, const struct pack_service *pack)
{
	struct pack_external_iterator external = pack_service_external(pack);
	struct ipaddr address;
	const char *host;
	state_put_u32(buffer, external.address_count);
	state_put_u32(buffer, external.host_count);
	while (pack_external_next_address(&external, &address))
		put_address(buffer, &address);
	while ((host = pack_external_next_host(&external)))
		state_put_text(buffer, host);
}

void state_put_service(struct state_buffer *buffer, struct arena *arena,
	enum object_kind kind, const struct registry_service *service)
{
	const struct pack_service *pack = service->object;
	struct object_label *selector = labels_new(buffer, arena, pack->selector_count);
	if (!selector)
		return;
	put_head(buffer, kind, service->ns->name, service->name);
	state_put_u8(buffer, pack->type);
	state_put_u8(buffer, pack->is_headless);
	state_put_u8(buffer, pack->publishes_not_ready);
	state_put_u8(buffer, pack->ip_family_policy);
	put_octets(buffer, pack->ip_families, sizeof(pack->ip_families));
	state_put_u32(buffer, pack->cluster_ip_count);
	for (unsigned i = 0; i < pack->cluster_ip_count; i++)
		put_address(buffer, &pack->cluster_ips[i]);
	state_put_text(buffer, pack_service_cluster_ip_text(pack));
	state_put_text(buffer, pack_service_external_name(pack));
	put_ports(buffer, pack_service_ports(pack));
	pack_service_selector(pack, selector);
	put_labels(buffer, selector, pack->selector_count);
	put_external(buffer, pack);
}

static void put_endpoint(
	struct state_buffer *buffer, const struct pack_endpoint *endpoint)
{
	state_put_u32(buffer, endpoint->address_count);
	for (unsigned i = 0; i < endpoint->address_count; i++) {
		const struct ipaddr address = pack_endpoint_address(endpoint, i);
		put_address(buffer, &address);
	}
	state_put_text(buffer, endpoint->hostname);
	state_put_text(buffer, endpoint->pod_name);
	state_put_u8(buffer, (uint8_t)((endpoint->is_ready ? STATE_IS_READY : 0) |
				       (*endpoint->zone ? STATE_HAS_ZONE : 0)));
	if (*endpoint->zone)
		state_put_text(buffer, endpoint->zone);
}

void state_put_slice(struct state_buffer *buffer, unsigned kind, const char *ns,
	const struct pack_slice *slice)
{
	put_head(buffer, kind, ns, pack_slice_name(slice));
	state_put_text(buffer, pack_slice_service(slice));
	if (kind == STATE_IMPORT_SLICE)
		state_put_text(buffer, pack_slice_cluster(slice));
	struct pack_subset_iterator subsets = pack_slice_subsets(slice);
	struct pack_subset subset;
	state_put_u32(buffer, subsets.left);
	while (pack_subset_next(&subsets, &subset)) {
		put_ports(buffer, subset.ports);
		struct pack_endpoint_iterator endpoints = pack_subset_endpoints(&subset);
		struct pack_endpoint endpoint;
		state_put_u32(buffer, endpoints.left);
		while (pack_endpoint_next(&endpoints, &endpoint))
			put_endpoint(buffer, &endpoint);
	}
}

void state_put_pod(struct state_buffer *buffer, struct arena *arena, const char *ns,
	const struct pack_pod *pod)
{
	const char *hostname;
	const char *subdomain;
	struct object_label *labels = labels_new(buffer, arena, pod->label_count);
	if (!labels)
		return;
	pack_pod_read(pod, labels, &hostname, &subdomain);
	put_head(buffer, OBJECT_POD, ns, pack_pod_name(pod));
	state_put_u32(buffer, pod->ip_count);
	for (unsigned i = 0; i < pod->ip_count; i++) {
		const struct ipaddr address = pack_pod_address(pod, i);
		put_address(buffer, &address);
	}
	state_put_u8(buffer, pod->is_ready);
	state_put_u8(buffer, pod->is_gone);
	state_put_u8(buffer, pod->is_host_network);
	state_put_text(buffer, hostname);
	state_put_text(buffer, subdomain);
	put_labels(buffer, labels, pod->label_count);
	put_ports(buffer, pack_pod_ports(pod));
}
