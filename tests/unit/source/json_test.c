/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/arena.h"
#include "tests/support/json_judge.h"
#include "zones/source/document.h"

/*
 * The parser against a table of RFC 8259's corners, and against jansson with mutants of
 * manifests. tests/support/json_judge.h has the differences that are on purpose.
 */

enum { SEED = 20, MUTANTS = 20000, SUITE_MUTANTS = 10, TEXT_ROOM = 128 * 1024 };

struct corner {
	const char *text;
	size_t length;
	unsigned line, column; /* where it is refused; 0: it is not */
};

#define GOOD(text)                                                                       \
	{                                                                                \
		text, sizeof(text) - 1, 0, 0                                             \
	}
#define BAD(line, column, text)                                                          \
	{                                                                                \
		text, sizeof(text) - 1, line, column                                     \
	}

static const struct corner corners[] = {
	/* documents and the space around them */
	GOOD(""),
	GOOD(" \t\r\n"),
	GOOD("{}"),
	GOOD("\n {}\r\n"),
	GOOD("{}{}"),
	GOOD("{}\n[]\n1 2 \"a\"null true"),
	GOOD("1\"a\"[]-2"),
	BAD(1, 3, "{}x"),
	BAD(1, 3, "{},{}"),
	BAD(2, 1, "{}\n}"),
	BAD(1, 3, "[]]"),
	BAD(1, 1, "\f{}"),
	BAD(1, 1, "\v{}"),
	BAD(1, 1, "\xc2\xa0{}"),
	BAD(1, 3, "{}\0"),
	BAD(1, 1, "\0"),
	BAD(1, 1, "// {}"),
	BAD(1, 3, "{ /**/ }"),
	BAD(1, 2, "[#\n]"),
	GOOD("\xef\xbb\xbf"),
	GOOD("\xef\xbb\xbf{\"a\": 1}"),
	BAD(1, 1, "\xef\xbb\xbf]"),
	BAD(2, 1, "\xef\xbb\xbf\n]"),
	BAD(1, 1, "\xef\xbb{}"),
	BAD(1, 3, "{}\xef\xbb\xbf{}"),
	BAD(1, 1, "\xef\xbb\xbf\xef\xbb\xbf"),
	BAD(1, 1, "\xff\xfe{\0}\0"),
	/* words */
	GOOD("null"),
	GOOD("[true,false,null]"),
	BAD(1, 1, "nul"),
	BAD(1, 1, "True"),
	BAD(1, 2, "[nulll]"),
	BAD(1, 1, "truefalse"),
	BAD(1, 1, "nullnull"),
	BAD(1, 2, "[NaN]"),
	BAD(1, 2, "[Infinity]"),
	BAD(1, 2, "[-Infinity]"),
	BAD(1, 1, "undefined"),
	/* numbers */
	GOOD("[0,-0,1,-1,10,1234567890]"),
	GOOD("[0.0,-0.0,1.5,0.1e1,1e5,1E5,1e+5,1E-5,0e0,0E+00]"),
	GOOD("[9223372036854775807,-9223372036854775808]"),
	GOOD("[9223372036854775808,-9223372036854775809,18446744073709551616]"),
	GOOD("[1000000000000000000000000000000000000000000000000000000000000000]"),
	GOOD("[1e308,1e309,-1e309,1e-999,1.0e4000,0e999,123.456e-7]"),
	BAD(1, 2, "[01]"),
	BAD(1, 2, "[-01]"),
	BAD(1, 2, "[00]"),
	BAD(1, 2, "[-]"),
	BAD(1, 2, "[--1]"),
	BAD(1, 2, "[+1]"),
	BAD(1, 2, "[.5]"),
	BAD(1, 2, "[5.]"),
	BAD(1, 2, "[5.e1]"),
	BAD(1, 2, "[-.5]"),
	BAD(1, 2, "[1e]"),
	BAD(1, 2, "[1e+]"),
	BAD(1, 2, "[1e+-1]"),
	BAD(1, 5, "[1e1.5]"),
	BAD(1, 5, "[1.5.5]"),
	BAD(1, 3, "[0x10]"),
	BAD(1, 3, "[1a]"),
	BAD(1, 3, "[1_000]"),
	BAD(1, 4, "[1 2]"),
	BAD(1, 3, "[1-2]"),
	BAD(1, 1, "-"),
	BAD(1, 1, "1."),
	BAD(1, 1, "1e"),
	/* strings */
	GOOD("\"\""),
	GOOD("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	GOOD("[\"/\x7f\"]"),
	GOOD("[\"\\u0041\\u00e9\\u20AC\\uFFFF\\u001f\\u007F\"]"),
	GOOD("[\"a\\\\\",\"\\\\\\\"\",\"\\\\u0000\"]"),
	BAD(1, 2, "['a']"),
	BAD(1, 2, "[a]"),
	BAD(1, 3, "[\"\\a\"]"),
	BAD(1, 3, "[\"\\'\"]"),
	BAD(1, 3, "[\"\\x41\"]"),
	BAD(1, 3, "[\"\\U0041\"]"),
	BAD(1, 3, "[\"\\\n\"]"),
	BAD(1, 3, "[\"\\\0\"]"),
	BAD(1, 3, "[\"\\u\"]"),
	BAD(1, 3, "[\"\\u123\"]"),
	BAD(1, 3, "[\"\\u12G4\"]"),
	BAD(1, 3, "[\"\\u+123\"]"),
	BAD(1, 3, "[\"\\u 123\"]"),
	BAD(1, 3, "[\"\\u0000\"]"),
	BAD(1, 4, "[\"a\nb\"]"),
	BAD(1, 4, "[\"a\tb\"]"),
	BAD(1, 4, "[\"a\x1f\"]"),
	BAD(1, 4, "[\"a\0b\"]"),
	BAD(1, 3, "[\""),
	BAD(1, 4, "[\"a"),
	BAD(1, 3, "[\"\\"),
	BAD(1, 3, "[\"\\u12"),
	BAD(1, 4, "[\"a\\"),
	BAD(1, 5, "[\"a\"\"b\"]"),
	/* surrogates */
	GOOD("[\"\\ud83d\\ude00\\uD800\\uDC00\\udbff\\udfff\"]"),
	GOOD("[\"\\ud800\",\"\\udfff\",\"\\udbff x\"]"),
	GOOD("[\"\\ud800\\ud800\",\"\\ud800\\ud83d\\ude00\",\"\\ude00\\ud83d\"]"),
	GOOD("[\"\\ud800\\n\",\"\\ud800\\u0041\",\"\\ud800\\\\udc00\"]"),
	BAD(1, 9, "[\"\\ud800\\u\"]"),
	BAD(1, 9, "[\"\\ud800\\u0000\"]"),
	BAD(1, 9, "[\"\\ud800\\x\"]"),
	BAD(1, 9, "[\"\\ud800"),
	/* UTF-8, RFC 3629 */
	GOOD("[\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80\"]"),
	GOOD("[\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xef\xbb\xbf\"]"),
	BAD(1, 3, "[\"\x80\"]"),
	BAD(1, 3, "[\"\xbf\"]"),
	BAD(1, 3, "[\"\xc0\x80\"]"),
	BAD(1, 3, "[\"\xc1\xbf\"]"),
	BAD(1, 3, "[\"\xc2\"]"),
	BAD(1, 3, "[\"\xc3(\"]"),
	BAD(1, 3, "[\"\xe0\x9f\xbf\"]"),
	BAD(1, 3, "[\"\xe0\x80\x80\"]"),
	BAD(1, 3, "[\"\xe2\x82\"]"),
	BAD(1, 3, "[\"\xed\xa0\x80\"]"),
	BAD(1, 3, "[\"\xed\xbf\xbf\"]"),
	BAD(1, 3, "[\"\xf0\x8f\xbf\xbf\"]"),
	BAD(1, 3, "[\"\xf0\x9f\x98\"]"),
	BAD(1, 3, "[\"\xf4\x90\x80\x80\"]"),
	BAD(1, 3, "[\"\xf5\x80\x80\x80\"]"),
	BAD(1, 3, "[\"\xf8\x88\x80\x80\x80\"]"),
	BAD(1, 3, "[\"\xfe\"]"),
	BAD(1, 3, "[\"\xff\"]"),
	BAD(1, 4, "[\"a\xc3"),
	BAD(1, 3, "[\"\xf0"),
	BAD(1, 5, "[\"\xc3\xa9\xe9\"]"),
	BAD(1, 2, "{\xc3\xa9:1}"),
	/* lists and maps */
	GOOD("[]"),
	GOOD("[ ]"),
	GOOD("[[],{},[[]],{\"\":{}}]"),
	GOOD("{\"a\":1,\"b\":[1,{\"a\":2}],\"A\":null,\"\":0}"),
	GOOD("{ \"a\"\n:\n1\n,\n\"b\" : 2 }"),
	GOOD("{\"\\u0061\":1,\"\\\"\":2,\"\\ud800\":3}"),
	BAD(1, 2, "["),
	BAD(1, 3, "[1"),
	BAD(1, 4, "[1,"),
	BAD(1, 4, "[1,]"),
	BAD(1, 2, "[,1]"),
	BAD(1, 4, "[1,,2]"),
	BAD(1, 3, "[1}"),
	BAD(1, 3, "[1:2]"),
	BAD(1, 1, "]"),
	BAD(1, 1, ","),
	BAD(1, 2, "{"),
	BAD(1, 5, "{\"a\""),
	BAD(1, 6, "{\"a\":"),
	BAD(1, 7, "{\"a\":1"),
	BAD(1, 8, "{\"a\":1,"),
	BAD(1, 8, "{\"a\":1,}"),
	BAD(1, 2, "{,}"),
	BAD(1, 2, "{1:2}"),
	BAD(1, 2, "{a:2}"),
	BAD(1, 2, "{null:2}"),
	BAD(1, 5, "{\"a\"}"),
	BAD(1, 5, "{\"a\",1}"),
	BAD(1, 6, "{\"a\":}"),
	BAD(1, 6, "{\"a\"::1}"),
	BAD(1, 7, "{\"a\":1]"),
	BAD(1, 8, "{\"a\":1 \"b\":2}"),
	BAD(3, 1, "{\"a\":\n[1,\n"),
	/* A key that appears twice is refused where its second value stands. */
	BAD(1, 12, "{\"a\":1,\"a\":1}"),
	BAD(2, 5, "{\"a\":1,\n\"a\":1}"),
	BAD(1, 17, "{\"a\":1,\"\\u0061\":1}"),
	BAD(1, 28, "{\"a\\n\\u007f\":1,\"a\\n\\u007f\":1}"),
	BAD(1, 22, "{\"\\ud800\":1,\"\\udfff\":2}"),
};

/* --- files and mutants ---------------------------------------------------------------
 */

/* The file's bytes with a NUL behind them, to be freed. */
static char *file_read(const char *folder, const char *name, size_t *length)
{
	char *path = NULL;
	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	char *text = calloc(1, TEXT_ROOM);
	FILE *file = fopen(path, "rb");
	if (!text || !file)
		fail_msg("%s cannot be read", path);
	free(path);
	*length = fread(text, 1, TEXT_ROOM, file);
	assert_true(*length < TEXT_ROOM);
	fclose(file);
	return text;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Calls `visit` for each file of the folder, in the order of their names. */
static void folder_visit(const char *folder,
	void (*visit)(const char *name, const char *text, size_t length))
{
	char path[4096];
	const char *srcdir = getenv("srcdir");
	snprintf(path, sizeof(path), "%s/%s", srcdir ? srcdir : ".", folder);
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		size_t length;
		char *text = file_read(path, entries[i]->d_name, &length);
		visit(entries[i]->d_name, text, length);
		free(text);
		free(entries[i]);
	}
	free(entries);
}

static uint64_t random_state;

static size_t random_below(size_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)((random_state >> 16) % bound);
}

