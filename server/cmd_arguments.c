/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config.h"
#include "server/command.h"
#include "server/control/plugins.h"
#include "server/control/run.h"

/* What CoreDNS's process takes, so that a container's arguments need no change. */

enum {
	OPTION_CONF,
	OPTION_DNS_PORT,
	OPTION_P,
	OPTION_QUIET,
	OPTION_VERSION,
	OPTION_PLUGINS,
	OPTIONS
};

static const struct command_option options[] = {
	[OPTION_CONF] = {.name = "conf",
		.value = "FILE",
		.fallback = "Corefile",
		.help = "the Corefile, \"Corefile\" in the current folder unless given",
		.is_file = true},
	[OPTION_DNS_PORT] = {.name = "dns.port",
		.value = "PORT",
		.help = "the port of server blocks that name none, 53 unless given"},
	[OPTION_P] = {.name = "p", .value = "PORT", .help = "the same"},
	[OPTION_QUIET] = {.name = "quiet", .help = "logs nothing about the start"},
	[OPTION_VERSION] = {.name = "version", .help = "prints the version"},
	[OPTION_PLUGINS] = {.name = "plugins", .help = "prints the names of the plugins"},
	[OPTIONS] = {.name = NULL},
};

static int print_version(void)
{
	struct utsname system;
	printf("waymark-%s\n", PACKAGE_VERSION);
	if (!uname(&system))
		printf("linux/%s\n", system.machine);
	return command_flush(&command_arguments) ? 0 : 1;
}

static int compare_names(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;
	return strcmp(*a, *b);
}

static int print_plugins(void)
{
	size_t count = 0;
	while (plugin_rows[count].name)
		count++;
	const char **names = calloc(count + 1, sizeof(*names));
	if (!names)
		return 1;
	for (size_t i = 0; i < count; i++)
		names[i] = plugin_rows[i].name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++)
		puts(names[i]);
	free(names);
	return command_flush(&command_arguments) ? 0 : 1;
}

/* 0: that is no port. */
static uint16_t parse_port(const char *text)
{
	char *end;
	errno = 0;
	long port = strtol(text, &end, 10);
	bool is_number = *text >= '0' && *text <= '9' && !*end && !errno;
	return is_number && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static int serve(const char *const *values)
{
	struct server_options server_options = {.looks_hosts_up = true};
	const char *port = values[OPTION_P] ? values[OPTION_P] : values[OPTION_DNS_PORT];
	if (port) {
		server_options.port = parse_port(port);
		if (!server_options.port)
			return command_usage(&command_arguments,
				"\"%s\" is no port, expected 1 to 65535", port);
	}
	struct server *server = command_server(values[OPTION_CONF], &server_options);
	if (!server)
		return 1;
	return control_run(server, values[OPTION_QUIET]);
}

static int run(int argc, char **argv)
{
	const char *values[OPTIONS];
	int code = command_options(&command_arguments, argc, argv, values);
	if (code == COMMAND_GO_ON)
		code = command_no_arguments(&command_arguments, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	if (values[OPTION_VERSION])
		return print_version();
	return values[OPTION_PLUGINS] ? print_plugins() : serve(values);
}

const struct command command_arguments = {
	.name = "",
	.arguments = "",
	.help = "serves as well: the process arguments of CoreDNS",
	.run = run,
	.options = options,
	.has_single_dashes = true,
};
