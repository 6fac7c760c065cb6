/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/event.h>
#include <event2/http.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/ipaddr.h"
#include "server/base/log.h"
#include "server/control/http_internal.h"
#include "server/net/socket.h"

enum { PATIENCE_S = 3, SLOW_NS = 1000000000 };

static void watch_count(struct http_watch *watch, int64_t duration_ns)
{
	unsigned bucket = 0;
	for (int64_t bound = HTTP_WATCH_DURATION0_NS;
		bucket < HTTP_WATCH_DURATIONS - 1 && duration_ns > bound; bound *= 10)
		bucket++;
	watch->durations[bucket]++;
	watch->duration_ns += (uint64_t)duration_ns;
}

/* Said once, until it succeeds again. */
static void watch_fail(struct http_listener *listener, struct http_watch *watch)
{
	watch->failures++;
	if (!listener->has_failed)
		log_warn("our own request to the page /health failed");
	listener->has_failed = true;
}

/* `request` NULL: nothing came in time. */
static void watch_on_reply(struct evhttp_request *request, void *context)
{
	struct http_listener *listener = context;
	struct http_watch *watch = listener->watch;
	int64_t duration_ns = clock_now_ns() - listener->asked_ns;
	listener->watch = NULL;
	watch_count(watch, duration_ns);
	if (!request || evhttp_request_get_response_code(request) != HTTP_OK) {
		watch_fail(listener, watch);
		return;
	}
	listener->has_failed = false;
	if (duration_ns > SLOW_NS)
		log_warn("our own request to the page /health took %.1f s",
			(double)duration_ns / 1e9);
}

/* Where the listener is asked: a wildcard address through the loopback. */
static struct evhttp_connection *watch_connect(
	const struct http_listener *listener, struct event_base *base)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	char text[IPADDR_TEXT_SIZE];
	if (getsockname(listener->fd, (struct sockaddr *)&address, &length))
		return NULL;
	struct ipaddr ip = ipaddr_from_sockaddr((struct sockaddr *)&address);
	const char *host = ip.length == 4 ? "127.0.0.1" : "::1";
	if (!socket_is_wildcard(&address))
		host = ipaddr_format(&ip, text);
	struct evhttp_connection *connection =
		evhttp_connection_base_new(base, NULL, host, socket_port(&address));
	if (connection)
		evhttp_connection_set_timeout(connection, PATIENCE_S);
	return connection;
}

void http_watch_ask(struct http_listener *listener, const struct http_page *page,
	struct event_base *base)
{
	if (listener->watch)
		return;
	listener->watch = page->watch;
	listener->asked_ns = clock_now_ns();
	if (!listener->watcher)
		listener->watcher = watch_connect(listener, base);
	struct evhttp_request *request =
		listener->watcher ? evhttp_request_new(watch_on_reply, listener) : NULL;
	/* What evhttp_make_request does not take it has freed. */
	if (!request ||
		evhttp_add_header(evhttp_request_get_output_headers(request), "Host",
			"localhost") ||
		evhttp_make_request(
			listener->watcher, request, EVHTTP_REQ_GET, page->path)) {
		listener->watch = NULL;
		watch_fail(listener, page->watch);
	}
}
