/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "zones/registry/selector.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEN       "0123456789"
#define SIXTY_TWO TEN TEN TEN TEN TEN TEN "01"

static bool matches(const char *text, const struct object_label *labels, size_t count)
{
	struct selector *selector = NULL;
	unsigned offset = 0;
	const char *reason = "";
	if (selector_parse(text, &selector, &offset, &reason)) {
		fail_msg("\"%s\" at %u: %s", text, offset, reason);
		return false;
	}
	bool result = selector_matches(selector, labels, count);
	selector_free(selector);
	return result;
}

static const struct object_label LABELS[] = {
	{"app", "web"},
	{"tier", ""},
	{"weight", "007"},
	{"example.com/role", "a.b_c-d"},
	{"in", "notin"},
	{"notin", "in"},
	{"big", "9223372036854775808"},
	{"signed", "-3"},
	{"App", "Web"},
};

static void what_holds_for_the_labels_matches(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		" \t\r\n",
		"app",
		"app=web",
		"app==web",
		" app \t=\r\nweb ",
		"app!=db",
		"missing!=db",
		"missing!=",
		"!missing",
		"! missing",
		"app in (db,web)",
		"app in(web)",
		"app in ( db , web )",
		"app notin (db)",
		"missing notin (db)",
		"missing notin ()",
		"tier=",
		"tier==,app",
		"tier= ,app=web",
		"tier in ()",
		"tier in (,)",
		"tier in (x,)",
		"tier in (,x)",
		"tier in (x,,y)",
		"tier in (x,,,y)",
		"tier in (x,,,)",
		"app notin (,)",
		"weight>6",
		"weight<8",
		"weight > 6,weight < 8",
		"weight=007",
		"signed<0",
		"example.com/role=a.b_c-d",
		"in in (notin)",
		"in=notin",
		"notin notin (notin)",
		"notin in (in)",
		"notin",
		"!inn",
		"App=Web",
		"app,!missing,weight>1,tier notin (x)",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!matches(cases[i], LABELS, COUNT(LABELS)))
			fail_msg("\"%s\" does not match", cases[i]);
	}
}

static void what_does_not_hold_for_the_labels_does_not_match(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"missing",
		"!app",
		"app=db",
		"app=we",
		"app=webs",
		"ap=web",
		"app=Web",
		"app!=web",
		"app=",
		"missing=",
		"missing in ()",
		"app in (db,cache)",
		"app in ()",
		"app notin (db,web)",
		"tier!=",
		"tier notin ()",
		"tier notin (x,)",
		"tier in (x,y)",
		"weight>7",
		"weight<7",
		"missing>0",
		"missing<0",
		"app>0",
		"app<9",
		"tier<9",
		"big>0",
		"app=web,missing",
		"missing,app=web",
		"role=a.b_c-d",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (matches(cases[i], LABELS, COUNT(LABELS)))
			fail_msg("\"%s\" matches", cases[i]);
	}
}

static void an_object_without_labels_matches_what_asks_for_absence(void **state)
{
	(void)state;
	assert_true(matches("", NULL, 0));
	assert_true(matches("!a,b!=c,d notin (e)", NULL, 0));
	assert_false(matches("a", NULL, 0));
}

static const struct {
	const char *text;
	unsigned offset;
} refused[] = {
	{",", 0},
	{"a,", 2},
	{"a, ,b", 3},
	{"a,=b", 2},
	{"=b", 0},
	{"(", 0},
	{"!", 1},
	{"!!a", 1},
	{"!a=b", 2},
	{"!a in (b)", 3},
	{"a b", 2},
	{"a=b c", 4},
	{"a=b=c", 3},
	{"a==b==c", 4},
	{"a===b", 3},
	{"a!==b", 3},
	{"a=!b", 2},
	{"a=(b)", 2},
	{"a=b||c=d", 3},
	{"a in", 4},
	{"a in b", 5},
	{"a in (", 6},
	{"a in (b", 7},
	{"a in (b c)", 8},
	{"a in (b,", 8},
	{"a in (b,,)", 9},
	{"a in (,,)", 8},
	{"a in (b,,", 9},
	{"a in (!b)", 6},
	{"a in ((b))", 6},
	{"a in (b))", 8},
	{"a in (b) c", 9},
	{"a IN (b)", 2},
	{"a>", 2},
	{"a>,b", 2},
	{"a>b", 2},
	{"a>5x", 2},
	{"a>=5", 2},
	{"a>-5", 2},
	{"a>5.0", 2},
	{"a<9223372036854775808", 2},
	{"-a", 0},
	{"a-", 1},
	{"_a=b", 0},
	{"a=b.", 3},
	{"a=-b", 2},
	{"a in (b,c_)", 9},
	{"a:b", 1},
	{"a=b/c", 3},
	{"a=\"b\"", 2},
	{"\xc3\xa4=b", 0},
	{"a=b\xff", 3},
	{"/a", 0},
	{"x/", 2},
	{"x/y/z", 3},
	{"X/y", 0},
	{"x_y/z", 1},
	{"x./y", 1},
	{".x/y", 0},
	{"x..y/z", 2},
	{"x-.y/z", 1},
	{"x.-y/z", 2},
	{SIXTY_TWO "34", 63},
	{"x/" SIXTY_TWO "34", 65},
	{"a=" SIXTY_TWO "34", 65},
};

static void what_is_no_selector_is_refused_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct selector *selector = NULL;
		unsigned offset = 9999;
		const char *reason = NULL;
		enum err err =
			selector_parse(refused[i].text, &selector, &offset, &reason);
		if (err != ERR_SYNTAX || offset != refused[i].offset || !reason)
			fail_msg("\"%s\": error %d at %u", refused[i].text, err, offset);
		assert_null(selector);
	}
}

static void names_and_values_may_be_as_long_as_the_limit(void **state)
{
	(void)state;
	char text[600], prefix[254];
	memset(prefix, 'p', 253);
	prefix[253] = '\0';
	snprintf(text, sizeof(text), "%s/" SIXTY_TWO "3=" SIXTY_TWO "3", prefix);
	assert_false(matches(text, NULL, 0));

	struct selector *selector = NULL;
	unsigned offset;
	const char *reason;
	snprintf(text, sizeof(text), "%sp/a", prefix);
	assert_int_equal(selector_parse(text, &selector, &offset, &reason), ERR_SYNTAX);
	assert_int_equal(offset, 253);
}

static void a_map_selects_what_has_all_its_labels(void **state)
{
	(void)state;
	static const struct object_label wanted[] = {{"tier", ""}, {"app", "web"}};
	static const struct object_label other[] = {{"app", "web"}, {"tier", "x"}};
	assert_true(selector_matches_all(wanted, 2, LABELS, COUNT(LABELS)));
	assert_true(selector_matches_all(wanted, 0, LABELS, COUNT(LABELS)));
	assert_true(selector_matches_all(NULL, 0, NULL, 0));
	assert_false(selector_matches_all(wanted, 1, NULL, 0));
	assert_false(selector_matches_all(other, 2, LABELS, COUNT(LABELS)));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_for_the_labels_matches),
		cmocka_unit_test(what_does_not_hold_for_the_labels_does_not_match),
		cmocka_unit_test(an_object_without_labels_matches_what_asks_for_absence),
		cmocka_unit_test(what_is_no_selector_is_refused_at_its_place),
		cmocka_unit_test(names_and_values_may_be_as_long_as_the_limit),
		cmocka_unit_test(a_map_selects_what_has_all_its_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