struct text {
	char bytes[TEXT_ROOM];
	size_t length;
};

static void text_insert(struct text *text, size_t at, const char *bytes, size_t count)
{
	if (text->length + count >= sizeof(text->bytes))
		return;
	memmove(text->bytes + at + count, text->bytes + at, text->length - at);
	memcpy(text->bytes + at, bytes, count);
	text->length += count;
}

static void text_remove(struct text *text, size_t at, size_t count)
{
	if (count > text->length - at)
		count = text->length - at;
	memmove(text->bytes + at, text->bytes + at + count, text->length - at - count);
	text->length -= count;
}

/* Half of the time just behind a quote, colon or the like, where values begin. */
static size_t text_random_place(const struct text *text)
{
	size_t at = random_below(text->length + 1);
	if (random_below(2))
		while (at < text->length && at > 0 &&
			!strchr("\":,[{", text->bytes[at - 1]))
			at++;
	return at;
}

static void text_insert_piece(struct text *text)
{
	static const char *const pieces[] = {"\\ud83d\\ude00", "\\ud800", "\\udc00",
		"\\u0041", "\\u0000", "\\n", "\\", "\\\"", "\"", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc0\x80", "\xed\xa0\x80",
		"\xef\xbb\xbf", "\x7f", "\n", "\r\n", "\t", " ", "{", "}", "[", "]", "[]",
		"{}", ":", ",", "0", "-", "1", "1.5", "1e5", "1e400", ".", "e", "E+",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808",
		"\"a\":1,", "null,", "true,", "false,", "[[[[", "null", "1,"};
	const char *piece = pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))];
	text_insert(text, text_random_place(text), piece, strlen(piece));
}

