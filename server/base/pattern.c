/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "server/base/pattern.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 10000 }; /* of one match; some ten microseconds */

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
};

static void pattern_describe(int error, size_t offset, char *problem)
{
	PCRE2_UCHAR text[PATTERN_PROBLEM_SIZE - 40];
	pcre2_get_error_message(error, text, sizeof(text));
	snprintf(problem, PATTERN_PROBLEM_SIZE, "%s, at character %zu",
		(const char *)text, offset + 1);
}

enum err pattern_new(const char *text, struct pattern **out, char *problem)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	if (!pattern)
		return ERR_NOMEM;
	int error = 0;
	PCRE2_SIZE offset = 0;
	pattern->code = pcre2_compile(
		(PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &error, &offset, NULL);
	if (pattern->code)
		pattern->limits = pcre2_match_context_create(NULL);
	if (!pattern->code && error != PCRE2_ERROR_HEAP_FAILED) {
		pattern_describe(error, offset, problem);
		pattern_free(pattern);
		return ERR_SYNTAX;
	}
	if (!pattern->limits) {
		pattern_free(pattern);
		return ERR_NOMEM;
	}
	pcre2_set_match_limit(pattern->limits, STEPS_MAX);
	*out = pattern;
	return ERR_NONE;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_match_context_free(pattern->limits);
	pcre2_code_free(pattern->code);
	free(pattern);
}

bool pattern_matches(const struct pattern *pattern, const char *text)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	if (!data)
		return false;
	int found = pcre2_match(pattern->code, (PCRE2_SPTR)text, strlen(text), 0, 0, data,
		pattern->limits);
	pcre2_match_data_free(data);
	return found >= 0;
}
