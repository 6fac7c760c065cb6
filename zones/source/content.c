/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_BLOCK = 128 * 1024, TEXT_MIN = 64 * 1024 };

void content_init(struct content *content)
{
	*content = (struct content){0};
	arena_init(&content->arena, ARENA_BLOCK);
}

void content_deinit(struct content *content)
{
	arena_deinit(&content->arena);
	free(content->text);
}

/* Room for `size` bytes; what was in it is lost. */
static enum err content_reserve(struct content *content, size_t size)
{
	if (size <= content->capacity)
		return ERR_NONE;
	size_t capacity = size < TEXT_MIN ? TEXT_MIN : size;
	free(content->text);
	content->capacity = 0;
	content->text = malloc(capacity);
	if (!content->text)
		return ERR_NOMEM;
	content->capacity = capacity;
	return ERR_NONE;
}

static enum err content_fail(
	struct diag_list *problems, const char *path, const char *problem)
{
	diag_add(problems, SEVERITY_ERROR, path, 0, 0, "%s", problem);
	return ERR_INVALID;
}

static enum err content_fail_errno(struct diag_list *problems, const char *path)
{
	int cause = errno;
	if (cause == ENOENT || cause == ENOTDIR)
		return ERR_NOTFOUND;
	if (cause == ENOMEM)
		return ERR_NOMEM;
	diag_add(problems, SEVERITY_ERROR, path, 0, 0, "cannot be read: %s",
		strerror(cause));
	return ERR_INVALID;
}

/* All of an open file. One that grows while it is read is cut; its writer makes another
 * event. */
static enum err content_read(struct content *content, int fd, size_t size, size_t *length)
{
	size_t used = 0;
	while (used < size) {
		ssize_t got = read(fd, content->text + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	*length = used;
	return ERR_NONE;
}

static enum err content_read_file(struct content *content, const char *path,
	size_t *length, struct diag_list *problems)
{
	struct stat st;
	/* Without O_NONBLOCK a FIFO of that name would hold us for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		enum err err = content_fail_errno(problems, path);
		if (fd >= 0)
			close(fd);
		return err;
	}
	enum err err = ERR_NONE;
	if (!S_ISREG(st.st_mode))
		err = content_fail(problems, path, "is not a regular file");
	else if (st.st_size > DOCUMENT_SIZE_MAX)
		err = content_fail(problems, path, "is larger than 256 MiB");
	else
		err = content_reserve(content, (size_t)st.st_size + 1);
	if (!err && content_read(content, fd, (size_t)st.st_size, length))
		err = content_fail_errno(problems, path);
	close(fd);
	return err;
}

static bool content_is_json(const char *path)
{
	size_t length = strlen(path);
	return length >= 5 && strcmp(path + length - 5, ".json") == 0;
}

/* JSON in a file of another name: libyaml reads most of it, but slowly. What turns out
 * to be YAML after all is parsed as such from the copy. */
static bool content_try_json(struct content *content, size_t length, enum err *err)
{
	struct document_error ignored;
	if (content->text[strspn(content->text, " \t\r\n")] != '{')
		return false;
	char *copy = arena_strndup(&content->arena, content->text, length);
	*err = copy ? document_parse_json(&content->arena, copy, length,
			      &content->documents, &ignored)
		    : ERR_NOMEM;
	if (*err == ERR_SYNTAX)
		arena_reset(&content->arena);
	return *err != ERR_SYNTAX;
}

static enum err content_parse_text(struct content *content, const char *path,
	size_t length, struct diag_list *problems)
{
	struct document_error error;
	enum err err;
	arena_reset(&content->arena);
	content->text[length] = '\0';
	if (content_is_json(path))
		err = document_parse_json(&content->arena, content->text, length,
			&content->documents, &error);
	else if (content_try_json(content, length, &err))
		return err;
	else
		err = document_parse_yaml(&content->arena, content->text, length,
			&content->documents, &error);
	if (err != ERR_SYNTAX)
		return err;
	diag_add(problems, SEVERITY_ERROR, path, error.line, error.column, "%s",
		error.text);
	return ERR_INVALID;
}

enum err content_load(
	struct content *content, const char *path, struct diag_list *problems)
{
	size_t length = 0;
	enum err err = content_read_file(content, path, &length, problems);
	return err ? err : content_parse_text(content, path, length, problems);
}

enum err content_parse(struct content *content, const char *path, const char *text,
	size_t length, struct diag_list *problems)
{
	if (length > DOCUMENT_SIZE_MAX)
		return content_fail(problems, path, "is larger than 256 MiB");
	enum err err = content_reserve(content, length + 1);
	if (err)
		return err;
	memcpy(content->text, text, length);
	return content_parse_text(content, path, length, problems);
}
