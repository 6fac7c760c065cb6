/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * A program that says who we are: client.authentication.k8s.io. It runs beside the event
 * loop, with its credentials on standard output; what it has to tell its user goes to
 * ours. One thread.
 */

struct event_base;
struct exec;
struct fetch_server;

/* As a kubeconfig has it. */
struct exec_program {
	const char *command;            /* NULL: none */
	const char *const *arguments;   /* ended by NULL; without the command */
	const char *const *environment; /* NAME=VALUE, ended by NULL */
	const char *version;            /* apiVersion */
	bool wants_cluster;             /* provideClusterInfo */
};

/* Strings that are absent are "". */
struct exec_credentials {
	const char *token;
	const char *certificate, *key; /* PEM */
	int64_t expires_ms;            /* Unix time; 0: never */
};

enum { EXEC_OUTPUT_MAX = 1 << 20, EXEC_TIMEOUT_MS = 60000 };

/* `credentials` are borrowed for the call, NULL where there is a problem. The run is
 * freed afterwards. */
typedef void (*exec_done)(
	void *context, const struct exec_credentials *credentials, const char *problem);

/* ERR_NOMEM; ERR_IO: there is no such program. */
enum err exec_start(const struct exec_program *program, const struct fetch_server *server,
	struct event_base *base, exec_done done, void *context,
	struct exec **out) MUST_CHECK;

/* Without `done`. NULL is fine. */
void exec_cancel(struct exec *exec);
