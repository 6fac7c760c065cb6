/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zones/source/folder_dir.h"
#include "zones/source/watch.h"

/* A problem with a folder or file as a whole, told under its path. */
static void folder_fail(struct folders *folders, const char *path, const char *what)
{
	diag_add(folders->problems, SEVERITY_ERROR, path, 0, 0, "%s: %s", what,
		strerror(errno));
}

static bool folder_is_manifest(const char *name)
{
	static const char *const endings[] = {".yaml", ".yml", ".json"};
	size_t length = strlen(name);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t ending = strlen(endings[i]);
		if (length > ending && strcmp(name + length - ending, endings[i]) == 0)
			return true;
	}
	return false;
}

static struct folder_stamp folder_stamp(const struct stat *st)
{
	return (struct folder_stamp){
		st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim};
}

static bool folder_time_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool folder_stamp_equal(const struct folder_stamp *a, const struct folder_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       folder_time_equal(&a->modified, &b->modified) &&
	       folder_time_equal(&a->changed, &b->changed);
}

/* Whether a link in the folder leads to what has the descriptor. */
static bool folder_has_target(const struct folder_dir *dir, int wd)
{
	for (size_t i = 0; dir->has_links && i < dir->count; i++)
		if (dir->files[i]->wd == wd)
			return true;
	return false;
}

/* What has two names has one descriptor, which lives as long as either. */
static void folder_unwatch(struct folders *folders, int wd)
{
	if (!folders->watch || wd < 0)
		return;
	for (struct folder_dir *dir = folders->dirs; dir; dir = dir->next)
		if (dir->wd == wd || folder_has_target(dir, wd))
			return;
	for (size_t i = 0; i < folders->root_count; i++)
		if (folders->roots[i].parent_wd == wd)
			return;
	watch_remove(folders->watch, wd);
}

/* Changes of what a link leads to are seen only there. */
static void folder_watch_target(struct folders *folders, struct folder_file *file)
{
	struct stat st;
	int before = file->wd;
	int wd = -1;
	if (lstat(file->path, &st) == 0 && S_ISLNK(st.st_mode) &&
		watch_add_file(folders->watch, file->path, &wd) && errno == ENOSPC)
		folder_fail(folders, file->path, "cannot be watched");
	file->wd = wd;
	if (before != wd)
		folder_unwatch(folders, before);
}

/* The manifest `name` as it is now, new or known. `may_be_same`: it counts as changed
 * only when its stamp did. */
static enum err folder_see_file(struct folders *folders, struct folder_dir *dir,
	const char *name, const struct stat *st, bool may_be_same)
{
	struct folder_stamp stamp = folder_stamp(st);
	struct folder_file *file = folder_dir_find(dir, name);
	bool is_new = !file;
	if (is_new) {
		file = folder_dir_add(dir, name);
		if (!file)
			return ERR_NOMEM;
	}
	file->is_seen = true;
	if (folders->watch && dir->has_links)
		folder_watch_target(folders, file);
	if (!is_new && may_be_same && folder_stamp_equal(&stamp, &file->stamp))
		return ERR_NONE;
	file->stamp = stamp;
	folders_queue(folders, file);
	return ERR_NONE;
}

static void folder_lose_file(
	struct folders *folders, struct folder_dir *dir, struct folder_file *file)
{
	folder_dir_remove(dir, file);
	folder_unwatch(folders, file->wd);
	file->is_gone = true;
	folders_queue(folders, file);
}

/* The folder is gone, and with it all that was in it. */
static void folder_lose_dir(struct folders *folders, struct folder_dir *gone)
{
	for (struct folder_dir *dir = folders->dirs; dir;) {
		if (dir->parent == gone) {
			folder_lose_dir(folders, dir);
			dir = folders->dirs;
		} else {
			dir = dir->next;
		}
	}
	while (gone->count)
		folder_lose_file(folders, gone, gone->files[gone->count - 1]);
	for (size_t i = 0; i < folders->root_count; i++)
		if (folders->roots[i].dir == gone)
			folders->roots[i].dir = NULL;
	struct folder_dir **link = &folders->dirs;
	while (*link && *link != gone)
		link = &(*link)->next;
	if (*link)
		*link = gone->next;
	folder_unwatch(folders, gone->wd);
	folder_dir_free(gone);
}

