/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/atomic_file.h"
#include "server/base/log.h"
#include "server/command.h"
#include "server/env_source.h"
#include "zones/export/env_folder.h"

enum { EXIT_TOO_LARGE = 3, WORDS_MAX = 64, MODE_STANDARD = 0644, MODE_MAX = 0777 };

struct env_command {
	struct env_options options;
	const char *patterns[WORDS_MAX], *folders[WORDS_MAX];
	size_t folder_count;
	const char *corefile, *url, *ns;    /* url NULL: not there */
	const char *output, *output_folder; /* NULL: not there */
	mode_t mode;

	struct env_source *source;
	int code; /* what the process exits with, unless something worse happens */
};

/* --- output --- */

static void say(const char *text, int length)
{
	fprintf(stderr, "waymark env: %.*s\n", length, text);
}

static void print_notes(const char *notes)
{
	while (*notes) {
		int length = (int)strcspn(notes, "\n");
		say(notes, length);
		notes += length + (notes[length] == '\n');
	}
}

static bool cannot_write(const char *path)
{
	fprintf(stderr, "waymark env: cannot write \"%s\": %s\n", path, strerror(errno));
	return false;
}

static bool write_single(
	const struct env_command *command, const struct env_rendering *rendering)
{
	if (!command->output) {
		fwrite(rendering->text, 1, rendering->length, stdout);
		return command_flush(&command_env);
	}
	atomic_file_sweep_beside(command->output);
	enum err err = atomic_file_write(
		command->output, rendering->text, rendering->length, command->mode, NULL);
	if (err == ERR_NOMEM)
		errno = ENOMEM;
	return err ? cannot_write(command->output) : true;
}

/* The namespace's variables. False: there are none, and the exit code is set. */
static bool render(
	struct env_command *command, const char *ns, struct env_rendering *rendering)
{
	enum err err =
		env_source_render(command->source, ns, &command->options, rendering);
	if (err) {
		if (err == ERR_NOTFOUND)
			fprintf(stderr, "waymark env: there is no namespace \"%s\"\n",
				ns);
		command->code = EXIT_FAILURE;
		return false;
	}
	print_notes(rendering->notes);
	if (!rendering->is_too_large)
		return true;
	fprintf(stderr,
		"waymark env: nothing is written for \"%s\": choose services with "
		"--service, leave all but kubernetes out with --no-service-links, write "
		"what fits with --truncate, or allow more with --max-bytes\n",
		ns);
	if (!command->code)
		command->code = EXIT_TOO_LARGE;
	env_rendering_deinit(rendering);
	return false;
}

static void run_single(struct env_command *command)
{
	struct env_rendering rendering;
	if (!render(command, command->ns, &rendering))
		return;
	if (!write_single(command, &rendering))
		command->code = EXIT_FAILURE;
	env_rendering_deinit(&rendering);
}

/* --- a folder --- */

/* False: errno says why. */
static bool put_namespace(
	struct env_command *command, struct env_folder *folder, const char *ns)
{
	struct env_rendering rendering;
	if (!render(command, ns, &rendering))
		return true;
	enum err err = env_folder_put(folder, ns, rendering.text, rendering.length, NULL);
	int saved = err == ERR_NOMEM ? ENOMEM : errno;
	env_rendering_deinit(&rendering);
	errno = saved;
	return !err;
}

static enum err fill_folder(struct env_command *command, struct env_folder *folder,
	const char *const *namespaces)
{
	size_t removed;
	enum err err = env_folder_open(folder);
	for (size_t i = 0; !err && namespaces[i]; i++)
		err = env_folder_expect(folder, namespaces[i]);
	for (size_t i = 0; !err && namespaces[i]; i++)
		if (!put_namespace(command, folder, namespaces[i]))
			err = ERR_IO;
	if (!err)
		err = env_folder_prune(folder, &removed);
	return err ? err : env_folder_sync(folder);
}

static void run_folder(struct env_command *command)
{
	const char *const *namespaces = env_source_namespaces(command->source);
	struct env_folder *folder = env_folder_new(
		command->output_folder, command->options.format, command->mode);
	enum err err = ERR_NOMEM;
	if (namespaces && folder)
		err = fill_folder(command, folder, namespaces);
	if (err == ERR_NOMEM)
		errno = ENOMEM;
	if (err && namespaces)
		cannot_write(command->output_folder);
	if (err)
		command->code = EXIT_FAILURE;
	env_folder_free(folder);
}

/* --- arguments --- */

enum {
	OPTION_CONFIG,
	OPTION_MANIFESTS,
	OPTION_SERVER,
	OPTION_NAMESPACE,
	OPTION_ALL,
	OPTION_SERVICE,
	OPTION_NO_LINKS,
	OPTION_FORMAT,
	OPTION_OUTPUT,
	OPTION_MODE,
	OPTION_MAX_BYTES,
	OPTION_TRUNCATE,
	OPTIONS,
};

