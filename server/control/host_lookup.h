/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "server/base/err.h"
#include "server/base/ipaddr.h"

/*
 * The addresses of a host name, for servers that are named rather than given by address.
 * A name is absolute: no search list makes another one of it. Waits for the replies.
 * Control thread only.
 */

enum { HOST_ADDRESSES_MAX = 32, HOST_PROBLEM_SIZE = 128 };

struct host_addresses {
	struct ipaddr items[HOST_ADDRESSES_MAX]; /* IPv4 first */
	size_t count;
	bool has_more; /* than there is room for */
};

/*
 * Asks these servers one after the other until one knows the name; none: what the
 * machine's own programs would ask, /etc/hosts and the servers of /etc/resolv.conf.
 * ERR_NOMEM; ERR_NOTFOUND: `problem`, of HOST_PROBLEM_SIZE, says why there is none.
 */
enum err host_lookup(const char *name, const struct sockaddr_storage *servers,
	size_t count, struct host_addresses *out, char *problem) MUST_CHECK;

/* Labels of letters, digits, hyphens and underscores, the last one no number. */
bool host_name_is_valid(const char *text);
