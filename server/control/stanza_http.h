/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/control/http.h"

/* The directives health, ready and prometheus: their options' tables and how they are
 * read. Control thread only. */

extern const struct directive_row health_options[], ready_options[];

void stanza_check_http(
	const struct corefile_directive *directive, struct diag_list *problems);

/* The address of a checked directive, `standard` without one, and its place. */
void stanza_read_http(const struct corefile_directive *directive, const char *standard,
	struct http_page *out);

/* How long `health` has the server go on after SIGTERM; 0: not at all. */
int64_t stanza_read_lameduck_ms(const struct corefile_directive *health);

/* Whether `ready` goes on to ask a plugin that was ready once. */
bool stanza_reads_continuously(const struct corefile_directive *ready);
