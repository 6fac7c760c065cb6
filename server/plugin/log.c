/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/log.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/ipaddr.h"
#include "server/base/log.h"

struct log_plugin {
	unsigned classes;
	size_t zone_count;
	struct dname zones[];
};

static unsigned reply_class(const struct reply *reply)
{
	if (reply->rcode == RCODE_NXDOMAIN)
		return LOG_CLASS_DENIAL;
	if (reply->rcode != RCODE_NOERROR)
		return LOG_CLASS_ERROR;
	return reply->answer_count ? LOG_CLASS_SUCCESS : LOG_CLASS_DENIAL;
}

static bool is_wanted(const struct log_plugin *plugin, const struct query *query)
{
	if (!(plugin->classes & reply_class(&query->reply)))
		return false;
	for (size_t i = 0; i < plugin->zone_count; i++)
		if (dname_is_within(&query->request.name, &plugin->zones[i]))
			return true;
	return plugin->zone_count == 0;
}

static unsigned client_port(const struct sockaddr *client)
{
	if (client->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)client)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)client)->sin6_port);
}

/* "qr,aa,rd" */
static void format_flags(const struct query *query, char *out, size_t size)
{
	const struct reply *reply = &query->reply;
	uint16_t flags = query->request.flags;
	snprintf(out, size, "qr%s%s%s%s", reply->is_authoritative ? ",aa" : "",
		reply->is_truncated ? ",tc" : "", flags & DNS_FLAG_RD ? ",rd" : "",
		flags & DNS_FLAG_CD ? ",cd" : "");
}

/* {remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode}
 * {>rflags} {rsize} {duration} */
static void log_plugin_observe(void *instance, const struct query *query)
{
	if (!is_wanted(instance, query))
		return;
	const struct request *request = &query->request;
	char type[16], class[16], rcode[16], address[IPADDR_TEXT_SIZE], flags[24];
	char name[DNAME_TEXT_SIZE];
	struct ipaddr client = ipaddr_from_sockaddr(query->client);
	format_flags(query, flags, sizeof(flags));
	log_info("%s:%u - %u \"%s %s %s %s %u %s %u\" %s %s %u %.9fs",
		ipaddr_format(&client, address), client_port(query->client), request->id,
		dns_type_text(request->qtype, type),
		dns_class_text(request->qclass, class),
		dname_to_text(request->message + DNS_HEADER_SIZE, name),
		query->transport == TRANSPORT_UDP ? "udp" : "tcp", request->length,
		request->edns.has_do ? "true" : "false",
		request->edns.is_present ? request->edns.udp_size : DNS_UDP_SIZE,
		dns_rcode_text(query->reply.rcode, rcode), flags, query->reply.length,
		(double)(clock_now_ns() - query->received_ns) / 1e9);
}

static const struct plugin_ops log_plugin_ops = {
	.name = "log",
	.observe = log_plugin_observe,
	.free = free,
};

enum err log_plugin_new(
	const struct log_plugin_options *options, struct plugin_instance *out)
{
	size_t zones = options->zone_count * sizeof(struct dname);
	struct log_plugin *plugin = malloc(sizeof(*plugin) + zones);
	if (!plugin)
		return ERR_NOMEM;
	plugin->classes = options->classes;
	plugin->zone_count = options->zone_count;
	if (zones)
		memcpy(plugin->zones, options->zones, zones);
	*out = (struct plugin_instance){&log_plugin_ops, plugin};
	return ERR_NONE;
}
