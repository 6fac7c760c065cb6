/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command.h"

#include <getopt.h>
#include <stdio.h>

#include "server/base/log.h"

int command_usage(const struct command *command, const char *problem)
{
	if (problem)
		fprintf(stderr, "waymark %s: %s\n", command->name, problem);
	fprintf(stderr, "usage: waymark %s %s\n", command->name, command->arguments);
	return EXIT_USAGE;
}

int command_options(
	const struct command *command, int argc, char **argv, const char **corefile)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	*corefile = "Corefile";
	optind = 1;
	opterr = 0;
	int option;
	while ((option = getopt_long(argc, argv, "+:c:h", options, NULL)) != -1) {
		if (option == 'c') {
			*corefile = optarg;
			continue;
		}
		if (option == 'h') {
			printf("usage: waymark %s %s\n%s\n", command->name,
				command->arguments, command->help);
			return 0;
		}
		return command_usage(command, option == ':'
						      ? "-c needs the name of a Corefile"
						      : "there is no such option");
	}
	return COMMAND_GO_ON;
}

struct server *command_server(const char *corefile, const struct cluster_report *report)
{
	struct server *server = NULL;
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = server_new(corefile, report, &server, &problems);
	diag_list_log(&problems);
	if (err && !problems.errors)
		log_error("cannot read \"%s\": %s", corefile, err_text(err));
	diag_list_deinit(&problems);
	return err ? NULL : server;
}
