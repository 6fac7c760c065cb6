/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"

/* One page of another HTTP server, for commands: waits for it. Any thread, without TLS.
 */

struct http_page_got {
	unsigned status;
	char *body; /* with a NUL behind it */
	size_t length;
	char *notes; /* the values of headers Waymark-Note, a line each */
};

/* `url` is "http://HOST[:PORT][/PATH]", `target` what comes behind it, such as
 * "/env/shop?format=sh". ERR_SYNTAX: no such URL; ERR_IO: nothing came within ten
 * seconds, or it was cut off or too large; ERR_NOMEM. */
enum err http_get(
	const char *url, const char *target, struct http_page_got *out) MUST_CHECK;
void http_page_got_deinit(struct http_page_got *got);
