/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors that a function can return. 0 is success, failures are negative, so that
 * `if (err)` reads well. An outcome (NXDOMAIN, truncated, nothing to do) is never one
 * of these; it is an enum of its module.
 */
enum err {
	ERR_NONE = 0,
	ERR_NOMEM = -1,    /* an allocation failed */
	ERR_SYNTAX = -2,   /* text or bytes that do not follow their grammar */
	ERR_RANGE = -3,    /* well formed, but outside the limits */
	ERR_IO = -4,       /* a system call failed; errno says which way */
	ERR_NOTFOUND = -5, /* the thing asked for does not exist */
	ERR_EXISTS = -6,   /* the thing to be made is there already */
	ERR_INVALID = -7,  /* one or more problems were reported as diagnostics */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* A short lower-case text such as "out of memory", never NULL. */
const char *err_text(enum err err);
