/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>

#include "server/query/plugin.h"

/*
 * The forward plugin: asks other servers. Each worker has sockets, measurements and
 * questions in flight of its own, made when it first needs them; all that workers share
 * is which upstream is down.
 */

struct forward_series;
struct tls_context;

enum {
	FORWARD_NAMED_MAX = 15,     /* as they are written */
	FORWARD_UPSTREAMS_MAX = 31, /* addresses: a name may have several */
	FORWARD_TEXT_SIZE = 80,
};

enum forward_policy { POLICY_RANDOM, POLICY_ROUND_ROBIN, POLICY_SEQUENTIAL };

struct forward_upstream {
	struct sockaddr_storage address; /* family 0: the host has not been looked up */
	const char *host;                /* whose address it is; NULL: it was given */
	bool is_tls;
	const char *server_name;      /* in its certificate; NULL: the address is */
	char text[FORWARD_TEXT_SIZE]; /* "192.0.2.1:53", the label of its metrics */
};

struct forward_options {
	const struct dname *from; /* lower case, like the others */
	size_t from_count;
	const struct dname *except;
	size_t except_count;
	const struct forward_upstream *upstreams;
	size_t upstream_count;
	struct tls_context *tls; /* taken over; NULL: no upstream needs it */
	enum forward_policy policy;
	uint32_t max_concurrent; /* questions that wait; 0: as many as memory allows */
	unsigned max_attempts;   /* for one question; 0: as time allows */
	bool force_tcp, prefer_udp;
	bool random_case;   /* letters of the question are spelled by chance */
	int64_t expire_ms;  /* connections that are idle for so long are closed */
	int64_t max_age_ms; /* and those that are so old; 0: no limit */
	unsigned max_idle;  /* how many may be idle, of an upstream and worker; 0: any */
	int64_t read_timeout_ms; /* an upstream is no longer waited for */
	uint32_t failover;       /* bit n: after rcode n another upstream is asked, */
	uint32_t next;           /* the next forward of the block */
	bool next_on_nodata;
	unsigned max_fails; /* checks in a row, then it is down; 0: none is made */
	int64_t health_ms;  /* from one check to the next */
	uint16_t health_flags;
	struct dname health_name;
	bool fails_fast;      /* where all are down */
	bool looks_for_loops; /* the plugin loop is there too */
	struct dname loop_zone;
	struct sockaddr_storage source; /* what we ask from; family 0: any */
};

/* What `options` points to must outlive the instance; its TLS context is freed also on
 * failure. ERR_NOMEM. */
enum err forward_new(
	const struct forward_options *options, struct plugin_instance *out) MUST_CHECK;

/* What it was made with; NULL: the instance is not of this plugin. */
const struct forward_options *forward_options_of(const struct plugin_instance *instance);

/* Has it sent this question itself, to find a loop? */
bool forward_sees_probe(const struct plugin_instance *instance, const struct dname *name);

/* Before workers see it: what counts the questions to upstream `index`. Borrowed. */
void forward_set_series(const struct plugin_instance *instance, size_t index,
	struct forward_series *series);

/* Would it ask for this name, in lower case? */
bool forward_takes(const struct forward_options *options, const struct dname *name);
