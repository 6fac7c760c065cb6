/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The chaos plugin: version.bind, version.server, hostname.bind, id.server and
 * authors.bind in class CH, type TXT. Everything else in that class is REFUSED. */

enum { CHAOS_TEXT_MAX = 255 }; /* one character-string (RFC 1035 3.3) */

struct chaos_options {
	const char *version; /* none of the texts is longer than CHAOS_TEXT_MAX */
	const char *hostname;
	const char *const *authors;
	size_t author_count;
};

/* For server_block.chaos. The options must outlive the instance. */
struct plugin_instance chaos_plugin_instance(const struct chaos_options *options);
