/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/* IP addresses and prefixes in network byte order. Pure functions, any thread. */

struct sockaddr;
struct sockaddr_storage;

enum { IPADDR_TEXT_SIZE = 46 }; /* INET6_ADDRSTRLEN: the longest text and its NUL */

struct ipaddr {
	uint8_t length; /* 4 or 16 bytes; 0: no address */
	uint8_t bytes[16];
};

struct ipprefix {
	struct ipaddr address; /* host bits are 0 */
	uint8_t bits;
};

/* Dotted quad without leading zeros, or RFC 4291 2.2 text without a zone index. An
 * IPv4-mapped IPv6 text stays IPv6. ERR_SYNTAX. */
enum err ipaddr_parse(const char *text, struct ipaddr *out) MUST_CHECK;

/* The canonical text: RFC 5952 for IPv6. Returns `out`, of IPADDR_TEXT_SIZE bytes. */
const char *ipaddr_format(const struct ipaddr *address, char *out);

/* The same with dashes, as names of pods and endpoints have it: "10.0.0.1" -> "10-0-0-1",
 * "fd00::1" -> "fd00--1". Returns the length. */
unsigned ipaddr_format_dashed(const struct ipaddr *address, char *out);

/* One octet in decimal: up to three digits, no NUL. Returns how many. */
unsigned ipaddr_put_octet(uint8_t octet, char *out);

int ipaddr_compare(const struct ipaddr *a, const struct ipaddr *b);
bool ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b);
bool ipaddr_is_among(
	const struct ipaddr *address, const struct ipaddr *items, size_t count);
bool ipaddr_is_loopback(const struct ipaddr *address);
bool ipaddr_is_unspecified(const struct ipaddr *address);

/* The address of a socket address; length 0 for another family. */
struct ipaddr ipaddr_from_sockaddr(const struct sockaddr *address);
/* Its port; 0 for another family. */
uint16_t ipaddr_port(const struct sockaddr *address);

/* The reverse; `out` is cleared behind it. */
void ipaddr_to_sockaddr(
	const struct ipaddr *address, uint16_t port, struct sockaddr_storage *out);

/* "10.0.0.0/17"; ERR_SYNTAX, or ERR_RANGE for too many bits or set host bits. */
enum err ipprefix_parse(const char *text, struct ipprefix *out) MUST_CHECK;
/* The same, but host bits are cleared, and "10.0.0.1" is the prefix that holds it alone.
 */
enum err ipprefix_parse_host(const char *text, struct ipprefix *out) MUST_CHECK;
bool ipprefix_contains(const struct ipprefix *prefix, const struct ipaddr *address);