/* Fallbacks that other options exclude are not in the table. */
static const struct command_option options[] = {
	[OPTION_CONFIG] = {.letter = 'c',
		.name = "config",
		.value = "COREFILE",
		.help = "where the services are, \"Corefile\" in the current folder "
			"unless given",
		.is_file = true},
	[OPTION_MANIFESTS] = {.name = "manifests",
		.value = "FOLDER",
		.help = "a folder of manifests, without a Corefile; may be repeated",
		.is_file = true},
	[OPTION_SERVER] = {.name = "server",
		.value = "URL",
		.help = "asks a running server, whose envfiles has the option http"},
	[OPTION_NAMESPACE] = {.letter = 'n',
		.name = "namespace",
		.value = "NAMESPACE",
		.help = "what pods of it see; \"default\" unless given"},
	[OPTION_ALL] = {.name = "all",
		.value = "FOLDER",
		.help = "writes a file there for each namespace",
		.is_file = true},
	[OPTION_SERVICE] = {.name = "service",
		.value = "NAME",
		.help = "only services of this name, with * and ?; may be repeated"},
	[OPTION_NO_LINKS] = {.name = "no-service-links",
		.help = "only kubernetes of default, as with enableServiceLinks: false"},
	[OPTION_FORMAT] = {.letter = 'f',
		.name = "format",
		.value = "FORMAT",
		.fallback = "docker",
		.help = ENV_FORMAT_CHOICES "; docker unless given"},
	[OPTION_OUTPUT] = {.letter = 'o',
		.name = "output",
		.value = "FILE",
		.help = "writes the file whole, or not where it has the content already",
		.is_file = true},
	[OPTION_MODE] = {.name = "mode",
		.value = "MODE",
		.fallback = "644",
		.help = "permissions of files, octal; 644 unless given"},
	[OPTION_MAX_BYTES] = {.name = "max-bytes",
		.value = "NUMBER",
		.help = "how large the environment may be; what Linux starts a process "
			"with unless given"},
	[OPTION_TRUNCATE] = {.name = "truncate",
		.help = "leaves out what does not fit, and says so"},
	[OPTIONS] = {.name = NULL},
};

/* A whole number from `min` to `max` in this base. */
static bool read_number(const char *text, int base, unsigned long min, unsigned long max,
	unsigned long *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, base);
	return !*end && !errno && *out >= min && *out <= max;
}

/* NULL, or what is wrong. */
static const char *read_values(struct env_command *command, const char *const *values)
{
	unsigned long number;
	command->options.choice.without_links = values[OPTION_NO_LINKS];
	command->options.may_truncate = values[OPTION_TRUNCATE];
	if (!env_format_parse(values[OPTION_FORMAT], &command->options.format))
		return "--format takes one of " ENV_FORMAT_CHOICES;
	if (!read_number(values[OPTION_MODE], 8, 0, MODE_MAX, &number))
		return "--mode takes an octal number such as 644";
	command->mode = (mode_t)number;
	if (!values[OPTION_MAX_BYTES])
		return NULL;
	if (!read_number(values[OPTION_MAX_BYTES], 10, ENV_MAX_BYTES_LEAST, INT32_MAX,
		    &number))
		return "--max-bytes takes a number of bytes, 128 or more";
	command->options.max_bytes = number;
	return NULL;
}

static const char *read_places(struct env_command *command, const char *const *values)
{
	command->corefile = values[OPTION_CONFIG] ? values[OPTION_CONFIG] : "Corefile";
	command->ns = values[OPTION_NAMESPACE] ? values[OPTION_NAMESPACE] : "default";
	command->url = values[OPTION_SERVER];
	command->output = values[OPTION_OUTPUT];
	command->output_folder = values[OPTION_ALL];
	if (!!values[OPTION_CONFIG] + !!values[OPTION_MANIFESTS] + !!command->url > 1)
		return "--config, --manifests and --server are sources, expected one";
	if (command->output && command->output_folder)
		return "--output is one file, --all are many, expected one of them";
	if (values[OPTION_NAMESPACE] && command->output_folder)
		return "--namespace is one, --all are all of them, expected one";
	return NULL;
}

static const char *read_lists(struct env_command *command, int argc, char **argv)
{
	struct env_choice *choice = &command->options.choice;
	choice->patterns = command->patterns;
	choice->pattern_count = command_option_values(
		&command_env, argc, argv, OPTION_SERVICE, command->patterns, WORDS_MAX);
	command->folder_count = command_option_values(
		&command_env, argc, argv, OPTION_MANIFESTS, command->folders, WORDS_MAX);
	if (choice->pattern_count > WORDS_MAX || command->folder_count > WORDS_MAX)
		return "--service and --manifests can be repeated up to 64 times";
	return NULL;
}

static struct env_source *open_source(const struct env_command *command)
{
	if (command->url)
		return env_source_of_server(command->url);
	if (command->folder_count)
		return env_source_of_manifests(command->folders, command->folder_count);
	return env_source_of_corefile(command->corefile);
}

static int run(int argc, char **argv)
{
	static struct env_command command;
	const char *values[OPTIONS];
	int code = command_options(&command_env, argc, argv, values);
	if (code == COMMAND_GO_ON)
		code = command_no_arguments(&command_env, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	const char *problem = read_values(&command, values);
	if (!problem)
		problem = read_places(&command, values);
	if (!problem)
		problem = read_lists(&command, argc, argv);
	if (problem)
		return command_usage(&command_env, "%s", problem);
	log_init(LOG_LEVEL_WARN);
	command.source = open_source(&command);
	if (!command.source)
		return EXIT_FAILURE;
	if (command.output_folder)
		run_folder(&command);
	else
		run_single(&command);
	env_source_free(command.source);
	return command.code;
}

const struct command command_env = {
	.name = "env",
	.arguments = "",
	.help = "prints the environment variables of services that a kubelet gives pods",
	.run = run,
	.options = options,
};
