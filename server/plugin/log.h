/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The log plugin: a line for each reply, in CoreDNS's common format. */

enum log_class {
	LOG_CLASS_SUCCESS = 1,
	LOG_CLASS_DENIAL = 2,
	LOG_CLASS_ERROR = 4,
	LOG_CLASS_ALL = 7
};

struct log_plugin_options {
	const struct dname *zones; /* names in these; lower-case; count 0: all names */
	size_t zone_count;
	unsigned classes; /* of enum log_class */
};

/* Copies the options. ERR_NOMEM. */
enum err log_plugin_new(
	const struct log_plugin_options *options, struct plugin_instance *out) MUST_CHECK;
