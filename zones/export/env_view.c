/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/env_view.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "zones/registry/registry.h"

#define MASTER_NAMESPACE "default"
#define MASTER_NAME      "kubernetes"

enum { ARENA_BLOCK = 4096 };

struct env_view {
	atomic_uint references;
	struct arena arena;
	const char *ns;
	struct env_service *services;
	size_t count, capacity;
};

struct env_view *env_view_new(const char *ns)
{
	struct env_view *view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	atomic_init(&view->references, 1);
	arena_init(&view->arena, ARENA_BLOCK);
	view->ns = arena_strndup(&view->arena, ns, strlen(ns));
	if (!view->ns) {
		env_view_unref(view);
		return NULL;
	}
	return view;
}

struct env_view *env_view_ref(struct env_view *view)
{
	atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
	return view;
}

void env_view_unref(struct env_view *view)
{
	if (!view || atomic_fetch_sub_explicit(
			     &view->references, 1, memory_order_acq_rel) != 1)
		return;
	arena_deinit(&view->arena);
	free(view->services);
	free(view);
}

const char *env_view_namespace(const struct env_view *view)
{
	return view->ns;
}

const struct env_service *env_view_services(const struct env_view *view, size_t *count)
{
	*count = view->count;
	return view->services;
}

/* --- filling --- */

/* The next free place in the list, not yet part of it. NULL: no memory. */
static struct env_service *view_place(struct env_view *view)
{
	if (view->count == view->capacity) {
		size_t capacity = view->capacity * 2 + 8;
		void *grown = realloc(view->services, capacity * sizeof(*view->services));
		if (!grown)
			return NULL;
		view->services = grown;
		view->capacity = capacity;
	}
	return &view->services[view->count];
}

static bool view_copy_text(struct env_view *view, const char **text)
{
	*text = arena_strndup(&view->arena, *text, strlen(*text));
	return *text;
}

enum err env_view_add(struct env_view *view, const struct env_service *service)
{
	if (!*service->address || strcmp(service->address, "None") == 0 ||
		!service->port_count)
		return ERR_NONE;
	struct env_service *place = view_place(view);
	struct env_port *ports =
		arena_calloc(&view->arena, service->port_count, sizeof(*ports));
	if (!place || !ports)
		return ERR_NOMEM;
	*place = *service;
	place->ports = ports;
	bool is_whole = view_copy_text(view, &place->name) &&
			view_copy_text(view, &place->address);
	for (size_t i = 0; is_whole && i < service->port_count; i++) {
		ports[i] = service->ports[i];
		if (*ports[i].name)
			is_whole = view_copy_text(view, &ports[i].name);
		else
			ports[i].name = "";
	}
	view->count += is_whole;
	return is_whole ? ERR_NONE : ERR_NOMEM;
}

/* --- from the registry --- */

bool env_view_is_master(const struct registry_service *service)
{
	return strcmp(service->name, MASTER_NAME) == 0 &&
	       strcmp(service->ns->name, MASTER_NAMESPACE) == 0;
}

/* The address into `text`; NULL: it gives no variables. */
static const char *address_of(const struct registry_service *service, char *text)
{
	const char *address = registry_cluster_ip_text(service, text);
	return address && service->object->port_count ? address : NULL;
}

static enum err view_add_registered(
	struct env_view *view, const struct registry_service *service)
{
	char text[IPADDR_TEXT_SIZE];
	const char *address = address_of(service, text);
	if (!address)
		return ERR_NONE;
	struct env_port *ports = calloc(service->object->port_count, sizeof(*ports));
	if (!ports)
		return ERR_NOMEM;
	struct pack_port_iterator iterator = pack_service_ports(service->object);
	struct object_port port;
	size_t count = 0;
	while (pack_port_next(&iterator, &port))
		ports[count++] = (struct env_port){
			port.name, (uint16_t)port.port, (uint8_t)port.protocol};
	const struct env_service added = {
		.name = service->name,
		.address = address,
		.ports = ports,
		.port_count = count,
		.is_master = env_view_is_master(service),
	};
	enum err err = env_view_add(view, &added);
	free(ports);
	return err;
}

struct env_view *env_view_of(const struct registry *registry, const char *ns)
{
	struct env_view *view = env_view_new(ns);
	if (!view)
		return NULL;
	const struct registry_namespace *own = registry_find_namespace(registry, ns);
	enum err err = ERR_NONE;
	for (uint32_t i = 0; !err && own && i < own->service_count; i++)
		err = view_add_registered(view, own->services[i]);
	const struct registry_service *master = NULL;
	if (strcmp(ns, MASTER_NAMESPACE) != 0)
		master = registry_find_service(registry, MASTER_NAMESPACE, MASTER_NAME);
	if (!err && master)
		err = view_add_registered(view, master);
	if (err) {
		env_view_unref(view);
		return NULL;
	}
	return view;
}

/* --- digests --- */

/* Told apart are versions of one service, which nobody chooses to collide. */
static const struct hash_key digest_key = {0x776179, 0x6d61726b};

static uint64_t digest_add(uint64_t digest, const void *bytes, size_t length)
{
	struct hash_key key = digest_key;
	key.k0 ^= digest;
	return hash_bytes(&key, bytes, length);
}

uint64_t env_view_digest(const struct registry_service *service)
{
	char text[IPADDR_TEXT_SIZE];
	const char *address = address_of(service, text);
	if (!address)
		return 0;
	uint64_t digest = digest_add(0, service->name, strlen(service->name));
	digest = digest_add(digest, address, strlen(address));
	struct pack_port_iterator iterator = pack_service_ports(service->object);
	struct object_port port;
	while (pack_port_next(&iterator, &port)) {
		const int32_t numbers[] = {port.port, (int32_t)port.protocol};
		digest = digest_add(digest, numbers, sizeof(numbers));
		digest = digest_add(digest, port.name, strlen(port.name));
	}
	return digest ? digest : 1;
}
