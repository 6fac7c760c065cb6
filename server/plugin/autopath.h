/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"
#include "zones/store/store.h"

/*
 * The autopath plugin: walks the search list of a client's resolver for it. A question
 * below the list's first element is put to the plugins behind with each element in turn,
 * and the first reply that is not NXDOMAIN is the answer, with a CNAME to the name that
 * has it.
 */

struct autopath_options {
	const struct dname *zones; /* questions in these; lower-case */
	size_t zone_count;
	/* The elements, without the bare name that ends every list. With a cluster they
	 * follow "NAMESPACE.svc.ZONE", "svc.ZONE" and "ZONE". */
	const struct dname *search;
	size_t search_count;
	const struct store *cluster; /* its zones; NULL: the list is `search` alone */
	const struct store *clients; /* of the cluster: client_find */
};

/* The options and what they point to must outlive the instance. */
struct plugin_instance autopath_plugin_instance(const struct autopath_options *options);
