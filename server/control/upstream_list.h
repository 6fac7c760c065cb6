/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/plugin/forward/forward.h"

/* The servers that a stanza names to be asked: addresses, and files in the manner of
 * resolv.conf. Control thread only. */

struct upstream_list {
	struct forward_upstream items[FORWARD_UPSTREAMS_MAX];
	size_t count;
	struct arena *arena; /* of the names of servers */
};

/* Reads "[dns://]ADDRESS[:PORT]", "tls://ADDRESS[%NAME][:PORT]" or a path; what is wrong goes to `problems`. False: it
 * was neither, or there are too many, or the file cannot be read. */
bool upstream_list_add(struct upstream_list *list, const struct corefile_word *word,
	struct diag_list *problems);
