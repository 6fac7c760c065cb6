/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/debug.h"

#include "server/base/ipaddr.h"
#include "server/base/log.h"

static void debug_plugin_observe(void *instance, const struct query *query)
{
	(void)instance;
	if (query->reply.rcode == RCODE_NOERROR || query->reply.rcode == RCODE_NXDOMAIN)
		return;
	const struct request *request = &query->request;
	char type[16], rcode[16], address[IPADDR_TEXT_SIZE], name[DNAME_TEXT_SIZE];
	struct ipaddr client = ipaddr_from_sockaddr(query->client);
	log_debug("\"%s %s\" from %s port %u: %s%s%s",
		dname_to_text(request->name.bytes, name),
		dns_type_text(request->qtype, type), ipaddr_format(&client, address),
		ipaddr_port(query->client), dns_rcode_text(query->reply.rcode, rcode),
		query->failure ? ": " : "", query->failure ? query->failure : "");
}

struct plugin_instance debug_plugin_instance(void)
{
	static const struct plugin_ops ops = {
		.name = "debug", .observe = debug_plugin_observe};
	return (struct plugin_instance){&ops, NULL};
}
