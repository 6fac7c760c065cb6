/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * HTTP requests to one server, many at a time on one connection where it speaks HTTP/2,
 * driven by an event base. The only door to libcurl, which is loaded when the first
 * client is made: a server that reads manifests does not pay for it. One thread.
 */

struct event_base;
struct fetch_client;
struct fetch;

/* A file's path or its content; both NULL: none. */
struct fetch_secret {
	const char *path;
	const char *data;
	size_t length;
};

/* Where to and how; all borrowed for the client's life. */
struct fetch_server {
	const char *url;         /* http or https, host, port, perhaps a path */
	const char *server_name; /* in its certificate; NULL: the host of `url` */
	const char *proxy;       /* NULL: what the environment says */
	bool is_insecure;        /* takes any certificate */
	struct fetch_secret ca;  /* none: the system's */
	struct fetch_secret certificate, key;
};

enum { FETCH_BUCKETS = 12, FETCH_CODES = 24 };

/* Nothing but counters of 64 bits. */
struct fetch_counters {
	uint64_t requests[FETCH_CODES];    /* by fetch_code_index */
	uint64_t durations[FETCH_BUCKETS]; /* until the reply's head; not cumulative */
	uint64_t duration_ns;
};

/* Upper bounds of the buckets but the last one, in seconds. */
extern const double fetch_bounds[FETCH_BUCKETS - 1];
/* "200", "<error>" where there was no reply, "other"; index below FETCH_CODES. */
const char *fetch_code_text(unsigned index);

struct fetch_request {
	const char *path; /* begins with '/' */
	const char *accept;
	const char *authorization; /* NULL: none */
	bool may_be_gzip;
	bool is_fresh;      /* on a connection of its own, as the old one is doubted */
	int64_t silence_ms; /* without a byte for so long it has failed */
};

struct fetch_result {
	int status;             /* 0: no reply */
	const char *problem;    /* NULL: the reply came whole */
	bool was_silent;        /* silence_ms have passed */
	bool is_untrusted;      /* no certificate, or the wrong one, on either side */
	int64_t retry_after_ms; /* 0: not given */
};

/* Called from the event loop. None may cancel or start a request, but `done` and
 * `settled`. */
struct fetch_events {
	void *context;
	void (*head)(void *context, int status); /* may be NULL */
	/* What it returns other than ERR_NONE ends the request with a problem. */
	enum err (*body)(void *context, const char *bytes, size_t length);
	/* The request is freed afterwards. */
	void (*done)(void *context, const struct fetch_result *result);
};

struct fetch_client_options {
	struct fetch_server server;
	/* Everything that had arrived was handed over; may be NULL. */
	void (*settled)(void *context);
	void *context;
};

/* ERR_NOMEM; ERR_NOTFOUND: *problem says why there is no libcurl. */
enum err fetch_client_new(const struct fetch_client_options *options,
	struct event_base *base, struct fetch_client **out,
	const char **problem) MUST_CHECK;
/* Who we are, from the next connection on; borrowed until the next call. */
void fetch_client_identify(struct fetch_client *client,
	const struct fetch_secret *certificate, const struct fetch_secret *key);

/* Ends its requests without a word. */
void fetch_client_free(struct fetch_client *client);

/* Goes on with another base. ERR_NOMEM: must be freed. */
enum err fetch_client_move(
	struct fetch_client *client, struct event_base *base) MUST_CHECK;

/* Host and port of the server, cut at `size`. */
void fetch_client_host(const struct fetch_client *client, char *out, size_t size);

/* How many requests have no head of a reply yet. */
unsigned fetch_client_pending(const struct fetch_client *client);
const struct fetch_counters *fetch_client_counters(const struct fetch_client *client);

/* ERR_NOMEM. */
enum err fetch_start(struct fetch_client *client, const struct fetch_request *request,
	const struct fetch_events *events, struct fetch **out) MUST_CHECK;
/* From now on; also while its body arrives. */
void fetch_set_silence(struct fetch *fetch, int64_t silence_ms);
/* Without `done`. NULL is fine. */
void fetch_cancel(struct fetch *fetch);
