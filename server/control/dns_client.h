/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/wire/dname.h"
#include "server/wire/edns.h"
#include "server/wire/message.h"

/* One question to one server, whose reply is waited for. Control thread only. */

struct sockaddr_storage;

enum {
	DNS_REQUEST_MAX = DNS_HEADER_SIZE + DNAME_MAX + 4 + EDNS_OPT_SIZE,
	DNS_REPLY_MAX = 65535,
};

/* "ADDRESS", "ADDRESS:PORT" or "[ADDRESS]:PORT"; port 53 unless given. ERR_SYNTAX. */
enum err dns_client_parse_server(
	const char *text, struct sockaddr_storage *out) MUST_CHECK;

/* A question with RD and EDNS into DNS_REQUEST_MAX octets; returns its length. */
size_t dns_client_write_request(
	const struct dname *name, uint16_t type, uint16_t id, uint8_t *out);

/* Over UDP, `tries` times for 2 seconds each, then over TCP where the reply was
 * truncated. Returns the octets of `reply`, of DNS_REPLY_MAX; 0: none, errno says why. */
size_t dns_client_ask(const struct sockaddr_storage *address, const struct dname *name,
	uint16_t type, unsigned tries, uint8_t *reply);
