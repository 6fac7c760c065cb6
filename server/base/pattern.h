/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Regular expressions as Corefiles have them. They are written for Go's RE2, of whose
 * syntax PCRE2 understands nearly all; a limit on the work of one match stands in for
 * RE2's promise of linear time. Immutable, any thread may match.
 */

struct pattern;

enum {
	PATTERN_PROBLEM_SIZE = 256,
	PATTERN_GROUPS_MAX = 32, /* of a pattern for names, the whole match included */
};

/* Where a group has matched; `start` is PATTERN_UNSET: not at all. */
struct pattern_group {
	uint32_t start, end;
};

#define PATTERN_UNSET UINT32_MAX

struct pattern_match {
	unsigned count; /* groups of the pattern; 0 is the whole match */
	struct pattern_group groups[PATTERN_GROUPS_MAX];
};

/* ERR_NOMEM; ERR_SYNTAX with what is wrong, and at which character, in `problem`, of
 * PATTERN_PROBLEM_SIZE bytes. */
enum err pattern_new(const char *text, struct pattern **out, char *problem) MUST_CHECK;
void pattern_free(struct pattern *pattern);

/* For names, which have no case. ERR_RANGE, with `problem`: too many groups. */
enum err pattern_new_for_names(
	const char *text, struct pattern **out, char *problem) MUST_CHECK;

unsigned pattern_group_count(const struct pattern *pattern);
/* The number of the group called `name`; -1: none is. */
int pattern_group_number(const struct pattern *pattern, const char *name);

/* Is there a match anywhere in `text`? False also when there is no memory or the limit
 * was reached. Allocates once in each thread. */
bool pattern_matches(const struct pattern *pattern, const char *text);

/* The same for a pattern for names, and where its groups have matched. */
bool pattern_find(
	const struct pattern *pattern, const char *text, struct pattern_match *out);
