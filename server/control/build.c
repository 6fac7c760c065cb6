/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/build.h"

#include <assert.h>
#include <string.h>

#include "server/plugin/any.h"
#include "server/plugin/debug.h"
#include "server/plugin/local.h"
#include "server/plugin/loop.h"
#include "server/plugin/minimal.h"
#include "server/plugin/whoami.h"

void build_add(struct build *build, const struct plugin_instance *instance)
{
	struct server_block *block = build->block;
	if (instance->ops->query) {
		assert(block->chain_length < CHAIN_MAX);
		block->chain[block->chain_length++] = *instance;
	} else {
		assert(block->observer_count < CHAIN_MAX);
		block->observers[block->observer_count++] = *instance;
	}
}

const struct corefile_directive *build_next(
	const struct build *build, const struct corefile_directive *directive)
{
	const struct corefile_block *source = build->source;
	const struct corefile_directive *end =
		source->directives + source->directive_count;
	for (const struct corefile_directive *next = directive + 1; next < end; next++)
		if (strcmp(next->name.text, directive->name.text) == 0)
			return next;
	return NULL;
}

/* --- plugins without a choice to read --- */

static enum err build_any(struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	struct plugin_instance instance = any_plugin_instance();
	build_add(build, &instance);
	return ERR_NONE;
}

static enum err build_bufsize(
	struct build *build, const struct corefile_directive *directive)
{
	int64_t size;
	if (!directive->argument_count)
		return ERR_NONE;
	enum err err = argument_number(&directive->arguments[0], &size);
	if (!err)
		build->block->udp_size = (uint16_t)size;
	return err;
}

static enum err build_debug(
	struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	struct plugin_instance instance = debug_plugin_instance();
	build_add(build, &instance);
	build->wants_debug = true;
	return ERR_NONE;
}

static enum err build_local(
	struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	struct plugin_instance instance = local_plugin_instance();
	build_add(build, &instance);
	return ERR_NONE;
}

static enum err build_loop(
	struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	struct plugin_instance instance = loop_plugin_instance();
	build_add(build, &instance);
	return ERR_NONE;
}

static enum err build_minimal(
	struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	struct plugin_instance instance = minimal_plugin_instance();
	build_add(build, &instance);
	return ERR_NONE;
}

static enum err build_prometheus(
	struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	build->block->is_counted = true;
	return ERR_NONE;
}

static enum err build_whoami(
	struct build *build, const struct corefile_directive *directive)
{
	(void)directive;
	struct plugin_instance instance = whoami_plugin_instance();
	build_add(build, &instance);
	return ERR_NONE;
}

static const struct {
	const char *name;
	enum err (*build)(
		struct build *build, const struct corefile_directive *directive);
} builders[] = {
	{"acl", build_acl},
	{"any", build_any},
	{"autopath", build_autopath},
	{"bufsize", build_bufsize},
	{"cache", build_cache},
	{"chaos", build_chaos},
	{"debug", build_debug},
	{"envfiles", build_envfiles},
	{"dns64", build_dns64},
	{"errors", build_errors},
	{"forward", build_forward},
	{"file", build_file},
	{"header", build_header},
	{"hosts", build_hosts},
	{"loadbalance", build_loadbalance},
	{"local", build_local},
	{"log", build_log},
	{"loop", build_loop},
	{"minimal", build_minimal},
	{"nsid", build_nsid},
	{"prometheus", build_prometheus},
	{"rewrite", build_rewrite},
	{"template", build_template},
	{"whoami", build_whoami},
};

enum err build_plugin(struct build *build, const struct corefile_directive *directive)
{
	for (size_t i = 0; i < sizeof(builders) / sizeof(builders[0]); i++)
		if (strcmp(builders[i].name, directive->name.text) == 0)
			return builders[i].build(build, directive);
	return ERR_NONE;
}
