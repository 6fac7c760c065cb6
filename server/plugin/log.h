/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/log_format.h"
#include "server/query/plugin.h"

/* The log plugin: a line for each reply. The first rule that the name is in decides
 * whether and how. */

enum log_class {
	LOG_CLASS_SUCCESS = 1,
	LOG_CLASS_DENIAL = 2,
	LOG_CLASS_ERROR = 4,
	LOG_CLASS_ALL = 7
};

struct log_rule {
	const struct dname *zones; /* names in these; lower-case; count 0: all names */
	size_t zone_count;
	unsigned classes; /* of enum log_class */
	struct log_format format;
};

struct log_options {
	const struct log_rule *rules;
	size_t count;
};

/* The options must outlive the instance. */
struct plugin_instance log_plugin_instance(const struct log_options *options);
