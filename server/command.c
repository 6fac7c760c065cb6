/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "server/base/log.h"

/* What getopt returns for the row i is OPTION_ROW + i, beyond any letter. */
enum { OPTION_ROW = 256, OPTION_HELP = OPTION_ROW + COMMAND_OPTIONS_MAX };

const struct command *const commands[] = {
	&command_serve,
	&command_check,
	&command_lookup,
	&command_dump,
	&command_env,
	&command_plugins,
	&command_completion,
	NULL,
};

const struct command_option command_config_only[] = {
	COMMAND_OPTION_CONFIG,
	{.name = NULL},
};

/* --- usage and help --- */

static const struct command_option help_option = {
	.letter = 'h',
	.name = "help",
	.help = "prints this text",
};

/* "waymark check", or "waymark" where the command has no name. */
static void print_name(const struct command *command, FILE *out)
{
	fprintf(out, "waymark%s%s", *command->name ? " " : "", command->name);
}

void command_print_usage(const struct command *command, FILE *out)
{
	const struct command_option *option = command->options;
	print_name(command, out);
	for (; option->name; option++) {
		if (option->letter)
			fprintf(out, " [-%c", option->letter);
		else
			fprintf(out, " [-%s%s", command->has_single_dashes ? "" : "-",
				option->name);
		fprintf(out, "%s%s]", option->value ? " " : "",
			option->value ? option->value : "");
	}
	fprintf(out, "%s%s\n", *command->arguments ? " " : "", command->arguments);
}

int command_usage(const struct command *command, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	print_name(command, stderr);
	fputs(": ", stderr);
	vfprintf(stderr, format, args);
	fputs("\nusage: ", stderr);
	command_print_usage(command, stderr);
	va_end(args);
	return EXIT_USAGE;
}

static void print_option(
	const struct command *command, const struct command_option *option, FILE *out)
{
	char text[64], letter[8] = "    ";
	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(text, sizeof(text), "%s%s%s%s%s",
		command->has_single_dashes ? "" : letter,
		command->has_single_dashes ? "-" : "--", option->name,
		option->value ? " " : "", option->value ? option->value : "");
	fprintf(out, "  %-24s  %s\n", text, option->help);
}

static void print_help(const struct command *command, FILE *out)
{
	const struct command_option *option = command->options;
	fputs("usage: ", out);
	command_print_usage(command, out);
	fprintf(out, "\n%s\n\n", command->help);
	for (; option->name; option++)
		print_option(command, option, out);
	print_option(command, &help_option, out);
}

bool command_flush(const struct command *command)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	fprintf(stderr, "waymark %s: cannot write: %s\n", command->name, strerror(errno));
	return false;
}

/* --- reading --- */

struct option_tables {
	char letters[2 * COMMAND_OPTIONS_MAX + 3];
	struct option rows[COMMAND_OPTIONS_MAX + 2];
};

static void make_tables(const struct command *command, struct option_tables *out)
{
	memset(out, 0, sizeof(*out));
	char *letter = out->letters;
	/* A leading colon tells a missing value from an unknown option. */
	*letter++ = ':';
	struct option *row = out->rows;
	for (unsigned i = 0; command->options[i].name; i++) {
		const struct command_option *option = &command->options[i];
		int takes = option->value ? required_argument : no_argument;
		*row++ = (struct option){option->name, takes, NULL, OPTION_ROW + (int)i};
		if (!option->letter)
			continue;
		*letter++ = option->letter;
		if (option->value)
			*letter++ = ':';
	}
	*letter = help_option.letter;
	*row = (struct option){help_option.name, no_argument, NULL, OPTION_HELP};
}

/* The row of what getopt returned, -1: none. */
static int find_row(const struct command *command, int found)
{
	for (int i = 0; command->options[i].name; i++)
		if (found == OPTION_ROW + i || found == command->options[i].letter)
			return i;
	return -1;
}

static int bad_option(const struct command *command, char **argv, int found)
{
	int row = optopt ? find_row(command, optopt) : -1;
	const char *dashes = command->has_single_dashes ? "-" : "--";
	if (row >= 0 && found == ':')
		return command_usage(command, "%s%s needs a value: %s", dashes,
			command->options[row].name, command->options[row].value);
	if (row >= 0 || optopt == OPTION_HELP)
		return command_usage(command, "%s%s takes no value", dashes,
			row >= 0 ? command->options[row].name : help_option.name);
	if (optopt)
		return command_usage(command, "there is no option \"-%c\"", optopt);
	return command_usage(command, "there is no option \"%s\"", argv[optind - 1]);
}

int command_options(
	const struct command *command, int argc, char **argv, const char **values)
{
	struct option_tables tables;
	make_tables(command, &tables);
	for (unsigned i = 0; command->options[i].name; i++)
		values[i] = command->options[i].fallback;
	int (*read)(int, char *const *, const char *, const struct option *, int *) =
		command->has_single_dashes ? getopt_long_only : getopt_long;
	optind = 1;
	opterr = 0;
	int found;
	while ((found = read(argc, argv, tables.letters, tables.rows, NULL)) != -1) {
		if (found == OPTION_HELP || found == help_option.letter) {
			print_help(command, stdout);
			return command_flush(command) ? 0 : 1;
		}
		int row = find_row(command, found);
		if (row < 0)
			return bad_option(command, argv, found);
		values[row] = optarg ? optarg : command->options[row].name;
	}
	return COMMAND_GO_ON;
}

size_t command_option_values(const struct command *command, int argc, char **argv,
	int row, const char **out, size_t max)
{
	struct option_tables tables;
	make_tables(command, &tables);
	int saved = optind, found;
	size_t count = 0;
	optind = 1;
	while ((found = getopt_long(argc, argv, tables.letters, tables.rows, NULL)) !=
		-1) {
		if (find_row(command, found) != row)
			continue;
		if (count < max)
			out[count] = optarg;
		count++;
	}
	optind = saved;
	return count;
}

int command_no_arguments(const struct command *command, int argc, char **argv)
{
	if (optind == argc)
		return COMMAND_GO_ON;
	return command_usage(command, "\"%s\" is one argument too many", argv[optind]);
}

struct server *command_server(const char *corefile, const struct server_options *options)
{
	struct server *server = NULL;
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = server_new(corefile, options, &server, &problems);
	diag_list_log(&problems);
	if (err && !problems.errors)
		log_error("cannot read \"%s\": %s", corefile, err_text(err));
	diag_list_deinit(&problems);
	return err ? NULL : server;
}
