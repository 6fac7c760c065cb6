/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/minimal.h"

static enum verdict minimal_plugin_query(void *instance, struct query *query)
{
	(void)instance;
	query->reply.is_minimal = true;
	return VERDICT_NEXT;
}

struct plugin_instance minimal_plugin_instance(void)
{
	static const struct plugin_ops ops = {
		.name = "minimal", .query = minimal_plugin_query};
	return (struct plugin_instance){&ops, NULL};
}
