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

enum { HTTP_NOTES_SIZE = 4096 };

/* What a page says; `body` is a stream that the page writes to. */
struct http_reply {
	unsigned status;  /* 200 unless the page sets another one */
	const char *type; /* text/plain unless the page sets another one */
	FILE *body;
	/* What was asked: the path behind the page's, "" without has_subpages, and the
	 * query, "" without one. */
	const char *rest, *query;
	/* What the client is told beside the page, lines that become headers
	 * Waymark-Note; what does not fit is cut. */
	char notes[HTTP_NOTES_SIZE];
};

/*
 * Where a page is watched, the thread asks for it itself once a second, through the
 * kernel like any other client, and counts how long that took and how often nothing
 * came. The HTTP thread's.
 */
enum {
	HTTP_WATCH_DURATIONS = 6, /* 0.25 ms * 10^n, the last is +Inf */
	HTTP_WATCH_DURATION0_NS = 250000,
};

struct http_watch {
	uint64_t durations[HTTP_WATCH_DURATIONS]; /* not cumulative */
	uint64_t duration_ns;
	uint64_t failures;
};

typedef void (*http_answer)(void *context, struct http_reply *reply);

/* A page at one address. Those of one address share a listener; of two with the same
 * path the first counts. */
struct http_page {
	struct sockaddr_storage address; /* port 0: the kernel chooses */
	bool is_any; /* all addresses of both families; `address` has the port only */
	const char *path;
	bool has_subpages;  /* the path is how those of its pages begin */
	http_answer answer; /* called on the HTTP thread */
	void *context;
	struct http_watch *watch; /* NULL: nobody watches the page */
	const char *file;         /* where the configuration asked for it, for errors */
	unsigned line, column;
};

/* Without a page and without a thread. NULL: no memory. */
struct http *http_new(void);

/* Ends the thread, closes everything, frees; NULL is fine. */
void http_free(struct http *http);

/*
 * Opens the sockets of addresses that are not listened on yet; what is answered stays as
 * it is. The first page starts the thread. On failure nothing has changed and `problems`
 * names each address and the reason. `pages` are copied; what they point to outlives
 * them. Then one of the two below. ERR_NOMEM, ERR_IO.
 */
enum err http_prepare(struct http *http, const struct http_page *pages, size_t count,
	struct diag_list *problems) MUST_CHECK;

/* The prepared pages are the pages from now on. Addresses that none of them has are
 * closed; requests that have come in are still answered. Says in the log what is new. */
void http_commit(struct http *http);

/* Closes what http_prepare opened. */
void http_cancel(struct http *http);
