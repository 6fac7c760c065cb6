/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* The servers of a resolv.conf(5). Any thread. */

struct ipaddr;

/* That of the next line "nameserver ADDRESS"; a zone index is read over, as it means
 * nothing in another network namespace. False: there is none. */
bool resolv_conf_next(FILE *file, struct ipaddr *out);
