/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config.h"
#include "server/base/nearest.h"
#include "server/command.h"

static void print_help(FILE *out)
{
	fprintf(out, "usage: waymark COMMAND [ARGUMENT...]\n\n");
	for (unsigned i = 0; commands[i]; i++) {
		fputs("  ", out);
		command_print_usage(commands[i], out);
		fprintf(out, "      %s\n", commands[i]->help);
	}
	fputs("  ", out);
	command_print_usage(&command_arguments, out);
	fprintf(out,
		"      %s\n\n"
		"  waymark COMMAND --help\n"
		"  waymark --version\n"
		"  waymark --help\n",
		command_arguments.help);
}

static int unknown_command(const char *name)
{
	struct nearest nearest;
	nearest_init(&nearest, name);
	for (unsigned i = 0; commands[i]; i++)
		nearest_offer(&nearest, commands[i]->name);
	fprintf(stderr, "waymark: there is no command \"%s\"", name);
	if (nearest.found)
		fprintf(stderr, ", did you mean \"%s\"?", nearest.found);
	fputs("\nusage: waymark COMMAND [ARGUMENT...]; `waymark --help` lists them\n",
		stderr);
	return EXIT_USAGE;
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
	if (*name == '-')
		return command_arguments.run(argc, argv);
	for (unsigned i = 0; commands[i]; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i]->run(argc - 1, argv + 1);
	if (*name)
		return unknown_command(name);
	print_help(stderr);
	return EXIT_USAGE;
}
