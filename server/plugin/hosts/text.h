/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/plugin/hosts/table.h"

/* The text of a hosts file, hosts(5): an address and the names that have it on a line,
 * '#' begins a comment. Control thread. */

/* An address; a zone index ("fe80::1%eth0") is read over, an IPv4-mapped IPv6 address is
 * the IPv4 address. ERR_SYNTAX. */
enum err hosts_parse_address(const char *text, struct ipaddr *out) MUST_CHECK;

/* A name, absolute and in lower case. ERR_SYNTAX, ERR_RANGE. */
enum err hosts_parse_name(const char *text, struct dname *out) MUST_CHECK;

struct hosts_text {
	const char *file; /* as the user named it, for problems */
	const char *text;
	size_t length;
	const struct dname *zones; /* names in none of them are passed over */
	size_t zone_count;
};

/* Adds what the text says; a line that is wrong is left out, with a warning where it
 * stands. ERR_NOMEM. */
enum err hosts_text_read(const struct hosts_text *text, struct hosts_builder *builder,
	struct diag_list *problems) MUST_CHECK;

bool hosts_is_within(
	const struct dname *name, const struct dname *zones, size_t zone_count);
