/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/env_page.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#include "server/control/env_writer.h"

enum {
	BAD_REQUEST = 400,
	NOT_FOUND = 404,
	TOO_LARGE = 413,
	UNAVAILABLE = 503,
	PATTERNS_MAX = 64,
};

#define TYPE_JSON   "application/json"
#define TYPE_OCTETS "application/octet-stream"

/* A query on its way into options. */
struct env_query {
	struct env_options options;
	const char *patterns[PATTERNS_MAX]; /* the pairs' */
};

static void refuse(struct http_reply *reply, unsigned status, const char *text)
{
	reply->status = status;
	fprintf(reply->body, "%s\n", text);
}

static bool read_switch(const char *value, bool *out)
{
	*out = strcmp(value, "on") == 0;
	return *out || strcmp(value, "off") == 0;
}

static bool read_max_bytes(const char *value, size_t *out)
{
	size_t length = strspn(value, "0123456789");
	*out = length && length < 10 && !value[length] ? strtoul(value, NULL, 10) : 0;
	return *out >= ENV_MAX_BYTES_LEAST;
}

/* False: it is none that we know, or it has a wrong value. */
static bool read_pair(struct env_query *query, const char *key, const char *value)
{
	struct env_options *options = &query->options;
	bool is_on = false, is_good = false;
	if (strcmp(key, "format") == 0) {
		is_good = env_format_parse(value, &options->format);
	} else if (strcmp(key, "service_links") == 0) {
		is_good = read_switch(value, &is_on);
		options->choice.without_links = !is_on;
	} else if (strcmp(key, "truncate") == 0) {
		is_good = read_switch(value, &options->may_truncate);
	} else if (strcmp(key, "max_bytes") == 0) {
		is_good = read_max_bytes(value, &options->max_bytes);
	} else if (strcmp(key, "service") == 0) {
		is_good = options->choice.pattern_count < PATTERNS_MAX;
		if (is_good)
			query->patterns[options->choice.pattern_count++] = value;
	}
	return is_good;
}

static bool read_query(struct env_query *query, const struct evkeyvalq *pairs)
{
	query->options.choice.patterns = query->patterns;
	for (const struct evkeyval *pair = pairs->tqh_first; pair;
		pair = pair->next.tqe_next)
		if (!read_pair(query, pair->key, pair->value))
			return false;
	return true;
}

static void send_rendering(struct http_reply *reply, const struct env_options *options,
	const struct env_rendering *rendering)
{
	snprintf(reply->notes, sizeof(reply->notes), "%s", rendering->notes);
	if (rendering->is_too_large) {
		reply->status = TOO_LARGE;
		fputs(rendering->notes, reply->body);
		return;
	}
	if (options->format == ENV_JSON)
		reply->type = TYPE_JSON;
	else if (options->format == ENV_NUL)
		reply->type = TYPE_OCTETS;
	fwrite(rendering->text, 1, rendering->length, reply->body);
}

static void send_namespace(struct http_reply *reply, struct env_writer *writer,
	const struct evkeyvalq *pairs)
{
	struct env_query query = {.options = *env_writer_render(writer)};
	struct env_rendering rendering;
	if (!read_query(&query, pairs)) {
		refuse(reply, BAD_REQUEST,
			"the query takes format, service, service_links=on|off, "
			"truncate=on|off and max_bytes");
		return;
	}
	struct env_view *view = env_writer_view(writer, reply->rest);
	if (!view)
		refuse(reply, NOT_FOUND, "there is no such namespace");
	else if (env_render(view, &query.options, &rendering))
		refuse(reply, UNAVAILABLE, "out of memory");
	else {
		send_rendering(reply, &query.options, &rendering);
		env_rendering_deinit(&rendering);
	}
	env_view_unref(view);
}

static void list_namespace(void *context, const char *ns)
{
	fprintf(context, "%s\n", ns);
}

void page_env(void *context, struct http_reply *reply)
{
	struct env_writer *writer = context;
	struct evkeyvalq pairs = {0};
	if (!env_writer_is_settled(writer))
		refuse(reply, UNAVAILABLE, "the services are not known yet");
	else if (!*reply->rest)
		env_writer_each(writer, list_namespace, reply->body);
	else if (evhttp_parse_query_str(reply->query, &pairs))
		refuse(reply, BAD_REQUEST, "that is no query");
	else {
		send_namespace(reply, writer, &pairs);
		evhttp_clear_headers(&pairs);
	}
}