static struct folder_dir *folder_find_dir(struct folders *folders, const char *path)
{
	for (struct folder_dir *dir = folders->dirs; dir; dir = dir->next)
		if (strcmp(dir->path, path) == 0)
			return dir;
	return NULL;
}

static bool folder_is_root(const struct folders *folders, const char *path)
{
	for (size_t i = 0; i < folders->root_count; i++) {
		const char *root = folders->roots[i].path;
		if (root && strcmp(root, path) == 0)
			return true;
	}
	return false;
}

/* A link to a folder above would never end. */
static bool folder_is_loop(const struct folder_dir *parent, const struct stat *st)
{
	for (; parent; parent = parent->parent)
		if (parent->device == st->st_dev && parent->inode == st->st_ino)
			return true;
	return false;
}

static enum err folder_see_dir(struct folders *folders, struct folder_dir *parent,
	const char *path, const struct stat *st, bool may_be_same)
{
	if (folder_is_root(folders, path) || folder_is_loop(parent, st))
		return ERR_NONE;
	struct folder_dir *dir = folder_find_dir(folders, path);
	if (!dir) {
		dir = folder_dir_new(path, parent);
		if (!dir)
			return ERR_NOMEM;
		dir->next = folders->dirs;
		folders->dirs = dir;
	}
	dir->is_seen = true;
	if (!may_be_same || dir->device != st->st_dev || dir->inode != st->st_ino)
		dir->is_stale = true;
	return ERR_NONE;
}

/* One name in the folder: a file, a folder, something else, or gone. */
static enum err folder_see(struct folders *folders, struct folder_dir *dir,
	const char *name, bool may_be_same)
{
	enum err err = ERR_NONE;
	struct stat st;
	char *path = folder_path(dir->path, name);
	if (!path)
		return ERR_NOMEM;
	struct folder_file *file = folder_dir_find(dir, name);
	bool is_there = stat(path, &st) == 0;
	int cause = errno;
	struct folder_dir *child = NULL;
	if (!may_be_same || !is_there || S_ISDIR(st.st_mode))
		child = folder_find_dir(folders, path);
	if (child && child->parent != dir)
		child = NULL;
	bool is_unknown =
		!is_there && cause != ENOENT && cause != ENOTDIR && cause != ELOOP;
	if (is_unknown) {
		errno = cause;
		folder_fail(folders, path, "cannot be looked at");
		if (file)
			file->is_seen = true;
		if (child)
			child->is_seen = true;
	} else {
		bool is_file =
			is_there && !S_ISDIR(st.st_mode) && folder_is_manifest(name);
		bool is_dir = is_there && S_ISDIR(st.st_mode);
		if (file && !is_file)
			folder_lose_file(folders, dir, file);
		if (child && !is_dir)
			folder_lose_dir(folders, child);
		if (is_file)
			err = folder_see_file(folders, dir, name, &st, may_be_same);
		else if (is_dir)
			err = folder_see_dir(folders, dir, path, &st, may_be_same);
	}
	free(path);
	return err;
}

static bool folder_is_link(const struct folder_dir *dir, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_LNK;
	char *path = folder_path(dir->path, entry->d_name);
	bool is_link = path && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
	free(path);
	return is_link;
}

static enum err folder_read_dir(
	struct folders *folders, struct folder_dir *dir, DIR *stream)
{
	enum err err = ERR_NONE;
	dir->has_links = false;
	while (!err) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry)
			break;
		if (entry->d_name[0] == '.')
			continue;
		if (folder_is_link(dir, entry))
			dir->has_links = true;
		else if (entry->d_type == DT_REG && !folder_is_manifest(entry->d_name))
			continue;
		err = folder_see(folders, dir, entry->d_name, true);
	}
	if (!err && errno) {
		folder_fail(folders, dir->path, "cannot be read");
		return ERR_IO;
	}
	return err;
}

