/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/imports.h"

#include <stdlib.h>

struct imports {
	struct registry *registry;
	struct synth *synth;
};

static enum err before_change(void *context, const struct registry_service *service)
{
	struct imports *imports = context;
	return synth_before_change(imports->synth, service);
}

struct imports *imports_new(const struct registry_options *registry,
	const struct synth_options *synth, struct store *store)
{
	const struct registry_options registry_options = {
		.key = registry->key,
		.labels = registry->labels,
		.namespace_labels = registry->namespace_labels,
		.namespaces = registry->namespaces,
		.namespace_count = registry->namespace_count,
		.keeps_pod_names = registry->keeps_pod_names,
		.ignores_endpoints = registry->ignores_endpoints,
		.holds_imports = true,
	};
	struct synth_options synth_options = *synth;
	synth_options.serves_imports = true;
	synth_options.serves_zones = false;
	struct imports *imports = calloc(1, sizeof(*imports));
	if (!imports)
		return NULL;
	const struct registry_observer observer = {imports, before_change};
	imports->registry = registry_new(&registry_options, &observer);
	if (imports->registry)
		imports->synth = synth_new(&synth_options, imports->registry, store);
	if (!imports->synth) {
		imports_free(imports);
		return NULL;
	}
	return imports;
}

void imports_free(struct imports *imports)
{
	if (!imports)
		return;
	synth_free(imports->synth);
	registry_free(imports->registry);
	free(imports);
}

const struct registry *imports_registry(const struct imports *imports)
{
	return imports ? imports->registry : NULL;
}

enum err imports_put_builtin_namespaces(struct imports *imports)
{
	return imports ? registry_put_builtin_namespaces(imports->registry) : ERR_NONE;
}

enum err imports_put(
	struct imports *imports, const struct object *object, struct diag_list *problems)
{
	return imports ? registry_put(imports->registry, object, problems) : ERR_NONE;
}

enum err imports_remove(
	struct imports *imports, enum object_kind kind, const char *ns, const char *name)
{
	return imports ? registry_remove(imports->registry, kind, ns, name) : ERR_NONE;
}

enum err imports_sweep(struct imports *imports, enum object_kind kind,
	bool (*has)(void *context, const char *ns, const char *name), void *context)
{
	return imports ? registry_sweep(imports->registry, kind, has, context) : ERR_NONE;
}

enum err imports_settle(struct imports *imports, struct diag_list *problems)
{
	return imports ? registry_settle(imports->registry, problems) : ERR_NONE;
}

enum err imports_apply(struct imports *imports)
{
	return imports ? synth_apply(imports->synth) : ERR_NONE;
}

void imports_end_batch(struct imports *imports)
{
	if (imports)
		registry_end_batch(imports->registry);
}
