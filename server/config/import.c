/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/config/parser.h"

enum {
	IMPORT_DEPTH_MAX = 16,
	IMPORT_MAX = 1000,
};

static const struct snippet *snippet_find(const struct parser *parser, const char *name)
{
	for (const struct snippet *s = parser->snippets; s; s = s->next)
		if (strcmp(s->name.text, name) == 0)
			return s;
	return NULL;
}

/* How deep the frames are; a circle grows them without end. */
static bool import_is_too_deep(struct parser *parser, const struct corefile_word *word)
{
	size_t depth = 0;
	for (const struct frame *frame = parser->frame; frame; frame = frame->up)
		depth++;
	if (depth <= IMPORT_DEPTH_MAX)
		return false;
	report_error(parser->problems, &word->place,
		"imports are nested more than %d deep", IMPORT_DEPTH_MAX);
	return true;
}

static void import_snippet(struct parser *parser, const struct snippet *snippet,
	const struct corefile_word *word)
{
	for (const struct frame *frame = parser->frame; frame; frame = frame->up) {
		if (frame->snippet != snippet)
			continue;
		report_error(parser->problems, &word->place,
			"snippet \"%.100s\" imports itself", word->text);
		return;
	}
	struct frame frame = {
		.next = snippet->tokens,
		.end = snippet->tokens + snippet->count,
		.snippet = snippet,
	};
	parser_push(parser, &frame);
}

static bool source_is_open(const struct parser *parser, const struct source *source)
{
	for (const struct frame *frame = parser->frame; frame; frame = frame->up)
		if (frame->source && frame->source->has_identity &&
			frame->source->device == source->device &&
			frame->source->inode == source->inode)
			return true;
	return false;
}

/* `path` as seen from the folder of the file it stands in; what glob(3) would take for
 * a pattern in that folder's name is escaped. Malloc'ed; NULL: no memory. */
static char *import_path(const struct corefile_word *word, bool is_pattern)
{
	const char *file = word->place.file;
	const char *slash = strrchr(file, '/');
	size_t folder = word->text[0] == '/' || !slash ? 0 : (size_t)(slash - file) + 1;
	char *path = malloc(folder * 2 + strlen(word->text) + 1);
	if (!path)
		return NULL;
	char *at = path;
	for (size_t i = 0; i < folder; i++) {
		if (is_pattern && strchr("*?[]\\", file[i]))
			*at++ = '\\';
		*at++ = file[i];
	}
	strcpy(at, word->text);
	return path;
}

static bool path_is_folder(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Puts the files in front of what comes, the first of them foremost. */
static void import_files(struct parser *parser, const struct corefile_word *word,
	char **paths, size_t count, bool skip_folders)
{
	struct source **sources = calloc(count, sizeof(struct source *));
	if (!sources) {
		parser_stop(parser, ERR_NOMEM);
		return;
	}
	for (size_t i = 0; i < count && !parser->err; i++) {
		if (skip_folders && path_is_folder(paths[i]))
			continue;
		sources[i] = parser_load(parser, paths[i], &word->place);
		if (sources[i] && source_is_open(parser, sources[i])) {
			report_error(parser->problems, &word->place,
				"\"%.100s\" imports itself", paths[i]);
			sources[i] = NULL;
		}
	}
	for (size_t i = count; i > 0 && !parser->err; i--)
		if (sources[i - 1])
			parser_push_source(parser, sources[i - 1]);
	free(sources);
}

/* More than one wildcard of a kind would let a short line search a whole disk; CoreDNS
 * has the same limit. */
static bool pattern_is_modest(const char *text)
{
	size_t stars = 0, marks = 0;
	for (; *text; text++) {
		stars += *text == '*';
		marks += *text == '?';
	}
	return stars <= 1 && marks <= 1;
}

/* A folder that is not there has no files, one that is locked may. */
static int pattern_failed(const char *path, int failure)
{
	(void)path;
	return failure != ENOENT && failure != ENOTDIR;
}

static void import_pattern(struct parser *parser, const struct corefile_word *word)
{
	if (!pattern_is_modest(word->text)) {
		report_error(parser->problems, &word->place,
			"\"%.100s\" has several wildcards, expected at most one * and "
			"one ?",
			word->text);
		return;
	}
	char *pattern = import_path(word, true);
	glob_t matches;
	int failure = pattern ? glob(pattern, 0, pattern_failed, &matches) : GLOB_NOSPACE;
	free(pattern);
	if (failure == GLOB_NOSPACE) {
		parser_stop(parser, ERR_NOMEM);
	} else if (failure == GLOB_ABORTED) {
		report_error(parser->problems, &word->place,
			"a folder of \"%.100s\" cannot be read", word->text);
		globfree(&matches);
	} else if (!failure) {
		import_files(parser, word, matches.gl_pathv, matches.gl_pathc, true);
		globfree(&matches);
	}
}

static void import_file(struct parser *parser, const struct corefile_word *word)
{
	char *path = import_path(word, false);
	struct stat status;
	if (!path) {
		parser_stop(parser, ERR_NOMEM);
	} else if (stat(path, &status) && errno == ENOENT) {
		report_error(parser->problems, &word->place,
			"there is no snippet and no file \"%.100s\", expected one of "
			"them or "
			"a "
			"pattern",
			word->text);
	} else {
		import_files(parser, word, &path, 1, false);
	}
	free(path);
}

/* The argument of an import, or NULL after a report. */
static const struct corefile_word *import_argument(
	struct parser *parser, const struct corefile_word *import)
{
	const struct lexer_token *token, *first = NULL;
	size_t count = 0;
	while ((token = parser_peek_argument(parser))) {
		if (!count++)
			first = token;
		parser_advance(parser);
	}
	if (parser->err)
		return NULL;
	if (count == 1 && *first->word.text)
		return &first->word;
	report_error(parser->problems, &import->place,
		"\"import\" has %zu arguments, expected one: a snippet, a file or a "
		"pattern",
		first && !*first->word.text ? 0 : count);
	return NULL;
}

void parser_read_import(struct parser *parser)
{
	const struct corefile_word *import = &parser_peek(parser)->word;
	parser_advance(parser);
	const struct corefile_word *word = import_argument(parser, import);
	if (!word || import_is_too_deep(parser, word))
		return;
	if (parser->imports++ == IMPORT_MAX) {
		report_error(parser->problems, &word->place, "more than %d imports",
			IMPORT_MAX);
		parser_stop(parser, ERR_INVALID);
		return;
	}
	const struct snippet *snippet = snippet_find(parser, word->text);
	if (snippet)
		import_snippet(parser, snippet, word);
	else if (parser->options->without_files)
		report_error(parser->problems, &word->place,
			"there is no snippet \"%.100s\", and files are not imported here",
			word->text);
	else if (strpbrk(word->text, "*?["))
		import_pattern(parser, word);
	else
		import_file(parser, word);
}
