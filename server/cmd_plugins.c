/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "server/base/nearest.h"
#include "server/command.h"
#include "server/control/plugins.h"
#include "server/manual.h"

enum { OPTION_MAN, OPTIONS };

static const struct command_option options[] = {
	[OPTION_MAN] = {.name = "man",
		.help = "writes their part of waymark-corefile(5) instead"},
	[OPTIONS] = {.name = NULL},
};

static const char *plugin_name(size_t index)
{
	return plugin_rows[index].name;
}

static int print_one(const char *name)
{
	const struct directive_row *row = directive_find(plugin_rows, name);
	if (row) {
		manual_print_text(row, stdout);
		return command_flush(&command_plugins) ? 0 : 1;
	}
	struct nearest nearest;
	nearest_init(&nearest, name);
	for (row = plugin_rows; row->name; row++)
		nearest_offer(&nearest, row->name);
	if (nearest.found)
		return command_usage(&command_plugins,
			"there is no plugin \"%s\", did you mean \"%s\"?", name,
			nearest.found);
	return command_usage(&command_plugins, "there is no plugin \"%s\"", name);
}

static int print_all(void)
{
	for (const struct directive_row *row = plugin_rows; row->name; row++) {
		if (row != plugin_rows)
			putchar('\n');
		manual_print_text(row, stdout);
	}
	return command_flush(&command_plugins) ? 0 : 1;
}

static int run(int argc, char **argv)
{
	const char *values[OPTIONS];
	int code = command_options(&command_plugins, argc, argv, values);
	const char *name = NULL;
	if (code == COMMAND_GO_ON && optind < argc && !values[OPTION_MAN])
		name = argv[optind++];
	if (code == COMMAND_GO_ON)
		code = command_no_arguments(&command_plugins, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	if (values[OPTION_MAN]) {
		manual_print_man(plugin_rows, stdout);
		return command_flush(&command_plugins) ? 0 : 1;
	}
	return name ? print_one(name) : print_all();
}

const struct command command_plugins = {
	.name = "plugins",
	.arguments = "[NAME]",
	.help = "lists the plugins of a Corefile and their options",
	.run = run,
	.options = options,
	.candidate = plugin_name,
};
