/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/whoami.h"

#include "server/base/ipaddr.h"
#include "server/wire/octets.h"

enum { SRV_TO_ROOT = 7 }; /* priority, weight, port, the root as target */

static void add_address(struct query *query)
{
	struct ipaddr client = ipaddr_from_sockaddr(query->client);
	const struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.type = client.length == 4 ? TYPE_A : TYPE_AAAA,
		.class = CLASS_IN,
		.rdata = client.bytes,
		.length = client.length,
	};
	reply_add(&query->reply, SECTION_ADDITIONAL, &record);
}

static void add_port(struct query *query)
{
	uint8_t rdata[SRV_TO_ROOT] = {0};
	octets_put_u16(rdata + 4, ipaddr_port(query->client));
	const struct reply_record record = {
		.owner = DNS_HEADER_SIZE,
		.label = query->transport == TRANSPORT_UDP ? "_udp" : "_tcp",
		.type = TYPE_SRV,
		.class = CLASS_IN,
		.rdata = rdata,
		.length = sizeof(rdata),
	};
	/* The longest names have no room for a label in front of them. */
	if (query->request.name.length + 5 <= DNAME_MAX)
		reply_add(&query->reply, SECTION_ADDITIONAL, &record);
}

static enum verdict whoami_plugin_query(void *instance, struct query *query)
{
	(void)instance;
	query->reply.is_authoritative = true;
	add_address(query);
	add_port(query);
	return VERDICT_REPLY;
}

struct plugin_instance whoami_plugin_instance(void)
{
	static const struct plugin_ops ops = {
		.name = "whoami", .query = whoami_plugin_query};
	return (struct plugin_instance){&ops, NULL};
}
