/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "server/base/diag.h"

/*
 * The folders that the user named, their sub-folders and the manifests in them, and
 * which of the files have changed since they were taken last. Reads no file.
 */

struct watch;
struct watch_change;
struct ledger_list;

/* Two equal stamps: the same content, but for a write within one tick of the clock. */
struct folder_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct folder_file {
	char *path;
	struct folder_stamp stamp;
	struct ledger_list *list; /* the owner of the contents keeps it here */
	int wd;                   /* of what a link leads to, -1: not watched */
	struct folder_file *next; /* in the queue of changed files */
	bool is_queued;
	bool is_kept; /* an object delivered from it may be in force for longer than it is
		       */
	bool is_seen; /* met while its folder is looked through */
	bool is_gone; /* left its folder; whoever takes it from the queue frees it */
};

struct folder_dir;
struct folder_root;

struct folders {
	struct watch *watch; /* NULL: not watched */
	struct folder_root *roots;
	size_t root_count;
	struct folder_dir *dirs;
	struct folder_file *changed;
	struct diag_list *problems; /* of the caller, during a call */
};

/* Copies the paths. ERR_NOMEM. */
enum err folders_init(
	struct folders *folders, const char *const *paths, size_t count) MUST_CHECK;
/* Frees the files too, but not their lists. */
void folders_deinit(struct folders *folders);

/* Everything may have changed. */
void folders_expect_anything(struct folders *folders);

/* Something happened in a watched folder. ERR_NOMEM: call folders_expect_anything. */
enum err folders_note(
	struct folders *folders, const struct watch_change *change) MUST_CHECK;

/* Looks where something may have changed, and queues the files that did. ERR_NOMEM:
 * to be called again. */
enum err folders_scan(struct folders *folders) MUST_CHECK;

/* All changed files, by path, linked by their `next`. The taker clears is_queued of each
 * when its turn comes. */
struct folder_file *folders_take_changed(struct folders *folders);

/* Queues a file that must be read again, or could not be read for want of memory. */
void folders_queue(struct folders *folders, struct folder_file *file);

void folder_file_free(struct folder_file *file);

/* Whether each of the folders was there at least once. */
bool folders_were_present(const struct folders *folders);
