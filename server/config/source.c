/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/hash.h"
#include "server/config/parser.h"

enum { SOURCE_FILES_MAX = 1000 };

static struct source *source_new(struct parser *parser, const char *name)
{
	struct source *source = parser_alloc(parser, 1, sizeof(*source));
	char *copy = arena_strndup(parser->arena, name, strlen(name));
	if (!source || !copy) {
		parser_stop(parser, ERR_NOMEM);
		return NULL;
	}
	source->name = copy;
	source->next = parser->sources;
	parser->sources = source;
	return source;
}

/* False: reported, or no memory. */
static bool source_read(
	struct parser *parser, struct source *source, const char *text, size_t length)
{
	struct corefile_place whole = {source->name, 0, 0};
	if (length > LEXER_FILE_MAX) {
		report_error(parser->problems, &whole,
			"longer than %d bytes, the most there may be", LEXER_FILE_MAX);
		return false;
	}
	struct lexer_input input = {source->name, text, length};
	enum err err = lexer_read(&input, parser->arena, &parser->text_budget,
		&source->tokens, parser->problems);
	if (err == ERR_NOMEM)
		parser_stop(parser, err);
	return !err;
}

/* The same in each process, so that replicas can be compared. */
static void digest_add(struct parser *parser, const char *text, size_t length)
{
	static const struct hash_key key = {0};
	uint64_t parts[] = {parser->digest, hash_bytes(&key, text, length)};
	parser->digest = hash_bytes(&key, parts, sizeof(parts));
}

struct source *parser_add_source(
	struct parser *parser, const char *name, const char *text, size_t length)
{
	digest_add(parser, name, strlen(name));
	digest_add(parser, text, length);
	sha512_add(&parser->contents, text, length);
	struct source *source = source_new(parser, name);
	return source && source_read(parser, source, text, length) ? source : NULL;
}

/* All of a file, at most one byte more than there may be. ERR_IO, ERR_NOMEM. */
static enum err file_read(int fd, char **out, size_t *length)
{
	size_t size = LEXER_FILE_MAX + 1, used = 0;
	char *text = malloc(size);
	if (!text)
		return ERR_NOMEM;
	while (used < size) {
		ssize_t got = read(fd, text + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(text);
			return ERR_IO;
		}
		if (!got)
			break;
		used += (size_t)got;
	}
	*out = text;
	*length = used;
	return ERR_NONE;
}

/* A descriptor of a readable file, or -1 with errno. */
static int file_open(const char *path, bool is_import, struct stat *status)
{
	/* Not to hang in open(2) where a pattern has caught a named pipe. */
	int flags = O_RDONLY | O_CLOEXEC | (is_import ? O_NONBLOCK : 0);
	int fd = open(path, flags);
	if (fd < 0)
		return -1;
	int failure = 0;
	if (fstat(fd, status))
		failure = errno;
	else if (S_ISDIR(status->st_mode))
		failure = EISDIR;
	else if (is_import && !S_ISREG(status->st_mode))
		failure = EINVAL;
	if (!failure)
		return fd;
	close(fd);
	errno = failure;
	return -1;
}

static void source_fail(struct parser *parser, const char *path, int failure,
	const struct corefile_place *import)
{
	struct corefile_place whole = {path, 0, 0};
	if (import)
		report_error(parser->problems, import, "cannot import \"%.400s\": %s",
			path, strerror(failure));
	else
		report_error(parser->problems, &whole, "cannot be read: %s",
			strerror(failure));
}

struct source *parser_load(
	struct parser *parser, const char *path, const struct corefile_place *import)
{
	if (import && parser->files++ == SOURCE_FILES_MAX) {
		report_error(parser->problems, import, "more than %d files are imported",
			SOURCE_FILES_MAX);
		parser_stop(parser, ERR_INVALID);
		return NULL;
	}
	struct stat status;
	int fd = file_open(path, import != NULL, &status);
	if (fd < 0) {
		source_fail(parser, path, errno, import);
		return NULL;
	}
	char *text = NULL;
	size_t length = 0;
	enum err err = file_read(fd, &text, &length);
	int failure = errno;
	close(fd);
	struct source *source = NULL;
	if (err == ERR_NOMEM)
		parser_stop(parser, err);
	else if (err)
		source_fail(parser, path, failure, import);
	else
		source = parser_add_source(parser, path, text, length);
	free(text);
	if (source) {
		source->has_identity = true;
		source->device = status.st_dev;
		source->inode = status.st_ino;
	}
	return source;
}
