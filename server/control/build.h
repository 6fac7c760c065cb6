/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/plugin/kubernetes/kubernetes.h"
#include "server/query/plugin.h"

struct cache_pool;

/* From a checked directive to the plugin in its server block. Control thread only. */

struct build {
	const struct corefile *corefile;
	const struct corefile_block *source; /* one of its blocks */
	struct server_block *block;
	struct arena *arena; /* lives as long as the block */
	struct diag_list *problems;
	const struct hash_key *key;    /* with which questions are hashed */
	const struct cluster *cluster; /* of the block's kubernetes; NULL: it has none */
	struct kubernetes_options kubernetes, external; /* of that and of k8s_external */
	struct cache_pool *cache_pool; /* of all caches; NULL: there are none */
	bool looks_hosts_up;           /* asks for the addresses of host names */
	bool wants_debug;              /* out: a debug directive was seen */
};

/* Makes the plugin of the directive, the first of its name in the block; nothing where
 * the plugin only configures or is made elsewhere. ERR_NOMEM; ERR_INVALID with problems.
 */
enum err build_plugin(
	struct build *build, const struct corefile_directive *directive) MUST_CHECK;

/* Into the chain, or among the observers if that is all it does. */
void build_add(struct build *build, const struct plugin_instance *instance);

/* The next directive of the same name in the block. NULL: it was the last. */
const struct corefile_directive *build_next(
	const struct build *build, const struct corefile_directive *directive);

/* The plugins that have options, each in a file of its own. */
enum err build_autopath(
	struct build *build, const struct corefile_directive *directive) MUST_CHECK;
enum err build_acl(struct build *build, const struct corefile_directive *directive);
enum err build_cache(struct build *build, const struct corefile_directive *directive);
enum err build_chaos(struct build *build, const struct corefile_directive *directive);
enum err build_envfiles(struct build *build, const struct corefile_directive *directive);
enum err build_dns64(struct build *build, const struct corefile_directive *directive);
enum err build_errors(struct build *build, const struct corefile_directive *directive);
enum err build_forward(struct build *build, const struct corefile_directive *directive);
enum err build_file(struct build *build, const struct corefile_directive *directive);
enum err build_header(struct build *build, const struct corefile_directive *directive);
enum err build_hosts(struct build *build, const struct corefile_directive *directive);
enum err build_loadbalance(
	struct build *build, const struct corefile_directive *directive);
enum err build_log(struct build *build, const struct corefile_directive *directive);
enum err build_nsid(struct build *build, const struct corefile_directive *directive);
enum err build_rewrite(struct build *build, const struct corefile_directive *directive);
enum err build_template(struct build *build, const struct corefile_directive *directive);
