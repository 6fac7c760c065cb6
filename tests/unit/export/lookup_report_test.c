/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "zones/export/lookup_report.h"

/* NXDOMAIN for "a.", with an SOA of the root and an OPT with EDE 0 "why". */
static const uint8_t MESSAGE[] =
	"\0\1\x84\3\0\1\0\0\0\1\0\1"
	"\1a\0\0\1\0\1"
	"\0\0\6\0\1\0\0\0\36\0\26\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"
	"\0\0\51\4\320\0\0\0\0\0\11\0\17\0\5\0\0why";

struct stage {
	struct arena arena;
	struct finding_list findings;
	struct dname name;
	struct lookup_step step;
	struct lookup_report report;
};

static void stage_init(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	arena_init(&stage->arena, 1024);
	finding_list_init(&stage->findings, &stage->arena);
	assert_int_equal(dname_from_text("a.", &stage->name), ERR_NONE);
	stage->step = (struct lookup_step){.name = stage->name, .rcode = 3};
	stage->report = (struct lookup_report){
		.name = &stage->name,
		.type = TYPE_A,
		.message = MESSAGE,
		.length = sizeof(MESSAGE) - 1,
		.findings = &stage->findings,
		.ns = "shop",
		.steps = &stage->step,
		.step_count = 1,
	};
}

typedef enum err (*report_writer)(const struct lookup_report *report, FILE *out);

static enum err write_colours(const struct lookup_report *report, FILE *out)
{
	return lookup_report_write_text(report, true, out);
}

static enum err write_plain(const struct lookup_report *report, FILE *out)
{
	return lookup_report_write_text(report, false, out);
}

static char *write_with(const struct stage *stage, report_writer write)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(write(&stage->report, out), ERR_NONE);
	fclose(out);
	return text;
}

static json_t *read_json(const struct stage *stage)
{
	char *text = write_with(stage, lookup_report_write_json);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s in %s", error.text, text);
	free(text);
	return json;
}

static const char *json_at(json_t *json, const char *list, const char *key)
{
	return json_string_value(
		json_object_get(json_array_get(json_object_get(json, list), 0), key));
}

static void the_reply_is_told_as_json(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	json_t *json = read_json(&stage);
	const char *status = NULL, *text = NULL, *name = NULL;
	int code = -1, is_authoritative = 0;
	assert_int_equal(json_unpack(json, "{s:s, s:s, s:b, s:{s:i, s:s}}", "name", &name,
				 "status", &status, "authoritative", &is_authoritative,
				 "extended_error", "code", &code, "text", &text),
		0);
	assert_string_equal(name, "a.");
	assert_string_equal(status, "NXDOMAIN");
	assert_int_equal(is_authoritative, 1);
	assert_int_equal(code, 0);
	assert_string_equal(text, "why");
	assert_string_equal(json_at(json, "authority", "type"), "SOA");
	assert_string_equal(json_at(json, "authority", "data"), ". . 1 2 3 4 5");
	assert_int_equal(json_array_size(json_object_get(json, "answer")), 0);
	assert_int_equal(json_array_size(json_object_get(json, "additional")), 0);
	assert_string_equal(json_at(json, "search", "status"), "NXDOMAIN");
	json_decref(json);
	arena_deinit(&stage.arena);
}

static void any_text_becomes_json(void **state)
{
	(void)state;
	static const struct {
		const char *text, *read;
	} cases[] = {
		{"plain", "plain"},
		{"\"\\/\t\n\1\x7f", "\"\\/\t\n\1\x7f"},
		{"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\x8a",
			"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\x8a"},
		{"\xe4", "\xef\xbf\xbd"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stage stage;
		stage_init(&stage);
		const struct finding finding = {
			.kind = FINDING_REASON, .text = cases[i].text};
		finding_add(&stage.findings, &finding);
		json_t *json = read_json(&stage);
		assert_string_equal(json_at(json, "reasons", "text"), cases[i].read);
		json_decref(json);
		arena_deinit(&stage.arena);
	}
}

static void without_a_reply_the_problem_is_told(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	stage.report.length = 0;
	stage.report.problem = "nobody is there";
	json_t *json = read_json(&stage);
	const char *problem = json_string_value(json_object_get(json, "problem"));
	assert_string_equal(problem, "nobody is there");
	assert_null(json_object_get(json, "status"));
	json_decref(json);
	char *text = write_with(&stage, write_plain);
	assert_non_null(strstr(text, ";; no reply: nobody is there\n"));
	free(text);
	arena_deinit(&stage.arena);
}

static void findings_are_lines_of_two_parts(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	static const struct finding findings[] = {
		{.kind = FINDING_NEAR, .name = "b.", .text = "a near spelling"},
		{.kind = FINDING_LEFT_OUT,
			.subject = "10.0.0.1",
			.text = "not ready",
			.object_kind = "EndpointSlice",
			.ns = "shop",
			.object_name = "web-1",
			.origin = {"web.yaml", 7}},
		{.kind = FINDING_SOURCE,
			.object_kind = "Namespace",
			.ns = "",
			.object_name = "shop"},
	};
	for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++)
		finding_add(&stage.findings, &findings[i]);
	char *text = write_with(&stage, write_plain);
	static const char wanted[] =
		";; WHY:\n"
		"; left out: 10.0.0.1: not ready, EndpointSlice shop/web-1 (web.yaml:7)\n"
		"; Namespace shop\n\n"
		";; NEAR:\n"
		"; b.: a near spelling\n\n"
		";; SEARCH LIST of a pod in shop:\n"
		"; a.: NXDOMAIN, 0 answers\n\n";
	const char *why = strstr(text, ";; WHY");
	assert_non_null(why);
	assert_string_equal(why, wanted);
	assert_null(strchr(text, '\033'));
	free(text);
	text = write_with(&stage, write_colours);
	assert_non_null(strstr(text, "\033[33mleft out: "));
	free(text);
	arena_deinit(&stage.arena);
}

static void octets_that_are_no_message_are_an_error(void **state)
{
	(void)state;
	struct stage stage;
	stage_init(&stage);
	FILE *out = fopen("/dev/null", "w");
	assert_non_null(out);
	stage.report.length--;
	assert_int_equal(lookup_report_write_json(&stage.report, out), ERR_SYNTAX);
	assert_int_equal(lookup_report_write_text(&stage.report, false, out), ERR_SYNTAX);
	fclose(out);
	arena_deinit(&stage.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reply_is_told_as_json),
		cmocka_unit_test(any_text_becomes_json),
		cmocka_unit_test(without_a_reply_the_problem_is_told),
		cmocka_unit_test(findings_are_lines_of_two_parts),
		cmocka_unit_test(octets_that_are_no_message_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
