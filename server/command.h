/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "server/control/server.h"

/*
 * The commands: each gets its own arguments, its name first, and returns the exit code:
 * 0, 1 for an error of what it was to do, 2 for unusable arguments. What --help prints,
 * what getopt takes and what the shells complete comes from the same rows.
 */

enum { EXIT_USAGE = 2, COMMAND_OPTIONS_MAX = 15 };

struct command_option {
	const char *name;     /* behind two dashes */
	const char *value;    /* what follows it, "FILE"; NULL: nothing does */
	const char *fallback; /* the value unless given, may be NULL */
	const char *help;     /* one line */
	char letter;          /* 0: it has none */
	bool is_file;         /* shells offer files as its value */
};

struct command {
	const char *name;
	const char *arguments; /* behind the options, for the usage line */
	const char *help;      /* one line */
	int (*run)(int argc, char **argv);
	/* Ended by a row without a name; --help is understood. */
	const struct command_option *options;
	/* What shells offer as first argument; NULL behind the last. May be NULL. */
	const char *(*candidate)(size_t index);
	bool has_single_dashes; /* options are written -conf FILE, -conf=FILE */
};

/* The row of `-c COREFILE`. */
#define COMMAND_OPTION_CONFIG                                                            \
	{                                                                                \
		.letter = 'c', .name = "config", .value = "COREFILE",                    \
		.fallback = "Corefile",                                                  \
		.help = "the configuration, \"Corefile\" in the current folder unless "  \
			"given",                                                         \
		.is_file = true                                                          \
	}

/* For commands that have no other option. */
extern const struct command_option command_config_only[];

/* Ended by NULL, in the order in which they are listed. */
extern const struct command *const commands[];
extern const struct command command_serve, command_check, command_dump, command_lookup,
	command_env, command_plugins, command_completion;

/* `waymark -conf FILE ...`: the process arguments of CoreDNS. */
extern const struct command command_arguments;

enum { COMMAND_GO_ON = -1 };

/* Reads the options into `values`, one for each row: its value, its name if it takes
 * none, NULL if it is not there. Options may stand behind other arguments, the first of
 * which optind is left at. COMMAND_GO_ON, or the exit code: help or a mistake was
 * printed. */
int command_options(
	const struct command *command, int argc, char **argv, const char **values);

/* All values of the option in row `row`, after command_options, which keeps the last one:
 * the first `max` into `out`; returns how many there are. */
size_t command_option_values(const struct command *command, int argc, char **argv,
	int row, const char **out, size_t max);

/* Prints what is wrong and the command's usage on standard error; returns EXIT_USAGE. */
int command_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Is there an argument behind the options that the command does not take? */
int command_no_arguments(const struct command *command, int argc, char **argv);

/* "waymark check [-c COREFILE]" */
void command_print_usage(const struct command *command, FILE *out);

/* Builds the server that the Corefile describes; `options` may be NULL. NULL: the
 * problems were logged. */
struct server *command_server(const char *corefile, const struct server_options *options);

/* Flushes standard output. False: what was written did not get there, as was said. */
bool command_flush(const struct command *command);
