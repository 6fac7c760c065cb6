/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The HTTP side of the bench's API server: who asks for a streaming list gets one, of a
 * file, and then the events that there are. It has no history: a watch from a version on
 * is told 410. HTTP/1.1 without TLS, in chunks of 2,048 bytes as a real server's. */

enum { STREAM_CONNECTIONS = 16, STREAM_RESOURCES = 4, STREAM_REQUEST_MAX = 4096 };

struct stream_resource {
	const char *path, *file, *kind, *version;
	char *text; /* its events, one a line */
	size_t size;
};

struct stream_connection {
	int fd; /* -1: free */
	const struct stream_resource *resource;
	size_t listed; /* bytes of its text that are on their way */
	bool is_following, is_ending;
	char request[STREAM_REQUEST_MAX];
	size_t request_used;
	char *out;
	size_t out_used, out_sent, out_capacity;
};

struct streams {
	int listener;
	uint64_t version;
	int64_t bookmark_ns;
	struct stream_resource resources[STREAM_RESOURCES];
	struct stream_connection connections[STREAM_CONNECTIONS];
};

/* Reads FOLDER/api and listens on 127.0.0.1. On failure it has said why. */
bool streams_open(struct streams *streams, unsigned port, const char *folder);
void streams_close(struct streams *streams);

const struct stream_resource *streams_find(
	const struct streams *streams, const char *file);

/* Serves for as long as nothing of `fd` can be read, until then at most. */
void streams_serve(struct streams *streams, int fd, int64_t until_ns);

/* Watches that have got their whole list and all that came after it. */
unsigned streams_following(const struct streams *streams);

/* Tells an event, of a whole line, to who follows the resource. The bytes are with the
 * kernel on return, unless the client did not read. */
void streams_tell(struct streams *streams, const struct stream_resource *resource,
	const char *event, size_t length);

/* All watches end: their history is gone. */
void streams_expire(struct streams *streams);
