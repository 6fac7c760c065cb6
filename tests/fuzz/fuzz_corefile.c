/* SPDX-License-Identifier: Apache-2.0 */
/* A Corefile from anywhere: read, checked against a table with each kind of argument. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/config/directive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct directive_row options[] = {
	{.name = "w", .max_arguments = 255, .may_repeat = true},
	{.name = "o", .type = ARGUMENT_ONE_OF, .max_arguments = 2, .choices = "a|bc|"},
	{.name = "n", .type = ARGUMENT_NUMBER, .min_arguments = 1, .max_arguments = 9},
	{.name = "nl", .type = ARGUMENT_NUMBER, .max_arguments = 9, .min = -1, .max = 99},
	{.name = "d", .type = ARGUMENT_DURATION, .max_arguments = 255},
	{.name = "dl", .type = ARGUMENT_DURATION, .max_arguments = 255, .max = 3600000},
	{.name = "a", .type = ARGUMENT_ADDRESS, .max_arguments = 255},
	{.name = "c", .type = ARGUMENT_CIDR, .max_arguments = 255},
	{.name = "f", .type = ARGUMENT_FOLDER, .max_arguments = 255},
	{.name = "sub", .options = options},
	{0},
};

static const struct directive_row plugins[] = {
	{.name = "bind",
		.type = ARGUMENT_LISTEN,
		.max_arguments = 255,
		.may_repeat = true},
	{.name = "log", .max_arguments = 255},
	{.name = "kubernetes",
		.type = ARGUMENT_ZONE,
		.max_arguments = 255,
		.options = options},
	{0},
};

static void directives_read(const struct corefile_directive *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < items[i].argument_count; k++) {
			const struct corefile_word *word = &items[i].arguments[k];
			char *path = argument_path(word);
			assert(path && word->place.line && word->place.column);
			free(path);
		}
		directives_read(items[i].body, items[i].body_count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct corefile_options corefile_options = {.without_files = true};
	struct diag_list problems;
	struct corefile *corefile;
	diag_list_init(&problems);
	enum err err = corefile_parse("Corefile", (const char *)data, size,
		&corefile_options, &corefile, &problems);
	assert(!err == !problems.errors && !err == (corefile != NULL));
	if (!err) {
		for (size_t i = 0; i < corefile->block_count; i++) {
			assert(corefile->blocks[i].key_count);
			directives_read(corefile->blocks[i].directives,
				corefile->blocks[i].directive_count);
		}
		err = config_check(corefile, plugins, &problems);
		assert(!err == !problems.errors);
	}
	corefile_free(corefile);
	diag_list_deinit(&problems);
	return 0;
}
