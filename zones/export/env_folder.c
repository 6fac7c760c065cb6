/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/env_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/atomic_file.h"

enum { LABEL_MAX = 63, LIST_MODE = 0644 };

struct made_file {
	char *name; /* without the folder */
	bool is_expected;
};

struct env_folder {
	char *path;
	enum env_format format;
	mode_t mode;
	struct made_file *files; /* in order of their names */
	size_t count, capacity;
	dev_t device; /* of the folder that was opened, and its inode */
	ino_t inode;
	bool has_list;
	bool is_changed; /* the list on the disk is another one */
};

struct env_folder *env_folder_new(const char *path, enum env_format format, mode_t mode)
{
	struct env_folder *folder = calloc(1, sizeof(*folder));
	if (!folder)
		return NULL;
	folder->path = strdup(path);
	folder->format = format;
	folder->mode = mode;
	if (folder->path)
		return folder;
	free(folder);
	return NULL;
}

static void forget_files(struct env_folder *folder)
{
	for (size_t i = 0; i < folder->count; i++)
		free(folder->files[i].name);
	folder->count = 0;
}

void env_folder_free(struct env_folder *folder)
{
	if (!folder)
		return;
	forget_files(folder);
	free(folder->files);
	free(folder->path);
	free(folder);
}

/* --- the files that were made --- */

/* Where the name is or would be. */
static size_t find_place(
	const struct env_folder *folder, const char *name, bool *is_there)
{
	size_t low = 0, high = folder->count;
	*is_there = false;
	while (low < high && !*is_there) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(folder->files[middle].name, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*is_there = !order;
	}
	return high;
}

static enum err add_file(struct env_folder *folder, const char *name, bool is_expected)
{
	bool is_there;
	size_t place = find_place(folder, name, &is_there);
	if (is_there) {
		folder->files[place].is_expected |= is_expected;
		return ERR_NONE;
	}
	if (folder->count == folder->capacity) {
		size_t capacity = folder->capacity * 2 + 16;
		void *grown = realloc(folder->files, capacity * sizeof(*folder->files));
		if (!grown)
			return ERR_NOMEM;
		folder->files = grown;
		folder->capacity = capacity;
	}
	char *copy = strdup(name);
	if (!copy)
		return ERR_NOMEM;
	memmove(folder->files + place + 1, folder->files + place,
		(folder->count - place) * sizeof(*folder->files));
	folder->files[place].name = copy;
	folder->files[place].is_expected = is_expected;
	folder->count++;
	folder->is_changed = true;
	return ERR_NONE;
}

static void drop_file(struct env_folder *folder, size_t place)
{
	free(folder->files[place].name);
	folder->count--;
	memmove(folder->files + place, folder->files + place + 1,
		(folder->count - place) * sizeof(*folder->files));
	folder->is_changed = true;
}

/* --- the list on the disk --- */

/* "shop.env": whatever else stands in the list was not written by us. */
static bool is_our_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (!length || length > LABEL_MAX)
		return false;
	for (unsigned i = 0; i < ENV_FORMATS; i++)
		if (strcmp(name + length, env_format_suffix((enum env_format)i)) == 0)
			return true;
	return false;
}

/* malloc'ed; NULL: no memory. */
static char *path_of(const struct env_folder *folder, const char *name)
{
	char *path;
	return asprintf(&path, "%s/%s", folder->path, name) < 0 ? NULL : path;
}

static enum err read_list(struct env_folder *folder, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	enum err err = ERR_NONE;
	while (!err && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (is_our_name(line))
			err = add_file(folder, line, false);
	}
	if (!err && ferror(file))
		err = ERR_IO;
	free(line);
	return err;
}

