/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/registry/registry.h"
#include "zones/store/store_write.h"
#include "zones/synth/synth.h"

/*
 * The ServiceImports of a cluster (option multicluster): a registry of their own, beside
 * that of the Services, and the names that they have in the multicluster zones of the
 * cluster's store. A cluster without such zones has none of it, NULL, which every
 * function here takes. Control thread only.
 */

struct imports;

/* The store is borrowed for its life, and so is what the options point to. Of these only
 * what concerns imports counts. NULL: no memory. */
struct imports *imports_new(const struct registry_options *registry,
	const struct synth_options *synth, struct store *store);
void imports_free(struct imports *imports);

/* NULL of NULL. */
const struct registry *imports_registry(const struct imports *imports);

/* As the functions of the registry and of synth, and with their errors. */
enum err imports_put_builtin_namespaces(struct imports *imports) MUST_CHECK;
enum err imports_put(struct imports *imports, const struct object *object,
	struct diag_list *problems) MUST_CHECK;
enum err imports_remove(struct imports *imports, enum object_kind kind, const char *ns,
	const char *name) MUST_CHECK;
enum err imports_sweep(struct imports *imports, enum object_kind kind,
	bool (*has)(void *context, const char *ns, const char *name),
	void *context) MUST_CHECK;
enum err imports_settle(struct imports *imports, struct diag_list *problems) MUST_CHECK;
enum err imports_apply(struct imports *imports) MUST_CHECK;
void imports_end_batch(struct imports *imports);
