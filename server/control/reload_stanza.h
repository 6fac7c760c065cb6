/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* The `reload` stanza. Control thread only. */

struct reload_options {
	int64_t interval_ms; /* 0: only when a signal asks for it */
	int64_t jitter_ms;   /* the interval differs by up to half of it, either way */
};

/* For the directive table: what the types of arguments do not state. */
void reload_stanza_check(
	const struct corefile_directive *directive, struct diag_list *problems);

/* Of a checked stanza; NULL: there is none. ERR_SYNTAX, ERR_RANGE. */
enum err reload_stanza_read(const struct corefile_directive *directive,
	struct reload_options *out) MUST_CHECK;
