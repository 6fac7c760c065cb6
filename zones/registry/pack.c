/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/pack.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/slab.h"

/*
 * A stream is written twice by the same code: first with at == NULL, which only counts,
 * then into memory of that size.
 */
struct packer {
	char *at;
	size_t size;
};

static void put_bytes(struct packer *packer, const void *bytes, size_t length)
{
	if (packer->at) {
		memcpy(packer->at, bytes, length);
		packer->at += length;
	}
	packer->size += length;
}

static void put_text(struct packer *packer, const char *text)
{
	put_bytes(packer, text, strlen(text) + 1);
}

static void put_u8(struct packer *packer, uint8_t value)
{
	put_bytes(packer, &value, 1);
}

static void put_u32(struct packer *packer, uint32_t value)
{
	put_bytes(packer, &value, sizeof(value));
}

static void put_address(struct packer *packer, const struct ipaddr *address)
{
	put_u8(packer, address->length);
	put_bytes(packer, address->bytes, address->length);
}

static void put_port(struct packer *packer, const struct object_port *port)
{
	put_u8(packer, (uint8_t)port->protocol);
	put_bytes(packer, &port->port, sizeof(port->port));
	put_bytes(packer, &port->target_port, sizeof(port->target_port));
	put_text(packer, port->name);
	put_text(packer, port->target_name);
}

/* What does not fit its field is left out, never read back as something else. */
static size_t limited(size_t count, size_t max)
{
	return count < max ? count : max;
}

/* The pods that match less of a selector are others: then it selects none. */
static size_t selector_kept(const struct object_service *service)
{
	return service->selector_count <= UINT16_MAX ? service->selector_count : 0;
}

static const char *get_text(const char **at)
{
	const char *text = *at;
	*at += strlen(text) + 1;
	return text;
}

