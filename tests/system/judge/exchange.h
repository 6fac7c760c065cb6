/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/err.h"

/*
 * A question asked over the network byte by byte, so that what the reply must repeat is
 * known. The wire format is read by ldns, never by code of the server.
 */

struct compare_reply;
struct suite_case;

/* One way to put a question. */
struct exchange_way {
	const char *text;
	bool is_tcp;
	bool has_edns;
	bool has_rd, has_cd, has_do;
	bool has_option; /* an option that nobody knows is in the OPT (RFC 6891 6.1.2) */
};

/*
 * Asks the case's question at `server` (IPv4 text) and reads the reply into `reply`,
 * which the caller has initialised. ERR_IO: no reply came, or no connection. ERR_INVALID:
 * the header, question or OPT of the reply is wrong. Each problem is a line on `out`.
 */
enum err exchange_ask(const struct suite_case *question, const struct exchange_way *way,
	const char *server, uint16_t port, struct compare_reply *reply,
	FILE *out) MUST_CHECK;
