/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/* Files that are read whole, and again when they have changed. Any thread. */

/* Which content a file has: another one has another identity. */
struct file_identity {
	uint64_t device, inode, size;
	int64_t changed_ns; /* mtime; 0: there is no file */
};

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);

/* ERR_IO. */
enum err file_identify(const char *path, struct file_identity *out) MUST_CHECK;

/*
 * All octets of a regular file and a NUL behind them, malloc'ed. ERR_IO with errno
 * (EISDIR or EINVAL: not a regular file; EFBIG: more than `max` octets), ERR_NOMEM.
 */
enum err file_load(const char *path, size_t max, char **text, size_t *length,
	struct file_identity *identity) MUST_CHECK;
