/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/dname.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The octets of a name, its root's 0 included (the literal's own NUL). */
#define WIRE(literal) sizeof(literal), literal

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

static void a_text_becomes_labels(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t length;
		const char *wire;
	} cases[] = {
		{".", WIRE("")},
		{"a", WIRE("\1a")},
		{"a.", WIRE("\1a")},
		{"Web.Default.SVC.", WIRE("\3Web\7Default\3SVC")},
		{"a\\.b.c", WIRE("\3a.b\1c")},
		{"\\\\.x", WIRE("\1\\\1x")},
		{"\\000\\255.x", WIRE("\2\0\377\1x")},
		{"\\065bc", WIRE("\3Abc")},
		{"\\a\\-", WIRE("\2a-")},
		{"a b", WIRE("\3a b")},
		{"*._tcp", WIRE("\1*\4_tcp")},
		{"\xc3\xa4", WIRE("\2\xc3\xa4")},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dname name = name_of(cases[i].text);
		assert_int_equal(name.length, cases[i].length);
		assert_memory_equal(name.bytes, cases[i].wire, cases[i].length);
	}
}

static void what_is_no_name_is_refused_and_leaves_the_result_alone(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err err;
	} cases[] = {
		{"", ERR_SYNTAX},
		{"..", ERR_SYNTAX},
		{".a", ERR_SYNTAX},
		{"a..", ERR_SYNTAX},
		{"a..b", ERR_SYNTAX},
		{"a\\", ERR_SYNTAX},
		{"a\\1", ERR_SYNTAX},
		{"a\\12", ERR_SYNTAX},
		{"a\\12x", ERR_SYNTAX},
		{"a\\256", ERR_SYNTAX},
		{"a\\999.b", ERR_SYNTAX},
		{LABEL_63 "x", ERR_RANGE},
		{"a." LABEL_63 "x.b", ERR_RANGE},
		{LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, ERR_RANGE},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dname name = {3, "\1z"};
		assert_int_equal(dname_from_text(cases[i].text, &name), cases[i].err);
		assert_int_equal(name.length, 3);
		assert_memory_equal(name.bytes, "\1z", 3);
	}
}

/* Three labels of 63, then one of `last` octets: 193 + 1 + last octets on the wire. */
static void text_of_length(char *text, size_t last, const char *end)
{
	strcpy(text, LABEL_63 "." LABEL_63 "." LABEL_63 ".");
	size_t at = strlen(text);
	memset(text + at, 'x', last);
	strcpy(text + at + last, end);
}

static void a_name_has_at_most_255_octets(void **state)
{
	(void)state;
	char text[300];
	struct dname name;
	static const char *const ends[] = {"", "."};
	for (size_t i = 0; i < COUNT(ends); i++) {
		text_of_length(text, 61, ends[i]);
		assert_int_equal(dname_from_text(text, &name), ERR_NONE);
		assert_int_equal(name.length, DNAME_MAX);
		assert_int_equal(dname_length(name.bytes), DNAME_MAX);
		text_of_length(text, 62, ends[i]);
		assert_int_equal(dname_from_text(text, &name), ERR_RANGE);
	}
	text_of_length(text, 59, ".x");
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	assert_int_equal(name.length, DNAME_MAX);
	text_of_length(text, 60, ".x");
	assert_int_equal(dname_from_text(text, &name), ERR_RANGE);
	text_of_length(text, 61, ".x");
	assert_int_equal(dname_from_text(text, &name), ERR_RANGE);
}

static void a_name_has_at_most_127_labels(void **state)
{
	(void)state;
	char text[2 * (DNAME_LABELS_MAX + 1) + 1];
	for (unsigned i = 0; i < DNAME_LABELS_MAX + 1; i++)
		strcpy(text + 2 * i, "a.");
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_RANGE);
	text[2 * DNAME_LABELS_MAX] = '\0';
	name = name_of(text);
	assert_int_equal(name.length, DNAME_MAX);
	uint8_t offsets[DNAME_LABELS_MAX];
	assert_int_equal(dname_labels(name.bytes, offsets), DNAME_LABELS_MAX);
	for (unsigned i = 0; i < DNAME_LABELS_MAX; i++)
		assert_int_equal(offsets[i], 2 * i);
}

static void labels_are_counted_without_the_root(void **state)
{
	(void)state;
	uint8_t offsets[DNAME_LABELS_MAX];
	struct dname root = name_of("."), name = name_of("web.default.svc");
	assert_int_equal(dname_labels(root.bytes, offsets), 0);
	assert_int_equal(dname_labels(name.bytes, NULL), 3);
	assert_int_equal(dname_labels(name.bytes, offsets), 3);
	static const uint8_t expect[] = {0, 4, 12};
	assert_memory_equal(offsets, expect, sizeof(expect));
}

