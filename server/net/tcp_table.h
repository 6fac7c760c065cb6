/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "server/base/hash.h"
#include "server/base/ipaddr.h"

/*
 * A worker's open TCP connections: all of them, by client, and the idle ones with the
 * oldest first. Knows nothing of sockets. The worker's thread alone; nothing allocates.
 */

enum { TCP_TABLE_BUCKETS = 256 };

/* Embedded in a connection. */
struct tcp_entry {
	TAILQ_ENTRY(tcp_entry) all, idle;
	LIST_ENTRY(tcp_entry) bucket;
	struct ipaddr client;
	bool is_idle;
};

TAILQ_HEAD(tcp_entry_list, tcp_entry);
LIST_HEAD(tcp_entry_bucket, tcp_entry);

struct tcp_table {
	struct tcp_entry_list all, idle;
	struct tcp_entry_bucket buckets[TCP_TABLE_BUCKETS];
	struct hash_key key; /* nobody outside can fill one bucket */
	unsigned count;
};

void tcp_table_init(struct tcp_table *table);

/* `entry->client` is set by the caller. */
void tcp_table_add(struct tcp_table *table, struct tcp_entry *entry);
void tcp_table_remove(struct tcp_table *table, struct tcp_entry *entry);

/* The entry is idle from now on (to the end of the line), or is not. */
void tcp_table_set_idle(struct tcp_table *table, struct tcp_entry *entry, bool is_idle);

unsigned tcp_table_count_client(
	const struct tcp_table *table, const struct ipaddr *client);

/* The one that has been idle for longest, of `client` unless that is NULL; or NULL. */
struct tcp_entry *tcp_table_find_idle(
	const struct tcp_table *table, const struct ipaddr *client);
