/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/target.h"

#include <stdlib.h>

#include "server/query/subquery.h"
#include "server/wire/records.h"
#include "server/wire/reply_names.h"

static void fail(struct query *query, const char *failure)
{
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = failure;
}

/* The answer, and where there is none the SOA that says for how long (RFC 2308 5). */
static void copy_records(struct reply *reply, const struct reply *from, size_t place)
{
	struct reply_names names;
	struct records records;
	struct record record;
	reply_names_init(&names, reply);
	reply_names_note(&names, place);
	records_init_reply(&records, from);
	while (records_next(&records, &record)) {
		bool is_wanted =
			record.section == SECTION_ANSWER ||
			(record.section == SECTION_AUTHORITY && record.type == TYPE_SOA);
		if (is_wanted &&
			!reply_copy_record(&names, record.section, &records, &record))
			break;
	}
	reply->is_truncated |= from->is_truncated;
}

static void merge(struct query *query, const struct subquery *subquery, size_t place)
{
	const struct reply *from = subquery_reply(subquery);
	if (!from) {
		fail(query, "the target of a CNAME got no reply");
		return;
	}
	if (subquery_is_unanswered(subquery))
		return;
	if (from->rcode != RCODE_NOERROR && from->rcode != RCODE_NXDOMAIN) {
		const char *failure = subquery_failure(subquery);
		fail(query, failure ? failure : "the target of a CNAME cannot be had");
		return;
	}
	query->reply.rcode = from->rcode;
	copy_records(&query->reply, from, place);
}

/* A query that waits for the records of its target. */
struct waiting {
	struct query *query;
	size_t place;
};

static void on_reply(void *context, struct subquery *subquery)
{
	struct waiting *waiting = context;
	struct query *query = waiting->query;
	merge(query, subquery, waiting->place);
	free(waiting);
	subquery_free(subquery);
	query_resume(query, VERDICT_REPLY);
	free(query);
}

/* The plugin below holds on to the subquery until it has replied, so it must be waited
 * for even where there is no memory to wait with. */
static void on_reply_in_vain(void *context, struct subquery *subquery)
{
	(void)context;
	subquery_free(subquery);
}

static enum verdict wait_for(struct query *query, struct subquery *subquery, size_t place)
{
	struct waiting *waiting = malloc(sizeof(*waiting));
	struct query *moved = waiting ? query_move(query) : NULL;
	if (!moved) {
		free(waiting);
		subquery_wait(subquery, on_reply_in_vain, NULL);
		fail(query, "no memory");
		return VERDICT_REPLY;
	}
	*waiting = (struct waiting){moved, place};
	subquery_wait(subquery, on_reply, waiting);
	return VERDICT_SUSPEND;
}

enum verdict target_follow(struct query *query, size_t place)
{
	struct records records;
	struct dname target;
	struct subquery *subquery;
	records_init_reply(&records, &query->reply);
	if (records_read_name(&records, place, &target)) {
		fail(query, "the target of a CNAME cannot be read");
		return VERDICT_REPLY;
	}
	enum verdict verdict = subquery_ask(
		query, &target, query->request.qtype, SUBQUERY_SERVER, &subquery);
	if (verdict == VERDICT_SUSPEND)
		return wait_for(query, subquery, place);
	if (verdict == VERDICT_REPLY)
		merge(query, subquery, place);
	else
		fail(query, "the chain of CNAMEs is too long or a circle");
	subquery_free(subquery);
	return VERDICT_REPLY;
}