enum err env_folder_open(struct env_folder *folder)
{
	forget_files(folder);
	struct stat status;
	if (access(folder->path, W_OK | X_OK) || stat(folder->path, &status))
		return ERR_IO;
	folder->device = status.st_dev;
	folder->inode = status.st_ino;
	char *path = path_of(folder, ENV_FOLDER_LIST);
	if (!path)
		return ERR_NOMEM;
	FILE *file = fopen(path, "re");
	folder->has_list = file;
	enum err err = ERR_NONE;
	if (file) {
		err = read_list(folder, file);
		fclose(file);
	} else if (errno != ENOENT) {
		err = ERR_IO;
	}
	free(path);
	folder->is_changed = false;
	for (unsigned i = 0; !err && i < ENV_FORMATS; i++)
		atomic_file_sweep(folder->path, env_format_suffix((enum env_format)i));
	if (!err)
		atomic_file_sweep(folder->path, ENV_FOLDER_LIST);
	return err;
}

/* The inode of a folder that was removed is often that of the next one made: then the
 * list is missing. */
bool env_folder_is_same(const struct env_folder *folder)
{
	struct stat status;
	if (stat(folder->path, &status) || status.st_dev != folder->device ||
		status.st_ino != folder->inode)
		return false;
	char *path = folder->has_list ? path_of(folder, ENV_FOLDER_LIST) : NULL;
	bool is_same = !path || access(path, F_OK) == 0;
	free(path);
	return is_same;
}

enum err env_folder_sync(struct env_folder *folder)
{
	if (!folder->is_changed)
		return ERR_NONE;
	char *text = NULL, *path = path_of(folder, ENV_FOLDER_LIST);
	size_t length;
	FILE *out = open_memstream(&text, &length);
	enum err err = path && out ? ERR_NONE : ERR_NOMEM;
	if (!err) {
		fputs("# The files that waymark made here, and may remove.\n", out);
		for (size_t i = 0; i < folder->count; i++)
			fprintf(out, "%s\n", folder->files[i].name);
	}
	if (out && (ferror(out) | fclose(out)) && !err)
		err = ERR_NOMEM;
	if (!err)
		err = atomic_file_write(path, text, length, LIST_MODE, NULL);
	folder->is_changed = err != ERR_NONE;
	folder->has_list |= !err;
	int saved = errno;
	free(text);
	free(path);
	errno = saved;
	return err;
}

/* --- files --- */

enum { NAME_SIZE = LABEL_MAX + 16 };

/* Returns `out`, of NAME_SIZE octets. */
static const char *name_of(const struct env_folder *folder, const char *ns, char *out)
{
	snprintf(out, NAME_SIZE, "%s%s", ns, env_format_suffix(folder->format));
	return out;
}

enum err env_folder_expect(struct env_folder *folder, const char *ns)
{
	char name[NAME_SIZE];
	return add_file(folder, name_of(folder, ns, name), true);
}

enum err env_folder_put(struct env_folder *folder, const char *ns, const char *text,
	size_t length, bool *was_written)
{
	char name[NAME_SIZE];
	enum err err = env_folder_expect(folder, ns);
	/* Nobody would know whose it is if we ended between the two. */
	if (!err)
		err = env_folder_sync(folder);
	if (err)
		return err;
	char *path = path_of(folder, name_of(folder, ns, name));
	if (!path)
		return ERR_NOMEM;
	err = atomic_file_write(path, text, length, folder->mode, was_written);
	int saved = errno;
	free(path);
	errno = saved;
	return err;
}

static enum err remove_at(struct env_folder *folder, size_t place)
{
	char *path = path_of(folder, folder->files[place].name);
	if (!path)
		return ERR_NOMEM;
	enum err err = unlink(path) && errno != ENOENT ? ERR_IO : ERR_NONE;
	int saved = errno;
	free(path);
	if (!err)
		drop_file(folder, place);
	errno = saved;
	return err;
}

enum err env_folder_remove(struct env_folder *folder, const char *ns)
{
	char name[NAME_SIZE];
	bool is_there;
	size_t place = find_place(folder, name_of(folder, ns, name), &is_there);
	return is_there ? remove_at(folder, place) : ERR_NONE;
}

enum err env_folder_prune(struct env_folder *folder, size_t *removed)
{
	*removed = 0;
	for (size_t i = folder->count; i--;) {
		if (folder->files[i].is_expected)
			continue;
		enum err err = remove_at(folder, i);
		if (err)
			return err;
		++*removed;
	}
	return ERR_NONE;
}
