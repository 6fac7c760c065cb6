/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "zones/registry/registry.h"
#include "zones/synth/synth.h"

/*
 * The plan of one service: what its names are and what they hold, before zones come into
 * it. Made in scratch memory that plan_make resets; nothing in it outlives the next
 * plan. Pure: reads the registry, writes nothing.
 *
 * A hit is an address of a ready endpoint. Hits with the same endpoint name make a
 * target. A port set is a list of ports that endpoints share, as a rule one for the
 * whole service.
 */

enum plan_kind {
	PLAN_NOTHING,    /* does not exist in DNS; its endpoints may still have PTRs */
	PLAN_CLUSTER_IP, /* has addresses of its own */
	PLAN_HEADLESS,
	PLAN_EXTERNAL_NAME,
	PLAN_ENDPOINTS, /* only its endpoints have names */
};

struct plan_port {
	const char *name; /* "": unnamed */
	enum object_protocol protocol;
	int32_t number; /* -1: none */
};

struct plan_port_set {
	struct plan_port *ports; /* never empty: without ports one unnamed, -1 */
	uint32_t count;
};

struct plan_hit {
	struct ipaddr address;
	uint32_t target;
	uint32_t port_set;
	uint32_t slice;   /* which of the service's slices it is in */
	uint32_t zone;    /* in plan->zones; UINT32_MAX: in none */
	bool is_repeated; /* an earlier hit has the address */
};

struct plan_target {
	const char *label;
	const char *cluster;  /* of an import's endpoint, a label behind the first one */
	uint8_t label_length; /* 0: it has no name, as nobody says of which cluster it is
			       */
	uint32_t first_hit, hit_count; /* in plan->hits */
};

struct plan {
	struct arena arena;
	enum plan_kind kind;
	const struct registry_service *service;
	struct ipaddr *cluster_ips; /* in external zones: the addresses from outside */
	unsigned cluster_ip_count;
	const char *external_name; /* PLAN_EXTERNAL_NAME */
	const char **hosts;        /* in external zones, of load balancers */
	unsigned host_count;
	bool is_external, has_endpoint_names;
	struct plan_port_set service_ports; /* of services that are not headless */
	struct plan_port_set *port_sets;
	uint32_t port_set_count;
	struct plan_hit *hits; /* by target */
	uint32_t hit_count;
	uint32_t *by_address; /* indices of hits, sorted by address, then as they stand */
	struct plan_target *targets; /* in order of appearance */
	uint32_t target_count;
	const char **zones; /* availability zones of the hits, where they are served */
	uint32_t zone_count;
};

void plan_init(struct plan *plan);
void plan_deinit(struct plan *plan);

/* ERR_NOMEM: the plan is empty. */
enum err plan_make(struct plan *plan, const struct synth_options *options,
	const struct registry_service *service) MUST_CHECK;

/* Is the namespace there in these zones? In external ones a namespace with the name of
 * their apex label gives way to it. */
bool plan_is_apex(
	const struct synth_options *options, const struct registry_namespace *ns);
bool plan_has_namespace(
	const struct synth_options *options, const struct registry_namespace *ns);

/* The name of a target below that of its service. ERR_RANGE: too long a name. */
enum err plan_target_name(const struct plan_target *target, const struct dname *service,
	struct dname *out) MUST_CHECK;

/* The label of an endpoint's name: host name, else (if asked for) pod name, else the
 * address with dashes. `out` has 64 octets; returns its length. */
unsigned plan_endpoint_label(const struct synth_options *options,
	const struct pack_endpoint *endpoint, const struct ipaddr *address, char *out);
