/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zones/source/state.h"
#include "zones/source/state_format.h"

/*
 * The file is read twice. The first time everything is checked and nothing handed over,
 * so that a file which is damaged at its end leaves nothing behind; the second time the
 * objects go out. One block at a time is in memory.
 */

struct state_file {
	const char *path, *scope;
	struct diag_list *problems;
	int fd;
	uint64_t sum;
	char *block;
	size_t capacity;
	int64_t written_unix_s;
	uint64_t objects;
};

static enum err refuse(struct state_file *file, const char *reason)
{
	diag_add(file->problems, SEVERITY_ERROR, file->path, 0, 0,
		"the state file is not used: %s", reason);
	return ERR_INVALID;
}

static enum err refuse_errno(struct state_file *file)
{
	return refuse(file, strerror(errno));
}

static enum err read_octets(struct state_file *file, void *out, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t count = read(file->fd, (char *)out + done, length - done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return refuse_errno(file);
		if (!count)
			return refuse(file, "it is cut off");
		done += (size_t)count;
	}
	return ERR_NONE;
}

static uint64_t number_of(const void *octets, unsigned size)
{
	const uint8_t *at = octets;
	uint64_t value = 0;
	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

/* The scope behind the head, an octet at a time: its end says how long it is. */
static enum err read_scope(struct state_file *file, char *out)
{
	for (size_t i = 0; i < STATE_SCOPE_MAX; i++) {
		enum err err = read_octets(file, &out[i], 1);
		if (err)
			return err;
		file->sum = state_sum(file->sum, &out[i], 1);
		if (!out[i])
			return ERR_NONE;
	}
	return refuse(file, "it is damaged");
}

static enum err read_head(struct state_file *file)
{
	enum { HEAD_SIZE = STATE_MAGIC_SIZE + 12 };
	char head[HEAD_SIZE], scope[STATE_SCOPE_MAX], sum[8];
	enum err err = read_octets(file, head, HEAD_SIZE);
	if (err)
		return err;
	if (memcmp(head, STATE_MAGIC, STATE_MAGIC_SIZE) != 0)
		return refuse(file, "it is no state file");
	uint64_t version = number_of(head + STATE_MAGIC_SIZE, 4);
	if (version != STATE_VERSION) {
		diag_add(file->problems, SEVERITY_ERROR, file->path, 0, 0,
			"the state file is not used: it has format %u, this version "
			"reads format %d",
			(unsigned)version, STATE_VERSION);
		return ERR_INVALID;
	}
	file->written_unix_s = (int64_t)number_of(head + STATE_MAGIC_SIZE + 4, 8);
	file->sum = state_sum(0, head, HEAD_SIZE);
	err = read_scope(file, scope);
	if (!err)
		err = read_octets(file, sum, sizeof(sum));
	if (err)
		return err;
	if (number_of(sum, 8) != file->sum)
		return refuse(file, "it is damaged");
	if (strcmp(scope, file->scope) == 0)
		return ERR_NONE;
	diag_add(file->problems, SEVERITY_ERROR, file->path, 0, 0,
		"the state file is not used: it was written with other options (\"%s\", "
		"now \"%s\")",
		scope, file->scope);
	return ERR_INVALID;
}

/* The next block, its length in *length, 0: it was the end. */
static enum err read_block(struct state_file *file, size_t *length)
{
	char head[12];
	enum err err = read_octets(file, head, sizeof(head));
	if (err)
		return err;
	*length = (size_t)number_of(head, 4);
	size_t size = *length ? *length : 8;
	if (size > STATE_BLOCK_MAX)
		return refuse(file, "it is damaged");
	if (size > file->capacity) {
		char *block = realloc(file->block, size);
		if (!block)
			return ERR_NOMEM;
		file->block = block;
		file->capacity = size;
	}
	err = read_octets(file, file->block, size);
	if (err)
		return err;
	file->sum = state_sum(file->sum, file->block, size);
	return file->sum == number_of(head + 4, 8) ? ERR_NONE
						   : refuse(file, "it is damaged");
}

static enum err read_objects(
	struct state_file *file, size_t length, const struct source_sink *sink)
{
	struct state_reader reader = {.at = file->block, .end = file->block + length};
	struct object object;
	enum err err = ERR_NONE;
	arena_init(&reader.arena, STATE_BLOCK);
	while (!err && state_get_object(&reader, &object)) {
		file->objects++;
		if (sink)
			err = sink->upsert(sink->context, &object);
	}
	arena_deinit(&reader.arena);
	if (err || reader.is_exhausted)
		return ERR_NOMEM;
	return reader.has_failed ? refuse(file, "it holds what is no object") : ERR_NONE;
}

/* sink NULL: only looks whether all is right. */
static enum err read_all(struct state_file *file, const struct source_sink *sink)
{
	size_t length = 0;
	file->objects = 0;
	if (lseek(file->fd, 0, SEEK_SET) < 0)
		return refuse_errno(file);
	enum err err = read_head(file);
	do {
		if (!err)
			err = read_block(file, &length);
		if (!err && length)
			err = read_objects(file, length, sink);
	} while (!err && length);
	if (err)
		return err;
	char more;
	if (number_of(file->block, 8) != file->objects || read(file->fd, &more, 1) != 0)
		return refuse(file, "it is damaged");
	return ERR_NONE;
}

enum err state_load(const char *path, const char *scope, const struct source_sink *sink,
	struct state_summary *summary, struct diag_list *problems)
{
	struct state_file file = {.path = path, .scope = scope, .problems = problems};
	file.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file.fd < 0)
		return errno == ENOENT ? ERR_NOTFOUND : refuse_errno(&file);
	enum err err = read_all(&file, NULL);
	if (!err)
		err = read_all(&file, sink);
	close(file.fd);
	free(file.block);
	if (!err)
		*summary = (struct state_summary){file.objects, file.written_unix_s};
	return err;
}
