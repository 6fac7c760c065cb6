/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/host_lookup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/control/dns_client.h"
#include "server/control/resolv_conf.h"
#include "server/net/socket.h"
#include "server/plugin/forward/reply_check.h"
#include "server/wire/octets.h"
#include "server/wire/records.h"

enum {
	UDP_TRIES = 2,
	SYSTEM_SERVERS_MAX = 3, /* as resolv.conf(5) has it */
	LINE_SIZE = 1024,
	DNS_PORT = 53,
};

static const char hosts_path[] = "/etc/hosts", resolv_path[] = "/etc/resolv.conf";

/* Both of DNS_MESSAGE_MAX octets. */
struct buffers {
	uint8_t *reply, *cleaned;
};

bool host_name_is_valid(const char *text)
{
	struct dname name;
	size_t length = strlen(text);
	if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789-_.") != length ||
		dname_from_text(text, &name) || name.length == 1)
		return false;
	if (text[length - 1] == '.')
		length--;
	while (length && isdigit((unsigned char)text[length - 1]))
		length--;
	return length && text[length - 1] != '.';
}

static void add_address(struct host_addresses *list, const void *bytes, size_t length)
{
	struct ipaddr address = {.length = (uint8_t)length};
	memcpy(address.bytes, bytes, length);
	if (ipaddr_is_among(&address, list->items, list->count))
		return;
	if (list->count < HOST_ADDRESSES_MAX)
		list->items[list->count++] = address;
	else
		list->has_more = true;
}

/* --- files --- */

/* The addresses that stand beside the name in a line of hosts(5). */
static void read_hosts_line(char *line, const char *name, struct host_addresses *out)
{
	struct ipaddr address;
	char *rest = NULL;
	line[strcspn(line, "#\n")] = '\0';
	const char *text = strtok_r(line, " \t", &rest);
	if (!text || ipaddr_parse(text, &address))
		return;
	while ((text = strtok_r(NULL, " \t", &rest)))
		if (strcasecmp(text, name) == 0)
			add_address(out, address.bytes, address.length);
}

static void look_into_hosts(const char *name, struct host_addresses *out)
{
	char line[LINE_SIZE], bare[DNAME_MAX + 1];
	FILE *file = fopen(hosts_path, "re");
	snprintf(bare, sizeof(bare), "%s", name);
	size_t length = strlen(bare);
	if (length && bare[length - 1] == '.')
		bare[length - 1] = '\0';
	while (file && fgets(line, sizeof(line), file))
		read_hosts_line(line, bare, out);
	if (file)
		fclose(file);
}

static size_t read_servers(struct sockaddr_storage *out)
{
	size_t count = 0;
	struct ipaddr address;
	FILE *file = fopen(resolv_path, "re");
	while (file && count < SYSTEM_SERVERS_MAX && resolv_conf_next(file, &address))
		ipaddr_to_sockaddr(&address, DNS_PORT, &out[count++]);
	if (file)
		fclose(file);
	if (!count && !ipaddr_parse("127.0.0.1", &address))
		ipaddr_to_sockaddr(&address, DNS_PORT, &out[count++]);
	return count;
}

/* --- servers --- */

static void take_addresses(const struct reply_facts *facts, struct host_addresses *out)
{
	struct records records;
	struct record record;
	if (records_init(&records, facts->message, facts->length))
		return;
	while (records_next(&records, &record) && record.section == SECTION_ANSWER)
		if (record.type == TYPE_A || record.type == TYPE_AAAA)
			add_address(out, facts->message + record.rdata, record.length);
}

/* False: the server has said nothing; `problem` tells why nothing was added. */
static bool ask_server(const struct sockaddr_storage *server, const struct dname *name,
	struct buffers *buffers, struct host_addresses *out, char *problem)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
	char at[SOCKET_TEXT_SIZE], rcode[16];
	struct dname lower = {.length = name->length};
	dname_lower(lower.bytes, name->bytes, name->length);
	socket_format(server, at);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct reply_facts facts;
		errno = 0;
		size_t length =
			dns_client_ask(server, name, types[i], UDP_TRIES, buffers->reply);
		if (!length || reply_examine(buffers->reply, length, &lower, 0,
				       buffers->cleaned, &facts)) {
			snprintf(problem, HOST_PROBLEM_SIZE, "%s: %s", at,
				length ? "a malformed reply"
				       : strerror(errno ? errno : EPROTO));
			return false;
		}
		take_addresses(&facts, out);
		snprintf(problem, HOST_PROBLEM_SIZE, "%s says %s", at,
			facts.rcode ? dns_rcode_text(facts.rcode, rcode)
				    : "that it has no address");
	}
	return true;
}

static enum err ask_servers(const struct dname *name,
	const struct sockaddr_storage *servers, size_t count, struct host_addresses *out,
	char *problem)
{
	struct buffers buffers = {malloc(DNS_REPLY_MAX), malloc(DNS_MESSAGE_MAX)};
	enum err err = buffers.reply && buffers.cleaned ? ERR_NONE : ERR_NOMEM;
	for (size_t i = 0; !err && i < count && !out->count; i++)
		(void)ask_server(&servers[i], name, &buffers, out, problem);
	free(buffers.reply);
	free(buffers.cleaned);
	return err;
}

enum err host_lookup(const char *name, const struct sockaddr_storage *servers,
	size_t count, struct host_addresses *out, char *problem)
{
	struct dname asked;
	struct sockaddr_storage own[SYSTEM_SERVERS_MAX];
	*out = (struct host_addresses){.count = 0};
	if (!count)
		look_into_hosts(name, out);
	if (out->count)
		return ERR_NONE;
	enum err err = dname_from_text(name, &asked);
	if (!err && count)
		err = ask_servers(&asked, servers, count, out, problem);
	else if (!err)
		err = ask_servers(&asked, own, read_servers(own), out, problem);
	return err || out->count ? err : ERR_NOTFOUND;
}