static void text_copy_run(struct text *text)
{
	char run[128];
	size_t from = text_random_place(text);
	size_t count = random_below(sizeof(run)) + 1;
	if (count > text->length - from)
		count = text->length - from;
	memcpy(run, text->bytes + from, count);
	text_insert(text, text_random_place(text), run, count);
}

static void text_mutate(struct text *text)
{
	if (!text->length) {
		text_insert_piece(text);
		return;
	}
	size_t at = random_below(text->length);
	switch (random_below(8)) {
	case 0:
		text->bytes[at] = (char)random_below(256);
		break;
	case 1:
		text->bytes[at] ^= (char)(1 << random_below(8));
		break;
	case 2:
		text_remove(text, text_random_place(text), random_below(16) + 1);
		break;
	case 3:
		text_copy_run(text);
		break;
	case 4:
		if (!random_below(4))
			text->length = at;
		break;
	default:
		text_insert_piece(text);
	}
}

static size_t accepted, refused;

static void check_mutants(
	const char *name, const char *bytes, size_t length, size_t count)
{
	static struct text text;
	for (size_t i = 0; i < count; i++) {
		memcpy(text.bytes, bytes, length);
		text.length = length;
		for (size_t n = random_below(3) + 1; n > 0; n--)
			text_mutate(&text);
		text.bytes[text.length] = '\0';
		if (json_judge_check(name, text.bytes, text.length))
			accepted++;
		else
			refused++;
	}
}

