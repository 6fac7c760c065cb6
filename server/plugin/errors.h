/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/log.h"
#include "server/query/plugin.h"

/*
 * The errors plugin: why a query was answered SERVFAIL, in the log, at most a line a
 * second for each worker. Reasons that match a rule are counted instead and told
 * together, a period after the first of them.
 */

struct pattern;

struct errors_rule {
	struct pattern *pattern;
	const char *pattern_text, *period_text; /* as written; outlive the instance */
	int64_t period_ms;
	enum log_level level;
	bool shows_first; /* the first one of a period at once */
};

/* The first rule that matches counts. Copies the rules, and takes their patterns over,
 * also on failure. ERR_NOMEM. */
enum err errors_plugin_new(const struct errors_rule *rules, size_t count,
	struct plugin_instance *out) MUST_CHECK;
