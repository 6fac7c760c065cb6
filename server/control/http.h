/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>

#include "server/base/diag.h"

/*
 * A small HTTP server on a thread of its own, so that whoever watches this process is
 * answered whatever the workers and the control thread have to do. GET and HEAD only.
 * Started and stopped by the control thread.
 */

struct http;

/* What a page says; `body` is a stream that the page writes to. */
struct http_reply {
	unsigned status;  /* 200 unless the page sets another one */
	const char *type; /* text/plain unless the page sets another one */
	FILE *body;
};

typedef void (*http_answer)(void *context, struct http_reply *reply);

/* A page at one address. Those of one address share a listener; of two with the same
 * path the first counts. */
struct http_page {
	struct sockaddr_storage address; /* port 0: the kernel chooses */
	bool is_any; /* all addresses of both families; `address` has the port only */
	const char *path;
	http_answer answer; /* called on the HTTP thread */
	void *context;
	const char *file; /* where the configuration asked for it, for errors */
	unsigned line, column;
};

/*
 * Opens all sockets, says in the log where the pages are, and starts the thread. On
 * failure nothing is left open and `problems` names each address and the reason.
 * `pages` are copied; what they point to outlives the server. ERR_NOMEM, ERR_IO.
 */
enum err http_start(const struct http_page *pages, size_t count, struct http **out,
	struct diag_list *problems) MUST_CHECK;

/* Ends the thread, closes everything, frees; NULL is fine. */
void http_stop(struct http *http);
