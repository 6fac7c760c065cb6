/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/errors.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/pattern.h"

enum { INTERVAL_MS = 1000, REMEMBERED_SIZE = 256 };

struct counted_rule {
	struct errors_rule rule;
	_Atomic uint64_t count; /* since it was last told; by all workers */
	int64_t due_ms;         /* the control thread's; 0: nothing was counted */
};

struct errors {
	uint64_t id; /* no other instance ever had it */
	size_t count;
	struct counted_rule rules[];
};

/* Without a rule: the index behind the last. */
static size_t find_rule(const struct errors *errors, const char *failure)
{
	size_t i = 0;
	while (i < errors->count &&
		!pattern_matches(errors->rules[i].rule.pattern, failure))
		i++;
	return i;
}

/*
 * While an upstream is away every query fails for the same reason: each worker remembers
 * the last one, so that patterns, which allocate, are asked about new ones only.
 */
static size_t recall_rule(const struct errors *errors, const char *failure)
{
	static _Thread_local struct {
		uint64_t id;
		size_t rule;
		char failure[REMEMBERED_SIZE];
	} last;
	if (!errors->count)
		return 0;
	if (last.id == errors->id && strcmp(last.failure, failure) == 0)
		return last.rule;
	size_t rule = find_rule(errors, failure);
	size_t length = strlen(failure);
	if (length < sizeof(last.failure)) {
		last.id = errors->id;
		last.rule = rule;
		memcpy(last.failure, failure, length + 1);
	}
	return rule;
}

static void log_failure(
	enum log_level level, const struct query *query, const char *remark)
{
	char type[16], name[DNAME_TEXT_SIZE];
	dns_type_text(query->request.qtype, type);
	dname_to_text(query->request.message + DNS_HEADER_SIZE, name);
	log_write(level, "\"%s %s\": %s%s", name, type, query->failure, remark);
}

static void log_limited(const struct query *query)
{
	/* Observers run on the workers, each with a limit of its own. */
	static _Thread_local struct log_limit limit;
	uint64_t left_out;
	if (!log_limit_pass(&limit, INTERVAL_MS, &left_out))
		return;
	char remark[64] = "";
	if (left_out)
		snprintf(remark, sizeof(remark), " (%llu more like it were not logged)",
			(unsigned long long)left_out);
	log_failure(LOG_LEVEL_ERROR, query, remark);
}

static void errors_plugin_observe(void *instance, const struct query *query)
{
	struct errors *errors = instance;
	if (query->reply.rcode != RCODE_SERVFAIL || !query->failure)
		return;
	size_t index = recall_rule(errors, query->failure);
	if (index == errors->count) {
		log_limited(query);
		return;
	}
	struct counted_rule *counted = &errors->rules[index];
	uint64_t before =
		atomic_fetch_add_explicit(&counted->count, 1, memory_order_relaxed);
	if (!before && counted->rule.shows_first)
		log_failure(counted->rule.level, query, "");
}

static void tell(struct counted_rule *counted)
{
	uint64_t count =
		atomic_exchange_explicit(&counted->count, 0, memory_order_relaxed);
	counted->due_ms = 0;
	if (count > (counted->rule.shows_first ? 1 : 0))
		log_write(counted->rule.level,
			"%llu errors like '%s' occurred in last %s",
			(unsigned long long)count, counted->rule.pattern_text,
			counted->rule.period_text);
}

static void errors_plugin_housekeep(void *instance, int64_t now_ms)
{
	struct errors *errors = instance;
	for (size_t i = 0; i < errors->count; i++) {
		struct counted_rule *counted = &errors->rules[i];
		if (!atomic_load_explicit(&counted->count, memory_order_relaxed))
			continue;
		if (!counted->due_ms)
			counted->due_ms = now_ms + counted->rule.period_ms;
		else if (now_ms >= counted->due_ms)
			tell(counted);
	}
}

static void errors_plugin_free(void *instance)
{
	struct errors *errors = instance;
	for (size_t i = 0; i < errors->count; i++) {
		tell(&errors->rules[i]);
		pattern_free(errors->rules[i].rule.pattern);
	}
	free(errors);
}

static const struct plugin_ops errors_plugin_ops = {
	.name = "errors",
	.observe = errors_plugin_observe,
	.housekeep = errors_plugin_housekeep,
	.free = errors_plugin_free,
};

enum err errors_plugin_new(
	const struct errors_rule *rules, size_t count, struct plugin_instance *out)
{
	static uint64_t last_id;
	struct errors *errors =
		calloc(1, sizeof(*errors) + count * sizeof(errors->rules[0]));
	for (size_t i = 0; i < count; i++) {
		if (errors)
			errors->rules[i].rule = rules[i];
		else
			pattern_free(rules[i].pattern);
	}
	if (!errors)
		return ERR_NOMEM;
	errors->id = ++last_id;
	errors->count = count;
	*out = (struct plugin_instance){&errors_plugin_ops, errors};
	return ERR_NONE;
}
