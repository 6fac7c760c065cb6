/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "zones/registry/registry_internal.h"

/* What a source that has named all its objects did not name. */

struct sweep {
	bool (*has)(void *context, const char *ns, const char *name);
	void *context;
};

/* The names of an object in a table; false: it is none of the kind. */
typedef bool (*sweep_read)(const void *object, const char **ns, const char **name);

static bool read_namespace(const void *object, const char **ns, const char **name)
{
	const struct registry_namespace *own = object;
	*ns = "";
	*name = own->name;
	return own->has_object;
}

static bool read_service(const void *object, const char **ns, const char **name)
{
	const struct registry_service *service = object;
	*ns = service->ns->name;
	*name = service->name;
	return service->object;
}

static bool read_endpoints(const void *object, const char **ns, const char **name)
{
	const struct registry_service *service = object;
	*ns = service->ns->name;
	*name = service->name;
	return service->endpoints;
}

static bool read_slice(const void *object, const char **ns, const char **name)
{
	const struct slice_entry *entry = object;
	*ns = entry->service->ns->name;
	*name = pack_slice_name(entry->slice);
	return true;
}

/* The namespace's name is known already. */
static bool read_pod(const void *object, const char **ns, const char **name)
{
	(void)ns;
	*name = pack_pod_name(object);
	return true;
}

/* Taking one out moves others within the table, so that they are gathered
 * first. */
static enum err gather(const struct ptable *table, sweep_read read, const char *ns,
	const struct sweep *sweep, struct touched *gone)
{
	const char *name;
	void *object;
	for (size_t i = 0; (object = ptable_next(table, &i));) {
		if (!read(object, &ns, &name) || sweep->has(sweep->context, ns, name))
			continue;
		if (gone->count == gone->capacity) {
			size_t capacity = gone->capacity * 2 + 64;
			void *items = realloc(gone->items, capacity * sizeof(void *));
			if (!items)
				return ERR_NOMEM;
			gone->items = items;
			gone->capacity = capacity;
		}
		gone->items[gone->count++] = object;
	}
	return ERR_NONE;
}

/* `ns`: where all of the table's objects are, or NULL. */
static enum err sweep_table(struct registry *registry, enum object_kind kind,
	const struct ptable *table, sweep_read read, const char *ns,
	const struct sweep *sweep)
{
	struct touched gone = {0};
	enum err err = gather(table, read, ns, sweep, &gone);
	for (size_t i = 0; i < gone.count && !err; i++) {
		const char *name;
		read(gone.items[i], &ns, &name);
		err = registry_remove(registry, kind, ns, name);
	}
	free(gone.items);
	return err;
}

static enum err sweep_pods(struct registry *registry, const struct sweep *sweep)
{
	enum err err = ERR_NONE;
	const struct registry_namespace *ns;
	for (size_t i = 0; !err && (ns = registry_next_namespace(registry, &i));)
		err = sweep_table(
			registry, OBJECT_POD, &ns->pods, read_pod, ns->name, sweep);
	return err;
}

enum err registry_sweep(struct registry *registry, enum object_kind kind,
	bool (*has)(void *context, const char *ns, const char *name), void *context)
{
	const struct {
		const struct ptable *table;
		sweep_read read;
	} kinds[OBJECT_KINDS] = {
		[OBJECT_NAMESPACE] = {&registry->namespaces, read_namespace},
		[OBJECT_SERVICE] = {&registry->services, read_service},
		[OBJECT_SLICE] = {&registry->slices, read_slice},
		[OBJECT_ENDPOINTS] = {&registry->services, read_endpoints},
		[OBJECT_POD] = {NULL, read_pod}, /* each namespace has a table */
		[OBJECT_IMPORT] = {&registry->services, read_service},
	};
	const struct sweep sweep = {has, context};
	if (kind == (registry->options.holds_imports ? OBJECT_SERVICE : OBJECT_IMPORT))
		return ERR_NONE;
	if (!kinds[kind].table)
		return sweep_pods(registry, &sweep);
	return sweep_table(
		registry, kind, kinds[kind].table, kinds[kind].read, NULL, &sweep);
}
