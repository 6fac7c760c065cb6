/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/exchange.h"

#include <assert.h>
#include <stddef.h>

#include "server/base/random.h"

void exchange_add(
	struct exchange *exchange, struct attempt *attempt, struct random_pool *random)
{
	assert(!attempt->exchange && exchange->count < EXCHANGE_MAX);
	do
		attempt->id = random_u16(random);
	while (exchange_find(exchange, attempt->id));
	LIST_INSERT_HEAD(
		&exchange->buckets[attempt->id % EXCHANGE_BUCKETS], attempt, link);
	attempt->exchange = exchange;
	exchange->count++;
}

void exchange_remove(struct attempt *attempt)
{
	if (!attempt->exchange)
		return;
	LIST_REMOVE(attempt, link);
	attempt->exchange->count--;
	attempt->exchange = NULL;
}

struct attempt *exchange_find(const struct exchange *exchange, uint16_t id)
{
	struct attempt *attempt;
	LIST_FOREACH(attempt, &exchange->buckets[id % EXCHANGE_BUCKETS], link)
	if (attempt->id == id)
		return attempt;
	return NULL;
}

struct attempt *exchange_first(const struct exchange *exchange)
{
	for (unsigned i = 0; exchange->count && i < EXCHANGE_BUCKETS; i++)
		if (!LIST_EMPTY(&exchange->buckets[i]))
			return LIST_FIRST(&exchange->buckets[i]);
	return NULL;
}
