/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The header plugin: sets and clears flags in queries, for the plugins behind it, and in
 * the replies of those. */

struct header_options {
	uint16_t query_set, query_cleared; /* of DNS_FLAG_* */
	uint16_t reply_set, reply_cleared;
};

/* The options must outlive the instance. */
struct plugin_instance header_plugin_instance(const struct header_options *options);
