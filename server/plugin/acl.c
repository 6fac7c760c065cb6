/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/acl.h"

#include "server/base/ipaddr.h"

static bool matches_zone(const struct acl_rule *rule, const struct request *request)
{
	for (size_t i = 0; i < rule->zone_count; i++)
		if (dname_is_within(&request->name, &rule->zones[i]))
			return true;
	return !rule->zone_count;
}

static bool matches_type(const struct acl_rule *rule, const struct request *request)
{
	for (size_t i = 0; i < rule->type_count; i++)
		if (request->qtype == rule->types[i])
			return true;
	return !rule->type_count;
}

static bool matches_source(const struct acl_rule *rule, const struct ipaddr *client)
{
	for (size_t i = 0; i < rule->source_count; i++)
		if (ipprefix_contains(&rule->sources[i], client))
			return true;
	return !rule->source_count;
}

static enum verdict acl_act(enum acl_action action, struct reply *reply)
{
	switch (action) {
	case ACL_BLOCK:
		reply->rcode = RCODE_REFUSED;
		reply->ede = EDE_BLOCKED;
		return VERDICT_REPLY;
	case ACL_FILTER:
		reply->ede = EDE_FILTERED;
		return VERDICT_REPLY;
	case ACL_DROP:
		return VERDICT_DROP;
	default:
		return VERDICT_NEXT;
	}
}

static enum verdict acl_plugin_query(void *instance, struct query *query)
{
	const struct acl_options *options = instance;
	struct ipaddr client = ipaddr_from_sockaddr(query->client);
	for (size_t i = 0; i < options->count; i++) {
		const struct acl_rule *rule = &options->rules[i];
		if (matches_source(rule, &client) &&
			matches_type(rule, &query->request) &&
			matches_zone(rule, &query->request))
			return acl_act(rule->action, &query->reply);
	}
	return VERDICT_NEXT;
}

struct plugin_instance acl_plugin_instance(const struct acl_options *options)
{
	static const struct plugin_ops ops = {
		.name = "acl", .query = acl_plugin_query, .takes_any_class = true};
	return (struct plugin_instance){&ops, (void *)options};
}
