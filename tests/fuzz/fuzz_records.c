/* SPDX-License-Identifier: Apache-2.0 */
/* A message from anywhere: what is read of it and copied into a reply reads back the
 * same, record by record; as the body of a reply it stays within its room. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/rdata.h"
#include "server/wire/records.h"
#include "server/wire/reply_body.h"
#include "server/wire/reply_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUFFER_SIZE = 65535 };

static uint8_t buffer[BUFFER_SIZE];

/* The question of the message, or one of ours where it has none. */
static void make_request(
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
	enum request_verdict verdict =
		request_parse(request, out, DNS_HEADER_SIZE + length, &key);
	assert(verdict == REQUEST_OK);
}

static void check_same(const struct records *a, const struct record *of_a,
	const struct records *b, const struct record *of_b)
{
	struct dname one, other;
	uint8_t lower[DNAME_MAX], other_lower[DNAME_MAX];
	enum err err = records_read_name(a, of_a->at, &one);
	assert(!err);
	err = records_read_name(b, of_b->at, &other);
	assert(!err && one.length == other.length);
	dname_lower(lower, one.bytes, one.length);
	dname_lower(other_lower, other.bytes, other.length);
	assert(memcmp(lower, other_lower, one.length) == 0);
	assert(of_a->type == of_b->type && of_a->class == of_b->class &&
		of_a->ttl_s == of_b->ttl_s);
	uint8_t rdata[RDATA_NAMES_MAX], other_rdata[RDATA_NAMES_MAX];
	if (rdata_layout(of_a->type)) {
		uint16_t length = records_read_rdata(a, of_a, rdata);
		assert(length == records_read_rdata(b, of_b, other_rdata));
		return;
	}
	assert(of_a->length == of_b->length);
	assert(memcmp(a->message + of_a->rdata, b->message + of_b->rdata, of_a->length) ==
		0);
}

static void check_copy(struct records records, const struct request *request)
{
	struct reply reply;
	struct reply_names names;
	struct record record, copied;
	reply_init(&reply, request, buffer, BUFFER_SIZE);
	reply_names_init(&names, &reply);
	while (records_next(&records, &record)) {
		struct records copy;
		uint16_t before = reply.length;
		if (!reply_copy_record(&names, SECTION_ANSWER, &records, &record)) {
			assert(reply.length == before);
			continue;
		}
		records_init_reply(&copy, &reply);
		copy.at = before;
		copy.left[SECTION_ANSWER] = 1;
		bool is_read = records_next(&copy, &copied);
		assert(is_read && copy.at == reply.length);
		check_same(&records, &record, &copy, &copied);
	}
}

static void check_body(
	const uint8_t *data, size_t size, const struct request *request, uint16_t limit)
{
	struct reply reply;
	struct records records;
	struct record record;
	reply_init(&reply, request, buffer, limit);
	if (reply_put_body(&reply, data, size))
		return;
	assert(reply.length <= limit);
	records_init_reply(&records, &reply);
	while (records_next(&records, &record))
		assert(record.type != TYPE_OPT);
	assert(!records.is_bad && records.at == reply.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records;
	struct request request;
	uint8_t question[DNS_HEADER_SIZE + DNAME_MAX + 4];
	if (records_init(&records, data, size))
		return 0;
	make_request(&records, question, &request);
	check_copy(records, &request);
	check_body(data, size, &request, BUFFER_SIZE);
	check_body(data, size, &request, DNS_UDP_SIZE);
	return 0;
}
