/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include "server/base/err.h"

/*
 * Listening sockets: one UDP and one TCP for the same address and port, non-blocking,
 * shared between the workers with SO_REUSEPORT. Opened by the control thread.
 */

enum {
	SOCKET_TEXT_SIZE = 64, /* "[address]:port" and its NUL */
	SOCKET_REASON_SIZE = 128,
};

struct socket_pair {
	int udp, tcp; /* -1: none */
};

/*
 * Opens both sockets on `address`. Port 0 becomes the port that the kernel chose.
 * `is_first`: nobody else may have the port, not even a process of the same user that
 * uses SO_REUSEPORT too. ERR_IO: errno says why, *failed which ("udp" or "tcp"), and
 * nothing is left open.
 */
enum err socket_pair_open(struct sockaddr_storage *address, bool is_first,
	unsigned udp_receive_bytes, struct socket_pair *out,
	const char **failed) MUST_CHECK;

bool socket_is_wildcard(const struct sockaddr_storage *address);
in_port_t socket_port(const struct sockaddr_storage *address); /* host byte order */
socklen_t socket_address_length(const struct sockaddr *address);

/* "127.0.0.1:53" or "[::1]:53" into `out`, of SOCKET_TEXT_SIZE bytes; returns it. */
const char *socket_format(const struct sockaddr_storage *address, char *out);

/* Why an address cannot be listened on, for a person: of errno, in lower case; `out` has
 * SOCKET_REASON_SIZE bytes and may hold it. */
const char *socket_reason(int error, char *out);
