/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/config/test_plugins.h"

static void check_pair(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	if (directive->argument_count % 2)
		diag_add(problems, SEVERITY_ERROR, directive->name.place.file,
			directive->name.place.line, directive->name.place.column,
			"expected an even number of arguments");
}

static const struct directive_row kubernetes_options[] = {
	{.name = "ttl",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 3600},
	{.name = "pods",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "disabled|insecure|verified"},
	{.name = "namespaces", .min_arguments = 1, .max_arguments = 255},
	{.name = "fallthrough", .type = ARGUMENT_ZONE, .max_arguments = 255},
	{.name = "manifests",
		.type = ARGUMENT_FOLDER,
		.min_arguments = 1,
		.max_arguments = 255,
		.may_repeat = true},
	{.name = "state", .type = ARGUMENT_FILE, .min_arguments = 1, .max_arguments = 1},
	{.name = "service_cidr",
		.type = ARGUMENT_CIDR,
		.min_arguments = 1,
		.max_arguments = 2},
	{.name = "noendpoints"},
	{.name = "startup_timeout",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 100,
		.max = 3600000},
	{.name = "source_address",
		.type = ARGUMENT_ADDRESS,
		.min_arguments = 1,
		.max_arguments = 1},
	{.name = "burst",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1},
	{.name = "wait",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1},
	{.name = "pair", .max_arguments = 255, .check = check_pair},
	{0},
};

static const struct directive_row health_options[] = {
	{.name = "lameduck",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1},
	{0},
};

const struct directive_row test_plugins[] = {
	{.name = "bind",
		.type = ARGUMENT_LISTEN,
		.min_arguments = 1,
		.max_arguments = 255,
		.may_repeat = true},
	{.name = "errors"},
	{.name = "log", .max_arguments = 255, .may_repeat = true},
	{.name = "health", .max_arguments = 1, .options = health_options},
	{.name = "kubernetes",
		.type = ARGUMENT_ZONE,
		.max_arguments = 255,
		.options = kubernetes_options},
	{0},
};
