/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "server/base/err.h"

/*
 * Files that are exchanged whole: who reads one sees the content of before or that of
 * after, also when the machine fails in between. The new content is written and synced
 * under another name in the same folder, ".NAME.XXXXXX.tmp", which no pattern for files
 * matches, and renamed. Any thread.
 */

/*
 * Gives the file this content and these permissions, which are not subject to the umask.
 * A file that has the content already is not written, *was_written says whether it was
 * (may be NULL); its permissions are put right. Through a symbolic link the file that it
 * leads to is exchanged. ERR_NOMEM; ERR_IO with errno (EINVAL: there is something that is
 * no regular file).
 */
enum err atomic_file_write(const char *path, const void *content, size_t length,
	mode_t mode, bool *was_written) MUST_CHECK;

/* Removes what writers that were killed have left in the folder of files whose name ends
 * in `suffix`, if it is older than any write takes. */
void atomic_file_sweep(const char *folder, const char *suffix);
/* The same for the file alone. */
void atomic_file_sweep_beside(const char *path);
