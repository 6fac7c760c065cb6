/* SPDX-License-Identifier: Apache-2.0 */
/* An upstream's message from anywhere, as the reply to its own question: what the cache
 * keeps of it is given out whole and cut, in another spelling, rotated, and reads as well
 * as what was kept; each of its TTLs is that of the entry. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/plugin/cache/entry.h"
#include "server/wire/records.h"
#include "server/wire/reply_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUFFER_SIZE = 65535, TTL_S = 77 };

static uint8_t stored[BUFFER_SIZE], given[BUFFER_SIZE], buffer[BUFFER_SIZE];

/* The question of the message, or one of ours where it has none. */
static bool make_request(
	const struct records *records, uint8_t *out, struct request *request)
{
	static const uint8_t root[] = {0, 0, 1, 0, 1};
	static const struct hash_key key = {1, 2};
	const uint8_t *question = root;
	size_t length = sizeof(root);
	if (records->question_length) {
		question = records->message + DNS_HEADER_SIZE;
		length = records->question_length;
	}
	memset(out, 0, DNS_HEADER_SIZE);
	out[5] = 1;
	memcpy(out + DNS_HEADER_SIZE, question, length);
	return request_parse(request, out, DNS_HEADER_SIZE + length, &key) == REQUEST_OK;
}

/* The records of the reply are whole, have the TTL, and are as many as it says. */
static void check_reply(const struct reply *reply)
{
	struct records records;
	struct record record;
	unsigned left = reply->answer_count + reply->authority_count +
			(unsigned)reply->additional_count;
	assert(reply->length <= reply->capacity);
	records_init_reply(&records, reply);
	for (; records_next(&records, &record); left--)
		assert(record.ttl_s == TTL_S);
	assert(!records.is_bad && !left && records.at == reply->length);
}

static void check_written(const struct cache_entry *entry, const struct request *request,
	uint16_t limit, uint32_t rotation)
{
	struct reply reply;
	reply_init(&reply, request, given, limit);
	reply.rotation = rotation;
	cache_entry_write(entry, &reply, TTL_S, true);
	check_reply(&reply);
	assert(reply.is_truncated || entry->length > limit ||
		reply.length == entry->length);
}

/* The same question in capitals, as somebody else spells it. */
static void capitalize(uint8_t *question, const struct request *request)
{
	for (unsigned i = 0; i < request->name.length; i++) {
		uint8_t *octet = &question[DNS_HEADER_SIZE + i];
		if (*octet >= 'a' && *octet <= 'z')
			*octet = (uint8_t)(*octet - 'a' + 'A');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records;
	struct request request;
	struct reply reply;
	struct cache_finding finding;
	uint8_t question[DNS_HEADER_SIZE + DNAME_MAX + 4];
	if (records_init(&records, data, size) ||
		!make_request(&records, question, &request))
		return 0;
	reply_init(&reply, &request, stored, BUFFER_SIZE);
	if (reply_put_body(&reply, data, size))
		return 0;
	enum cache_grade grade = cache_examine(&request, &reply, &finding);
	if (grade != CACHE_GOOD)
		return 0;
	struct reply clean;
	if (!cache_clean(&reply, buffer, &clean))
		return 0;
	struct cache_key key = cache_key_of(&request, NULL, 0);
	struct cache_entry *entry = cache_entry_new(&key, &clean, &finding);
	assert(entry);
	capitalize(question, &request);
	check_written(entry, &request, BUFFER_SIZE, 0);
	check_written(entry, &request, BUFFER_SIZE, 0x90000000);
	check_written(entry, &request, DNS_UDP_SIZE, 0);
	cache_entry_free(entry);
	cache_cap_ttls(&clean, TTL_S);
	check_reply(&clean);
	return 0;
}
