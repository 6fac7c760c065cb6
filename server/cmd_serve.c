/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "server/command.h"
#include "server/control/run.h"

static int run(int argc, char **argv)
{
	const char *corefile;
	int code = command_options(&command_serve, argc, argv, &corefile);
	if (code != COMMAND_GO_ON)
		return code;
	if (optind < argc)
		return command_usage(&command_serve, "too many arguments");
	struct server *server = command_server(corefile, NULL);
	if (!server)
		return 1;
	code = control_run(server);
	server_free(server);
	return code;
}

const struct command command_serve = {
	"serve", "[-c COREFILE]", "answers queries until SIGTERM or SIGINT", run};
