/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/http_get.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HTTP_PORT = 80,
	WAIT_S = 10,
	HEADERS_MAX = 65536,
	BODY_MAX = 64 << 20,
	HOST_SIZE = 256,
	TARGET_SIZE = 8192,
};

struct getting {
	struct event_base *base;
	struct http_page_got got;
	enum err err;
};

/* --- the reply --- */

static enum err take_notes(struct evhttp_request *request, struct http_page_got *got)
{
	size_t length;
	FILE *out = open_memstream(&got->notes, &length);
	if (!out)
		return ERR_NOMEM;
	const struct evkeyval *header;
	struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	for (header = headers->tqh_first; header; header = header->next.tqe_next)
		if (strcasecmp(header->key, "Waymark-Note") == 0)
			fprintf(out, "%s\n", header->value);
	bool has_failed = ferror(out);
	return fclose(out) || has_failed ? ERR_NOMEM : ERR_NONE;
}

static enum err take_body(struct evhttp_request *request, struct http_page_got *got)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	got->length = evbuffer_get_length(body);
	got->body = malloc(got->length + 1);
	if (!got->body)
		return ERR_NOMEM;
	ev_ssize_t length = evbuffer_copyout(body, got->body, got->length);
	got->body[got->length] = '\0';
	return length == (ev_ssize_t)got->length ? ERR_NONE : ERR_IO;
}

/* NULL, or without a status: the connection failed. */
static void on_reply(struct evhttp_request *request, void *context)
{
	struct getting *getting = context;
	int status = request ? evhttp_request_get_response_code(request) : 0;
	getting->err = ERR_IO;
	if (status > 0) {
		getting->got.status = (unsigned)status;
		getting->err = take_notes(request, &getting->got);
		if (!getting->err)
			getting->err = take_body(request, &getting->got);
	}
	event_base_loopbreak(getting->base);
}

/* --- the request --- */

/* The host without the brackets of an IPv6 address. False: too long, or none. */
static bool read_host(const struct evhttp_uri *uri, char *out)
{
	const char *host = evhttp_uri_get_host(uri);
	const char *scheme = evhttp_uri_get_scheme(uri);
	if (!host || !*host || !scheme || strcasecmp(scheme, "http") != 0 ||
		evhttp_uri_get_query(uri) || evhttp_uri_get_fragment(uri) ||
		evhttp_uri_get_userinfo(uri))
		return false;
	size_t length = strlen(host);
	if (host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length >= HOST_SIZE)
		return false;
	memcpy(out, host, length);
	out[length] = '\0';
	return true;
}

static enum err send_request(struct evhttp_connection *connection, const char *host,
	const char *target, struct getting *getting)
{
	evhttp_connection_set_timeout(connection, WAIT_S);
	evhttp_connection_set_max_headers_size(connection, HEADERS_MAX);
	evhttp_connection_set_max_body_size(connection, BODY_MAX);
	struct evhttp_request *request = evhttp_request_new(on_reply, getting);
	if (!request)
		return ERR_NOMEM;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	if (evhttp_add_header(headers, "Host", host) ||
		evhttp_add_header(headers, "Connection", "close")) {
		evhttp_request_free(request);
		return ERR_NOMEM;
	}
	/* The request is the connection's, also where this fails. */
	if (evhttp_make_request(connection, request, EVHTTP_REQ_GET, target))
		return ERR_IO;
	event_base_dispatch(getting->base);
	return getting->err;
}

static enum err get_from(
	const struct evhttp_uri *uri, const char *target, struct getting *getting)
{
	char host[HOST_SIZE], whole[TARGET_SIZE];
	if (!read_host(uri, host))
		return ERR_SYNTAX;
	const char *path = evhttp_uri_get_path(uri);
	int port = evhttp_uri_get_port(uri);
	size_t length = path ? strlen(path) : 0;
	if (length && path[length - 1] == '/')
		length--;
	if ((size_t)snprintf(whole, sizeof(whole), "%.*s%s", (int)length,
		    path ? path : "", target) >= sizeof(whole))
		return ERR_SYNTAX;
	getting->base = event_base_new();
	if (!getting->base)
		return ERR_NOMEM;
	struct evhttp_connection *connection = evhttp_connection_base_new(
		getting->base, NULL, host, (unsigned short)(port > 0 ? port : HTTP_PORT));
	enum err err = ERR_NOMEM;
	if (connection) {
		err = send_request(connection, evhttp_uri_get_host(uri), whole, getting);
		evhttp_connection_free(connection);
	}
	event_base_free(getting->base);
	return err;
}

enum err http_get(const char *url, const char *target, struct http_page_got *out)
{
	struct getting getting = {.err = ERR_IO};
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	if (!uri)
		return ERR_SYNTAX;
	enum err err = get_from(uri, target, &getting);
	evhttp_uri_free(uri);
	if (err)
		http_page_got_deinit(&getting.got);
	else
		*out = getting.got;
	return err;
}

void http_page_got_deinit(struct http_page_got *got)
{
	free(got->body);
	free(got->notes);
}
