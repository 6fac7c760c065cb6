/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/registry/object.h"

struct slab;

/*
 * Objects as the registry keeps them: one block of memory each, a fixed head and a
 * stream of what varies. Two equal objects pack to equal octets, so "nothing changed" is
 * a memcmp. The streams are read back through iterators that hand out the structs of
 * object.h, whose pointers lead into the block. Control thread only.
 */

struct pack_service {
	struct object_origin origin; /* not compared */
	uint32_t size;               /* octets of the block */
	uint8_t type;                /* enum service_type */
	bool is_headless, publishes_not_ready;
	uint8_t ip_family_policy;
	uint8_t ip_families[2];
	uint8_t cluster_ip_count;
	struct ipaddr cluster_ips[2];
	bool has_external; /* addresses or hosts, at the end of the stream */
	uint16_t port_count, selector_count;
	char stream[]; /* external name or text of the cluster IP, ports, selector,
			  external addresses and hosts */
};

struct pack_service_options {
	bool keeps_external; /* addresses and hosts */
};

/* NULL: no memory. */
struct pack_service *pack_service_new(
	const struct object *object, const struct pack_service_options *options);
bool pack_service_equal(const struct pack_service *a, const struct pack_service *b);

const char *pack_service_external_name(const struct pack_service *service);
/* As object_service.cluster_ip_text. */
const char *pack_service_cluster_ip_text(const struct pack_service *service);

struct pack_port_iterator {
	const char *at;
	uint32_t left;
};

struct pack_port_iterator pack_service_ports(const struct pack_service *service);
bool pack_port_next(struct pack_port_iterator *iterator, struct object_port *out);

/* The selector into `out`, of selector_count elements. */
void pack_service_selector(const struct pack_service *service, struct object_label *out);

/* What the service has outside of the cluster: addresses first, then hosts. */
struct pack_external_iterator {
	const char *at;
	uint32_t address_count, host_count; /* left */
};

struct pack_external_iterator pack_service_external(const struct pack_service *service);
/* False: no more addresses. */
bool pack_external_next_address(
	struct pack_external_iterator *iterator, struct ipaddr *out);
/* Behind the last address. NULL: no more. */
const char *pack_external_next_host(struct pack_external_iterator *iterator);

/* An EndpointSlice or Endpoints object, or what was derived from pods. Only ready
 * endpoints' flags differ; all are kept, for `waymark lookup`. */
struct pack_slice {
	struct object_origin origin; /* not compared */
	uint32_t size;
	uint32_t subset_count : 31;
	uint32_t has_cluster : 1;
	char stream[]; /* name, service, cluster, subsets */
};

struct pack_slice_options {
	bool keeps_pod_names, keeps_zones;
	bool is_import; /* its service is the ServiceImport */
};

struct pack_slice *pack_slice_new(
	const struct object *object, const struct pack_slice_options *options);
bool pack_slice_equal(const struct pack_slice *a, const struct pack_slice *b);
const char *pack_slice_name(const struct pack_slice *slice);
const char *pack_slice_service(const struct pack_slice *slice);
/* Whose endpoints it has; "": not said, or of a Service. */
const char *pack_slice_cluster(const struct pack_slice *slice);

struct pack_subset {
	struct pack_port_iterator ports; /* copy it to read them more than once */
	uint32_t port_count, endpoint_count;
	const char *endpoints; /* pack_endpoint_next reads from here */
};

struct pack_subset_iterator {
	const char *at;
	uint32_t left;
};

struct pack_subset_iterator pack_slice_subsets(const struct pack_slice *slice);
bool pack_subset_next(struct pack_subset_iterator *iterator, struct pack_subset *out);

struct pack_endpoint {
	bool is_ready;
	uint8_t address_count;
	const char *addresses; /* pack_endpoint_address reads them */
	const char *hostname, *pod_name;
	const char *zone; /* "": not said, or not kept */
};

struct pack_endpoint_iterator {
	const char *at;
	uint32_t left;
};

struct pack_endpoint_iterator pack_subset_endpoints(const struct pack_subset *subset);
bool pack_endpoint_next(
	struct pack_endpoint_iterator *iterator, struct pack_endpoint *out);
struct ipaddr pack_endpoint_address(const struct pack_endpoint *endpoint, unsigned index);

/* There may be a hundred thousand: nothing that is absent takes room. */
struct pack_pod {
	uint32_t hash; /* the registry's; not compared */
	uint32_t size; /* without the origin, which stands behind the stream */
	uint16_t label_count, port_count;
	uint8_t ip_count;
	bool is_ready : 1;
	bool is_gone : 1; /* finished or terminating */
	bool is_host_network : 1;
	bool has_origin : 1;
	uint8_t unused : 4; /* 0, as it is compared */
	char stream[];      /* addresses, name, hostname, subdomain, labels, ports */
};

struct pack_pod_options {
	struct slab *slab;   /* NULL: malloc */
	bool addresses_only; /* not what makes endpoints of it */
};

struct pack_pod *pack_pod_new(
	const struct object *object, const struct pack_pod_options *options);
void pack_pod_free(struct pack_pod *pod, struct slab *slab);
bool pack_pod_equal(const struct pack_pod *a, const struct pack_pod *b);

struct object_origin pack_pod_origin(const struct pack_pod *pod);
/* The origin of `from`, if both have one. */
void pack_pod_set_origin(struct pack_pod *pod, const struct pack_pod *from);

struct ipaddr pack_pod_address(const struct pack_pod *pod, unsigned index);
const char *pack_pod_name(const struct pack_pod *pod);
/* Labels into `out`, of label_count elements; returns hostname and subdomain too. */
void pack_pod_read(const struct pack_pod *pod, struct object_label *out,
	const char **hostname, const char **subdomain);
struct pack_port_iterator pack_pod_ports(const struct pack_pod *pod);
