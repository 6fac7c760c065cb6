/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/nearest.h"
#include "zones/export/explain.h"

/* What the files of explain share. */

enum { LABEL_SIZE = DNAME_LABEL_MAX + 1 };

/* The question, read: "FRONT... SERVICE NS TREE ZONE". */
struct explanation {
	const struct explain_cluster *cluster;
	struct finding_list *out;
	const struct dname *name;
	uint16_t type;
	unsigned zone;
	const struct registry *registry; /* of the services that the zone has names of */
	bool of_imports;                 /* these are ServiceImports */
	unsigned labels;                 /* in front of the zone */
	unsigned front;                  /* in front of the service */
	char tree[LABEL_SIZE], ns_name[LABEL_SIZE], service_name[LABEL_SIZE];
	char first[LABEL_SIZE], second[LABEL_SIZE]; /* of all, where front is not 0 */
	const struct registry_namespace *ns;        /* NULL: never heard of */
	const struct registry_service *service;     /* NULL: none of this name */
	const struct answer_set *set;
	bool is_service_tree, is_pod_tree;
	bool exists;
};

/* What one rule knows to say; it looks for itself whether it applies. */
typedef void (*explain_rule)(struct explanation *explanation);

/* explain_service.c */
void explain_sources(struct explanation *explanation);
void explain_port_sources(struct explanation *explanation);

/* explain_near.c */
extern const explain_rule explain_near_rules[]; /* ended by NULL */

/* explain_pod.c */
void explain_pod(struct explanation *explanation);
void explain_address(struct explanation *explanation);

/* --- helpers, explain.c --- */

void explain_reason(struct explanation *explanation, const char *text);
/* "FRONT.service.ns.svc.zone", `front` with its final dot or "". */
void explain_near(struct explanation *explanation, const char *text, const char *front,
	const struct registry_service *service);
/* A source, or what was left out of one. */
void explain_object(struct explanation *explanation, const struct finding *head,
	enum object_kind kind, const struct registry_namespace *ns, const char *name,
	const struct object_origin *origin);

/* Is it shown and has it a name? */
bool explain_is_published(
	const struct explanation *explanation, const struct registry_service *service);

/* "Service" or "ServiceImport". */
const char *explain_kind(const struct explanation *explanation);

/* The label of an endpoint's name, of an import's both of them, "" where it has none. */
enum { ENDPOINT_LABEL_SIZE = 2 * LABEL_SIZE };
void explain_endpoint_label(const struct explanation *explanation,
	const struct pack_slice *slice, const struct pack_endpoint *endpoint,
	const struct ipaddr *address, char out[ENDPOINT_LABEL_SIZE]);

/* How many endpoints the service's slices have. */
unsigned explain_count(const struct registry_service *service, unsigned *ready);

const char *explain_protocol(enum object_protocol protocol);