static void folder_forget_unseen(struct folders *folders, struct folder_dir *dir)
{
	for (size_t i = dir->count; i-- > 0;) {
		/* A folder that changes while it is read may show a name twice. */
		bool is_twice =
			i && strcmp(dir->files[i - 1]->path, dir->files[i]->path) == 0;
		if (!dir->files[i]->is_seen || is_twice)
			folder_lose_file(folders, dir, dir->files[i]);
	}
	for (struct folder_dir *child = folders->dirs; child;) {
		if (child->parent == dir && !child->is_seen) {
			folder_lose_dir(folders, child);
			child = folders->dirs;
		} else {
			child = child->next;
		}
	}
}

static void folder_watch(struct folders *folders, struct folder_dir *dir)
{
	if (!folders->watch)
		return;
	int before = dir->wd;
	int wd = -1;
	/* Whoever made the folder may be filling it already: first the watch, then the
	 * look, so that no file falls between the two. */
	if (watch_add(folders->watch, dir->path, &wd) && errno != ENOENT &&
		errno != EACCES)
		folder_fail(folders, dir->path, "cannot be watched");
	dir->wd = wd;
	if (before != wd)
		folder_unwatch(folders, before);
}

static enum err folder_scan_dir(struct folders *folders, struct folder_dir *dir)
{
	struct stat st;
	folder_watch(folders, dir);
	DIR *stream = opendir(dir->path);
	if (!stream || fstat(dirfd(stream), &st)) {
		int cause = errno;
		if (stream)
			closedir(stream);
		/* Gone already: its parent will say so. */
		if (cause == ENOENT || cause == ENOTDIR)
			return ERR_NONE;
		if (cause == ENOMEM)
			return ERR_NOMEM;
		errno = cause;
		folder_fail(folders, dir->path, "cannot be read");
		return ERR_NONE;
	}
	dir->device = st.st_dev;
	dir->inode = st.st_ino;
	for (size_t i = 0; i < dir->count; i++)
		dir->files[i]->is_seen = false;
	for (struct folder_dir *child = folders->dirs; child; child = child->next)
		if (child->parent == dir)
			child->is_seen = false;
	enum err err = folder_read_dir(folders, dir, stream);
	closedir(stream);
	folder_dir_sort(dir);
	if (err == ERR_IO)
		return ERR_NONE;
	if (!err)
		folder_forget_unseen(folders, dir);
	return err;
}

/* Watches the nearest folder above the root that exists, to see it appear or become
 * readable; of a link the one that holds it, to see it swapped. */
static void folder_watch_above(struct folders *folders, struct folder_root *root)
{
	int before = root->parent_wd;
	root->parent_wd = -1;
	char *path = strdup(root->path);
	while (folders->watch && path && root->parent_wd < 0) {
		char *slash = strrchr(path, '/');
		const char *above = !slash ? "." : slash == path ? "/" : path;
		if (slash)
			*slash = '\0';
		bool is_last = !slash || slash == path;
		if (watch_add(folders->watch, above, &root->parent_wd) && is_last)
			break;
	}
	free(path);
	if (before != root->parent_wd)
		folder_unwatch(folders, before);
}

static enum err folder_open_root(
	struct folders *folders, struct folder_root *root, const struct stat *st)
{
	if (!root->dir) {
		root->dir = folder_dir_new(root->path, NULL);
		if (!root->dir)
			return ERR_NOMEM;
		root->dir->next = folders->dirs;
		folders->dirs = root->dir;
		root->dir->is_stale = true;
	}
	bool is_unwatched = folders->watch && root->dir->wd < 0;
	if (is_unwatched || root->dir->device != st->st_dev ||
		root->dir->inode != st->st_ino)
		root->dir->is_stale = true;
	if (access(root->path, R_OK | X_OK) == 0)
		root->was_present = true;
	return ERR_NONE;
}

