/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/plugin/forward/forward.h"

/* The servers that a stanza names to be asked: addresses, host names, and files in the
 * manner of resolv.conf. Control thread only. */

/* Whom to ask for the addresses of host names; none: as the machine's own programs do. */
struct upstream_resolvers {
	const struct sockaddr_storage *servers;
	size_t count;
};

struct upstream_list {
	struct forward_upstream items[FORWARD_UPSTREAMS_MAX];
	size_t count;
	size_t named;        /* addresses and host names as they were written */
	struct arena *arena; /* of the names of servers */
	/* NULL: host names are not looked up, each is an item without an address. */
	const struct upstream_resolvers *resolvers;
};

/* Reads "[dns://]HOST[:PORT]", "tls://HOST[%NAME][:PORT]" or a path, HOST being an
 * address or a host name; what is wrong goes to `problems`. False: it was none of these,
 * or there are too many, the file cannot be read, the name not be looked up. */
bool upstream_list_add(struct upstream_list *list, const struct corefile_word *word,
	struct diag_list *problems);
