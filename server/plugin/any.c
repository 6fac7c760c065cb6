/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/any.h"

static enum verdict any_plugin_query(void *instance, struct query *query)
{
	(void)instance;
	static const char rdata[] = "\15ANY obsoleted\14See RFC 8482";
	static const struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.type = TYPE_HINFO,
		.class = CLASS_IN,
		.ttl_s = 8482,
		.rdata = rdata,
		.length = sizeof(rdata) - 1,
	};
	if (query->request.qtype != TYPE_ANY)
		return VERDICT_NEXT;
	reply_add(&query->reply, SECTION_ANSWER, &record);
	return VERDICT_REPLY;
}

struct plugin_instance any_plugin_instance(void)
{
	static const struct plugin_ops ops = {.name = "any", .query = any_plugin_query};
	return (struct plugin_instance){&ops, NULL};
}
