/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/command.h"
#include "server/query/router.h"
#include "server/wire/octets.h"
#include "zones/export/explain.h"
#include "zones/export/zone_text.h"
#include "zones/store/reader.h"

enum { REQUEST_SIZE = DNS_HEADER_SIZE + DNAME_MAX + 4 };

/* The query as dig would send it over TCP. */
static size_t make_request(const struct dname *name, uint16_t type, uint8_t *out)
{
	memset(out, 0, DNS_HEADER_SIZE);
	octets_put_u16(out + 2, DNS_FLAG_RD);
	octets_put_u16(out + 4, 1);
	memcpy(out + DNS_HEADER_SIZE, name->bytes, name->length);
	uint8_t *end = out + DNS_HEADER_SIZE + name->length;
	octets_put_u16(end, type);
	octets_put_u16(end + 2, CLASS_IN);
	return (size_t)(end + 4 - out);
}

/* Asks the chain of the block that the name reaches; returns the reply's length, 0: none.
 */
static size_t ask(const struct router *router, const uint8_t *request, size_t length,
	uint8_t *reply)
{
	const struct sockaddr_in client = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct query_counters counters = {0};
	struct query query = {
		.transport = TRANSPORT_TCP,
		.client = (const struct sockaddr *)&client,
		.counters = &counters,
		.received_ns = clock_now_ns(),
	};
	if (query_begin(&query, router, request, length, reply, DNS_MESSAGE_MAX) &&
		query_run(&query) == VERDICT_REPLY)
		return query_finish(&query);
	return 0;
}

static enum err print_reply(
	const struct server *server, const struct dname *name, uint16_t type)
{
	static uint8_t reply[DNS_MESSAGE_MAX];
	uint8_t request[REQUEST_SIZE];
	struct dname lower = *name;
	dname_lower(lower.bytes, name->bytes, name->length);
	const struct router *router = server_router_for(server, &lower);
	if (!router) {
		printf("no server block has a zone for this name: REFUSED\n");
		return ERR_NONE;
	}
	store_reader_register();
	store_read_lock();
	size_t length = ask(router, request, make_request(name, type, request), reply);
	store_read_unlock();
	store_reader_unregister();
	return length ? zone_text_write_message(reply, length, stdout) : ERR_NONE;
}

static enum err print_objects(const struct server *server, const struct dname *name)
{
	struct dname lower = *name;
	dname_lower(lower.bytes, name->bytes, name->length);
	const struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(server, i)); i++) {
		enum err err = explain_write(cluster_registry(cluster),
			cluster_store(cluster), &lower, stdout);
		if (err)
			return err;
	}
	return ERR_NONE;
}

static int lookup(const char *corefile, const struct dname *name, uint16_t type)
{
	struct server *server = command_server(corefile, NULL);
	if (!server)
		return 1;
	enum err err = server_load(server, NULL);
	if (!err)
		err = print_reply(server, name, type);
	if (!err)
		err = print_objects(server, name);
	if (err)
		log_error("cannot look the name up: %s", err_text(err));
	server_free(server);
	return err ? 1 : 0;
}

static int run(int argc, char **argv)
{
	const char *corefile;
	int code = command_options(&command_lookup, argc, argv, &corefile);
	if (code != COMMAND_GO_ON)
		return code;
	int given = argc - optind;
	if (given < 1 || given > 2)
		return command_usage(
			&command_lookup, given ? "too many arguments" : "no name given");
	struct dname name;
	if (dname_from_text(argv[optind], &name))
		return command_usage(&command_lookup, "that is no domain name");
	int type = given == 2 ? dns_type_parse(argv[optind + 1]) : TYPE_A;
	if (type < 0)
		return command_usage(&command_lookup, "there is no such record type");
	return lookup(corefile, &name, (uint16_t)type);
}

const struct command command_lookup = {
	.name = "lookup",
	.arguments = "NAME [TYPE]",
	.help = "prints the answer that serve would give, and the objects it comes from",
	.run = run,
	.options = command_config_only,
};
