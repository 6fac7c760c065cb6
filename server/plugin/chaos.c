/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/chaos.h"

#include <assert.h>
#include <string.h>

static void answer_text(struct query *query, const char *text)
{
	uint8_t rdata[1 + CHAOS_TEXT_MAX + 1]; /* the NUL is not sent */
	size_t length = strlen(text);
	assert(length <= CHAOS_TEXT_MAX);
	rdata[0] = (uint8_t)length;
	memcpy(rdata + 1, text, length + 1);
	const struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.type = TYPE_TXT,
		.class = CLASS_CH,
		.rdata = rdata,
		.length = (uint16_t)(length + 1),
	};
	reply_add(&query->reply, SECTION_ANSWER, &record);
}

static void answer_version(const struct chaos_options *options, struct query *query)
{
	answer_text(query, options->version);
}

static void answer_hostname(const struct chaos_options *options, struct query *query)
{
	answer_text(query, options->hostname);
}

static void answer_authors(const struct chaos_options *options, struct query *query)
{
	for (size_t i = 0; i < options->author_count; i++)
		answer_text(query, options->authors[i]);
}

static const struct {
	const char *name;
	void (*answer)(const struct chaos_options *options, struct query *query);
} chaos_names[] = {
	{"\7version\4bind", answer_version},
	{"\7version\6server", answer_version},
	{"\10hostname\4bind", answer_hostname},
	{"\2id\6server", answer_hostname},
	{"\7authors\4bind", answer_authors},
};

static enum verdict chaos_plugin_query(void *instance, struct query *query)
{
	const struct dname *name = &query->request.name;
	for (size_t i = 0; i < sizeof(chaos_names) / sizeof(chaos_names[0]); i++) {
		if (query->request.qtype != TYPE_TXT ||
			name->length != strlen(chaos_names[i].name) + 1 ||
			memcmp(name->bytes, chaos_names[i].name, name->length) != 0)
			continue;
		chaos_names[i].answer(instance, query);
		return VERDICT_REPLY;
	}
	query->reply.rcode = RCODE_REFUSED;
	return VERDICT_REPLY;
}

struct plugin_instance chaos_plugin_instance(const struct chaos_options *options)
{
	static const struct plugin_ops ops = {
		.name = "chaos", .query = chaos_plugin_query};
	return (struct plugin_instance){&ops, (void *)options};
}
