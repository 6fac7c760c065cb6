/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "server/command.h"

/* Scripts that complete the command line in a shell, from the tables of the commands. */

static const struct command_option no_options[] = {{.name = NULL}};

/* --- bash --- */

enum option_kind { KIND_ANY, KIND_FILE, KIND_VALUE };

/* The options of one kind as words: "-c --config". */
static void print_words(const struct command *command, enum option_kind kind)
{
	const char *dashes = command->has_single_dashes ? "-" : "--";
	const char *blank = "";
	for (const struct command_option *option = command->options; option->name;
		option++) {
		if ((kind == KIND_FILE && !option->is_file) ||
			(kind == KIND_VALUE && !option->value))
			continue;
		if (option->letter) {
			printf("%s-%c", blank, option->letter);
			blank = " ";
		}
		printf("%s%s%s", blank, dashes, option->name);
		blank = " ";
	}
	if (kind == KIND_ANY)
		printf("%s%shelp", blank, dashes);
}

static void print_candidates(const struct command *command)
{
	const char *word;
	for (size_t i = 0; command->candidate && (word = command->candidate(i)); i++)
		printf("%s%s", i ? " " : "", word);
}

static void bash_print_command(const struct command *command, const char *pattern)
{
	printf("\t%s)\n\t\toptions='", pattern);
	print_words(command, KIND_ANY);
	printf("'\n\t\tfiles='");
	print_words(command, KIND_FILE);
	printf("'\n\t\tvalues='");
	print_words(command, KIND_VALUE);
	printf("'\n\t\twords='");
	print_candidates(command);
	printf("'\n\t\t;;\n");
}

static void bash_print(void)
{
	printf("# bash completion of waymark(8)\n"
	       "_waymark()\n{\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} "
	       "before=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal command=${COMP_WORDS[1]} options= files= values= words=\n"
	       "\tCOMPREPLY=()\n"
	       "\t[ \"$COMP_CWORD\" -gt 1 ] || command=\n"
	       "\tcase $command in\n"
	       "\t'')\n\t\twords='");
	for (unsigned i = 0; commands[i]; i++)
		printf("%s%s", i ? " " : "", commands[i]->name);
	printf("'\n\t\toptions='--version --help ");
	print_words(&command_arguments, KIND_ANY);
	printf("'\n\t\t;;\n");
	for (unsigned i = 0; commands[i]; i++)
		bash_print_command(commands[i], commands[i]->name);
	bash_print_command(&command_arguments, "-*");
	printf("\tesac\n"
	       "\tcase \" $files \" in\n"
	       "\t*\" $before \"*)\n"
	       "\t\tcompopt -o filenames 2>/dev/null\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	       "\t\treturn\n\t\t;;\n"
	       "\tesac\n"
	       "\tcase \" $values \" in\n"
	       "\t*\" $before \"*) return ;;\n"
	       "\tesac\n"
	       "\tcase $word in\n"
	       "\t-*) words=$options ;;\n"
	       "\tesac\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
	       "}\n"
	       "complete -F _waymark waymark\n");
}

/* --- zsh --- */

/* Inside single quotes; `special` are escaped with a backslash as well. */
static void print_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh_print_option(
	const struct command *command, const struct command_option *option)
{
	const char *dashes = command->has_single_dashes ? "-" : "--";
	if (option->letter)
		printf(" \\\n\t\t\t'(-%c --%s)'{-%c,--%s}'[", option->letter,
			option->name, option->letter, option->name);
	else
		printf(" \\\n\t\t\t'%s%s[", dashes, option->name);
	print_quoted(option->help, "[]:\\");
	putchar(']');
	if (option->value)
		printf(":%s:%s", option->value, option->is_file ? "_files" : " ");
	putchar('\'');
}

static void zsh_print_command(const struct command *command, const char *pattern)
{
	static const struct command_option help = {
		.name = "help", .help = "prints the options"};
	printf("\t%s)\n\t\t_arguments", pattern);
	for (const struct command_option *option = command->options; option->name;
		option++)
		zsh_print_option(command, option);
	zsh_print_option(command, &help);
	if (command->candidate) {
		printf(" \\\n\t\t\t'1: :(");
		print_candidates(command);
		printf(")'");
	}
	printf("\n\t\t;;\n");
}

