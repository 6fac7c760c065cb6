/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/corefile.h"

#include <stdlib.h>

#include "server/config/parser.h"

struct corefile_input {
	const char *name;
	const char *text; /* NULL: read the file `name` */
	size_t length;
};

static enum err corefile_read(struct corefile *corefile,
	const struct corefile_input *input, const struct corefile_options *options,
	struct diag_list *problems)
{
	struct parser parser;
	parser_init(&parser, &corefile->arena, options, problems);
	struct source *source = input->text ? parser_add_source(&parser, input->name,
						      input->text, input->length)
					    : parser_load(&parser, input->name, NULL);
	if (source)
		parser_push_source(&parser, source);
	parser_run(&parser);
	corefile->blocks =
		chain_array(&parser, &parser.blocks, sizeof(*corefile->blocks));
	corefile->block_count = parser.blocks.count;
	corefile->digest = parser.digest;
	sha512_finish(&parser.contents, corefile->sha512);
	enum err err = parser.err;
	if (!err && problems->errors > parser.errors_before)
		err = ERR_INVALID;
	parser_deinit(&parser);
	return err;
}

static enum err corefile_make(const struct corefile_input *input,
	const struct corefile_options *options, struct corefile **out,
	struct diag_list *problems)
{
	static const struct corefile_options no_options;
	*out = NULL;
	struct corefile *corefile = calloc(1, sizeof(*corefile));
	if (!corefile)
		return ERR_NOMEM;
	arena_init(&corefile->arena, 4096);
	enum err err =
		corefile_read(corefile, input, options ? options : &no_options, problems);
	if (err)
		corefile_free(corefile);
	else
		*out = corefile;
	return err;
}

enum err corefile_load(const char *path, const struct corefile_options *options,
	struct corefile **out, struct diag_list *problems)
{
	struct corefile_input input = {.name = path};
	return corefile_make(&input, options, out, problems);
}

enum err corefile_parse(const char *name, const char *text, size_t length,
	const struct corefile_options *options, struct corefile **out,
	struct diag_list *problems)
{
	struct corefile_input input = {name, text ? text : "", length};
	return corefile_make(&input, options, out, problems);
}

enum err corefile_digest(
	const char *path, const struct corefile_options *options, uint64_t *out)
{
	static const struct corefile_options no_options;
	struct corefile_input input = {.name = path};
	struct corefile corefile = {0};
	struct diag_list problems;
	arena_init(&corefile.arena, 4096);
	diag_list_init(&problems);
	enum err err = corefile_read(
		&corefile, &input, options ? options : &no_options, &problems);
	if (err != ERR_NOMEM)
		*out = corefile.digest;
	diag_list_deinit(&problems);
	arena_deinit(&corefile.arena);
	return err == ERR_NOMEM ? err : ERR_NONE;
}

void corefile_free(struct corefile *corefile)
{
	if (!corefile)
		return;
	arena_deinit(&corefile->arena);
	free(corefile);
}
