/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/queue.h>

#include "server/control/http.h"

/* What the files of the HTTP server share. */

struct event;
struct event_base;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evconnlistener;

/* One address and its pages. But for `fd` the HTTP thread's. */
struct http_listener {
	SLIST_ENTRY(http_listener) link;
	struct http *http;
	int fd;       /* the server's once that has taken it */
	bool is_used; /* while pages are exchanged: one of the new ones has it */
	struct evhttp *server;
	struct evhttp_bound_socket *bound;
	struct evconnlistener *acceptor; /* the server's */
	struct event *end;               /* frees the listener when it is retired */
	/* Our own request to it. */
	struct evhttp_connection *watcher;
	struct http_watch *watch; /* where the request under way is counted; else NULL */
	int64_t asked_ns;
	bool has_failed; /* the last one */
};

SLIST_HEAD(http_listeners, http_listener);

/* --- http_socket.c --- */

/* The listening socket of a page. `may_overlap`: one of our own sockets has the port, at
 * an address that includes this one or is included in it. ERR_IO with `problems`. */
enum err http_socket_open(const struct http_page *page, bool may_overlap, int *out,
	struct diag_list *problems) MUST_CHECK;

/* --- http_watch.c, on the HTTP thread --- */

/* Asks the listener for `path`, unless an earlier request is still under way. */
void http_watch_ask(struct http_listener *listener, const struct http_page *page,
	struct event_base *base);
