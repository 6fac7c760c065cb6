/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/loop.h"

#include "server/plugin/forward/forward.h"

static enum verdict loop_plugin_query(void *instance, struct query *query)
{
	(void)instance;
	const struct server_block *block = query->block;
	if (query->request.qtype != TYPE_HINFO)
		return VERDICT_NEXT;
	for (unsigned i = 0; i < block->chain_length; i++) {
		if (!forward_sees_probe(&block->chain[i], &query->request.name))
			continue;
		reply_clear(&query->reply);
		query->reply.rcode = RCODE_REFUSED;
		return VERDICT_REPLY;
	}
	return VERDICT_NEXT;
}

struct plugin_instance loop_plugin_instance(void)
{
	static const struct plugin_ops ops = {.name = "loop", .query = loop_plugin_query};
	return (struct plugin_instance){&ops, NULL};
}
