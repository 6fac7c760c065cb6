/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "server/base/err.h"

/*
 * Inside forward: the client's side of TLS 1.2 and above over a socket that does not
 * block. The server must have a certificate for the name that it was asked for, or for
 * its address where it has no name.
 */

struct sockaddr_storage;
struct tls_context;
struct tls_session;

/* What a server gave us to be recognised by the next time; NULL: nothing yet. One for
 * each upstream and worker. */
struct tls_memory {
	void *ticket;
};

/* Paths; NULL: no certificate of our own, the system's authorities. */
struct tls_options {
	const char *certificate, *key, *authorities;
};

enum { TLS_PROBLEM_SIZE = 160 };

/* Control thread. ERR_NOMEM; ERR_INVALID: `problem`, of TLS_PROBLEM_SIZE, says what is
 * wrong with the files. */
enum err tls_context_new(const struct tls_options *options, struct tls_context **out,
	char *problem) MUST_CHECK;
void tls_context_free(struct tls_context *context);

void tls_forget(struct tls_memory *memory);

/* `name` NULL: the certificate must be for the address. `memory` must outlive it. NULL:
 * no memory. */
struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *name,
	const struct sockaddr_storage *address, struct tls_memory *memory);
void tls_session_free(struct tls_session *session);

enum tls_progress { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_FAILED };

enum tls_progress tls_handshake(struct tls_session *session);

/* Why it failed, into `problem` of TLS_PROBLEM_SIZE; returns it. */
const char *tls_problem(struct tls_session *session, char *problem);

/* As recv(2) and send(2) on a socket that does not block: below 0 with EAGAIN, or another
 * errno when it is broken; reading returns 0 at the end. */
ssize_t tls_read(struct tls_session *session, void *out, size_t size);
ssize_t tls_write(struct tls_session *session, const void *bytes, size_t length);
