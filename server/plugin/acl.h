/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The acl plugin: who may ask what. The first rule that a query matches decides; one
 * that none matches is allowed. */

enum acl_action {
	ACL_ALLOW,
	ACL_BLOCK,  /* REFUSED */
	ACL_FILTER, /* an empty answer */
	ACL_DROP,   /* no answer at all */
};

/* A count of 0: any. */
struct acl_rule {
	const struct dname *zones;
	const uint16_t *types;
	const struct ipprefix *sources;
	size_t zone_count, type_count, source_count;
	enum acl_action action;
};

struct acl_options {
	const struct acl_rule *rules;
	size_t count;
};

/* The options must outlive the instance. */
struct plugin_instance acl_plugin_instance(const struct acl_options *options);
