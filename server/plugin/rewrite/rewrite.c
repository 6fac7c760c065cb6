/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/rewrite/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "server/query/subquery.h"
#include "server/wire/rdata.h"
#include "server/wire/reply_names.h"

struct rewrite {
	struct rewrite_rule *rules;
	size_t count;
};

/* What is asked in place of the question, and how the reply is led back. */
struct plan {
	struct dname name;
	uint16_t type, class;
	unsigned count;
	struct rewrite_change changes[REWRITE_APPLIED_MAX];
};

/* A query that waits for the reply to its plan. */
struct pending {
	struct query *query; /* moved */
	struct plan plan;
};

/* --- the question --- */

static bool is_for(
	const struct rewrite_rule *rule, const struct plan *plan, const char *name)
{
	if (rule->field == REWRITE_TYPE)
		return plan->type == rule->old_number;
	if (rule->field == REWRITE_CLASS)
		return plan->class == rule->old_number;
	return rewrite_rule_matches(rule, name);
}

/* The rule's part in the plan; `name` is the text of the name so far. ERR_SYNTAX: it
 * makes no name. */
static enum err apply_rule(const struct rewrite_rule *rule, struct plan *plan, char *name)
{
	struct rewrite_change *change = &plan->changes[plan->count++];
	change->rule = rule;
	if (rule->field == REWRITE_TYPE)
		plan->type = rule->new_number;
	if (rule->field == REWRITE_CLASS)
		plan->class = rule->new_number;
	if (rule->field != REWRITE_NAME)
		return ERR_NONE;
	change->to = plan->name;
	enum err err = rewrite_rule_name(rule, name, &plan->name);
	if (err)
		return err;
	change->from.length = plan->name.length;
	dname_lower(change->from.bytes, plan->name.bytes, plan->name.length);
	dname_to_text(change->from.bytes, name);
	return ERR_NONE;
}

static enum err make_plan(
	const struct rewrite *rewrite, const struct request *request, struct plan *plan)
{
	char name[DNAME_TEXT_SIZE];
	plan->count = 0;
	plan->type = request->qtype;
	plan->class = request->qclass;
	/* As it is spelled. */
	plan->name.length = request->name.length;
	memcpy(plan->name.bytes, request->message + DNS_HEADER_SIZE,
		request->name.length);
	dname_to_text(request->name.bytes, name);
	for (size_t i = 0; i < rewrite->count && plan->count < REWRITE_APPLIED_MAX; i++) {
		const struct rewrite_rule *rule = &rewrite->rules[i];
		if (!is_for(rule, plan, name))
			continue;
		enum err err = apply_rule(rule, plan, name);
		if (err || !rule->goes_on)
			return err;
	}
	return ERR_NONE;
}

/* --- the reply --- */

