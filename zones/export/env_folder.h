/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "zones/export/env_render.h"

/*
 * A folder with an environment file for each namespace, "shop.env", each exchanged whole.
 * The file ".waymark-envfiles" there names the files that were made, each before it is:
 * no other is ever removed. A folder belongs to one writer. One thread at a time.
 */

#define ENV_FOLDER_LIST ".waymark-envfiles"

struct env_folder;

/* Touches nothing yet. NULL: no memory. */
struct env_folder *env_folder_new(const char *path, enum env_format format, mode_t mode);
void env_folder_free(struct env_folder *folder);

/* Reads the list, where there is one, and removes what killed writers left. ERR_NOMEM;
 * ERR_IO with errno, as for all below. */
enum err env_folder_open(struct env_folder *folder) MUST_CHECK;

/* False: at its path there is another folder by now, or none. */
bool env_folder_is_same(const struct env_folder *folder);

/* There will be a file of the namespace. To be said of many before the first is put, so
 * that the list is written once. ERR_NOMEM. */
enum err env_folder_expect(struct env_folder *folder, const char *ns) MUST_CHECK;

/* Writes the file unless it has the content already. */
enum err env_folder_put(struct env_folder *folder, const char *ns, const char *text,
	size_t length, bool *was_written) MUST_CHECK;

/* Removes the file if it was made here. */
enum err env_folder_remove(struct env_folder *folder, const char *ns) MUST_CHECK;

/* Removes the files that were made here and that nobody has expected since. */
enum err env_folder_prune(struct env_folder *folder, size_t *removed) MUST_CHECK;

/* Writes the list if it has changed. */
enum err env_folder_sync(struct env_folder *folder) MUST_CHECK;
