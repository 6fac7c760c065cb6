/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"

/*
 * Regular expressions as Corefiles have them. They are written for Go's RE2, of whose
 * syntax PCRE2 understands nearly all; a limit on the work of one match stands in for
 * RE2's promise of linear time. Immutable, any thread may match.
 */

struct pattern;

enum { PATTERN_PROBLEM_SIZE = 256 };

/* ERR_NOMEM; ERR_SYNTAX with what is wrong, and at which character, in `problem`, of
 * PATTERN_PROBLEM_SIZE bytes. */
enum err pattern_new(const char *text, struct pattern **out, char *problem) MUST_CHECK;
void pattern_free(struct pattern *pattern);

/* Is there a match anywhere in `text`? False also when there is no memory or the limit
 * was reached. Allocates. */
bool pattern_matches(const struct pattern *pattern, const char *text);