static enum err folder_check_root(struct folders *folders, struct folder_root *root)
{
	struct stat st, link;
	root->is_stale = false;
	bool is_there = stat(root->path, &st) == 0 && S_ISDIR(st.st_mode);
	bool is_link = lstat(root->path, &link) == 0 && S_ISLNK(link.st_mode);
	if (!is_there || is_link || access(root->path, R_OK | X_OK)) {
		folder_watch_above(folders, root);
		/* It may have appeared before the watch did. */
		errno = ENOTDIR;
		is_there = stat(root->path, &st) == 0 && S_ISDIR(st.st_mode);
	} else if (root->parent_wd >= 0) {
		int before = root->parent_wd;
		root->parent_wd = -1;
		folder_unwatch(folders, before);
	}
	if (is_there) {
		root->is_missing_told = false;
		return folder_open_root(folders, root, &st);
	}
	if (!root->is_missing_told)
		folder_fail(folders, root->path, "cannot be read");
	root->is_missing_told = true;
	if (root->dir)
		folder_lose_dir(folders, root->dir);
	return ERR_NONE;
}

static struct folder_dir *folder_find_stale(struct folders *folders)
{
	for (struct folder_dir *dir = folders->dirs; dir; dir = dir->next)
		if (dir->is_stale)
			return dir;
	return NULL;
}

enum err folders_scan(struct folders *folders)
{
	for (size_t i = 0; i < folders->root_count; i++) {
		if (!folders->roots[i].is_stale)
			continue;
		enum err err = folder_check_root(folders, &folders->roots[i]);
		if (err) {
			folders->roots[i].is_stale = true;
			return err;
		}
	}
	struct folder_dir *dir;
	while ((dir = folder_find_stale(folders)) != NULL) {
		dir->is_stale = false;
		enum err err = folder_scan_dir(folders, dir);
		if (err) {
			dir->is_stale = true;
			return err;
		}
	}
	return ERR_NONE;
}

/* By path; of two with one path the one that is gone comes first. */
static bool folder_comes_first(const struct folder_file *a, const struct folder_file *b)
{
	int order = strcmp(a->path, b->path);
	return order ? order < 0 : a->is_gone || !b->is_gone;
}

static struct folder_file *folder_merge(struct folder_file *a, struct folder_file *b)
{
	struct folder_file *merged = NULL;
	struct folder_file **link = &merged;
	while (a && b) {
		struct folder_file **first = folder_comes_first(a, b) ? &a : &b;
		*link = *first;
		*first = (*first)->next;
		link = &(*link)->next;
	}
	*link = a ? a : b;
	return merged;
}

/* A merge sort, since a list needs no memory for it: runs of 1, 2, 4... files. */
static struct folder_file *folder_sort_queue(struct folder_file *queue)
{
	enum { RUNS = 64 };
	struct folder_file *runs[RUNS] = {NULL};
	while (queue) {
		struct folder_file *run = queue;
		queue = queue->next;
		run->next = NULL;
		size_t i = 0;
		for (; i < RUNS - 1 && runs[i]; i++) {
			run = folder_merge(runs[i], run);
			runs[i] = NULL;
		}
		runs[i] = run;
	}
	struct folder_file *sorted = NULL;
	for (size_t i = 0; i < RUNS; i++)
		sorted = folder_merge(runs[i], sorted);
	return sorted;
}

struct folder_file *folders_take_changed(struct folders *folders)
{
	struct folder_file *queue = folder_sort_queue(folders->changed);
	folders->changed = NULL;
	return queue;
}

void folders_queue(struct folders *folders, struct folder_file *file)
{
	if (file->is_queued)
		return;
	file->is_queued = true;
	file->next = folders->changed;
	folders->changed = file;
}

bool folders_were_present(const struct folders *folders)
{
	for (size_t i = 0; i < folders->root_count; i++)
		if (!folders->roots[i].was_present)
			return false;
	return true;
}

