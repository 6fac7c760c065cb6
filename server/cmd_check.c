/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/command.h"

static void count_errors(void *context, const struct diag_list *problems)
{
	size_t *errors = context;
	diag_list_log(problems);
	*errors += problems->errors;
}

static int run(int argc, char **argv)
{
	const char *corefile;
	int code = command_options(&command_check, argc, argv, &corefile);
	if (code != COMMAND_GO_ON)
		return code;
	if (optind < argc)
		return command_usage(&command_check, "too many arguments");
	size_t errors = 0;
	const struct cluster_report report = {&errors, count_errors};
	struct server *server = command_server(corefile, &report);
	if (!server)
		return 1;
	enum err err = server_load(server, NULL);
	if (err)
		log_error("cannot read the manifests: %s", err_text(err));
	server_free(server);
	return err || errors ? 1 : 0;
}

const struct command command_check = {"check", "[-c COREFILE]",
	"says what is wrong with the Corefile and the manifests", run};
