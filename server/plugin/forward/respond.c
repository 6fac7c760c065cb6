/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/respond.h"

#include "server/query/order.h"
#include "server/wire/reply_body.h"

static void set_flag(struct reply *reply, uint16_t flag)
{
	if (!(reply->flags_cleared & flag))
		reply->flags_set |= flag;
}

/* AD is for those who know what it means (RFC 6840 5.8). */
static void set_flags(struct query *query, uint16_t flags)
{
	const struct request *request = &query->request;
	set_flag(&query->reply, DNS_FLAG_RA);
	if ((flags & DNS_FLAG_AD) &&
		((request->flags & DNS_FLAG_AD) || request->edns.has_do))
		set_flag(&query->reply, DNS_FLAG_AD);
	query->reply.is_authoritative = flags & DNS_FLAG_AA;
}

void respond_answer(struct query *query, const struct reply_facts *facts)
{
	reply_clear(&query->reply);
	if (reply_put_body(&query->reply, facts->message, facts->length)) {
		respond_failure(
			query, EDE_NETWORK_ERROR, "an upstream's answer cannot be read");
		return;
	}
	order_addresses(&query->reply);
	query->reply.rcode = facts->rcode;
	query->reply.is_truncated |= (facts->flags & DNS_FLAG_TC) != 0;
	set_flags(query, facts->flags);
}

void respond_failure(struct query *query, enum edns_ede ede, const char *failure)
{
	struct reply *reply = &query->reply;
	reply_clear(reply);
	reply->rcode = RCODE_SERVFAIL;
	set_flag(reply, DNS_FLAG_RA);
	reply_set_ede(reply, ede, failure, NULL);
	query->failure = failure;
}
