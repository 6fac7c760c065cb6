/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/store/store.h"

/*
 * What of the absence of a name may be believed while the server may not read all kinds
 * of objects: names that do not depend on these are answered as ever.
 */

struct doubt {
	const struct store *store;
	unsigned missing; /* enum store_missing, without STORE_MISSING_ALL */
	unsigned zone;    /* that the name is in */
	bool is_external; /* of k8s_external: SERVICE.NAMESPACE.ZONE */
};

/* Whether a lower-case name that is not in the store, and has no set of its own, may
 * exist for all that. */
bool doubt_absence(const struct doubt *doubt, const struct dname *name);
