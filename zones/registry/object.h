/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/ipaddr.h"

/*
 * Objects as a source delivers them: the fields of Kubernetes API objects that DNS and
 * environment files need, validated, borrowed from the source's memory for the length
 * of the call. The registry packs what it keeps. Absent strings are "" unless a comment
 * says NULL.
 */

enum object_kind {
	OBJECT_NAMESPACE, /* v1 Namespace */
	OBJECT_SERVICE,   /* v1 Service */
	OBJECT_SLICE,     /* discovery.k8s.io/v1 EndpointSlice */
	OBJECT_ENDPOINTS, /* v1 Endpoints; counts only where a service has no slice */
	OBJECT_POD,       /* v1 Pod */
	OBJECT_IMPORT,    /* multicluster.x-k8s.io ServiceImport */
	OBJECT_KINDS,
};

/* "Namespace", "Service", "EndpointSlice", "Endpoints", "Pod", "ServiceImport". */
const char *object_kind_name(enum object_kind kind);

/* Where an object was read; for messages and for `waymark lookup`. */
struct object_origin {
	const char *file; /* NULL: not from a file */
	unsigned line;    /* of the object's first line, from 1 */
};

struct object_label {
	const char *key, *value;
};

enum object_protocol { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP };

enum service_type {
	SERVICE_CLUSTER_IP,
	SERVICE_NODE_PORT,
	SERVICE_LOAD_BALANCER,
	SERVICE_EXTERNAL_NAME,
};

enum ip_family_policy { IP_SINGLE_STACK, IP_PREFER_DUAL_STACK, IP_REQUIRE_DUAL_STACK };

struct object_port {
	const char *name; /* lower-case; "": unnamed */
	enum object_protocol protocol;
	int32_t port;            /* 1-65535; of an endpoint also -1: no number */
	int32_t target_port;     /* services: number, 0 when a name or absent */
	const char *target_name; /* services: targetPort by name, "" otherwise */
};

/* A ServiceImport is one with the type SERVICE_CLUSTER_IP, whose cluster IPs are those of
 * the set of clusters. */
struct object_service {
	enum service_type type;
	bool is_headless;         /* clusterIP: None */
	bool publishes_not_ready; /* publishNotReadyAddresses */
	const struct ipaddr *cluster_ips;
	size_t cluster_ip_count; /* 0 to 2; 0: headless, ExternalName, or not given */
	/* The first one as it was written, where that is not its canonical text; else "".
	 */
	const char *cluster_ip_text;
	enum ip_family_policy ip_family_policy;
	uint8_t ip_families[2];    /* 4 or 6 in order of preference; 0: not given */
	const char *external_name; /* ExternalName only */
	/* From outside of the cluster: spec.externalIPs, then those of load balancers, or
	 * the host names of those. */
	const struct ipaddr *external_ips;
	size_t external_ip_count;
	const char *const *external_hosts;
	size_t external_host_count;
	const struct object_port *ports;
	size_t port_count;
	const struct object_label *selector;
	size_t selector_count; /* 0: a service without selector */
};

struct object_endpoint {
	const struct ipaddr *addresses;
	size_t address_count; /* at least 1 */
	const char *hostname; /* lower-case label, "" */
	const char *pod_name; /* targetRef.name where the target is a Pod, "" */
	const char *zone;     /* of its node, lower-case; "" or NULL: not said */
	bool is_ready;        /* conditions.ready true or absent */
};

struct object_subset {
	const struct object_port *ports;
	size_t port_count; /* 0: addresses alone, no port */
	const struct object_endpoint *endpoints;
	size_t endpoint_count;
};

/* An EndpointSlice has one subset, an Endpoints object any number. */
struct object_slice {
	/* Label kubernetes.io/service-name; Endpoints: its own name. "": of no Service;
	 * NULL: not told, it stays as it was. */
	const char *service;
	/* Label multicluster.kubernetes.io/service-name: the ServiceImport, likewise. */
	const char *import;
	/* Label multicluster.kubernetes.io/source-cluster, where it is of one. */
	const char *cluster;
	const struct object_subset *subsets;
	size_t subset_count;
	/* When what changed it happened, Unix time; 0: not said. */
	int64_t triggered_ms;
};

struct object_container_port {
	const char *name; /* "": unnamed */
	enum object_protocol protocol;
	int32_t port;
};

struct object_pod {
	const struct ipaddr *ips; /* status.podIPs, else status.podIP */
	size_t ip_count;
	bool is_ready;       /* condition Ready is True */
	bool is_finished;    /* phase Succeeded or Failed, or Unknown */
	bool is_terminating; /* has a deletionTimestamp */
	bool is_host_network;
	const char *hostname;  /* spec.hostname */
	const char *subdomain; /* spec.subdomain */
	const struct object_container_port *ports;
	size_t port_count;
};

struct object {
	enum object_kind kind;
	const char *ns; /* "" for a Namespace */
	const char *name;
	const struct object_label *labels;
	size_t label_count;
	/* It is known to match the options labels and namespace_labels, whatever labels
	 * stand here. */
	bool is_selected;
	struct object_origin origin;
	union {
		struct object_service service; /* OBJECT_SERVICE and OBJECT_IMPORT */
		struct object_slice slice;     /* OBJECT_SLICE and OBJECT_ENDPOINTS */
		struct object_pod pod;
	};
};
