/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/*
 * Inside forward: the questions under way on one socket or connection, found by the id
 * that each has there.
 */

struct inquiry;
struct random_pool;
struct upstream;

enum { EXCHANGE_BUCKETS = 16 };

/* A question to one upstream. */
struct attempt {
	LIST_ENTRY(attempt) link;
	struct exchange *exchange; /* NULL: it is not under way */
	struct inquiry *inquiry;
	struct upstream *upstream;
	int64_t sent_ns;
	uint16_t id;
	bool has_edns; /* an OPT was sent along */
};

LIST_HEAD(attempt_list, attempt);

struct exchange {
	unsigned count;
	struct attempt_list buckets[EXCHANGE_BUCKETS];
};

/* Gives the attempt an id that nobody can guess and none other has here. The exchange
 * must not hold more than EXCHANGE_MAX. */
enum { EXCHANGE_MAX = 4096 };
void exchange_add(
	struct exchange *exchange, struct attempt *attempt, struct random_pool *random);
void exchange_remove(struct attempt *attempt);

/* NULL: none. */
struct attempt *exchange_find(const struct exchange *exchange, uint16_t id);

/* Any of them; NULL: there is none. */
struct attempt *exchange_first(const struct exchange *exchange);