enum err folders_init(struct folders *folders, const char *const *paths, size_t count)
{
	*folders = (struct folders){0};
	folders->roots = calloc(count ? count : 1, sizeof(*folders->roots));
	if (!folders->roots)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(paths[i]);
		while (length > 1 && paths[i][length - 1] == '/')
			length--;
		char *path = strndup(paths[i], length);
		if (!path) {
			folders_deinit(folders);
			return ERR_NOMEM;
		}
		if (folder_is_root(folders, path)) {
			free(path);
			continue;
		}
		struct folder_root *root = &folders->roots[folders->root_count++];
		root->path = path;
		root->parent_wd = -1;
		root->is_stale = true;
	}
	return ERR_NONE;
}

void folders_deinit(struct folders *folders)
{
	folders->watch = NULL;
	while (folders->dirs)
		folder_lose_dir(folders, folders->dirs);
	for (struct folder_file *file = folders_take_changed(folders); file;) {
		struct folder_file *next = file->next;
		folder_file_free(file);
		file = next;
	}
	for (size_t i = 0; i < folders->root_count; i++)
		free(folders->roots[i].path);
	free(folders->roots);
}

void folders_expect_anything(struct folders *folders)
{
	for (size_t i = 0; i < folders->root_count; i++)
		folders->roots[i].is_stale = true;
	for (struct folder_dir *dir = folders->dirs; dir; dir = dir->next)
		dir->is_stale = true;
}

/* A file that was cut to nothing and is still open is about to be written: what it said
 * stays until then. */
static bool folder_is_about_to_be_written(
	const struct folder_dir *dir, const struct watch_change *change)
{
	const struct folder_file *file = folder_dir_find(dir, change->name);
	struct stat st;
	return change->is_open && file && stat(file->path, &st) == 0 && st.st_size == 0;
}

static enum err folder_note_in(struct folders *folders, struct folder_dir *dir,
	const struct watch_change *change)
{
	if (change->is_ignored)
		dir->wd = -1;
	/* A link may lead through any name, "..data" above all. */
	if (!*change->name || dir->has_links)
		dir->is_stale = true;
	if (!*change->name || change->name[0] == '.')
		return ERR_NONE;
	if (folder_is_about_to_be_written(dir, change))
		return ERR_NONE;
	struct stat st;
	char *path = folder_path(dir->path, change->name);
	if (!path)
		return ERR_NOMEM;
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		dir->has_links = true;
	free(path);
	enum err err = folder_see(folders, dir, change->name, false);
	folder_dir_sort(dir);
	return err;
}

/* Something happened to what a link in the folder leads to. */
static void folder_note_target(struct folder_dir *dir, const struct watch_change *change)
{
	for (size_t i = 0; dir->has_links && i < dir->count; i++) {
		struct folder_file *file = dir->files[i];
		struct stat st;
		if (file->wd != change->wd)
			continue;
		if (change->is_ignored)
			file->wd = -1;
		bool is_cut =
			change->is_open && stat(file->path, &st) == 0 && !st.st_size;
		if (!is_cut)
			dir->is_stale = true;
	}
}

enum err folders_note(struct folders *folders, const struct watch_change *change)
{
	for (size_t i = 0; i < folders->root_count; i++) {
		struct folder_root *root = &folders->roots[i];
		if (change->is_ignored && root->parent_wd == change->wd)
			root->parent_wd = -1;
		else if (root->parent_wd != change->wd &&
			 !(change->is_self && root->dir && root->dir->wd == change->wd))
			continue;
		root->is_stale = true;
	}
	/* Noting may lose folders, but never the one it is noted in. */
	for (struct folder_dir *dir = folders->dirs; dir; dir = dir->next) {
		folder_note_target(dir, change);
		if (dir->wd != change->wd)
			continue;
		enum err err = folder_note_in(folders, dir, change);
		if (err)
			return err;
	}
	return ERR_NONE;
}
