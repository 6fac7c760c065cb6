/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/http.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/control/http_internal.h"
#include "server/net/socket.h"

#define TYPE_TEXT "text/plain; charset=utf-8"

enum {
	HEADER_BYTES = 8192,
	BODY_BYTES = 4096, /* read over: no page takes one */
	IDLE_S = 10,       /* for a request to come in, and for its reply to be taken */
};

struct http_pages {
	struct http_page *items;
	struct http_listener **owners; /* of each page */
	size_t count;
};

struct http {
	struct event_base *base;
	struct event *wake_event, *tick;
	int wake_fd; /* an eventfd: readable when there is something to do */
	pthread_t thread;
	bool is_running;
	/* What the control thread has the HTTP thread do, while it waits for that: then
	 * both may look at everything here. NULL: end. */
	void (*task)(struct http *http);
	enum err task_err;
	sem_t task_done;
	struct http_listeners listeners; /* of `pages` */
	struct http_pages pages;
	struct http_listeners fresh; /* of `next` alone */
	struct http_pages next;
	struct http_listeners retired; /* which end what has come in */
};

/* --- replies --- */

static bool page_has(const struct http_page *page, const char *path)
{
	return page->has_subpages ? strncmp(page->path, path, strlen(page->path)) == 0
				  : strcmp(page->path, path) == 0;
}

static const struct http_page *http_find_page(
	const struct http_listener *listener, const char *path)
{
	const struct http_pages *pages = &listener->http->pages;
	for (size_t i = 0; path && i < pages->count; i++)
		if (pages->owners[i] == listener && page_has(&pages->items[i], path))
			return &pages->items[i];
	return NULL;
}

static const char *http_reason(unsigned status)
{
	switch (status) {
	case HTTP_OK:
		return "OK";
	case HTTP_BADREQUEST:
		return "Bad Request";
	case HTTP_ENTITYTOOLARGE:
		return "Content Too Large";
	case HTTP_NOTFOUND:
		return "Not Found";
	case HTTP_BADMETHOD:
		return "Method Not Allowed";
	default:
		return "Service Unavailable";
	}
}

/* The caller's headers, if any, stand already. */
static void http_send(struct evhttp_request *request, const struct http_reply *reply,
	const char *body, size_t length)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *buffer = evhttp_request_get_output_buffer(request);
	bool is_head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
	char size[24];
	snprintf(size, sizeof(size), "%zu", length);
	if (evhttp_add_header(headers, "Content-Type", reply->type) ||
		evhttp_add_header(headers, "Content-Length", size) ||
		(!is_head && evbuffer_add(buffer, body, length))) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	evhttp_send_reply(request, (int)reply->status, http_reason(reply->status), NULL);
}

static void http_refuse(struct evhttp_request *request, unsigned status)
{
	const struct http_reply reply = {.status = status, .type = TYPE_TEXT};
	const char *reason = http_reason(status);
	http_send(request, &reply, reason, strlen(reason));
}

/* A header for each line, but for the last one where that was cut. */
static bool http_add_notes(struct evhttp_request *request, char *notes)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char *end;
	for (; (end = strchr(notes, '\n')); notes = end + 1) {
		*end = '\0';
		if (evhttp_add_header(headers, "Waymark-Note", notes))
			return false;
	}
	return !*notes || !evhttp_add_header(headers, "Waymark-Note", "...");
}

static void http_send_page(struct evhttp_request *request, const struct http_page *page)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *query = evhttp_uri_get_query(uri);
	char *body = NULL;
	size_t length = 0;
	struct http_reply reply = {
		.status = HTTP_OK,
		.type = TYPE_TEXT,
		.body = open_memstream(&body, &length),
		.rest = evhttp_uri_get_path(uri) + strlen(page->path),
		.query = query ? query : "",
	};
	bool is_whole = reply.body != NULL;
	if (is_whole) {
		page->answer(page->context, &reply);
		/* Only memory can have been missing. */
		is_whole = !ferror(reply.body);
		is_whole &= fclose(reply.body) == 0;
		is_whole = is_whole && http_add_notes(request, reply.notes);
	}
	if (is_whole)
		http_send(request, &reply, body, length);
	else
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	free(body);
}

