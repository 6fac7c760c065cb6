/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/cache/cache.h"
#include "server/query/query.h"
#include "server/query/worker_host.h"
#include "tests/support/packet.h"

/*
 * A cache and behind it a plugin that replies what a test tells it to, and queries that
 * go through both. The clock is the test's. Replies are read by ldns. One thread.
 */

struct router;

/* What the plugin behind the cache replies; records as in a zone file, a line each. */
struct backend {
	enum dns_rcode rcode;
	const char *answer, *authority, *additional;
	bool is_authentic, is_authoritative, is_truncated, has_left_out;
	bool suspends; /* until rig_resume */
	struct query *suspended;
	unsigned asked; /* how often */
};

struct rig {
	struct router *router;
	struct server_block block;
	struct cache_pool *pool;
	struct backend backend;
	struct query_worker worker;
	struct query_timer *timer; /* that is running; NULL: none */
	struct query_counters counters;
	int64_t now_ns;
	struct packet packet;
	struct query query;
	uint8_t buffer[65535];
	size_t length; /* of the reply; 0: none yet */
	char text[1 << 17];
};

struct rig_question {
	const char *name;
	uint16_t type;
	uint16_t udp_size; /* 0: no OPT */
	bool has_do, has_cd, has_ad, no_rd, by_tcp;
};

/* Heap, the caller's; a pool of `budget` octets, 0: enough. */
struct rig *rig_new(const struct cache_options *options, size_t budget);
void rig_free(struct rig *rig);

/*
 * The reply as text:
 *
 *	NOERROR ra ad tc ede 3
 *	www.example. 300 IN A 192.0.2.1
 *	authority: ...
 *	additional: ...
 *
 * "" while it is suspended. Valid until the next one.
 */
const char *rig_ask_question(struct rig *rig, const struct rig_question *question);
/* With an OPT of 1232 octets, by UDP. */
const char *rig_ask(struct rig *rig, const char *name, uint16_t type);

/* The backend replies to what it has suspended; the reply to the test's own question is
 * then in text, too. */
void rig_resume(struct rig *rig);

/* The timer is due. */
void rig_fire(struct rig *rig);

void rig_wait_s(struct rig *rig, unsigned seconds);
