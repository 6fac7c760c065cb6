/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/header.h"

static enum verdict header_plugin_query(void *instance, struct query *query)
{
	const struct header_options *options = instance;
	uint16_t *flags = &query->request.flags;
	*flags = (uint16_t)((*flags & ~options->query_cleared) | options->query_set);
	query->reply.flags_set = options->reply_set;
	query->reply.flags_cleared = options->reply_cleared;
	return VERDICT_NEXT;
}

struct plugin_instance header_plugin_instance(const struct header_options *options)
{
	static const struct plugin_ops ops = {
		.name = "header", .query = header_plugin_query};
	return (struct plugin_instance){&ops, (void *)options};
}
