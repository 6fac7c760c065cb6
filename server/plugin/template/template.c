/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/template/template.h"

#include <stdlib.h>
#include <string.h>

#include "server/query/series.h"
#include "server/query/subquery.h"
#include "server/wire/reply_names.h"

enum { TEXT_SIZE = RECORD_TEXT_RDATA_MAX };

struct template
{
	const struct template_rule *rules;
	size_t count;
};

/* A question and how a rule matches it, while its reply is written. */
struct rendering {
	const struct template_rule *rule;
	struct query *query;
	struct template_values values;
	struct reply_names names;
	struct dname target; /* of the last CNAME of the answer section; length 0: none */
	struct pattern_match match;
	char name[DNAME_TEXT_SIZE];
	char type[16], class[16], remote[IPADDR_TEXT_SIZE];
	/* One record after the other. */
	char text[TEXT_SIZE];
	struct record_text record;
};

/* A reply that waits for the records of its CNAME's target. */
struct pending {
	const struct template_rule *rule;
	struct query *query; /* moved */
};

/* --- matching --- */

static bool is_within(const struct dname *name, const struct dname *zones, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (dname_is_within(name, &zones[i]))
			return true;
	return false;
}

/* The longest zone of the rule that the name is in; zone_count: none. */
static size_t find_zone(const struct template_rule *rule, const struct dname *name)
{
	size_t best = rule->zone_count;
	for (size_t i = 0; i < rule->zone_count; i++)
		if (dname_is_within(name, &rule->zones[i]) &&
			(best == rule->zone_count ||
				rule->zones[i].length > rule->zones[best].length))
			best = i;
	return best;
}

static bool is_meant(const struct template_rule *rule, const struct request *request)
{
	return (rule->class == CLASS_ANY || request->qclass == rule->class) &&
	       (rule->type == TYPE_ANY || request->qtype == TYPE_ANY ||
		       request->qtype == rule->type);
}

/* The question as the fields of a template show it. */
static void rendering_init(struct rendering *rendering, struct query *query)
{
	const struct request *request = &query->request;
	struct ipaddr client = ipaddr_from_sockaddr(query->client);
	rendering->query = query;
	rendering->target.length = 0;
	dname_to_text(request->name.bytes, rendering->name);
	ipaddr_format(&client, rendering->remote);
	dns_class_text(request->qclass, rendering->class);
	rendering->values = (struct template_values){
		.name = rendering->name,
		.class = rendering->class,
		.type = rendering->type,
		.remote = rendering->remote,
		.match = &rendering->match,
		.request = request,
	};
}

/* The rule is for this zone, class and type: does a pattern match? */
static bool rendering_match(
	struct rendering *rendering, const struct template_rule *rule, size_t zone)
{
	const struct request *request = &rendering->query->request;
	rendering->rule = rule;
	rendering->values.zone = rule->zone_texts[zone];
	dns_type_text(request->qtype == TYPE_ANY ? rule->type : request->qtype,
		rendering->type);
	for (size_t i = 0; i < rule->patterns.count; i++) {
		rendering->values.pattern = i;
		if (pattern_find(
			    rule->patterns.items[i], rendering->name, &rendering->match))
			return true;
	}
	return false;
}

static bool may_fall_through(const struct template_rule *rule, const struct dname *name)
{
	return rule->falls_through &&
	       (!rule->fallthrough_count ||
		       is_within(name, rule->fallthrough_zones, rule->fallthrough_count));
}

/* --- writing --- */

static const struct record_text *make_record(
	struct rendering *rendering, const struct template_record *record)
{
	struct record_text_problem problem;
	if (record->fixed)
		return record->fixed;
	if (!template_text_write(&record->text, &rendering->values, rendering->text,
		    sizeof(rendering->text)) ||
		record_text_parse(rendering->text, &rendering->record, &problem))
		return NULL;
	return &rendering->record;
}

static void note_target(struct rendering *rendering, const struct record_text *record)
{
	if (record->type != TYPE_CNAME)
		return;
	rendering->target.length = (uint8_t)record->length;
	memcpy(rendering->target.bytes, record->rdata, record->length);
}

/* False: a text gave no record, the query has failed. */
static bool write_section(struct rendering *rendering, enum reply_section section)
{
	const struct template_section *from = &rendering->rule->sections[section];
	for (size_t i = 0; i < from->count; i++) {
		const struct record_text *record =
			make_record(rendering, &from->records[i]);
		if (!record) {
			rendering->query->failure = from->records[i].failure;
			return false;
		}
		const struct named_record named = {&record->owner, record->type,
			record->class, record->ttl_s, record->rdata, record->length};
		reply_add_record(&rendering->names, section, &named);
		if (section == SECTION_ANSWER)
			note_target(rendering, record);
	}
	return true;
}

/* The records of the target behind the CNAME. */
static void copy_target(struct rendering *rendering, const struct reply *from)
{
	struct records records;
	struct record record;
	if (!from)
		return;
	records_init_reply(&records, from);
	while (records_next(&records, &record) && record.section == SECTION_ANSWER)
		reply_copy_record(&rendering->names, SECTION_ANSWER, &records, &record);
	rendering->query->reply.is_truncated |= from->is_truncated;
}

