/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/query.h"

/*
 * The end of a CNAME that leads out of what a plugin has: the target is asked for through
 * the whole server, and its records follow. The rcode is that of the last name (RFC 6604
 * 3): NXDOMAIN stays, a failure is SERVFAIL. Where the server has nobody for the target
 * the reply stays as it is. Worker threads, in a read section.
 */

/* `query` has the CNAME in its reply, its target in full or compressed at `place`.
 * Returns what the plugin is to return: REPLY, or SUSPEND, then it has moved the query.
 */
enum verdict target_follow(struct query *query, size_t place);
