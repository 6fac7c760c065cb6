/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "zones/registry/registry.h"
#include "zones/source/state_format.h"

/* A block of a state file, as if its checksum were right: what comes of it goes into a
 * registry, and what the registry then holds must be readable again. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err observe(void *context, const struct registry_service *service)
{
	(void)context;
	(void)service;
	return ERR_NONE;
}

static void put(struct registry *registry, const struct object *object,
	struct diag_list *problems)
{
	if (registry_put(registry, object, problems))
		abort();
}

static void read_block(
	const void *octets, size_t size, struct registry *registry, bool *has_failed)
{
	const char *at = size ? octets : "";
	struct state_reader reader = {.at = at, .end = at + size};
	struct diag_list problems;
	struct object object;
	diag_list_init(&problems);
	arena_init(&reader.arena, 4096);
	while (state_get_object(&reader, &object))
		put(registry, &object, &problems);
	*has_failed = reader.has_failed;
	arena_deinit(&reader.arena);
	if (registry_settle(registry, &problems))
		abort();
	diag_list_deinit(&problems);
}

static void write_imports(
	const struct registry *imports, struct arena *arena, struct state_buffer *buffer)
{
	const struct registry_namespace *ns;
	for (size_t i = 0; (ns = registry_next_namespace(imports, &i));)
		for (uint32_t j = 0; j < ns->service_count; j++) {
			const struct registry_service *service = ns->services[j];
			if (service->object)
				state_put_service(buffer, arena, OBJECT_IMPORT, service);
			for (unsigned k = 0; k < service->slice_count; k++)
				state_put_slice(buffer, STATE_IMPORT_SLICE, ns->name,
					service->slices[k]);
		}
}

static void write_again(const struct registry *registry, const struct registry *imports,
	struct state_buffer *buffer)
{
	struct arena arena;
	arena_init(&arena, 4096);
	write_imports(imports, &arena, buffer);
	const struct registry_namespace *ns;
	for (size_t i = 0; (ns = registry_next_namespace(registry, &i));) {
		if (ns->has_object)
			state_put_namespace(buffer, ns);
		for (uint32_t j = 0; j < ns->service_count; j++) {
			const struct registry_service *service = ns->services[j];
			if (service->object)
				state_put_service(
					buffer, &arena, OBJECT_SERVICE, service);
			for (unsigned k = 0; k < service->slice_count; k++)
				state_put_slice(buffer, OBJECT_SLICE, ns->name,
					service->slices[k]);
			if (service->endpoints)
				state_put_slice(buffer, OBJECT_ENDPOINTS, ns->name,
					service->endpoints);
		}
		const struct pack_pod *pod;
		for (size_t j = 0; (pod = registry_next_pod(ns, &j));)
			state_put_pod(buffer, &arena, ns->name, pod);
	}
	arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = {1, 2};
	const struct registry_options options = {
		.key = &key, .keeps_pod_names = true, .indexes_endpoints = true};
	const struct registry_observer observer = {NULL, observe};
	struct registry_options import_options = options;
	import_options.holds_imports = true;
	struct registry *registry = registry_new(&options, &observer);
	struct registry *imports = registry_new(&import_options, &observer);
	struct registry *again = registry_new(&options, &observer);
	struct state_buffer buffer = {0};
	bool has_failed;
	if (!registry || !imports || !again)
		abort();
	read_block(data, size, registry, &has_failed);
	read_block(data, size, imports, &has_failed);
	write_again(registry, imports, &buffer);
	read_block(buffer.octets, buffer.length, again, &has_failed);
	if (has_failed)
		abort();
	registry_free(registry);
	registry_free(imports);
	registry_free(again);
	free(buffer.octets);
	return 0;
}
