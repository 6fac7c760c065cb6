/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/control/dns_client.h"
#include "server/control/server.h"

struct plugin_instance;

/* Asking one question, of a server that was built here or of one that runs. Both wait
 * for the reply. Control thread only. */

enum { ASK_REPLY_SIZE = DNS_REPLY_MAX };

/* Why there is no reply; NULL: `length` octets of `reply` are one. */
struct ask_result {
	const char *problem;
	size_t length;
	uint8_t *reply; /* the caller's, ASK_REPLY_SIZE octets */
	/* The plugin that would ask others and wait for them; NULL: none. As long as the
	 * server. */
	const struct plugin_instance *asker;
};

/* The chain of the block that the name reaches; the server has been loaded. */
void ask_chain(const struct server *server, const struct dname *name, uint16_t type,
	struct ask_result *result);

/* Over UDP, three times, then over TCP where the reply was truncated. */
void ask_server(const struct sockaddr_storage *address, const struct dname *name,
	uint16_t type, struct ask_result *result);
