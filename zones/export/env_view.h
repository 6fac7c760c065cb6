/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * The services that pods of a namespace see, as a kubelet finds them: those of the
 * namespace, and `kubernetes` of the namespace `default`. A view is a copy of what it
 * needs, filled once and immutable from then on: any thread may read it. Counted.
 */

struct env_view;
struct registry;
struct registry_service;

struct env_port {
	const char *name; /* "": none */
	uint16_t number;
	uint8_t protocol; /* enum object_protocol */
};

struct env_service {
	const char *name;
	const char *address; /* the cluster IP as it is written; "" or "None": none */
	const struct env_port *ports;
	size_t port_count;
	bool is_master; /* `kubernetes` of `default` */
};

/* NULL: no memory. */
struct env_view *env_view_new(const char *ns);
/* Copies it in; one without an address or a port is passed over. ERR_NOMEM. */
enum err env_view_add(
	struct env_view *view, const struct env_service *service) MUST_CHECK;

/* What the registry has for the namespace, whether or not that exists. NULL: no memory.
 * Control thread only. */
struct env_view *env_view_of(const struct registry *registry, const char *ns);

struct env_view *env_view_ref(struct env_view *view);
void env_view_unref(struct env_view *view); /* NULL is fine */

const char *env_view_namespace(const struct env_view *view);
/* In no order. */
const struct env_service *env_view_services(const struct env_view *view, size_t *count);

/* Is it the service that every namespace sees? */
bool env_view_is_master(const struct registry_service *service);

/* Of all that a view takes of a service; the same as long as that is the same, 0 while it
 * takes nothing. Control thread only. */
uint64_t env_view_digest(const struct registry_service *service);