static enum verdict fail(struct query *query)
{
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	return VERDICT_REPLY;
}

/* What stands behind the answer section. */
static enum verdict write_rest(struct rendering *rendering)
{
	const struct template_rule *rule = rendering->rule;
	struct reply *reply = &rendering->query->reply;
	bool is_minimal = reply->is_minimal && reply->answer_count;
	if (!is_minimal && (!write_section(rendering, SECTION_AUTHORITY) ||
				   !write_section(rendering, SECTION_ADDITIONAL)))
		return fail(rendering->query);
	reply->is_authoritative = true;
	reply->rcode = rule->rcode;
	if (rule->rcode == RCODE_SERVFAIL)
		rendering->query->failure = "a template of the Corefile says so";
	if (rule->ede != EDE_NONE)
		reply_set_ede(reply, (enum edns_ede)rule->ede, rule->ede_text, NULL);
	return VERDICT_REPLY;
}

/* --- the target of a CNAME --- */

static void drop_late(void *context, struct subquery *subquery)
{
	(void)context;
	subquery_free(subquery);
}

static void on_target(void *context, struct subquery *subquery)
{
	struct pending *pending = context;
	struct query *query = pending->query;
	struct rendering rendering;
	rendering_init(&rendering, query);
	rendering_match(&rendering, pending->rule,
		find_zone(pending->rule, &query->request.name));
	reply_names_init(&rendering.names, &query->reply);
	copy_target(&rendering, subquery_reply(subquery));
	enum verdict verdict = write_rest(&rendering);
	subquery_free(subquery);
	free(pending);
	query_resume(query, verdict);
	free(query);
}

/* True: the query is suspended until the target's records are there. */
static bool wait_for_target(struct rendering *rendering, struct subquery *subquery)
{
	struct pending *pending = malloc(sizeof(*pending));
	struct query *moved = pending ? query_move(rendering->query) : NULL;
	if (!moved) {
		free(pending);
		subquery_wait(subquery, drop_late, NULL);
		return false;
	}
	*pending = (struct pending){rendering->rule, moved};
	subquery_wait(subquery, on_target, pending);
	return true;
}

/* Asks the server for what a CNAME leads to. True: the query is suspended. */
static bool follow_target(struct rendering *rendering)
{
	const struct query *query = rendering->query;
	uint16_t type = query->request.qtype;
	struct subquery *subquery;
	if (!rendering->target.length || query->request.qclass != CLASS_IN ||
		(type != TYPE_A && type != TYPE_AAAA))
		return false;
	switch (subquery_ask(
		rendering->query, &rendering->target, type, SUBQUERY_SERVER, &subquery)) {
	case VERDICT_REPLY:
		copy_target(rendering, subquery_reply(subquery));
		subquery_free(subquery);
		return false;
	case VERDICT_SUSPEND:
		return wait_for_target(rendering, subquery);
	default:
		return false;
	}
}

static enum verdict answer(struct rendering *rendering)
{
	struct query *query = rendering->query;
	if (query->series)
		series_count_template(query->series, &query->request);
	reply_names_init(&rendering->names, &query->reply);
	if (!write_section(rendering, SECTION_ANSWER))
		return fail(query);
	return follow_target(rendering) ? VERDICT_SUSPEND : write_rest(rendering);
}

static enum verdict template_plugin_query(void *instance, struct query *query)
{
	const struct template *template = instance;
	const struct request *request = &query->request;
	struct rendering rendering;
	bool is_begun = false;
	for (size_t i = 0; i < template->count; i++) {
		const struct template_rule *rule = &template->rules[i];
		size_t zone = is_meant(rule, request) ? find_zone(rule, &request->name)
						      : rule->zone_count;
		if (zone == rule->zone_count)
			continue;
		if (!is_begun)
			rendering_init(&rendering, query);
		is_begun = true;
		if (rendering_match(&rendering, rule, zone))
			return answer(&rendering);
		if (may_fall_through(rule, &request->name))
			continue;
		query->failure = "no template matches this name";
		return fail(query);
	}
	return VERDICT_NEXT;
}

/* --- the instance --- */

static void free_patterns(const struct template_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < rules[i].patterns.count; j++)
			pattern_free(rules[i].patterns.items[j]);
}

static void template_plugin_free(void *instance)
{
	struct template *template = instance;
	free_patterns(template->rules, template->count);
	free(template);
}

enum err template_plugin_new(
	const struct template_rule *rules, size_t count, struct plugin_instance *out)
{
	static const struct plugin_ops ops = {
		.name = "template",
		.query = template_plugin_query,
		.free = template_plugin_free,
		.takes_any_class = true,
	};
	struct template *template = malloc(sizeof(*template));
	if (!template) {
		free_patterns(rules, count);
		return ERR_NOMEM;
	}
	*template = (struct template){rules, count};
	out->ops = &ops;
	out->instance = template;
	return ERR_NONE;
}
