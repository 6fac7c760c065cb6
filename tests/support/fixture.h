/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"
#include "server/query/query.h"
#include "tests/support/packet.h"
#include "zones/store/store_write.h"

/*
 * A store, a router with one server block, and queries that go through them as a worker
 * would send them. Each reply is read by ldns before anyone looks at it. Everything that
 * has to hold for any query is asserted here; one thread.
 */

struct router;

enum { FIXTURE_TTL_S = 5, FIXTURE_BUFFER = 65535, FIXTURE_TEXT = 1 << 20 };

struct fixture {
	struct hash_key key;
	struct store *store;
	struct answer_builder *builder;
	struct targets_builder *targets;
	struct router *router;
	struct server_block block;
	struct query_counters counters;
	struct packet packet; /* the request */
	struct query query;
	uint8_t *buffer; /* the reply */
	size_t length;
	char *text; /* of the last reply */
};

/* The zones by name, all of them led to the block; the store is synced and empty. */
void fixture_init(struct fixture *fixture, const char *const *zones, unsigned count);
void fixture_deinit(struct fixture *fixture); /* frees the plugins, too */

struct dname fixture_name(const char *text);

/* The owner's records from now on: lines of "TYPE RDATA"; spelled lower-case. */
void fixture_put(struct fixture *fixture, const char *owner, const char *records);

/* The plugin at the end of the chain; the fixture frees it. */
void fixture_add_plugin(struct fixture *fixture, struct plugin_instance plugin);

/* One that answers REFUSED, so that a query that is passed on is seen. */
void fixture_add_next(struct fixture *fixture);

/* Sends the packet as it is. VERDICT_DROP: also when query_begin said so. After
 * VERDICT_REPLY the reply has been judged. */
enum verdict fixture_send(struct fixture *fixture, enum transport transport);

/* One question with RD, without EDNS when `udp_size` is 0; its reply as text:
 *
 *	NOERROR aa tc
 *	web.default.svc.cluster.local. 5 IN A 10.0.0.1
 *	authority: cluster.local. 5 IN SOA ... SERIAL ...
 *	additional: ...
 *
 * Valid until the next question. */
const char *fixture_ask(struct fixture *fixture, enum transport transport,
	const char *name, uint16_t type, uint16_t udp_size);