static void zsh_print(void)
{
	printf("#compdef waymark\n"
	       "_waymark()\n{\n"
	       "\tlocal -a commands\n"
	       "\tcommands=(");
	for (unsigned i = 0; commands[i]; i++) {
		printf("\n\t\t'%s:", commands[i]->name);
		print_quoted(commands[i]->help, "");
		putchar('\'');
	}
	printf("\n\t)\n"
	       "\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
	       "\t\t_describe command commands\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tlocal command=$words[2]\n"
	       "\tif [[ $command != -* ]]; then\n"
	       "\t\tshift words\n"
	       "\t\t(( CURRENT-- ))\n"
	       "\tfi\n"
	       "\tcase $command in\n");
	for (unsigned i = 0; commands[i]; i++)
		zsh_print_command(commands[i], commands[i]->name);
	zsh_print_command(&command_arguments, "-*");
	printf("\tesac\n"
	       "}\n"
	       /* Found in $fpath it is its own body, sourced it is to be announced. */
	       "if [[ $funcstack[1] == _waymark ]]; then\n"
	       "\t_waymark \"$@\"\n"
	       "else\n"
	       "\tcompdef _waymark waymark\n"
	       "fi\n");
}

/* --- fish --- */

static void fish_print_option(const struct command *command,
	const struct command_option *option, const char *condition)
{
	printf("complete -c waymark -n '%s%s'", condition, command->name);
	if (option->letter)
		printf(" -s %c", option->letter);
	printf(" -%s %s", command->has_single_dashes ? "o" : "l", option->name);
	if (option->value)
		printf(" -%s", option->is_file ? "rF" : "x");
	printf(" -d '");
	/* fish knows \' and \\ inside single quotes. */
	for (const char *at = option->help; *at; at++)
		printf("%s%c", *at == '\'' || *at == '\\' ? "\\" : "", *at);
	printf("'\n");
}

static void fish_print_command(const struct command *command, const char *condition)
{
	static const struct command_option help = {
		.letter = 'h', .name = "help", .help = "prints the options"};
	for (const struct command_option *option = command->options; option->name;
		option++)
		fish_print_option(command, option, condition);
	if (!command->has_single_dashes)
		fish_print_option(command, &help, condition);
	if (command->candidate) {
		printf("complete -c waymark -n '%s%s' -a '", condition, command->name);
		print_candidates(command);
		printf("'\n");
	}
}

static void fish_print(void)
{
	static const char *const seen = "__fish_seen_subcommand_from ";
	printf("# fish completion of waymark(8)\n"
	       "complete -c waymark -f\n"
	       "complete -c waymark -n __fish_use_subcommand -l help -d 'prints the "
	       "commands'\n"
	       "complete -c waymark -n __fish_use_subcommand -l version -d 'prints the "
	       "version'\n");
	for (unsigned i = 0; commands[i]; i++)
		printf("complete -c waymark -n __fish_use_subcommand -a %s -d '%s'\n",
			commands[i]->name, commands[i]->help);
	for (unsigned i = 0; commands[i]; i++)
		fish_print_command(commands[i], seen);
	fish_print_command(&command_arguments, "__fish_use_subcommand");
}

/* --- the command --- */

static const struct {
	const char *name;
	void (*print)(void);
} shells[] = {
	{"bash", bash_print},
	{"zsh", zsh_print},
	{"fish", fish_print},
};

enum { SHELLS = sizeof(shells) / sizeof(shells[0]) };

static const char *shell_name(size_t index)
{
	return index < SHELLS ? shells[index].name : NULL;
}

static int run(int argc, char **argv)
{
	int code = command_options(&command_completion, argc, argv, NULL);
	if (code != COMMAND_GO_ON)
		return code;
	if (optind == argc)
		return command_usage(&command_completion, "no shell given");
	const char *name = argv[optind++];
	code = command_no_arguments(&command_completion, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	for (unsigned i = 0; i < SHELLS; i++)
		if (strcmp(shells[i].name, name) == 0) {
			shells[i].print();
			return command_flush(&command_completion) ? 0 : 1;
		}
	return command_usage(
		&command_completion, "no completion for the shell \"%s\"", name);
}

const struct command command_completion = {
	.name = "completion",
	.arguments = "bash|zsh|fish",
	.help = "prints a script that completes the command line in that shell",
	.run = run,
	.options = no_options,
	.candidate = shell_name,
};
