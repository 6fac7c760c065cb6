/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/dname_index.h"
#include "tests/support/failing_malloc.h"

enum { ITEMS_MAX = 600 };

struct item {
	struct dname name;
	int number;
};

static struct item items[ITEMS_MAX];
static size_t item_count;

static int item_compare(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	return right->name.length - left->name.length;
}

static void item_add(const char *text)
{
	assert_true(item_count < ITEMS_MAX);
	struct item *item = &items[item_count];
	assert_int_equal(dname_from_text(text, &item->name), ERR_NONE);
	item->number = (int)item_count++;
}

/* A /17 of IPv4, as a Corefile makes it, beside names of every other length. */
static void items_make(size_t octets)
{
	char text[64];
	item_count = 0;
	for (size_t i = 0; i < octets; i++) {
		snprintf(text, sizeof(text), "%zu.0.10.in-addr.arpa", i);
		item_add(text);
	}
	item_add("cluster.local");
	item_add("svc.cluster.local");
	item_add("uster.local");
	qsort(items, item_count, sizeof(items[0]), item_compare);
}

/* The same one after the other. */
static int find_slowly(const struct dname *name)
{
	for (size_t i = 0; i < item_count; i++)
		if (dname_is_within(name, &items[i].name))
			return (int)i;
	return -1;
}

static const char *const questions[] = {"cluster.local", "x.cluster.local",
	"web.default.svc.cluster.local", "svc.cluster.local", "xsvc.cluster.local",
	"uster.local", "luster.local", "local", ".", "5.4.0.10.in-addr.arpa",
	"4.0.10.in-addr.arpa", "0.10.in-addr.arpa", "1.127.0.10.in-addr.arpa",
	"1.128.0.10.in-addr.arpa", "14.0.10.in-addr.arpa", "a.b.c.d.e.f.g.h.i.j.k.l.m.n",
	"example.org", "\\004\\049cluster.local"};

static void expect_the_same(void)
{
	struct dname_index *index = dname_index_new(items, sizeof(items[0]), item_count);
	assert_non_null(index);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct dname name;
		assert_int_equal(dname_from_text(questions[i], &name), ERR_NONE);
		assert_int_equal(dname_index_find(index, &name), find_slowly(&name));
	}
	dname_index_free(index);
}

static void the_longest_name_is_found_among_few_and_many(void **state)
{
	(void)state;
	static const size_t octets[] = {0, 1, 2, 3, 10, 128, 256};
	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		items_make(octets[i]);
		expect_the_same();
		item_add("."); /* the shortest, so it stays last */
		expect_the_same();
	}
}

static void the_item_is_the_one_with_that_name(void **state)
{
	(void)state;
	items_make(128);
	struct dname_index *index = dname_index_new(items, sizeof(items[0]), item_count);
	assert_non_null(index);
	for (size_t i = 0; i < item_count; i++) {
		struct dname below = items[i].name;
		assert_int_equal(dname_index_find(index, &below), i);
		assert_int_equal(dname_prepend(&below, "x", 1), ERR_NONE);
		assert_int_equal(dname_index_find(index, &below), i);
	}
	dname_index_free(index);
}

static void an_empty_index_finds_nothing(void **state)
{
	(void)state;
	struct dname_index *index = dname_index_new(NULL, sizeof(struct item), 0);
	assert_non_null(index);
	struct dname name;
	assert_int_equal(dname_from_text("a.b", &name), ERR_NONE);
	assert_int_equal(dname_index_find(index, &name), -1);
	dname_index_free(index);
	dname_index_free(NULL);
}

static void without_memory_there_is_none(void **state)
{
	(void)state;
	items_make(10);
	failing_malloc_arm(1);
	assert_null(dname_index_new(items, sizeof(items[0]), item_count));
	assert_true(failing_malloc_disarm());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_name_is_found_among_few_and_many),
		cmocka_unit_test(the_item_is_the_one_with_that_name),
		cmocka_unit_test(an_empty_index_finds_nothing),
		cmocka_unit_test(without_memory_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
