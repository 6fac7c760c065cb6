/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/control/http_socket.h"
#include "server/net/socket.h"

#define TYPE_TEXT "text/plain; charset=utf-8"

enum {
	HEADER_BYTES = 8192,
	BODY_BYTES = 4096, /* read over: no page takes one */
	IDLE_S = 10,       /* for a request to come in, and for its reply to be taken */
	BACK_OFF_MS = 100,
};

/* One address and its pages. */
struct http_listener {
	SLIST_ENTRY(http_listener) link;
	struct http *http;
	struct evhttp *server;
	struct evconnlistener *acceptor; /* the server's */
};

SLIST_HEAD(http_listeners, http_listener);

struct http {
	struct event_base *base;
	struct event *stop_event;
	int stop_fd; /* an eventfd: readable when the thread is to end */
	struct http_listeners listeners;
	struct http_page *pages;
	struct http_listener **owners; /* of each page */
	size_t page_count;
	pthread_t thread;
	bool is_running;
};

/* --- replies --- */

static const struct http_page *http_find_page(
	const struct http_listener *listener, const char *path)
{
	const struct http *http = listener->http;
	for (size_t i = 0; path && i < http->page_count; i++)
		if (http->owners[i] == listener && strcmp(http->pages[i].path, path) == 0)
			return &http->pages[i];
	return NULL;
}

static const char *http_reason(unsigned status)
{
	switch (status) {
	case HTTP_OK:
		return "OK";
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

static void http_send_page(struct evhttp_request *request, const struct http_page *page)
{
	char *body = NULL;
	size_t length = 0;
	struct http_reply reply = {
		.status = HTTP_OK,
		.type = TYPE_TEXT,
		.body = open_memstream(&body, &length),
	};
	bool is_whole = reply.body != NULL;
	if (is_whole) {
		page->answer(page->context, &reply);
		/* Only memory can have been missing. */
		is_whole = !ferror(reply.body);
		is_whole &= fclose(reply.body) == 0;
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

static void http_on_back_off(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	evconnlistener_enable(context);
}

/* Out of descriptors or kernel memory: the connection stays in the queue, where it would
 * wake us again at once. */
static void http_on_accept_error(struct evconnlistener *acceptor, void *context)
{
	(void)context; /* libevent's own */
	const struct timeval wait = {0, BACK_OFF_MS * 1000};
	if (!event_base_once(evconnlistener_get_base(acceptor), -1, EV_TIMEOUT,
		    http_on_back_off, acceptor, &wait))
		evconnlistener_disable(acceptor);
}

static void http_listener_free(struct http_listener *listener)
{
	if (listener->server)
		evhttp_free(listener->server);
	free(listener);
}

static enum err http_listener_init(struct http_listener *listener, int fd)
{
	listener->server = evhttp_new(listener->http->base);
	if (!listener->server)
		return ERR_NOMEM;
	struct evhttp_bound_socket *bound =
		evhttp_accept_socket_with_handle(listener->server, fd);
	if (!bound)
		return ERR_NOMEM;
	listener->acceptor = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(listener->acceptor, http_on_accept_error);
	evhttp_set_gencb(listener->server, http_on_request, listener);
	/* All, so that they get here and are refused with 405. */
	evhttp_set_allowed_methods(listener->server, (ev_uint16_t)~0u);
	evhttp_set_max_headers_size(listener->server, HEADER_BYTES);
	evhttp_set_max_body_size(listener->server, BODY_BYTES);
	evhttp_set_timeout(listener->server, IDLE_S);
	return ERR_NONE;
}

static bool page_shares_address(const struct http_page *a, const struct http_page *b)
{
	return a->is_any == b->is_any &&
	       memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

/* The listener of page `index`: that of an earlier page with its address, or a new one.
 */
static enum err http_listen(struct http *http, size_t index, struct diag_list *problems)
{
	const struct http_page *page = &http->pages[index];
	for (size_t i = 0; i < index; i++) {
		if (page_shares_address(&http->pages[i], page)) {
			http->owners[index] = http->owners[i];
			return ERR_NONE;
		}
	}
	int fd;
	enum err err = http_socket_open(page, &fd, problems);
	if (err)
		return err;
	struct http_listener *listener = calloc(1, sizeof(*listener));
	if (!listener) {
		close(fd);
		return ERR_NOMEM;
	}
	listener->http = http;
	SLIST_INSERT_HEAD(&http->listeners, listener, link);
	http->owners[index] = listener;
	err = http_listener_init(listener, fd);
	if (err && !listener->acceptor)
		close(fd);
	return err;
}

/* Each address that fails is named, not only the first. */
static enum err http_listen_all(struct http *http, struct diag_list *problems)
{
	enum err result = ERR_NONE;
	for (size_t i = 0; i < http->page_count; i++) {
		enum err err = http_listen(http, i, problems);
		if (err == ERR_NOMEM)
			return err;
		if (err)
			result = err;
	}
	return result;
}

static void http_log_pages(const struct http *http)
{
	for (size_t i = 0; i < http->page_count; i++) {
		const struct http_listener *owner = http->owners[i];
		if (http_find_page(owner, http->pages[i].path) != &http->pages[i])
			continue;
		struct sockaddr_storage address = {0};
		socklen_t length = sizeof(address);
		char text[SOCKET_TEXT_SIZE];
		getsockname(evconnlistener_get_fd(owner->acceptor),
			(struct sockaddr *)&address, &length);
		log_info("listening on http://%s%s", socket_format(&address, text),
			http->pages[i].path);
	}
}

/* --- the thread --- */

static void http_on_stop(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	event_base_loopbreak(context);
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

static enum err http_prepare(
	struct http *http, const struct http_page *pages, size_t count)
{
	SLIST_INIT(&http->listeners);
	http->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	http->base = event_base_new();
	http->pages = calloc(count, sizeof(*pages));
	http->owners = calloc(count, sizeof(struct http_listener *));
	if (http->stop_fd < 0 || !http->base || !http->pages || !http->owners)
		return ERR_NOMEM;
	memcpy(http->pages, pages, count * sizeof(*pages));
	http->page_count = count;
	http->stop_event =
		event_new(http->base, http->stop_fd, EV_READ, http_on_stop, http->base);
	if (!http->stop_event || event_add(http->stop_event, NULL))
		return ERR_NOMEM;
	return ERR_NONE;
}

enum err http_start(const struct http_page *pages, size_t count, struct http **out,
	struct diag_list *problems)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http)
		return ERR_NOMEM;
	enum err err = http_prepare(http, pages, count);
	if (!err)
		err = http_listen_all(http, problems);
	if (!err) {
		http_log_pages(http);
		err = http_run(http, problems);
	}
	if (err) {
		http_stop(http);
		return err;
	}
	*out = http;
	return ERR_NONE;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	if (http->is_running) {
		eventfd_write(http->stop_fd, 1);
		pthread_join(http->thread, NULL);
	}
	while (!SLIST_EMPTY(&http->listeners)) {
		struct http_listener *listener = SLIST_FIRST(&http->listeners);
		SLIST_REMOVE_HEAD(&http->listeners, link);
		http_listener_free(listener);
	}
	if (http->stop_event)
		event_free(http->stop_event);
	if (http->base)
		event_base_free(http->base);
	if (http->stop_fd >= 0)
		close(http->stop_fd);
	free(http->pages);
	free(http->owners);
	free(http);
}
