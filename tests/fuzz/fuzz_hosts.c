/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a hosts file: what is taken from it is found, whole, under its name. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "server/plugin/hosts/text.h"
#include "server/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key key = {1, 2};
static const struct dname root = {.length = 1};

static size_t check_rrset(const struct rrset *rrset, uint16_t type)
{
	if (!rrset)
		return 0;
	assert(rrset->type == type && rrset->form == RRSET_CANNED && rrset->count);
	size_t at = 0;
	for (unsigned i = 0; i < rrset->count; i++)
		at += canned_size(rrset->data + at);
	assert(at == rrset->size);
	return rrset->count;
}

static size_t check_name(const struct hosts_table *table, const char *text)
{
	struct dname name;
	if (hosts_parse_name(text, &name))
		return 0;
	const struct hosts_records *records =
		hosts_table_find(table, &name, hash_bytes(&key, name.bytes, name.length));
	if (!records)
		return 0;
	return check_rrset(records->ipv4, TYPE_A) +
	       check_rrset(records->ipv6, TYPE_AAAA) +
	       check_rrset(records->ptr, TYPE_PTR);
}

/* Whatever could be one of the names. */
static void check_words(const struct hosts_table *table, const uint8_t *data, size_t size)
{
	char word[256];
	size_t length = 0, found = 0;
	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] > ' ' && data[i] != '#') {
			if (length < sizeof(word) - 1)
				word[length++] = (char)data[i];
			continue;
		}
		word[length] = '\0';
		found += check_name(table, word);
		length = 0;
	}
	assert(found || !hosts_table_count(table) || size > sizeof(word));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hosts_build_options options = {&key, 60, true};
	const struct hosts_text text = {"hosts", (const char *)data, size, &root, 1};
	struct hosts_table *table;
	struct diag_list problems;
	diag_list_init(&problems);
	struct hosts_builder *builder = hosts_builder_new(&options);
	assert(builder);
	enum err err = hosts_text_read(&text, builder, &problems);
	assert(!err && !problems.errors);
	err = hosts_builder_finish(builder, &table);
	assert(!err);
	check_words(table, data, size);
	hosts_table_free(table);
	hosts_builder_free(builder);
	diag_list_deinit(&problems);
	return 0;
}
