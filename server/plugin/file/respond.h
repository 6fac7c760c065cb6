/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/file/zone.h"
#include "server/query/query.h"

/*
 * What a zone says to a question (RFC 1034 4.3.2): its records, wildcards (RFC 4592),
 * CNAME and DNAME (RFC 6672), referrals with glue, NODATA and NXDOMAIN. Worker threads,
 * in a read section.
 */

/* Finds the zone that a target is in, as chains of CNAMEs may go from one to another.
 * NULL: none of ours. */
struct zone_finder {
	void *context;
	const struct zone *(*find)(void *context, const struct dname *name);
};

/* NEXT: the name does not exist and `may_pass`. REPLY, or SUSPEND where a target is
 * elsewhere. */
enum verdict zone_respond(struct query *query, const struct zone *zone, bool may_pass,
	const struct zone_finder *finder);
