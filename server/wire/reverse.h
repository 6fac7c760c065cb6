/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/ipaddr.h"
#include "server/wire/dname.h"

/* Reverse names: in-addr.arpa (RFC 1035 3.5) and ip6.arpa (RFC 3596 2.5). */

/* 10.0.0.1 -> 1.0.0.10.in-addr.arpa., in lower case. */
void reverse_name(const struct ipaddr *address, struct dname *out);

/* Is the lower-case name in-addr.arpa, ip6.arpa or below one of them? */
bool reverse_is_below(const struct dname *name);
