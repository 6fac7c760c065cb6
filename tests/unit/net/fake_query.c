/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/fake_query.h"

#include <assert.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/counter.h"
#include "server/query/query.h"
#include "zones/store/reader.h"

enum { SUSPENDED_MAX = 1024 };

static sem_t held, released;
static atomic_uint fake_unreleased;
static _Thread_local bool is_registered;
static _Thread_local unsigned read_depth, suspended_count;
static _Thread_local struct query *suspended[SUSPENDED_MAX];

__attribute__((constructor)) static void fake_init(void)
{
	sem_init(&held, 0, 0);
	sem_init(&released, 0, 0);
}

unsigned fake_suspended(void)
{
	return fake_unreleased;
}

void fake_wait_held(void)
{
	while (sem_wait(&held))
		;
}

void fake_release(void)
{
	sem_post(&released);
}

void store_reader_register(void)
{
	assert(!is_registered);
	is_registered = true;
}

void store_reader_unregister(void)
{
	assert(is_registered && !read_depth);
	is_registered = false;
	while (suspended_count)
		free(suspended[--suspended_count]);
}

void store_read_lock(void)
{
	assert(is_registered);
	read_depth++;
}

void store_read_unlock(void)
{
	assert(read_depth);
	read_depth--;
}

static bool fake_asks(const struct query *query, const char *label)
{
	size_t length = strlen(label);
	const uint8_t *name = query->request.message + DNS_HEADER_SIZE;
	return query->request.length > DNS_HEADER_SIZE + length && name[0] == length &&
	       !memcmp(name + 1, label, length);
}

bool query_begin(struct query *query, const struct router *router, const uint8_t *message,
	size_t length, uint8_t *reply_buffer, uint16_t reply_size)
{
	query->block = (const struct server_block *)(const void *)router;
	assert(read_depth && query->received_ns);
	counter_add(&query->counters->requests[query->transport], 1);
	if (length < DNS_HEADER_SIZE || message[2] & 0x80) {
		counter_add(&query->counters->dropped, 1);
		return false;
	}
	query->request.message = message;
	query->request.length = (uint16_t)length;
	query->reply.buffer = reply_buffer;
	query->reply.capacity = reply_size;
	query->reply.length = (uint16_t)(length < reply_size ? length : reply_size);
	return true;
}

static enum verdict fake_suspend(const struct query *query)
{
	struct query *moved = query_move(query);
	assert(moved && suspended_count < SUSPENDED_MAX);
	suspended[suspended_count++] = moved;
	counter_add(&query->counters->suspended, 1);
	fake_unreleased++;
	return VERDICT_SUSPEND;
}

static enum verdict fake_resume_all(enum verdict verdict)
{
	while (suspended_count) {
		struct query *query = suspended[--suspended_count];
		query->resume(query, verdict);
		free(query);
	}
	return VERDICT_REPLY;
}

static enum verdict fake_hold(void)
{
	sem_post(&held);
	while (sem_wait(&released))
		;
	return VERDICT_REPLY;
}

void query_prefetch(const struct query *query)
{
	(void)query;
}

enum verdict query_run(struct query *query)
{
	assert(read_depth);
	if (fake_asks(query, "slow"))
		return fake_suspend(query);
	if (fake_asks(query, "wake"))
		return fake_resume_all(VERDICT_REPLY);
	if (fake_asks(query, "fail"))
		return fake_resume_all(VERDICT_DROP);
	if (fake_asks(query, "hold"))
		return fake_hold();
	if (fake_asks(query, "drop")) {
		counter_add(&query->counters->dropped, 1);
		return VERDICT_DROP;
	}
	if (fake_asks(query, "big"))
		query->reply.length = query->reply.capacity;
	return VERDICT_REPLY;
}

size_t query_finish(struct query *query)
{
	size_t length = query->request.length;
	if (length > query->reply.length)
		length = query->reply.length;
	memcpy(query->reply.buffer, query->request.message, length);
	memset(query->reply.buffer + length, 0x5a, query->reply.length - length);
	query->reply.buffer[2] |= 0x80;
	if (query->block)
		query->reply.buffer[3] = *(const uint8_t *)query->block;
	counter_add(&query->counters->replies, 1);
	return query->reply.length;
}

void query_release(struct query *query)
{
	assert(read_depth);
	(void)query;
	fake_unreleased--;
}

struct query *query_move(const struct query *query)
{
	struct moved {
		struct query query;
		struct sockaddr_in6 client;
		uint8_t bytes[];
	};
	size_t length = query->request.length;
	struct moved *moved = malloc(sizeof(*moved) + 2 * length);
	if (!moved)
		return NULL;
	moved->query = *query;
	memcpy(&moved->client, query->client,
		query->client->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						     : sizeof(struct sockaddr_in));
	memcpy(moved->bytes, query->request.message, length);
	moved->query.request.message = moved->bytes;
	moved->query.reply.buffer = moved->bytes + length;
	moved->query.client = (const struct sockaddr *)&moved->client;
	return &moved->query;
}
