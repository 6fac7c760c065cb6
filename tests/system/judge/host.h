/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "server/base/err.h"

/*
 * The server under test: the binary of $WAYMARK, on a folder of its own, in a network
 * namespace whose only addresses are 127.0.0.1 and those of the suite. The calling
 * process moves into that namespace with it.
 */

struct suite_setup;

enum { HOST_PORT = 5353 };

struct host {
	char folder[256];
	pid_t pid; /* 0: not running */
};

/* ERR_NOTFOUND: this machine lets nobody make network namespaces. */
enum err host_net_check(void) MUST_CHECK;

/* Returns when the server is ready (listens, if the setup is never synced). */
enum err host_start(
	struct host *host, const struct suite_setup *setup, FILE *out) MUST_CHECK;

/* Ends the server with SIGTERM and removes the folder; *status as of waitpid(2). */
enum err host_stop(struct host *host, int *status) MUST_CHECK;

/* The server's log, each line behind "# ". */
void host_log_print(const struct host *host);
