/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/rewrite/rule.h"
#include "server/query/plugin.h"

/* The rewrite plugin: asks the plugins behind it another question in place of the
 * client's, and gives their reply back as one to the client's. */

enum { REWRITE_APPLIED_MAX = 16 }; /* rules to one question */

/* The rules must outlive the instance, which deinits them, also on failure. ERR_NOMEM. */
enum err rewrite_plugin_new(
	struct rewrite_rule *rules, size_t count, struct plugin_instance *out) MUST_CHECK;
