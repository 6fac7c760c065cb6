/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"
#include "zones/store/store.h"

/*
 * The kubernetes plugin's part in a query: answers names in the store's zones, computes
 * pod names, follows ExternalNames inside the zones and passes on what it is told to.
 * The plugin k8s_external is the same with a store of its own.
 */

enum kubernetes_pods {
	KUBERNETES_PODS_DISABLED,
	KUBERNETES_PODS_INSECURE,
	KUBERNETES_PODS_VERIFIED
};

struct kubernetes_options {
	const struct store *store; /* outlives the instance */
	enum kubernetes_pods pods;
	bool is_external;                      /* the plugin k8s_external */
	bool explains_errors;                  /* Extended DNS Errors on NXDOMAIN */
	bool serves_zones;                     /* option zonal */
	bool falls_through;                    /* NXDOMAIN goes to the next plugin... */
	const struct dname *fallthrough_zones; /* ...for names in these; count 0: all */
	size_t fallthrough_count;
};

/* Copies the options. ERR_NOMEM. */
enum err kubernetes_new(
	const struct kubernetes_options *options, struct plugin_instance *out) MUST_CHECK;
