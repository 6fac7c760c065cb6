/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/errors.h"

#include "server/base/log.h"

enum { INTERVAL_MS = 1000 };

static void errors_plugin_observe(void *instance, const struct query *query)
{
	(void)instance;
	/* Observers run on the workers, each with a limit of its own. */
	static _Thread_local struct log_limit limit;
	uint64_t left_out;
	if (query->reply.rcode != RCODE_SERVFAIL || !query->failure ||
		!log_limit_pass(&limit, INTERVAL_MS, &left_out))
		return;
	char type[16], name[DNAME_TEXT_SIZE];
	dns_type_text(query->request.qtype, type);
	dname_to_text(query->request.message + DNS_HEADER_SIZE, name);
	if (left_out)
		log_error("\"%s %s\": %s (%llu more like it were not logged)", name, type,
			query->failure, (unsigned long long)left_out);
	else
		log_error("\"%s %s\": %s", name, type, query->failure);
}

struct plugin_instance errors_plugin_instance(void)
{
	static const struct plugin_ops ops = {
		.name = "errors",
		.observe = errors_plugin_observe,
	};
	return (struct plugin_instance){&ops, NULL};
}
