/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "server/base/diag.h"
#include "server/query/query.h"

/*
 * The workers: one thread each with an event loop, and for each listening address a
 * SO_REUSEPORT UDP socket and a TCP listener of its own. Started and stopped by the
 * control thread.
 */

struct router;
struct workers;

struct net_listener {
	struct sockaddr_storage
		address; /* port 0: the kernel chooses, the same for all workers */
	const struct router *router; /* outlives the workers, or what workers_reload says
				      */
	const char *file; /* where the configuration asked for it, for errors */
	unsigned line, column;
};

struct net_limits {
	unsigned tcp_connections;            /* per worker */
	unsigned tcp_connections_per_client; /* address, per worker */
	unsigned tcp_in_flight;        /* queries of one connection not yet answered */
	unsigned tcp_idle_timeout_ms;  /* no query under way (RFC 7766 6.2.3) */
	unsigned tcp_read_timeout_ms;  /* the rest of a begun message */
	unsigned tcp_write_timeout_ms; /* a reader that takes nothing is cut off */
	unsigned udp_receive_bytes;    /* asked of the kernel for each UDP socket */
	unsigned drain_timeout_ms;     /* for replies under way when the workers stop */
};

/* 1,000 connections, 100 per client, 100 in flight, 10 s idle, 5 s read and write,
 * 4 MiB, 1 s to drain. */
extern const struct net_limits net_limits_default;

/* Sums over all workers, and what belongs to sockets. */
struct net_counters {
	struct query_counters query;
	uint64_t udp_kernel_drops; /* datagrams that found the receive buffer full */
	uint64_t udp_send_errors;
	uint64_t tcp_accepted;
	uint64_t tcp_refused;  /* over a limit, and nothing idle to close instead */
	uint64_t tcp_timeouts; /* idle (also to make room), or a slow writer or reader */
	uint64_t
		tcp_protocol_errors; /* a length below 12, a message that gets no reply */
};

/*
 * Opens all sockets, then starts `count` threads. On failure nothing is left open and
 * `problems` names the address and the reason: a taken port, no permission (ports below
 * 1024 need CAP_NET_BIND_SERVICE), an address the machine does not have. ERR_NOMEM,
 * ERR_IO.
 */
enum err workers_start(unsigned count, const struct net_listener *listeners,
	size_t listener_count, const struct net_limits *limits, struct workers **out,
	struct diag_list *problems) MUST_CHECK;

/*
 * The workers listen on these from now on. Sockets whose address stays are kept, with
 * what they have received, and only ask another router; new addresses are opened before
 * anything else changes, those that are gone answer what they have received and are
 * closed. The routers from before are free after a grace period, those of addresses that
 * stay as well as the others. On failure everything is as it was, and `problems` says
 * why: the new routers, too, are free after a grace period. ERR_NOMEM, ERR_IO.
 */
enum err workers_reload(struct workers *workers, const struct net_listener *listeners,
	size_t count, struct diag_list *problems) MUST_CHECK;

/* What plugins of a configuration keep on the workers leaves them; nothing of it is
 * suspended any more (query_worker_evict). */
void workers_evict(struct workers *workers, const void *configuration);

/* Replies to what was received, closes the sockets, joins the threads, frees. Queries
 * still suspended after the time for draining are dropped by the plugins that hold them.
 */
void workers_stop(struct workers *workers);

/* The address that listener `index` is bound to, with the port the kernel chose. Any
 * thread. */
void workers_address(
	const struct workers *workers, size_t index, struct sockaddr_storage *out);

/* Any thread; waits for a reload under way. */
void workers_counters(const struct workers *workers, struct net_counters *out);
