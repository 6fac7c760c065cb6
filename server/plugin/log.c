/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/log.h"

#include "server/base/log.h"

enum { LINE_SIZE = 1920 };

static unsigned reply_class(const struct reply *reply)
{
	if (reply->rcode == RCODE_NXDOMAIN)
		return LOG_CLASS_DENIAL;
	if (reply->rcode != RCODE_NOERROR)
		return LOG_CLASS_ERROR;
	return reply->answer_count ? LOG_CLASS_SUCCESS : LOG_CLASS_DENIAL;
}

static bool is_in_rule(const struct log_rule *rule, const struct dname *name)
{
	for (size_t i = 0; i < rule->zone_count; i++)
		if (dname_is_within(name, &rule->zones[i]))
			return true;
	return rule->zone_count == 0;
}

static void log_plugin_observe(void *instance, const struct query *query)
{
	const struct log_options *options = instance;
	const struct log_rule *rule = options->rules;
	const struct log_rule *end = rule + options->count;
	while (rule < end && !is_in_rule(rule, &query->request.name))
		rule++;
	if (rule == end || !(rule->classes & reply_class(&query->reply)))
		return;
	char line[LINE_SIZE];
	log_format_write(&rule->format, query, line, sizeof(line));
	log_info("%s", line);
}

struct plugin_instance log_plugin_instance(const struct log_options *options)
{
	static const struct plugin_ops ops = {
		.name = "log", .observe = log_plugin_observe};
	return (struct plugin_instance){&ops, (void *)options};
}
