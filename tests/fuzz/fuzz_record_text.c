/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a record: what is taken for one is whole, and ldns reads its octets. */
#include <assert.h>
#include <ldns/ldns.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/octets.h"
#include "server/wire/rdata.h"
#include "server/wire/record_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Records of a type that has names are followed by nobody who checks them again. */
static void check_names(const struct record_text *record)
{
	uint8_t wire[DNAME_MAX + 10 + RECORD_TEXT_RDATA_MAX];
	uint8_t *at = wire + record->owner.length;
	if (!rdata_layout(record->type))
		return;
	memcpy(wire, record->owner.bytes, record->owner.length);
	octets_put_u16(at, record->type);
	octets_put_u16(at + 2, record->class);
	octets_put_u32(at + 4, record->ttl_s);
	octets_put_u16(at + 8, record->length);
	memcpy(at + 10, record->rdata, record->length);
	size_t length = (size_t)(at + 10 + record->length - wire), end = 0;
	ldns_rr *rr = NULL;
	ldns_status status = ldns_wire2rr(&rr, wire, length, &end, LDNS_SECTION_ANSWER);
	assert(status == LDNS_STATUS_OK && end == length);
	ldns_rr_free(rr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_text record;
	struct record_text_problem problem;
	char *text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!record_text_parse(text, &record, &problem)) {
		assert(dname_length(record.owner.bytes) == record.owner.length);
		assert(record.length <= RECORD_TEXT_RDATA_MAX);
		check_names(&record);
	} else {
		assert(problem.offset <= strlen(text));
	}
	free(text);
	return 0;
}
