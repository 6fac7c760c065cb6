/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/synth/plan.h"
#include "zones/synth/synth.h"

/* What the files of synth share. */

/* A service that an own address is an endpoint of names the server (NS). */
struct name_servers {
	const struct registry_service **services;
	size_t count, capacity;
	bool is_stale; /* the apexes are to be made anew */
};

/* What addresses point at because of one service. */
struct published_pointers {
	struct ipaddr *cluster_ips;
	unsigned cluster_ip_count;
	struct published_hit *hits; /* sorted by address */
	uint32_t hit_count;
	bool has_endpoint_pointers;
};

/* An endpoint's address and the label of its name. */
struct published_hit {
	struct ipaddr address;
	const char *label;
};

/* What touched services have published. */
struct published {
	const struct registry_service *service;
	struct published_name *names;
	struct published_pointers pointers;
	struct published *next;
};

struct published_name {
	struct published_name *next;
	struct dname *name;
};

struct synth {
	struct synth_options options;
	const struct registry *registry;
	struct store *store;
	struct answer_builder *builder;
	struct targets_builder *targets_builder;
	struct plan plan;
	struct arena batch; /* of `published` */
	struct published *published;
	bool is_torn; /* a batch was applied in part: what is published is not certain */
	struct arena scratch; /* of one address at a time */
	struct name_servers name_servers;
	bool *zone_is_reverse; /* by index in the store */
	bool *zone_is_served;  /* likewise: those that names of services are in */
	unsigned primary_zone; /* index in the store; where `has_reverse` */
	bool has_reverse;
	bool has_base;            /* the names that every zone has were written */
	struct name_set *emitted; /* names of the service at hand */
};

/* A set of names, for "was published, is not any more". */
struct name_set *name_set_new(void);
void name_set_free(struct name_set *set);
void name_set_reset(struct name_set *set);
enum err name_set_add(struct name_set *set, const struct dname *name) MUST_CHECK;
bool name_set_has(const struct name_set *set, const struct dname *name);

/* What is done with each name of a service: put into the store, or noted. */
struct name_visitor {
	void *context;
	enum err (*visit)(void *context, const struct dname *name);
};

/* --- emit.c --- */

/* The names of the plan in every forward zone, without building answers. */
enum err emit_names(const struct synth *synth, const struct plan *plan,
	const struct name_visitor *visitor) MUST_CHECK;

/* Writes the plan's answers in every forward zone; adds each name to synth->emitted. */
enum err emit_answers(struct synth *synth, const struct plan *plan) MUST_CHECK;

/* "name.ns.svc.zone", in external zones "name.ns.zone". ERR_RANGE: too long a name. */
enum err emit_service_name(const struct synth *synth,
	const struct registry_service *service, const struct dname *zone,
	struct dname *out) MUST_CHECK;

/* Is the name in `zone`, and in no longer zone of the store? */
bool emit_is_in_zone(const struct synth *synth, const struct dname *name, unsigned zone);

/* One rdata octet string for the addresses of A and AAAA. */
void emit_address(struct synth *synth, const struct ipaddr *address);

/* --- reverse.c --- */

/* Notes what addresses point at because of the plan's service, in memory of `arena`. */
enum err reverse_note(const struct plan *plan, struct arena *arena,
	struct published_pointers *out) MUST_CHECK;

/* Makes the PTRs anew of the addresses that the plan's service has or had before. Where
 * that is certain to be what was published, only those that differ. */
enum err reverse_change(struct synth *synth, const struct published_pointers *before,
	bool is_certain) MUST_CHECK;

/* --- hints.c --- */

/* Tells the store what is known of the name of the plan's service, once its answers are
 * as they are to be. */
enum err hints_update(struct synth *synth, bool was_published) MUST_CHECK;

/* --- namespaces.c --- */

/* Makes the names of touched namespaces and pod addresses anew. */
enum err namespaces_update(struct synth *synth) MUST_CHECK;

/* --- apex.c --- */

/* Writes the names that every zone has, at first and when the name servers changed. */
enum err apex_update(struct synth *synth) MUST_CHECK;

/* Notes whether the plan's service names this server. */
enum err apex_note_service(struct synth *synth, const struct plan *plan) MUST_CHECK;
/* Forgets a service that may go. */
void apex_forget_service(struct synth *synth, const struct registry_service *service);
