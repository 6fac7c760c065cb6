/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "server/base/pattern.h"

#include <pcre2.h>
#include <pthread.h>
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

static enum err pattern_compile(
	const char *text, uint32_t options, struct pattern **out, char *problem)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	if (!pattern)
		return ERR_NOMEM;
	int error = 0;
	PCRE2_SIZE offset = 0;
	pattern->code = pcre2_compile(
		(PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error, &offset, NULL);
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

enum err pattern_new(const char *text, struct pattern **out, char *problem)
{
	return pattern_compile(text, 0, out, problem);
}

enum err pattern_new_for_names(const char *text, struct pattern **out, char *problem)
{
	struct pattern *pattern;
	enum err err = pattern_compile(text, PCRE2_CASELESS, &pattern, problem);
	if (err)
		return err;
	if (pattern_group_count(pattern) > PATTERN_GROUPS_MAX) {
		snprintf(problem, PATTERN_PROBLEM_SIZE,
			"more than %d groups in parentheses", PATTERN_GROUPS_MAX - 1);
		pattern_free(pattern);
		return ERR_RANGE;
	}
	*out = pattern;
	return ERR_NONE;
}

unsigned pattern_group_count(const struct pattern *pattern)
{
	uint32_t count = 0;
	pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &count);
	return count + 1;
}

int pattern_group_number(const struct pattern *pattern, const char *name)
{
	int number = pcre2_substring_number_from_name(pattern->code, (PCRE2_SPTR)name);
	return number > 0 ? number : -1;
}

/* --- matching --- */

/* Where PCRE2 leaves what it has found, and keeps its memory from match to match. */
static _Thread_local pcre2_match_data *thread_data;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

static void free_thread_data(void *data)
{
	pcre2_match_data_free(data);
}

static void make_thread_key(void)
{
	pthread_key_create(&thread_key, free_thread_data);
}

/* NULL: no memory. */
static pcre2_match_data *get_thread_data(void)
{
	if (thread_data)
		return thread_data;
	pthread_once(&thread_once, make_thread_key);
	thread_data = pcre2_match_data_create(PATTERN_GROUPS_MAX, NULL);
	/* The main thread's is never freed by this. */
	if (thread_data)
		pthread_setspecific(thread_key, thread_data);
	return thread_data;
}

/* NULL: no match. */
static pcre2_match_data *pattern_run(const struct pattern *pattern, const char *text)
{
	pcre2_match_data *data = get_thread_data();
	if (!data)
		return NULL;
	int found = pcre2_match(pattern->code, (PCRE2_SPTR)text, strlen(text), 0, 0, data,
		pattern->limits);
	return found >= 0 ? data : NULL;
}

bool pattern_matches(const struct pattern *pattern, const char *text)
{
	return pattern_run(pattern, text);
}

bool pattern_find(
	const struct pattern *pattern, const char *text, struct pattern_match *out)
{
	pcre2_match_data *data = pattern_run(pattern, text);
	if (!data)
		return false;
	const PCRE2_SIZE *places = pcre2_get_ovector_pointer(data);
	out->count = pattern_group_count(pattern);
	for (unsigned i = 0; i < out->count; i++) {
		bool is_set = places[2 * i] != PCRE2_UNSET;
		out->groups[i] = (struct pattern_group){
			is_set ? (uint32_t)places[2 * i] : PATTERN_UNSET,
			is_set ? (uint32_t)places[2 * i + 1] : PATTERN_UNSET,
		};
	}
	return true;
}
