/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/source/folder.h"

/* One folder and its manifests; the parts of struct folders. */

struct folder_dir {
	struct folder_dir *next;
	struct folder_dir *parent; /* NULL: a root */
	char *path;
	dev_t device;
	ino_t inode;
	int wd;         /* -1: not watched */
	bool is_stale;  /* to be looked through */
	bool is_seen;   /* met while its parent is looked through */
	bool has_links; /* any name may stand for the content of another */
	struct folder_file **files;
	size_t count, capacity;
	size_t sorted; /* so many are in order; the others are new */
};

struct folder_root {
	char *path;
	struct folder_dir *dir; /* NULL: not there */
	int parent_wd;          /* of a folder above, -1: not watched */
	bool is_stale;
	bool was_present;
	bool is_missing_told;
};

/* "dir/name". NULL: no memory. */
char *folder_path(const char *dir, const char *name);

/* NULL: no memory. */
struct folder_dir *folder_dir_new(const char *path, struct folder_dir *parent);
void folder_dir_free(struct folder_dir *dir);

/* A file that was there when the folder was sorted last, or NULL. */
struct folder_file *folder_dir_find(const struct folder_dir *dir, const char *name);

/* A new file; found only after folder_dir_sort. NULL: no memory. */
struct folder_file *folder_dir_add(struct folder_dir *dir, const char *name);
void folder_dir_remove(struct folder_dir *dir, struct folder_file *file);
void folder_dir_sort(struct folder_dir *dir);
