/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/dname.h"

/*
 * What a zone is written as: "example.org", "dns://example.org:5353", "10.0.0.0/17:53".
 * Pure functions. `problem` takes a text without allocation that says what was expected;
 * it is set whenever a function fails.
 */

struct zonekey {
	char zone[DNAME_TEXT_SIZE]; /* a name or an address prefix */
	bool has_port;
	uint16_t port;
};

/* ERR_SYNTAX */
enum err zonekey_split(
	const char *text, struct zonekey *out, const char **problem) MUST_CHECK;

/* Calls `each` for the zone, in lower case, or for all that a prefix stands for: those
 * of the next longer octet (IPv4) or nibble (IPv6), host bits cleared. ERR_SYNTAX, then
 * `each` was not called. */
enum err zonekey_zones(const char *zone,
	void (*each)(void *context, const struct dname *zone), void *context,
	const char **problem) MUST_CHECK;