static void http_on_request(struct evhttp_request *request, void *context)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const struct http_page *page =
		http_find_page(context, uri ? evhttp_uri_get_path(uri) : NULL);
	enum evhttp_cmd_type command = evhttp_request_get_command(request);
	if (!page) {
		http_refuse(request, HTTP_NOTFOUND);
		return;
	}
	if (command != EVHTTP_REQ_GET && command != EVHTTP_REQ_HEAD) {
		evhttp_add_header(
			evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
		http_refuse(request, HTTP_BADMETHOD);
		return;
	}
	http_send_page(request, page);
}

/* --- accepting --- */

/* Out of descriptors or kernel memory: the connection stays in the queue, where it would
 * wake us again at once. http_on_tick tries again. */
static void http_on_accept_error(struct evconnlistener *acceptor, void *context)
{
	(void)context; /* libevent's own */
	evconnlistener_disable(acceptor);
}

static void http_listener_free(struct http_listener *listener)
{
	if (listener->end)
		event_free(listener->end);
	if (listener->watcher)
		evhttp_connection_free(listener->watcher);
	if (listener->server)
		evhttp_free(listener->server);
	/* The server closes what it has taken. */
	if (!listener->bound)
		close(listener->fd);
	free(listener);
}

static void http_listeners_free(struct http_listeners *listeners)
{
	while (!SLIST_EMPTY(listeners)) {
		struct http_listener *listener = SLIST_FIRST(listeners);
		SLIST_REMOVE_HEAD(listeners, link);
		http_listener_free(listener);
	}
}

static void http_on_end(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct http_listener *listener = context;
	SLIST_REMOVE(&listener->http->retired, listener, http_listener, link);
	http_listener_free(listener);
}

/* Nobody is accepted until http_commit. */
static enum err http_listener_init(struct http_listener *listener)
{
	struct event_base *base = listener->http->base;
	listener->end = evtimer_new(base, http_on_end, listener);
	listener->server = evhttp_new(base);
	if (!listener->end || !listener->server)
		return ERR_NOMEM;
	listener->bound =
		evhttp_accept_socket_with_handle(listener->server, listener->fd);
	if (!listener->bound)
		return ERR_NOMEM;
	listener->acceptor = evhttp_bound_socket_get_listener(listener->bound);
	evconnlistener_disable(listener->acceptor);
	evconnlistener_set_error_cb(listener->acceptor, http_on_accept_error);
	evhttp_set_gencb(listener->server, http_on_request, listener);
	/* All, so that they get here and are refused with 405. */
	evhttp_set_allowed_methods(listener->server, (ev_uint16_t)~0u);
	evhttp_set_max_headers_size(listener->server, HEADER_BYTES);
	evhttp_set_max_body_size(listener->server, BODY_BYTES);
	evhttp_set_timeout(listener->server, IDLE_S);
	return ERR_NONE;
}

/* --- the thread --- */

static void http_on_wake(evutil_socket_t fd, short events, void *context)
{
	(void)events;
	struct http *http = context;
	uint64_t count;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	if (!http->task) {
		event_base_loopbreak(http->base);
		return;
	}
	http->task(http);
	sem_post(&http->task_done);
}

static void http_wake(struct http *http)
{
	/* It can only fail where it is readable already. */
	const uint64_t one = 1;
	ssize_t written = write(http->wake_fd, &one, sizeof(one));
	(void)written;
}

/* Has the HTTP thread do something and waits for it. */
static void http_do(struct http *http, void (*task)(struct http *http))
{
	http->task = task;
	if (!http->is_running) {
		task(http);
		return;
	}
	http_wake(http);
	while (sem_wait(&http->task_done))
		;
}

/* Each second. */
static void http_on_tick(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct http *http = context;
	struct http_listener *listener;
	for (listener = SLIST_FIRST(&http->listeners); listener;
		listener = SLIST_NEXT(listener, link))
		evconnlistener_enable(listener->acceptor);
	for (size_t i = 0; i < http->pages.count; i++) {
		const struct http_page *page = &http->pages.items[i];
		struct http_listener *owner = http->pages.owners[i];
		if (page->watch && http_find_page(owner, page->path) == page)
			http_watch_ask(owner, page, http->base);
	}
}

