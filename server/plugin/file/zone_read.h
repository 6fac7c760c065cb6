/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/plugin/file/zone.h"

/* Zone files in the format of RFC 1035 5.1. Control thread. */

/*
 * The zone `origin` (lower-case) as `text` has it, `path` being its name in problems.
 * ERR_INVALID with problems: it is not a zone file, or has no SOA; ERR_NOMEM. Records
 * outside of the zone are left out, with a warning.
 */
enum err zone_read(const struct hash_key *key, const struct dname *origin,
	const char *path, const char *text, size_t length, struct zone **out,
	struct diag_list *problems) MUST_CHECK;