static uint32_t get_u32(const char **at)
{
	uint32_t value;
	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static struct ipaddr get_address(const char **at)
{
	struct ipaddr address = {.length = (uint8_t) * *at};
	memcpy(address.bytes, *at + 1, address.length);
	*at += 1 + address.length;
	return address;
}

bool pack_port_next(struct pack_port_iterator *iterator, struct object_port *out)
{
	if (!iterator->left)
		return false;
	iterator->left--;
	out->protocol = (enum object_protocol)(uint8_t)*iterator->at++;
	out->port = (int32_t)get_u32(&iterator->at);
	out->target_port = (int32_t)get_u32(&iterator->at);
	out->name = get_text(&iterator->at);
	out->target_name = get_text(&iterator->at);
	return true;
}

static const char *skip_ports(const char *at, uint32_t count)
{
	struct pack_port_iterator iterator = {at, count};
	struct object_port port;
	while (pack_port_next(&iterator, &port))
		;
	return iterator.at;
}

/* A block with `head` octets in front of its stream, which is what `write` puts for the
 * object. NULL: no memory. */
static void *pack_new(size_t head, const struct object *object, const void *options,
	void (*write)(struct packer *, const struct object *, const void *), size_t *size)
{
	struct packer count = {0};
	write(&count, object, options);
	*size = head + count.size;
	if (*size > UINT32_MAX)
		return NULL;
	char *block = calloc(1, *size);
	if (!block)
		return NULL;
	struct packer packer = {.at = block + head};
	write(&packer, object, options);
	return block;
}

/* Equal octets from behind the origin on. */
static bool pack_equal(const void *a, uint32_t a_size, const void *b, uint32_t b_size)
{
	const size_t skip = sizeof(struct object_origin);
	return a_size == b_size &&
	       memcmp((const char *)a + skip, (const char *)b + skip, a_size - skip) == 0;
}

/* --- services --- */

static bool keeps_external(
	const struct object_service *service, const struct pack_service_options *options)
{
	return options->keeps_external &&
	       (service->external_ip_count || service->external_host_count);
}

/* A service has one of them at most: they share a place. */
static const char *first_text(const struct object_service *service)
{
	return service->type == SERVICE_EXTERNAL_NAME ? service->external_name
						      : service->cluster_ip_text;
}

static void write_service(
	struct packer *packer, const struct object *object, const void *options)
{
	const struct object_service *service = &object->service;
	put_text(packer, first_text(service));
	for (size_t i = 0; i < limited(service->port_count, UINT16_MAX); i++)
		put_port(packer, &service->ports[i]);
	for (size_t i = 0; i < selector_kept(service); i++) {
		put_text(packer, service->selector[i].key);
		put_text(packer, service->selector[i].value);
	}
	if (!keeps_external(service, options))
		return;
	put_u32(packer, (uint32_t)service->external_ip_count);
	put_u32(packer, (uint32_t)service->external_host_count);
	for (size_t i = 0; i < service->external_ip_count; i++)
		put_address(packer, &service->external_ips[i]);
	for (size_t i = 0; i < service->external_host_count; i++)
		put_text(packer, service->external_hosts[i]);
}

/* Without the octets behind an IPv4 address, which may differ in equal ones. */
static void keep_address(struct ipaddr *out, const struct ipaddr *address)
{
	out->length = address->length;
	memcpy(out->bytes, address->bytes, address->length);
}

struct pack_service *pack_service_new(
	const struct object *object, const struct pack_service_options *options)
{
	const struct object_service *service = &object->service;
	size_t size;
	struct pack_service *pack = pack_new(offsetof(struct pack_service, stream),
		object, options, write_service, &size);
	if (!pack)
		return NULL;
	pack->origin = object->origin;
	pack->size = (uint32_t)size;
	pack->type = (uint8_t)service->type;
	pack->is_headless = service->is_headless;
	pack->publishes_not_ready = service->publishes_not_ready;
	pack->ip_family_policy = (uint8_t)service->ip_family_policy;
	memcpy(pack->ip_families, service->ip_families, sizeof(pack->ip_families));
	pack->cluster_ip_count = (uint8_t)limited(service->cluster_ip_count, 2);
	for (size_t i = 0; i < pack->cluster_ip_count; i++)
		keep_address(&pack->cluster_ips[i], &service->cluster_ips[i]);
	pack->has_external = keeps_external(service, options);
	pack->port_count = (uint16_t)limited(service->port_count, UINT16_MAX);
	pack->selector_count = (uint16_t)selector_kept(service);
	return pack;
}

bool pack_service_equal(const struct pack_service *a, const struct pack_service *b)
{
	return pack_equal(a, a->size, b, b->size);
}

const char *pack_service_external_name(const struct pack_service *service)
{
	return service->type == SERVICE_EXTERNAL_NAME ? service->stream : "";
}

const char *pack_service_cluster_ip_text(const struct pack_service *service)
{
	return service->type == SERVICE_EXTERNAL_NAME ? "" : service->stream;
}

struct pack_port_iterator pack_service_ports(const struct pack_service *service)
{
	const char *at = service->stream;
	get_text(&at);
	return (struct pack_port_iterator){at, service->port_count};
}

static void get_labels(const char *at, unsigned count, struct object_label *out)
{
	for (unsigned i = 0; i < count; i++) {
		out[i].key = get_text(&at);
		out[i].value = get_text(&at);
	}
}

void pack_service_selector(const struct pack_service *service, struct object_label *out)
{
	struct pack_port_iterator ports = pack_service_ports(service);
	get_labels(skip_ports(ports.at, ports.left), service->selector_count, out);
}

struct pack_external_iterator pack_service_external(const struct pack_service *service)
{
	if (!service->has_external)
		return (struct pack_external_iterator){.at = NULL};
	struct pack_port_iterator ports = pack_service_ports(service);
	struct pack_external_iterator out = {.at = skip_ports(ports.at, ports.left)};
	for (unsigned i = 0; i < 2u * service->selector_count; i++)
		get_text(&out.at);
	out.address_count = get_u32(&out.at);
	out.host_count = get_u32(&out.at);
	return out;
}

bool pack_external_next_address(
	struct pack_external_iterator *iterator, struct ipaddr *out)
{
	if (!iterator->address_count)
		return false;
	iterator->address_count--;
	*out = get_address(&iterator->at);
	return true;
}

const char *pack_external_next_host(struct pack_external_iterator *iterator)
{
	if (!iterator->host_count)
		return NULL;
	iterator->host_count--;
	return get_text(&iterator->at);
}

/* --- slices --- */

/* Flags in front of an endpoint. */
enum { ENDPOINT_IS_READY = 1, ENDPOINT_HAS_ZONE = 2 };

static void write_endpoint(struct packer *packer, const struct object_endpoint *endpoint,
	const struct pack_slice_options *options)
{
	size_t count = limited(endpoint->address_count, UINT8_MAX);
	bool has_zone = options->keeps_zones && endpoint->zone && *endpoint->zone;
	put_u8(packer, (uint8_t)((endpoint->is_ready ? ENDPOINT_IS_READY : 0) |
				 (has_zone ? ENDPOINT_HAS_ZONE : 0)));
	put_u8(packer, (uint8_t)count);
	put_text(packer, endpoint->hostname);
	put_text(packer, options->keeps_pod_names ? endpoint->pod_name : "");
	if (has_zone)
		put_text(packer, endpoint->zone);
	for (size_t i = 0; i < count; i++)
		put_address(packer, &endpoint->addresses[i]);
}

static bool has_cluster(
	const struct object_slice *slice, const struct pack_slice_options *options)
{
	return options->is_import && slice->cluster && *slice->cluster;
}

static void write_slice(
	struct packer *packer, const struct object *object, const void *context)
{
	const struct pack_slice_options *options = context;
	const struct object_slice *slice = &object->slice;
	put_text(packer, object->name);
	put_text(packer, options->is_import ? slice->import : slice->service);
	if (has_cluster(slice, options))
		put_text(packer, slice->cluster);
	for (size_t i = 0; i < object->slice.subset_count; i++) {
		const struct object_subset *subset = &object->slice.subsets[i];
		put_u32(packer, (uint32_t)subset->port_count);
		put_u32(packer, (uint32_t)subset->endpoint_count);
		for (size_t j = 0; j < subset->port_count; j++)
			put_port(packer, &subset->ports[j]);
		for (size_t j = 0; j < subset->endpoint_count; j++)
			write_endpoint(packer, &subset->endpoints[j], options);
	}
}

struct pack_slice *pack_slice_new(
	const struct object *object, const struct pack_slice_options *options)
{
	size_t size;
	struct pack_slice *pack = pack_new(
		offsetof(struct pack_slice, stream), object, options, write_slice, &size);
	if (!pack)
		return NULL;
	pack->origin = object->origin;
	pack->size = (uint32_t)size;
	pack->subset_count = (uint32_t)object->slice.subset_count & (UINT32_MAX >> 1);
	pack->has_cluster = has_cluster(&object->slice, options);
	return pack;
}

bool pack_slice_equal(const struct pack_slice *a, const struct pack_slice *b)
{
	return pack_equal(a, a->size, b, b->size);
}

const char *pack_slice_name(const struct pack_slice *slice)
{
	return slice->stream;
}

const char *pack_slice_service(const struct pack_slice *slice)
{
	return slice->stream + strlen(slice->stream) + 1;
}

const char *pack_slice_cluster(const struct pack_slice *slice)
{
	const char *service = pack_slice_service(slice);
	return slice->has_cluster ? service + strlen(service) + 1 : "";
}

struct pack_subset_iterator pack_slice_subsets(const struct pack_slice *slice)
{
	const char *at = slice->stream;
	for (unsigned i = slice->has_cluster ? 3 : 2; i; i--)
		get_text(&at);
	return (struct pack_subset_iterator){at, slice->subset_count};
}

bool pack_subset_next(struct pack_subset_iterator *iterator, struct pack_subset *out)
{
	if (!iterator->left)
		return false;
	iterator->left--;
	out->port_count = get_u32(&iterator->at);
	out->endpoint_count = get_u32(&iterator->at);
	out->ports = (struct pack_port_iterator){iterator->at, out->port_count};
	out->endpoints = skip_ports(iterator->at, out->port_count);
	struct pack_endpoint_iterator endpoints = pack_subset_endpoints(out);
	struct pack_endpoint endpoint;
	while (pack_endpoint_next(&endpoints, &endpoint))
		;
	iterator->at = endpoints.at;
	return true;
}

struct pack_endpoint_iterator pack_subset_endpoints(const struct pack_subset *subset)
{
	return (struct pack_endpoint_iterator){subset->endpoints, subset->endpoint_count};
}

bool pack_endpoint_next(
	struct pack_endpoint_iterator *iterator, struct pack_endpoint *out)
{
	if (!iterator->left)
		return false;
	iterator->left--;
	unsigned flags = (uint8_t)*iterator->at++;
	out->is_ready = flags & ENDPOINT_IS_READY;
	out->address_count = (uint8_t)*iterator->at++;
	out->hostname = get_text(&iterator->at);
	out->pod_name = get_text(&iterator->at);
	out->zone = flags & ENDPOINT_HAS_ZONE ? get_text(&iterator->at) : "";
	out->addresses = iterator->at;
	for (unsigned i = 0; i < out->address_count; i++)
		iterator->at += 1 + (uint8_t)*iterator->at;
	return true;
}

struct ipaddr pack_endpoint_address(const struct pack_endpoint *endpoint, unsigned index)
{
	const char *at = endpoint->addresses;
	while (index--)
		at += 1 + (uint8_t)*at;
	return get_address(&at);
}

/* --- pods --- */

static void write_details(struct packer *packer, const struct object *object)
{
	const struct object_pod *pod = &object->pod;
	put_text(packer, pod->hostname);
	put_text(packer, pod->subdomain);
	for (size_t i = 0; i < limited(object->label_count, UINT16_MAX); i++) {
		put_text(packer, object->labels[i].key);
		put_text(packer, object->labels[i].value);
	}
	for (size_t i = 0; i < limited(pod->port_count, UINT16_MAX); i++) {
		const struct object_container_port *port = &pod->ports[i];
		put_port(packer, &(struct object_port){.name = port->name,
					 .protocol = port->protocol,
					 .port = port->port,
					 .target_name = ""});
	}
}

static void write_pod(
	struct packer *packer, const struct object *object, bool addresses_only)
{
	for (size_t i = 0; i < limited(object->pod.ip_count, UINT8_MAX); i++)
		put_address(packer, &object->pod.ips[i]);
	put_text(packer, object->name);
	if (!addresses_only) {
		write_details(packer, object);
		return;
	}
	put_text(packer, "");
	put_text(packer, "");
}

static size_t pod_space(const struct pack_pod *pod)
{
	return pod->size + (pod->has_origin ? sizeof(struct object_origin) : 0);
}

struct pack_pod *pack_pod_new(
	const struct object *object, const struct pack_pod_options *options)
{
	const struct object_pod *pod = &object->pod;
	struct packer count = {0};
	write_pod(&count, object, options->addresses_only);
	struct pack_pod head = {
		.size = (uint32_t)(offsetof(struct pack_pod, stream) + count.size),
		.ip_count = (uint8_t)limited(pod->ip_count, UINT8_MAX),
		.is_gone = pod->is_finished || pod->is_terminating,
		.is_host_network = pod->is_host_network,
		.has_origin = object->origin.file != NULL,
	};
	if (!options->addresses_only) {
		head.is_ready = pod->is_ready;
		head.label_count = (uint16_t)limited(object->label_count, UINT16_MAX);
		head.port_count = (uint16_t)limited(pod->port_count, UINT16_MAX);
	}
	if (count.size > UINT32_MAX / 2)
		return NULL;
	size_t space = pod_space(&head);
	struct pack_pod *pack =
		options->slab ? slab_take(options->slab, space) : malloc(space);
	if (!pack)
		return NULL;
	memcpy(pack, &head, offsetof(struct pack_pod, stream));
	struct packer packer = {.at = pack->stream};
	write_pod(&packer, object, options->addresses_only);
	if (pack->has_origin)
		put_bytes(&packer, &object->origin, sizeof(object->origin));
	return pack;
}

void pack_pod_free(struct pack_pod *pod, struct slab *slab)
{
	if (pod && slab)
		slab_give(slab, pod, pod_space(pod));
	else
		free(pod);
}

bool pack_pod_equal(const struct pack_pod *a, const struct pack_pod *b)
{
	const size_t skip = offsetof(struct pack_pod, size);
	return a->size == b->size && memcmp((const char *)a + skip,
					     (const char *)b + skip, a->size - skip) == 0;
}

struct object_origin pack_pod_origin(const struct pack_pod *pod)
{
	struct object_origin origin = {NULL, 0};
	if (pod->has_origin)
		memcpy(&origin, (const char *)pod + pod->size, sizeof(origin));
	return origin;
}

void pack_pod_set_origin(struct pack_pod *pod, const struct pack_pod *from)
{
	if (pod->has_origin && from->has_origin)
		memcpy((char *)pod + pod->size, (const char *)from + from->size,
			sizeof(struct object_origin));
}

struct ipaddr pack_pod_address(const struct pack_pod *pod, unsigned index)
{
	const char *at = pod->stream;
	while (index--)
		at += 1 + (uint8_t)*at;
	return get_address(&at);
}

const char *pack_pod_name(const struct pack_pod *pod)
{
	const char *at = pod->stream;
	for (unsigned i = 0; i < pod->ip_count; i++)
		at += 1 + (uint8_t)*at;
	return at;
}

void pack_pod_read(const struct pack_pod *pod, struct object_label *out,
	const char **hostname, const char **subdomain)
{
	const char *at = pack_pod_name(pod);
	get_text(&at);
	*hostname = get_text(&at);
	*subdomain = get_text(&at);
	get_labels(at, pod->label_count, out);
}

struct pack_port_iterator pack_pod_ports(const struct pack_pod *pod)
{
	const char *at = pack_pod_name(pod);
	for (unsigned i = 0; i < 3 + 2u * pod->label_count; i++)
		get_text(&at);
	return (struct pack_port_iterator){at, pod->port_count};
}