static void *http_main(void *context)
{
	struct http *http = context;
	pthread_setname_np(pthread_self(), "http");
	if (event_base_dispatch(http->base))
		log_error("the event loop of the HTTP thread failed");
	return NULL;
}

static enum err http_run(struct http *http, struct diag_list *problems)
{
	sigset_t all, before;
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&http->thread, NULL, http_main, http);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	http->is_running = !failure;
	if (!failure)
		return ERR_NONE;
	diag_add(problems, SEVERITY_ERROR, NULL, 0, 0, "cannot start the HTTP thread: %s",
		strerror(failure));
	return ERR_IO;
}

/* --- the exchange of the pages --- */

static void http_pages_free(struct http_pages *pages)
{
	free(pages->items);
	free(pages->owners);
	*pages = (struct http_pages){0};
}

static bool page_shares_address(const struct http_page *a, const struct http_page *b)
{
	return a->is_any == b->is_any &&
	       memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

/* Of a page of the list, up to `count`, that has the same address. NULL: none. */
static struct http_listener *find_owner(
	const struct http_pages *pages, size_t count, const struct http_page *page)
{
	for (size_t i = 0; i < count; i++)
		if (page_shares_address(&pages->items[i], page))
			return pages->owners[i];
	return NULL;
}

/* Does a socket of ours have the page's port? Then at another address. */
static bool port_is_ours(const struct http *http, const struct http_page *page)
{
	for (size_t i = 0; i < http->pages.count; i++)
		if (socket_port(&page->address) &&
			socket_port(&http->pages.items[i].address) ==
				socket_port(&page->address))
			return true;
	return false;
}

/* The listener of page `index`: that of an earlier page with its address, that of a page
 * until now, or a new one. */
static enum err http_listen(struct http *http, size_t index, struct diag_list *problems)
{
	struct http_pages *next = &http->next;
	const struct http_page *page = &next->items[index];
	struct http_listener *listener = find_owner(next, index, page);
	if (!listener)
		listener = find_owner(&http->pages, http->pages.count, page);
	next->owners[index] = listener;
	if (listener)
		return ERR_NONE;
	int fd;
	enum err err = http_socket_open(page, port_is_ours(http, page), &fd, problems);
	if (err)
		return err;
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		close(fd);
		return ERR_NOMEM;
	}
	listener->http = http;
	listener->fd = fd;
	SLIST_INSERT_HEAD(&http->fresh, listener, link);
	next->owners[index] = listener;
	return ERR_NONE;
}

/* Each address that fails is named, not only the first. */
static enum err http_listen_all(struct http *http, struct diag_list *problems)
{
	enum err result = ERR_NONE;
	for (size_t i = 0; i < http->next.count; i++) {
		enum err err = http_listen(http, i, problems);
		if (err == ERR_NOMEM)
			return err;
		if (err)
			result = err;
	}
	return result;
}

static void task_prepare(struct http *http)
{
	struct http_listener *listener;
	http->task_err = ERR_NONE;
	for (listener = SLIST_FIRST(&http->fresh); listener;
		listener = SLIST_NEXT(listener, link)) {
		http->task_err = http_listener_init(listener);
		if (http->task_err)
			return;
	}
}

enum err http_prepare(struct http *http, const struct http_page *pages, size_t count,
	struct diag_list *problems)
{
	http->next = (struct http_pages){
		.items = calloc(count + 1, sizeof(*pages)),
		.owners = calloc(count + 1, sizeof(struct http_listener *)),
	};
	enum err err = http->next.items && http->next.owners ? ERR_NONE : ERR_NOMEM;
	if (!err && count) {
		memcpy(http->next.items, pages, count * sizeof(*pages));
		http->next.count = count;
		err = http_listen_all(http, problems);
	}
	if (!err && count && !http->is_running)
		err = http_run(http, problems);
	if (!err) {
		http_do(http, task_prepare);
		err = http->task_err;
	}
	if (err)
		http_cancel(http);
	return err;
}

static void task_cancel(struct http *http)
{
	http_listeners_free(&http->fresh);
}

void http_cancel(struct http *http)
{
	http_do(http, task_cancel);
	http_pages_free(&http->next);
}

