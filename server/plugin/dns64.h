/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/ipaddr.h"
#include "server/query/plugin.h"

/* The dns64 plugin (RFC 6147): a name that has no IPv6 address gets those that a NAT64
 * makes of its IPv4 addresses. */

struct dns64_options {
	struct ipprefix prefix; /* IPv6; 32, 40, 48, 56, 64 or 96 bits (RFC 6052 2.2) */
	bool translates_all;    /* also names that have IPv6 addresses */
	bool allows_ipv4;       /* also for clients that ask over IPv4 */
};

/* 192.0.2.1 under the prefix (RFC 6052 2.2); `ipv4` has 4 octets, `out` takes 16. */
void dns64_translate(const struct ipprefix *prefix, const uint8_t *ipv4, uint8_t *out);

/* The options must outlive the instance. */
struct plugin_instance dns64_plugin_instance(const struct dns64_options *options);
