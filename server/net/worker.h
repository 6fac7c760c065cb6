/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/err.h"
#include "server/net/socket.h"
#include "server/net/workers.h"

/*
 * One worker: a thread, its event loop and its sockets. All functions are the control
 * thread's.
 */

struct binding;
struct worker;

/* Without sockets, not yet running. `limits` are copied. NULL: no memory, or no
 * descriptor left; errno says which. */
struct worker *worker_new(unsigned number, const struct net_limits *limits);

/* Stops first when it runs. */
void worker_free(struct worker *worker);

/* Before the start: takes both sockets over, also on failure. ERR_NOMEM. */
enum err worker_give_sockets(struct worker *worker, const struct socket_pair *sockets,
	struct binding *binding) MUST_CHECK;

/* ERR_IO: no thread could be made, errno says why. */
enum err worker_start(struct worker *worker) MUST_CHECK;

/*
 * The same while it runs, and the reverse: what was received for `binding` is answered,
 * then its sockets close. Both only ask the thread; worker_wait returns when it has done
 * it, before anything else is asked. ERR_NOMEM; ERR_IO: the thread has ended, the sockets
 * are closed.
 */
void worker_post_open(struct worker *worker, const struct socket_pair *sockets,
	struct binding *binding);
void worker_post_close(struct worker *worker, struct binding *binding);
enum err worker_wait(struct worker *worker) MUST_CHECK;

/* The same for what plugins of a configuration keep on this worker (query_worker_evict).
 */
void worker_post_evict(struct worker *worker, const void *configuration);

/* Asks the thread to drain and end; worker_join waits until it has. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);

/* Adds the worker's counters to `sum`. */
void worker_add_counters(const struct worker *worker, struct net_counters *sum);
