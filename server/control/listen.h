/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>

#include "server/base/ipaddr.h"
#include "server/config/directive.h"

/* Which addresses a server block listens on and calls its own. Control thread only. */

struct listen_list {
	struct arena *arena;
	struct ipaddr *addresses;
	const struct corefile_word **words; /* what asked for each; NULL: the default */
	size_t count, capacity;
};

/* The addresses of the block's `bind` directives, interfaces resolved; without one, the
 * wildcard addresses of the families that this machine has. ERR_NOMEM, ERR_IO;
 * ERR_INVALID with `problems`: no such interface. */
enum err listen_addresses(const struct corefile_block *block, struct listen_list *out,
	struct diag_list *problems) MUST_CHECK;

/*
 * The addresses that the server answers for ns.dns: the bound ones where `bind` is
 * given, else those of the interfaces; loopback ones only where there is no other.
 * IPv6 link-local addresses are nothing without a zone index and left out. ERR_NOMEM,
 * ERR_IO.
 */
enum err listen_own_addresses(
	const struct listen_list *listened, struct listen_list *out) MUST_CHECK;
