/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/folder_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *folder_path(const char *dir, const char *name)
{
	size_t length = strlen(dir);
	const char *slash = length && dir[length - 1] == '/' ? "" : "/";
	char *path;
	return asprintf(&path, "%s%s%s", dir, slash, name) < 0 ? NULL : path;
}

struct folder_dir *folder_dir_new(const char *path, struct folder_dir *parent)
{
	struct folder_dir *dir = calloc(1, sizeof(*dir));
	if (!dir)
		return NULL;
	dir->path = strdup(path);
	dir->parent = parent;
	dir->wd = -1;
	if (!dir->path) {
		free(dir);
		return NULL;
	}
	return dir;
}

void folder_dir_free(struct folder_dir *dir)
{
	if (!dir)
		return;
	free(dir->path);
	free(dir->files);
	free(dir);
}

void folder_file_free(struct folder_file *file)
{
	if (!file)
		return;
	free(file->path);
	free(file);
}

struct folder_file *folder_dir_find(const struct folder_dir *dir, const char *name)
{
	size_t skip = strlen(dir->path);
	skip += !skip || dir->path[skip - 1] != '/';
	size_t low = 0;
	size_t high = dir->sorted;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, dir->files[middle]->path + skip);
		if (!order)
			return dir->files[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct folder_file *folder_dir_add(struct folder_dir *dir, const char *name)
{
	if (dir->count == dir->capacity) {
		size_t capacity = dir->capacity ? dir->capacity * 2 : 8;
		struct folder_file **files =
			realloc(dir->files, capacity * sizeof(struct folder_file *));
		if (!files)
			return NULL;
		dir->files = files;
		dir->capacity = capacity;
	}
	struct folder_file *file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->wd = -1;
	file->path = folder_path(dir->path, name);
	if (!file->path) {
		free(file);
		return NULL;
	}
	dir->files[dir->count++] = file;
	return file;
}

void folder_dir_remove(struct folder_dir *dir, struct folder_file *file)
{
	size_t at = 0;
	while (dir->files[at] != file)
		at++;
	dir->count--;
	memmove(dir->files + at, dir->files + at + 1,
		(dir->count - at) * sizeof(struct folder_file *));
	if (at < dir->sorted)
		dir->sorted--;
}

static int folder_compare_files(const void *a, const void *b)
{
	const struct folder_file *const *left = a;
	const struct folder_file *const *right = b;
	return strcmp((*left)->path, (*right)->path);
}

void folder_dir_sort(struct folder_dir *dir)
{
	/* One new file finds its place; many are sorted. */
	if (dir->count == dir->sorted + 1) {
		struct folder_file *file = dir->files[dir->sorted];
		size_t at = dir->sorted;
		while (at && strcmp(file->path, dir->files[at - 1]->path) < 0) {
			dir->files[at] = dir->files[at - 1];
			at--;
		}
		dir->files[at] = file;
	} else if (dir->count > dir->sorted) {
		qsort(dir->files, dir->count, sizeof(struct folder_file *),
			folder_compare_files);
	}
	dir->sorted = dir->count;
}
