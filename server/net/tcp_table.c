/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/tcp_table.h"

#include <stddef.h>

static size_t tcp_table_slot(const struct tcp_table *table, const struct ipaddr *client)
{
	return hash_bytes(&table->key, client->bytes, client->length) % TCP_TABLE_BUCKETS;
}

void tcp_table_init(struct tcp_table *table)
{
	*table = (struct tcp_table){0};
	hash_key_init(&table->key);
	TAILQ_INIT(&table->all);
	TAILQ_INIT(&table->idle);
}

void tcp_table_add(struct tcp_table *table, struct tcp_entry *entry)
{
	struct tcp_entry_bucket *bucket =
		&table->buckets[tcp_table_slot(table, &entry->client)];
	entry->is_idle = false;
	TAILQ_INSERT_TAIL(&table->all, entry, all);
	LIST_INSERT_HEAD(bucket, entry, bucket);
	table->count++;
}

void tcp_table_remove(struct tcp_table *table, struct tcp_entry *entry)
{
	if (entry->is_idle)
		TAILQ_REMOVE(&table->idle, entry, idle);
	TAILQ_REMOVE(&table->all, entry, all);
	LIST_REMOVE(entry, bucket);
	entry->is_idle = false;
	table->count--;
}

void tcp_table_set_idle(struct tcp_table *table, struct tcp_entry *entry, bool is_idle)
{
	if (entry->is_idle)
		TAILQ_REMOVE(&table->idle, entry, idle);
	if (is_idle)
		TAILQ_INSERT_TAIL(&table->idle, entry, idle);
	entry->is_idle = is_idle;
}

unsigned tcp_table_count_client(
	const struct tcp_table *table, const struct ipaddr *client)
{
	const struct tcp_entry *entry =
		LIST_FIRST(&table->buckets[tcp_table_slot(table, client)]);
	unsigned count = 0;
	for (; entry; entry = LIST_NEXT(entry, bucket))
		count += ipaddr_equal(&entry->client, client);
	return count;
}

struct tcp_entry *tcp_table_find_idle(
	const struct tcp_table *table, const struct ipaddr *client)
{
	struct tcp_entry *entry = TAILQ_FIRST(&table->idle);
	while (client && entry && !ipaddr_equal(&entry->client, client))
		entry = TAILQ_NEXT(entry, idle);
	return entry;
}
