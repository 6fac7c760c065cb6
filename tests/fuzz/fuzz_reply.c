/* SPDX-License-Identifier: Apache-2.0 */
/* What an upstream may send: what is left of it is a message that only has records of
 * the question's names and of zones above them, and is left as it is the second time. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/plugin/forward/reply_check.h"
#include "server/wire/message.h"
#include "server/wire/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *message, size_t length, const struct dname *name,
	unsigned how, uint8_t *cleaned, uint8_t *again)
{
	struct reply_facts facts, second;
	if (reply_examine(message, length, name, how, cleaned, &facts))
		return;
	assert(facts.length >= DNS_HEADER_SIZE && facts.length <= DNS_MESSAGE_MAX);
	assert((facts.has_foreign || (how & EXAMINE_COPY)) == (facts.message == cleaned));
	enum err err =
		reply_examine(facts.message, facts.length, name, how, again, &second);
	assert(!err);
	/* Records that were needed to judge others may have gone, so the second look may
	 * take more away; never does it find answers that were not there. */
	assert(second.answer_count <= facts.answer_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t cleaned[DNS_MESSAGE_MAX], again[DNS_MESSAGE_MAX];
	struct records records;
	struct dname name;
	if (size < 1 || size > DNS_MESSAGE_MAX)
		return 0;
	/* An allocation of its own, so that a sanitizer sees the end. */
	uint8_t *message = malloc(size);
	assert(message);
	memcpy(message, data, size);
	if (!records_init(&records, message, size) && records.question_length &&
		!records_read_name(&records, DNS_HEADER_SIZE, &name)) {
		dname_lower(name.bytes, name.bytes, name.length);
		(void)reply_answers(message, size, message + DNS_HEADER_SIZE,
			records.question_length);
		(void)reply_refuses_edns(message, size, message + DNS_HEADER_SIZE,
			records.question_length);
		for (unsigned how = 0; how <= (EXAMINE_DNSSEC | EXAMINE_COPY); how++)
			check(message, size, &name, how, cleaned, again);
	}
	free(message);
	return 0;
}