static void a_name_is_written_with_escapes(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{".", "."},
		{"Web.default", "Web.default."},
		{"a\\.b\\\\", "a\\.b\\\\."},
		{"\\\"\\;\\(\\)\\@\\$", "\\\"\\;\\(\\)\\@\\$."},
		{"a\\ b\\009\\127\\128\\255\\000", "a\\032b\\009\\127\\128\\255\\000."},
	};
	char text[DNAME_TEXT_SIZE];
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dname name = name_of(cases[i][0]);
		assert_ptr_equal(dname_to_text(name.bytes, text), text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void the_longest_text_fits_its_buffer(void **state)
{
	(void)state;
	struct dname name = {.length = 1};
	static const uint8_t zeros[DNAME_LABEL_MAX];
	static const size_t lengths[] = {63, 63, 63, 61};
	for (size_t i = 0; i < COUNT(lengths); i++)
		assert_int_equal(dname_prepend(&name, zeros, lengths[i]), ERR_NONE);
	assert_int_equal(name.length, DNAME_MAX);
	char text[DNAME_TEXT_SIZE + 1];
	memset(text, '#', sizeof(text));
	dname_to_text(name.bytes, text);
	assert_int_equal(strlen(text), 250 * 4 + 4);
	assert_int_equal(text[DNAME_TEXT_SIZE], '#');
	struct dname again = name_of(text);
	assert_true(dname_equal(&again, &name));
}

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static struct dname random_name(uint32_t *seed)
{
	struct dname name = {.length = 1};
	unsigned labels = random_next(seed) % 6;
	for (unsigned i = 0; i < labels; i++) {
		uint8_t label[DNAME_LABEL_MAX];
		size_t length = 1 + random_next(seed) % DNAME_LABEL_MAX;
		for (size_t k = 0; k < length; k++)
			label[k] = (uint8_t)random_next(seed);
		if (dname_prepend(&name, label, length))
			break;
	}
	return name;
}

static void any_name_reads_back_here_and_in_ldns(void **state)
{
	(void)state;
	uint32_t seed = 1;
	char text[DNAME_TEXT_SIZE];
	for (unsigned i = 0; i < 2000; i++) {
		struct dname name = random_name(&seed);
		assert_int_equal(dname_length(name.bytes), name.length);
		dname_to_text(name.bytes, text);
		struct dname again = name_of(text);
		assert_true(dname_equal(&again, &name));
		ldns_rdf *judge = NULL;
		assert_int_equal(ldns_str2rdf_dname(&judge, text), LDNS_STATUS_OK);
		assert_int_equal(ldns_rdf_size(judge), name.length);
		assert_memory_equal(ldns_rdf_data(judge), name.bytes, name.length);
		ldns_rdf_deep_free(judge);
	}
}

static void every_octet_is_lowered_as_ascii(void **state)
{
	(void)state;
	/* At each place of an eight octet word and of what is left behind the last. */
	for (size_t length = 1; length <= 24; length++) {
		for (unsigned octet = 0; octet < 256; octet++) {
			uint8_t in[24], out[24], expect[24];
			for (size_t i = 0; i < length; i++) {
				in[i] = (uint8_t)(octet + i * 37);
				expect[i] = in[i] >= 'A' && in[i] <= 'Z'
						    ? (uint8_t)(in[i] + 32)
						    : in[i];
			}
			dname_lower(out, in, length);
			assert_memory_equal(out, expect, length);
			dname_lower(in, in, length);
			assert_memory_equal(in, expect, length);
		}
	}
}

static void lowering_writes_nothing_behind_the_end(void **state)
{
	(void)state;
	for (size_t length = 0; length <= 20; length++) {
		uint8_t in[32], out[32];
		memset(in, 'Q', sizeof(in));
		memset(out, '#', sizeof(out));
		dname_lower(out, in, length);
		for (size_t i = 0; i < sizeof(out); i++)
			assert_int_equal(out[i], i < length ? 'q' : '#');
	}
}

static void length_octets_survive_lowering(void **state)
{
	(void)state;
	for (size_t length = 1; length <= DNAME_LABEL_MAX; length++) {
		struct dname name = {.length = 1};
		uint8_t label[DNAME_LABEL_MAX];
		memset(label, 'Z', sizeof(label));
		assert_int_equal(dname_prepend(&name, label, length), ERR_NONE);
		dname_lower(name.bytes, name.bytes, name.length);
		assert_int_equal(name.bytes[0], length);
		assert_int_equal(name.bytes[length], 'z');
		assert_int_equal(name.bytes[length + 1], 0);
	}
}

static void names_are_within_a_zone_at_label_boundaries_only(void **state)
{
	(void)state;
	static const struct {
		const char *name, *zone;
		bool is_within;
	} cases[] = {
		{"a.b.c", "b.c", true},
		{"b.c", "b.c", true},
		{"c", "b.c", false},
		{"b.c", ".", true},
		{".", ".", true},
		{".", "c", false},
		{"xb.c", "b.c", false},
		{"cluster.local.example", "cluster.local", false},
		{"cluster.locale", "cluster.local", false},
		/* The zone's octets stand at the end, but inside a label. */
		{"x\\001b\\001c", "b.c", false},
		{"\\003x\\001c", "c", false},
		{"a.x\\001b.c", "b.c", false},
		{"\\001b.c", "b.c", false},
		{"a\\.b.c", "b.c", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dname name = name_of(cases[i].name), zone = name_of(cases[i].zone);
		assert_int_equal(dname_is_within(&name, &zone), cases[i].is_within);
	}
}

static void is_within_agrees_with_ldns(void **state)
{
	(void)state;
	uint32_t seed = 7;
	for (unsigned i = 0; i < 3000; i++) {
		/* Few different octets, the length octets among them. */
		struct dname names[2];
		ldns_rdf *judges[2];
		for (unsigned k = 0; k < 2; k++) {
			names[k] = (struct dname){.length = 1};
			for (unsigned n = random_next(&seed) % 4; n; n--) {
				uint8_t label[2] = {1 + random_next(&seed) % 2,
					1 + random_next(&seed) % 2};
				assert_int_equal(dname_prepend(&names[k], label,
							 1 + random_next(&seed) % 2),
					ERR_NONE);
			}
			judges[k] = ldns_rdf_new_frm_data(
				LDNS_RDF_TYPE_DNAME, names[k].length, names[k].bytes);
		}
		bool expect = ldns_dname_is_subdomain(judges[0], judges[1]) ||
			      ldns_dname_compare(judges[0], judges[1]) == 0;
		assert_int_equal(dname_is_within(&names[0], &names[1]), expect);
		ldns_rdf_deep_free(judges[0]);
		ldns_rdf_deep_free(judges[1]);
	}
}

static void a_label_is_put_in_front_while_the_name_fits(void **state)
{
	(void)state;
	struct dname name = name_of("svc"), expect = name_of("_tcp.svc");
	assert_int_equal(dname_prepend(&name, "_tcp", 4), ERR_NONE);
	assert_true(dname_equal(&name, &expect));

	uint8_t label[DNAME_LABEL_MAX + 1];
	memset(label, 'x', sizeof(label));
	assert_int_equal(dname_prepend(&name, label, 0), ERR_RANGE);
	assert_int_equal(dname_prepend(&name, label, DNAME_LABEL_MAX + 1), ERR_RANGE);
	assert_int_equal(dname_prepend(&name, label, SIZE_MAX), ERR_RANGE);
	assert_true(dname_equal(&name, &expect));
	while (name.length + 64 <= DNAME_MAX)
		assert_int_equal(dname_prepend(&name, label, 63), ERR_NONE);
	size_t left = DNAME_MAX - name.length;
	struct dname before = name;
	assert_int_equal(dname_prepend(&name, label, left), ERR_RANGE);
	assert_true(dname_equal(&name, &before));
	assert_int_equal(dname_prepend(&name, label, left - 1), ERR_NONE);
	assert_int_equal(name.length, DNAME_MAX);
	assert_int_equal(dname_length(name.bytes), DNAME_MAX);
	assert_int_equal(dname_prepend(&name, label, 1), ERR_RANGE);
}

static void names_are_equal_octet_for_octet(void **state)
{
	(void)state;
	struct dname a = name_of("a.b"), same = name_of("a.b."), upper = name_of("A.b"),
		     longer = name_of("a.b.c");
	assert_true(dname_equal(&a, &same));
	assert_false(dname_equal(&a, &upper));
	assert_false(dname_equal(&a, &longer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_becomes_labels),
		cmocka_unit_test(what_is_no_name_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(a_name_has_at_most_255_octets),
		cmocka_unit_test(a_name_has_at_most_127_labels),
		cmocka_unit_test(labels_are_counted_without_the_root),
		cmocka_unit_test(a_name_is_written_with_escapes),
		cmocka_unit_test(the_longest_text_fits_its_buffer),
		cmocka_unit_test(any_name_reads_back_here_and_in_ldns),
		cmocka_unit_test(every_octet_is_lowered_as_ascii),
		cmocka_unit_test(lowering_writes_nothing_behind_the_end),
		cmocka_unit_test(length_octets_survive_lowering),
		cmocka_unit_test(names_are_within_a_zone_at_label_boundaries_only),
		cmocka_unit_test(is_within_agrees_with_ldns),
		cmocka_unit_test(a_label_is_put_in_front_while_the_name_fits),
		cmocka_unit_test(names_are_equal_octet_for_octet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