/* The types whose (first) name in rdata is one of those that people mean. */
static bool has_value(uint16_t type)
{
	static const uint16_t types[] = {TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_PTR, TYPE_MX,
		TYPE_SRV, TYPE_NAPTR, TYPE_DNAME};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

static uint32_t change_ttl(const struct rewrite_rule *rule, uint32_t ttl_s)
{
	if (rule->field != REWRITE_TTL)
		return ttl_s;
	ttl_s = ttl_s < rule->ttl_min_s ? rule->ttl_min_s : ttl_s;
	return ttl_s > rule->ttl_max_s ? rule->ttl_max_s : ttl_s;
}

/* The first name in the rdata; returns the new length. */
static uint16_t change_value(
	const struct plan *plan, uint16_t type, uint8_t *rdata, uint16_t length)
{
	const struct rdata_layout *layout = rdata_layout(type);
	size_t at = layout->fixed;
	for (unsigned i = 0; i < layout->strings; i++)
		at += rdata[at] + 1u;
	struct dname name = {.length = (uint8_t)dname_length(rdata + at)};
	memcpy(name.bytes, rdata + at, name.length);
	size_t old = name.length, rest = length - at - old;
	for (unsigned i = 0; i < plan->count; i++)
		rewrite_change_name(&plan->changes[i], true, &name);
	memmove(rdata + at + name.length, rdata + at + old, rest);
	memcpy(rdata + at, name.bytes, name.length);
	return (uint16_t)(at + name.length + rest);
}

static void copy_record(struct reply_names *names, const struct plan *plan,
	const struct records *from, const struct record *record)
{
	struct dname owner;
	uint8_t rdata[RDATA_NAMES_MAX + DNAME_MAX];
	struct named_record copy = {&owner, record->type, record->class, record->ttl_s,
		from->message + record->rdata, record->length};
	if (records_read_name(from, record->at, &owner))
		return;
	if (rdata_layout(record->type)) {
		copy.length = records_read_rdata(from, record, rdata);
		copy.rdata = rdata;
		if (!copy.length)
			return;
		if (has_value(record->type))
			copy.length =
				change_value(plan, record->type, rdata, copy.length);
	}
	for (unsigned i = 0; i < plan->count; i++) {
		rewrite_change_name(&plan->changes[i], false, &owner);
		copy.ttl_s = change_ttl(plan->changes[i].rule, copy.ttl_s);
	}
	reply_add_record(names, record->section, &copy);
}

/* What the reply says besides its records. */
static void copy_state(
	struct reply *reply, const struct plan *plan, const struct reply *from)
{
	reply_copy_state(reply, from);
	for (unsigned i = 0; i < plan->count; i++) {
		const struct rewrite_rule *rule = plan->changes[i].rule;
		if (rule->field == REWRITE_RCODE && reply->rcode == rule->old_number)
			reply->rcode = rule->new_number;
	}
}

/* The reply to the plan as one to the client's question. */
static enum verdict lead_back(
	struct query *query, const struct plan *plan, struct subquery *subquery)
{
	const struct reply *from = subquery_reply(subquery);
	if (!from)
		return VERDICT_DROP;
	struct reply_names names;
	struct records records;
	struct record record;
	reply_names_init(&names, &query->reply);
	records_init_reply(&records, from);
	while (records_next(&records, &record))
		copy_record(&names, plan, &records, &record);
	copy_state(&query->reply, plan, from);
	query->failure = subquery_failure(subquery);
	return VERDICT_REPLY;
}

static enum verdict fail(struct query *query, const char *failure)
{
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = failure;
	return VERDICT_REPLY;
}

/* --- waiting --- */

static void drop_late(void *context, struct subquery *subquery)
{
	(void)context;
	subquery_free(subquery);
}

static void on_reply(void *context, struct subquery *subquery)
{
	struct pending *pending = context;
	struct query *query = pending->query;
	enum verdict verdict = lead_back(query, &pending->plan, subquery);
	subquery_free(subquery);
	free(pending);
	query_resume(query, verdict);
	free(query);
}

static enum verdict wait_for(
	struct query *query, const struct plan *plan, struct subquery *subquery)
{
	struct pending *pending = malloc(sizeof(*pending));
	struct query *moved = pending ? query_move(query) : NULL;
	if (!moved) {
		free(pending);
		subquery_wait(subquery, drop_late, NULL);
		return fail(query, "no memory to rewrite the question");
	}
	pending->query = moved;
	pending->plan = *plan;
	subquery_wait(subquery, on_reply, pending);
	return VERDICT_SUSPEND;
}

static enum verdict rewrite_plugin_query(void *instance, struct query *query)
{
	struct plan plan;
	struct subquery *subquery;
	if (make_plan(instance, &query->request, &plan))
		return fail(query, "a rewrite rule makes no name of the question");
	/* Behind this plugin only IN is answered. */
	if (!plan.count || plan.class != CLASS_IN)
		return VERDICT_NEXT;
	enum verdict verdict =
		subquery_ask(query, &plan.name, plan.type, SUBQUERY_BEHIND, &subquery);
	if (verdict == VERDICT_SUSPEND && query->worker)
		return wait_for(query, &plan, subquery);
	/* Without a worker nobody will ever answer. */
	if (verdict == VERDICT_SUSPEND) {
		subquery_free(subquery);
		return verdict;
	}
	if (verdict != VERDICT_REPLY)
		return VERDICT_DROP;
	verdict = lead_back(query, &plan, subquery);
	subquery_free(subquery);
	return verdict;
}

/* --- the instance --- */

static void rules_deinit(struct rewrite_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		rewrite_rule_deinit(&rules[i]);
}

static void rewrite_plugin_free(void *instance)
{
	struct rewrite *rewrite = instance;
	rules_deinit(rewrite->rules, rewrite->count);
	free(rewrite);
}

enum err rewrite_plugin_new(
	struct rewrite_rule *rules, size_t count, struct plugin_instance *out)
{
	static const struct plugin_ops ops = {
		.name = "rewrite",
		.query = rewrite_plugin_query,
		.free = rewrite_plugin_free,
		.takes_any_class = true,
	};
	struct rewrite *rewrite = malloc(sizeof(*rewrite));
	if (!rewrite) {
		rules_deinit(rules, count);
		return ERR_NOMEM;
	}
	*rewrite = (struct rewrite){rules, count};
	out->ops = &ops;
	out->instance = rewrite;
	return ERR_NONE;
}
