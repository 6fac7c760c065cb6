/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/query/router.h"
#include "server/wire/octets.h"
#include "zones/store/reader.h"

enum { UDP_TRIES = 3 };

static void fail(struct ask_result *result, const char *problem)
{
	result->problem = problem;
	result->length = 0;
}

/* --- the chain --- */

static enum verdict run_chain(const struct router *router, const uint8_t *request,
	size_t length, struct ask_result *result)
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
	enum verdict verdict = VERDICT_DROP;
	if (query_begin(&query, router, request, length, result->reply, ASK_REPLY_SIZE))
		verdict = query_run(&query);
	if (verdict == VERDICT_REPLY)
		result->length = query_finish(&query);
	if (verdict == VERDICT_SUSPEND)
		result->asker = &query.block->chain[query.step - 1];
	return verdict;
}

void ask_chain(const struct server *server, const struct dname *name, uint16_t type,
	struct ask_result *result)
{
	struct dname lower = {.length = name->length};
	dname_lower(lower.bytes, name->bytes, name->length);
	const struct router *router = server_router_for(server, &lower);
	if (!router) {
		fail(result, "REFUSED, no server block has a zone for this name");
		return;
	}
	uint8_t request[DNS_REQUEST_MAX];
	size_t length = dns_client_write_request(name, type, 0, request);
	result->problem = NULL;
	result->length = 0;
	store_reader_register();
	store_read_lock();
	enum verdict verdict = run_chain(router, request, length, result);
	store_read_unlock();
	store_reader_unregister();
	if (verdict == VERDICT_SUSPEND)
		fail(result, "the answer comes from another server");
	else if (!result->length)
		fail(result, "the question is dropped");
}

/* --- a running server --- */

void ask_server(const struct sockaddr_storage *address, const struct dname *name,
	uint16_t type, struct ask_result *result)
{
	errno = 0;
	result->problem = NULL;
	result->length = dns_client_ask(address, name, type, UDP_TRIES, result->reply);
	if (!result->length)
		fail(result, strerror(errno ? errno : EPROTO));
}
