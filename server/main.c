/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "server/command.h"

static const struct command *const commands[] = {
	&command_serve,
	&command_check,
	&command_dump,
	&command_lookup,
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
	fprintf(out, "usage: waymark COMMAND [ARGUMENTS]\n\n");
	for (unsigned i = 0; i < COMMANDS; i++)
		fprintf(out, "  waymark %s %s\n      %s\n", commands[i]->name,
			commands[i]->arguments, commands[i]->help);
	fprintf(out, "  waymark --version\n  waymark --help\n\n"
		     "The Corefile is \"Corefile\" in the current folder unless -c names "
		     "another.\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--version") == 0) {
		printf("waymark %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
		strcmp(name, "help") == 0) {
		print_help(stdout);
		return 0;
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "waymark: there is no command \"%s\"\n", name);
	print_help(stderr);
	return EXIT_USAGE;
}