static void visit_corpus(const char *name, const char *text, size_t length)
{
	/* The first byte chooses the format. */
	json_judge_check(name, text + 1, length - 1);
}

static void visit_manifest(const char *name, const char *text, size_t length)
{
	if (json_judge_check(name, text + 1, length - 1))
		check_mutants(name, text + 1, length - 1, MUTANTS / 4);
}

static void visit_suite(const char *name, const char *text, size_t length)
{
	if (!strstr(name, ".json"))
		return;
	assert_true(json_judge_check(name, text, length));
	check_mutants(name, text, length, SUITE_MUTANTS);
}

/* --- the tests -----------------------------------------------------------------------
 */

static void each_corner_is_accepted_or_refused_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(corners) / sizeof(corners[0]); i++) {
		const struct corner *corner = &corners[i];
		struct document_error error = {0};
		struct parsed parsed;
		parsed_init(&parsed, corner->text, corner->length);
		if (parsed.err == ERR_SYNTAX)
			error = parsed.error;
		else
			assert_int_equal(parsed.err, ERR_NONE);
		parsed_deinit(&parsed);
		if (error.line != corner->line || error.column != corner->column) {
			json_judge_print(corner->text, corner->length);
			fail_msg("%u:%u \"%s\", expected %u:%u", error.line, error.column,
				error.text, corner->line, corner->column);
		}
	}
}

