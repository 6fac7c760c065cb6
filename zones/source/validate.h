/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/ipaddr.h"

/* The API server's rules for names and addresses. Pure functions, any thread. */

/* RFC 1123 label as Kubernetes has it: 1 to 63 of a-z, 0-9, '-', not '-' at an end. */
bool validate_is_label(const char *name);

/* Such labels joined by dots, at most 253 bytes in all. */
bool validate_is_subdomain(const char *name);

/* A subdomain whose labels DNS can carry; one dot may end it (RFC 1035 2.3.4). */
bool validate_is_external_name(const char *name);

/* RFC 6335 5.1 service name: 1 to 15 of a-z, 0-9, '-', at least one letter, no '-' at
 * an end or beside another. */
bool validate_is_port_name(const char *name);

/* ::ffff:0:0/96 (RFC 4291 2.5.5.2). */
bool validate_is_mapped(const struct ipaddr *address);

/* What an endpoint's address must not be: "a loopback address", or NULL when it may. */
const char *validate_special_address(const struct ipaddr *address);
