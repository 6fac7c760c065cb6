/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_envfiles.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/control/stanza_http.h"
#include "server/control/stanza_plugins.h"

enum { MODE_STANDARD = 0644, MODE_DIGITS = 4 };

const struct directive_row envfiles_rows[] = {
	{
		.name = "format",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = ENV_FORMAT_CHOICES,
		.value = "docker",
		.help = "for whom the files are",
	},
	{
		.name = "namespaces",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "only files for these namespaces",
	},
	{
		.name = "service_links",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "on|off",
		.value = "on",
		.help = "off: kubernetes of default alone, as with enableServiceLinks: "
			"false",
	},
	{
		.name = "mode",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 1,
		.value = "644",
		.help = "permissions of the files, octal",
		.check = envfiles_check_mode,
	},
	{
		.name = "max_bytes",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = ENV_MAX_BYTES_LEAST,
		.max = INT32_MAX,
		.help = "how large an environment may be; what Linux starts a process "
			"with unless given",
	},
	{
		.name = "http",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 1,
		.help = "the pages /env/NAMESPACE have the files, for `waymark env "
			"--server`; their ADDRESS:PORT",
		.check = stanza_check_http,
	},
	{.name = NULL},
};

/* "644" or "0644"; -1: it is none. */
static int parse_mode(const char *text)
{
	size_t length = strspn(text, "01234567");
	if (!length || length > MODE_DIGITS || text[length])
		return -1;
	long mode = strtol(text, NULL, 8);
	return mode <= 0777 ? (int)mode : -1;
}

void envfiles_check_mode(
	const struct corefile_directive *option, struct diag_list *problems)
{
	if (parse_mode(option->arguments[0].text) < 0)
		stanza_error(problems, &option->arguments[0],
			"\"%.100s\" for \"mode\", expected an octal number such as 644",
			option->arguments[0].text);
}

/* ERR_EXISTS: both have the same folder. */
static enum err compare_folders(
	const struct corefile_directive *one, const struct corefile_directive *other)
{
	char *path = argument_path(&one->arguments[0]);
	char *other_path = argument_path(&other->arguments[0]);
	struct stat folder, other_folder;
	enum err err = path && other_path ? ERR_NONE : ERR_NOMEM;
	if (!err && strcmp(path, other_path) == 0)
		err = ERR_EXISTS;
	/* The same by another name. */
	if (!err && !stat(path, &folder) && !stat(other_path, &other_folder) &&
		folder.st_dev == other_folder.st_dev &&
		folder.st_ino == other_folder.st_ino)
		err = ERR_EXISTS;
	free(path);
	free(other_path);
	return err;
}

/* Two would remove each other's files. */
static enum err check_folder(
	const struct build *build, const struct corefile_directive *directive)
{
	const struct corefile_block *block = build->corefile->blocks;
	enum err err = ERR_NONE;
	for (; !err && block != build->source; block++) {
		const struct corefile_directive *other =
			directive_in_block(block, "envfiles");
		if (other)
			err = compare_folders(directive, other);
	}
	if (err != ERR_EXISTS)
		return err;
	stanza_error(build->problems, &directive->arguments[0],
		"another server block has envfiles in the same folder");
	return ERR_INVALID;
}

/* The files are of the cluster of the same block. */
enum err build_envfiles(struct build *build, const struct corefile_directive *directive)
{
	if (directive_in_block(build->source, "kubernetes"))
		return check_folder(build, directive);
	stanza_error(build->problems, &directive->name,
		"envfiles needs kubernetes in the same server block");
	return ERR_INVALID;
}

static enum err read_namespaces(
	const struct corefile_directive *option, struct envfiles_options *out)
{
	out->namespaces = calloc(option->argument_count + 1, sizeof(char *));
	if (!out->namespaces)
		return ERR_NOMEM;
	for (size_t i = 0; i < option->argument_count; i++)
		out->namespaces[out->namespace_count++] = option->arguments[i].text;
	return ERR_NONE;
}

enum err stanza_read_envfiles(
	const struct corefile_directive *directive, struct envfiles_options *out)
{
	const struct corefile_directive *format = directive_option(directive, "format"),
					*links = directive_option(
						directive, "service_links"),
					*mode = directive_option(directive, "mode"),
					*bytes = directive_option(directive, "max_bytes"),
					*namespaces =
						directive_option(directive, "namespaces");
	int64_t number = 0;
	*out = (struct envfiles_options){.mode = MODE_STANDARD};
	out->path = argument_path(&directive->arguments[0]);
	enum err err = out->path ? ERR_NONE : ERR_NOMEM;
	if (format)
		env_format_parse(format->arguments[0].text, &out->render.format);
	if (links)
		out->render.choice.without_links =
			strcmp(links->arguments[0].text, "off") == 0;
	if (mode)
		out->mode = (mode_t)parse_mode(mode->arguments[0].text);
	if (!err && bytes)
		err = argument_number(&bytes->arguments[0], &number);
	out->render.max_bytes = (size_t)number;
	if (!err && namespaces)
		err = read_namespaces(namespaces, out);
	return err;
}

void envfiles_options_deinit(struct envfiles_options *options)
{
	free(options->path);
	free(options->namespaces);
}
