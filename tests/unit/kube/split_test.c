/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/kube/split.h"

/* What came out, a line each. */
struct outcome {
	char text[4096];
	size_t used;
	enum err answer; /* of the sink */
};

static enum err take(struct outcome *outcome, char kind, const char *text, size_t length)
{
	assert_int_equal(strlen(text), length);
	outcome->used += (size_t)snprintf(outcome->text + outcome->used,
		sizeof(outcome->text) - outcome->used, "%c %s\n", kind, text);
	return outcome->answer;
}

static enum err take_object(void *context, char *text, size_t length)
{
	return take(context, 'o', text, length);
}

static enum err take_envelope(void *context, char *text, size_t length)
{
	return take(context, 'e', text, length);
}

/* Feeds `text` in pieces of `step` bytes. */
static enum err split(const char *text, bool is_list, size_t step,
	struct outcome *outcome, bool *is_complete)
{
	const struct split_sink sink = {outcome, take_object, take_envelope};
	struct split splitter;
	split_init(&splitter, is_list, &sink);
	size_t length = strlen(text);
	enum err err = ERR_NONE;
	for (size_t at = 0; at < length && !err; at += step)
		err = split_feed(
			&splitter, text + at, length - at < step ? length - at : step);
	*is_complete = split_is_complete(&splitter);
	split_deinit(&splitter);
	return err;
}

static void assert_split(const char *text, bool is_list, const char *expected)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		struct outcome outcome = {0};
		bool is_complete;
		assert_int_equal(
			split(text, is_list, step, &outcome, &is_complete), ERR_NONE);
		assert_string_equal(outcome.text, expected);
		assert_true(is_complete);
	}
}

static void events_come_one_by_one_however_they_arrive(void **state)
{
	(void)state;
	assert_split("{\"a\":{\"b\":[1,{}]}}\n{\"c\":\"}{\\\"]\\\\\"}\r\n {}", false,
		"o {\"a\":{\"b\":[1,{}]}}\no {\"c\":\"}{\\\"]\\\\\"}\no {}\n");
	assert_split("{\"d\":\"0123456789{\\\"}89abcdef\\\\\",\"e\":\"\xc3\xa4{\t}\"}",
		false,
		"o {\"d\":\"0123456789{\\\"}89abcdef\\\\\",\"e\":\"\xc3\xa4{\t}\"}\n");
}

static void items_come_one_by_one_and_the_list_last(void **state)
{
	(void)state;
	assert_split("{\"kind\":\"L\",\"metadata\":{\"items\":[7],\"continue\":\"x\"},"
		     "\"items\":[{\"a\":[[]]},\n {\"items\":[{}]}],\"z\":[1]}\n",
		true,
		"o {\"a\":[[]]}\no {\"items\":[{}]}\n"
		"e {\"kind\":\"L\",\"metadata\":{\"items\":[7],\"continue\":\"x\"},"
		"\"items\":[],\"z\":[1]}\n");
}

static void a_list_may_be_empty_or_null(void **state)
{
	(void)state;
	assert_split("{\"items\" : [ ]}", true, "e {\"items\" : []}\n");
	assert_split("{\"items\":null}", true, "e {\"items\":null}\n");
	/* Not the member that it looks like. */
	assert_split("{\"x\\\"items\":[{}]}", true, "e {\"x\\\"items\":[{}]}\n");
	assert_split(
		"{\"x\":\"items\",\"y\":[{}]}", true, "e {\"x\":\"items\",\"y\":[{}]}\n");
}

static void half_an_object_is_not_complete(void **state)
{
	(void)state;
	static const char *const texts[] = {"{\"a\":", "{\"items\":[", "{\"items\":[{}]"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct outcome outcome = {0};
		bool is_complete;
		assert_int_equal(
			split(texts[i], i > 0, 3, &outcome, &is_complete), ERR_NONE);
		assert_false(is_complete);
	}
}

static void what_is_no_object_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"<html>", "[]", "{}x", "\"\"", "{}}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct outcome outcome = {0};
		bool is_complete;
		assert_int_equal(
			split(texts[i], false, 1, &outcome, &is_complete), ERR_SYNTAX);
	}
	struct outcome outcome = {0};
	bool is_complete;
	assert_int_equal(
		split("{\"items\":[1]}", true, 1, &outcome, &is_complete), ERR_SYNTAX);
}

static void what_the_sink_says_ends_it(void **state)
{
	(void)state;
	struct outcome outcome = {.answer = ERR_NOTFOUND};
	bool is_complete;
	assert_int_equal(split("{}{}", false, 4, &outcome, &is_complete), ERR_NOTFOUND);
	assert_string_equal(outcome.text, "o {}\n");
}

static void an_object_may_not_grow_without_end(void **state)
{
	(void)state;
	struct outcome outcome = {0};
	const struct split_sink sink = {&outcome, take_object, take_envelope};
	struct split splitter;
	enum { PIECE = 1 << 16 };
	char *piece = malloc(PIECE);
	assert_non_null(piece);
	memset(piece, 'x', PIECE);
	split_init(&splitter, false, &sink);
	assert_int_equal(split_feed(&splitter, "{\"", 2), ERR_NONE);
	enum err err = ERR_NONE;
	size_t fed = 0;
	for (; !err && fed < 2u * SPLIT_OBJECT_MAX; fed += PIECE)
		err = split_feed(&splitter, piece, PIECE);
	assert_int_equal(err, ERR_RANGE);
	assert_true(fed <= SPLIT_OBJECT_MAX + PIECE);
	split_deinit(&splitter);
	free(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_one_by_one_however_they_arrive),
		cmocka_unit_test(items_come_one_by_one_and_the_list_last),
		cmocka_unit_test(a_list_may_be_empty_or_null),
		cmocka_unit_test(half_an_object_is_not_complete),
		cmocka_unit_test(what_is_no_object_is_refused),
		cmocka_unit_test(what_the_sink_says_ends_it),
		cmocka_unit_test(an_object_may_not_grow_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
