/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* The directive cache_bytes, which speaks for the caches of all server blocks. Control
 * thread only. */

struct cache_pool;

enum { CACHE_BYTES = 64 << 20, CACHE_BYTES_MIN = 1 << 20 };

/* The memory of all caches of the Corefile, one reference: that of the server before it
 * where the limit is the same (`previous` may be NULL). *out is NULL where there is no
 * cache. The last cache_bytes counts. ERR_NOMEM. */
enum err stanza_make_cache_pool(const struct corefile *corefile,
	struct cache_pool *previous, struct cache_pool **out) MUST_CHECK;
