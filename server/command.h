/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/server.h"

/* The commands: each gets its own arguments, its name first, and returns the exit code:
 * 0, 1 for an error of what it was to do, 2 for unusable arguments. */

enum { EXIT_USAGE = 2 };

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *help;      /* one line */
	int (*run)(int argc, char **argv);
};

extern const struct command command_serve, command_check, command_dump, command_lookup;

enum { COMMAND_GO_ON = -1 };

/* Reads `-c FILE` (default "Corefile") and leaves optind at the first other argument.
 * COMMAND_GO_ON, or the exit code: help or a mistake was printed. */
int command_options(
	const struct command *command, int argc, char **argv, const char **corefile);

/* Prints what is wrong and the command's usage on standard error; returns EXIT_USAGE. */
int command_usage(const struct command *command, const char *problem);

/* Builds the server that the Corefile describes. NULL: the problems were logged. */
struct server *command_server(const char *corefile, const struct cluster_report *report);
