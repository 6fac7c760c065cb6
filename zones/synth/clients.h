/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/registry/registry.h"
#include "zones/store/store_write.h"

/*
 * Whose a pod's address is, for plugins that answer by who asks: the namespace stands in
 * a store, under the address (zones/store/client.h). An address that pods of two
 * namespaces have, as when it is given out anew before its former pod has gone, is
 * nobody's, and so is a node's. Control thread only.
 */

struct clients;

/* Registry and store are borrowed; the store has CLIENT_ZONE. NULL: no memory. */
struct clients *clients_new(const struct registry *registry, struct store *store);
void clients_free(struct clients *clients);

/* Takes in the pod addresses that were touched. ERR_NOMEM: to be called again before the
 * batch ends. */
enum err clients_apply(struct clients *clients) MUST_CHECK;
