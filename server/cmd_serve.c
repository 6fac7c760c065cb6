/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "server/command.h"
#include "server/control/run.h"

static int run(int argc, char **argv)
{
	static const struct server_options server_options = {.looks_hosts_up = true};
	const char *corefile;
	int code = command_options(&command_serve, argc, argv, &corefile);
	if (code == COMMAND_GO_ON)
		code = command_no_arguments(&command_serve, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	struct server *server = command_server(corefile, &server_options);
	if (!server)
		return 1;
	return control_run(server, false);
}

const struct command command_serve = {
	.name = "serve",
	.arguments = "",
	.help = "answers queries until SIGTERM or SIGINT",
	.run = run,
	.options = command_config_only,
};
