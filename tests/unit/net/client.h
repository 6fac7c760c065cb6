/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/workers.h"

/* Workers to be tested, and clients for them. What must not happen fails the test. */

enum { CLIENT_MESSAGE_MAX = 65535 };

/* The socket address of "127.0.0.1" or "::1". */
struct sockaddr_storage client_address(const char *text, in_port_t port);

/* `count` workers on one ephemeral port of `text`; *address is where they listen. */
struct workers *client_workers(unsigned count, const char *text,
	const struct net_limits *limits, struct sockaddr_storage *address);

struct net_counters client_counters(const struct workers *workers);

/* Connected sockets. */
int client_udp(const struct sockaddr_storage *address);
int client_tcp(const struct sockaddr_storage *address);

/* A message whose question is `label`, a single one; returns its length. */
size_t client_query(uint8_t *out, uint16_t id, const char *label);

/* The same in one UDP datagram, or behind its length on a TCP connection. */
void client_send_udp(int fd, uint16_t id, const char *label);
void client_send_tcp(int fd, uint16_t id, const char *label);

/* The id of the next reply, which must come. */
uint16_t client_expect_udp(int fd);
uint16_t client_expect_tcp(int fd);

/* The connection ends, by a close or a reset, before any further octet. */
void client_expect_end(int fd);

/* Sends a query of its own and takes its reply: what was sent before is through, and
 * nothing else has come back. */
void client_expect_silence(int fd);