/* "listening on http://..." for each page of `pages` that `others` do not have. */
static void log_pages(
	const struct http_pages *pages, const struct http_pages *others, const char *what)
{
	for (size_t i = 0; i < pages->count; i++) {
		const struct http_listener *owner = pages->owners[i];
		const char *path = pages->items[i].path;
		bool is_known = false;
		for (size_t j = 0; j < others->count; j++)
			is_known |= others->owners[j] == owner &&
				    strcmp(others->items[j].path, path) == 0;
		for (size_t j = 0; j < i; j++)
			is_known |= pages->owners[j] == owner &&
				    strcmp(pages->items[j].path, path) == 0;
		if (is_known)
			continue;
		struct sockaddr_storage address = {0};
		socklen_t length = sizeof(address);
		char text[SOCKET_TEXT_SIZE];
		getsockname(owner->fd, (struct sockaddr *)&address, &length);
		log_info("%s on http://%s%s", what, socket_format(&address, text), path);
	}
}

/* No new connections; those there are have the time that a request may take. */
static void http_retire(struct http_listener *listener)
{
	static const struct timeval wait = {IDLE_S, 0};
	evhttp_del_accept_socket(listener->server, listener->bound);
	listener->acceptor = NULL;
	if (event_add(listener->end, &wait))
		http_listener_free(listener);
	else
		SLIST_INSERT_HEAD(&listener->http->retired, listener, link);
}

static void sort_listeners(struct http *http)
{
	struct http_listeners kept = SLIST_HEAD_INITIALIZER(kept);
	struct http_listeners *from[] = {&http->listeners, &http->fresh};
	struct http_listener *listener;
	for (unsigned i = 0; i < 2; i++) {
		for (listener = SLIST_FIRST(from[i]); listener;
			listener = SLIST_NEXT(listener, link))
			listener->is_used = false;
	}
	for (size_t i = 0; i < http->next.count; i++)
		http->next.owners[i]->is_used = true;
	for (unsigned i = 0; i < 2; i++) {
		while ((listener = SLIST_FIRST(from[i]))) {
			SLIST_REMOVE_HEAD(from[i], link);
			if (listener->is_used)
				SLIST_INSERT_HEAD(&kept, listener, link);
			else
				http_retire(listener);
		}
	}
	http->listeners = kept;
}

static void task_commit(struct http *http)
{
	struct http_listener *listener;
	for (listener = SLIST_FIRST(&http->fresh); listener;
		listener = SLIST_NEXT(listener, link))
		evconnlistener_enable(listener->acceptor);
	log_pages(&http->pages, &http->next, "no longer listening");
	log_pages(&http->next, &http->pages, "listening");
	sort_listeners(http);
	http_pages_free(&http->pages);
	http->pages = http->next;
	http->next = (struct http_pages){0};
}

void http_commit(struct http *http)
{
	http_do(http, task_commit);
}

/* --- life --- */

struct http *http_new(void)
{
	static const struct timeval second = {1, 0};
	struct http *http = calloc(1, sizeof(*http));
	if (!http)
		return NULL;
	SLIST_INIT(&http->listeners);
	SLIST_INIT(&http->fresh);
	SLIST_INIT(&http->retired);
	sem_init(&http->task_done, 0, 0);
	http->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	http->base = event_base_new();
	if (http->wake_fd >= 0 && http->base) {
		http->wake_event = event_new(http->base, http->wake_fd,
			EV_READ | EV_PERSIST, http_on_wake, http);
		http->tick = event_new(http->base, -1, EV_PERSIST, http_on_tick, http);
	}
	if (http->wake_event && http->tick && !event_add(http->wake_event, NULL) &&
		!event_add(http->tick, &second))
		return http;
	http_free(http);
	return NULL;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (http->is_running) {
		http->task = NULL;
		http_wake(http);
		pthread_join(http->thread, NULL);
	}
	http_listeners_free(&http->fresh);
	http_listeners_free(&http->listeners);
	http_listeners_free(&http->retired);
	http_pages_free(&http->next);
	http_pages_free(&http->pages);
	if (http->wake_event)
		event_free(http->wake_event);
	if (http->tick)
		event_free(http->tick);
	if (http->base)
		event_base_free(http->base);
	if (http->wake_fd >= 0)
		close(http->wake_fd);
	sem_destroy(&http->task_done);
	free(http);
}
