/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Allocations that fail when a test wants it. A program that uses it is linked so (see
 * tests/Makefile.inc), X being its name:
 *
 *	X_SOURCES = ... $(FAILING_MALLOC_FILES)
 *	X_LDFLAGS = $(AM_LDFLAGS) $(FAILING_MALLOC_WRAP)
 *
 * and goes through all allocations of what it tests:
 *
 *	for (size_t n = 1;; n++) {
 *		failing_malloc_arm(n);
 *		enum err err = thing_parse(...);
 *		if (!failing_malloc_disarm())
 *			break;
 *		assert_int_equal(err, ERR_NOMEM);
 *	}
 *
 * Only calls of malloc, calloc, realloc and strdup from our own code count, not those
 * inside libc. One thread at a time.
 */

/* The `nth` allocation from now, counted from 1, fails, and no other. */
void failing_malloc_arm(size_t nth);

/* Back to normal. True when an allocation was made to fail. */
bool failing_malloc_disarm(void);