static void jansson_agrees_on_each_corner(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(corners) / sizeof(corners[0]); i++) {
		char name[32];
		snprintf(name, sizeof(name), "corner %zu", i);
		json_judge_check(name, corners[i].text, corners[i].length);
	}
}

static void jansson_agrees_on_each_beginning_of_a_corner(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(corners) / sizeof(corners[0]); i++) {
		for (size_t length = 0; length < corners[i].length; length++) {
			char name[64];
			char *text = calloc(1, length + 1);
			assert_non_null(text);
			memcpy(text, corners[i].text, length);
			snprintf(
				name, sizeof(name), "%zu bytes of corner %zu", length, i);
			json_judge_check(name, text, length);
			free(text);
		}
	}
}

static void text_nest(
	struct text *text, const char *open, const char *close, size_t depth)
{
	text->length = 0;
	for (size_t i = 0; i < depth; i++)
		text_insert(text, text->length, open, strlen(open));
	text_insert(text, text->length, "1", 1);
	for (size_t i = 0; i < depth; i++)
		text_insert(text, text->length, close, strlen(close));
	text->bytes[text->length] = '\0';
}

static void lists_and_maps_nest_to_the_limit_and_no_deeper(void **state)
{
	(void)state;
	static const size_t depths[] = {1, DOCUMENT_DEPTH_MAX, DOCUMENT_DEPTH_MAX + 1,
		2 * DOCUMENT_DEPTH_MAX, 2048, 2049, 5000};
	static struct text text;
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		bool is_fine = depths[i] <= DOCUMENT_DEPTH_MAX;
		text_nest(&text, "[", "]", depths[i]);
		assert_true(
			json_judge_check("lists", text.bytes, text.length) == is_fine);
		text_nest(&text, "{\"a\":", "}", depths[i]);
		assert_true(json_judge_check("maps", text.bytes, text.length) == is_fine);
	}
}

static void jansson_agrees_on_the_fuzzers_corpus(void **state)
{
	(void)state;
	folder_visit("tests/fuzz/corpus/manifest", visit_corpus);
}

static void jansson_agrees_on_mutants_of_manifests(void **state)
{
	(void)state;
	random_state = SEED;
	accepted = refused = 0;
	folder_visit("tests/fuzz/corpus/manifest", visit_manifest);
	folder_visit("tests/cases/conformance", visit_suite);
	/* Neither side may win for want of mutants of its kind. */
	assert_true(accepted > MUTANTS / 20);
	assert_true(refused > MUTANTS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_corner_is_accepted_or_refused_at_its_place),
		cmocka_unit_test(jansson_agrees_on_each_corner),
		cmocka_unit_test(jansson_agrees_on_each_beginning_of_a_corner),
		cmocka_unit_test(lists_and_maps_nest_to_the_limit_and_no_deeper),
		cmocka_unit_test(jansson_agrees_on_the_fuzzers_corpus),
		cmocka_unit_test(jansson_agrees_on_mutants_of_manifests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
