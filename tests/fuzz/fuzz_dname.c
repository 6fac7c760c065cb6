/* SPDX-License-Identifier: Apache-2.0 */
/* A name from anywhere, once as text and once as octets from the wire; what is accepted
 * reads back the same, here and in ldns. */
#include <assert.h>
#include <ldns/ldns.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/dname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ldns(const char *text, const struct dname *name)
{
	ldns_rdf *judge = NULL;
	ldns_status status = ldns_str2rdf_dname(&judge, text);
	assert(status == LDNS_STATUS_OK);
	assert(ldns_rdf_size(judge) == name->length);
	assert(memcmp(ldns_rdf_data(judge), name->bytes, name->length) == 0);
	ldns_rdf_deep_free(judge);
}

/* Whatever holds for any name. */
static void check_name(const struct dname *name)
{
	char text[DNAME_TEXT_SIZE];
	struct dname again, lower = *name, twice;
	dname_to_text(name->bytes, text);
	assert(strlen(text) < DNAME_TEXT_SIZE);
	enum err err = dname_from_text(text, &again);
	assert(!err && dname_equal(&again, name));
	check_ldns(text, name);

	dname_lower(lower.bytes, name->bytes, name->length);
	twice = lower;
	dname_lower(twice.bytes, lower.bytes, lower.length);
	assert(dname_equal(&lower, &twice));
	assert(dname_length(lower.bytes) == name->length);

	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned labels = dname_labels(name->bytes, offsets);
	for (unsigned i = 0; i < labels; i++) {
		struct dname zone = {.length = (uint8_t)(name->length - offsets[i])};
		memcpy(zone.bytes, name->bytes + offsets[i], zone.length);
		assert(dname_is_within(name, &zone));
		assert((i == 0) == dname_is_within(&zone, name));
	}
	if (!labels)
		return;
	struct dname parent = {.length = (uint8_t)(name->length - name->bytes[0] - 1)};
	memcpy(parent.bytes, name->bytes + name->bytes[0] + 1, parent.length);
	err = dname_prepend(&parent, name->bytes + 1, name->bytes[0]);
	assert(!err && dname_equal(&parent, name));
}

/* The name at the front of the octets, if there is one without compression. */
static bool read_wire(const uint8_t *data, size_t size, struct dname *out)
{
	size_t length = 0;
	while (length < size && data[length]) {
		if (data[length] > DNAME_LABEL_MAX)
			return false;
		length += data[length] + 1u;
	}
	if (length >= size || length + 1 > DNAME_MAX)
		return false;
	out->length = (uint8_t)(length + 1);
	memcpy(out->bytes, data, out->length);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dname name;
	char *text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!dname_from_text(text, &name)) {
		assert(dname_length(name.bytes) == name.length);
		check_name(&name);
	}
	free(text);
	if (read_wire(data, size, &name))
		check_name(&name);
	return 0;
}
