/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "zones/source/folder.h"
#include "zones/source/ledger.h"

enum { FILES = 3, OBJECTS = 2000 };

static struct object service(unsigned number, char *name, size_t size)
{
	snprintf(name, size, "svc-%u", number);
	return (struct object){.kind = OBJECT_SERVICE, .ns = "default", .name = name};
}

/* The file that counts for the object, or NULL. */
static const char *owner(const struct ledger *ledger, unsigned number)
{
	char name[32];
	struct object object = service(number, name, sizeof(name));
	const struct ledger_entry entry = {object.kind, object.ns, object.name};
	const struct ledger_list *list = ledger_find(ledger, &entry);
	return list ? list->file->path : NULL;
}

/* File i has each object whose number i + 1 divides. */
static struct ledger_list *fill(
	struct ledger *ledger, struct folder_file *file, unsigned i)
{
	char name[32];
	struct ledger_list *other;
	struct ledger_list *list = ledger_list_new(ledger, file);
	assert_non_null(list);
	for (unsigned number = 0; number < OBJECTS; number += i + 1) {
		struct object object = service(number, name, sizeof(name));
		assert_int_equal(ledger_add(ledger, list, &object, &other), ERR_NONE);
	}
	return list;
}

static void check(const struct ledger *ledger, const struct folder_file *files,
	const bool *is_there)
{
	for (unsigned number = 0; number < OBJECTS; number++) {
		const char *expected = NULL;
		for (unsigned i = FILES; i-- > 0;)
			if (is_there[i] && number % (i + 1) == 0)
				expected = files[i].path;
		const char *found = owner(ledger, number);
		if (expected)
			assert_string_equal(found, expected);
		else
			assert_null(found);
	}
}

static void the_first_file_by_path_counts_while_files_come_and_go(void **state)
{
	(void)state;
	char paths[FILES][8] = {"1", "2", "3"};
	struct folder_file files[FILES] = {0};
	struct ledger_list *lists[FILES];
	bool is_there[FILES] = {true, true, true};
	struct ledger ledger;
	ledger_init(&ledger);
	for (unsigned i = FILES; i-- > 0;) {
		files[i].path = paths[i];
		lists[i] = fill(&ledger, &files[i], i);
	}
	check(&ledger, files, is_there);
	for (unsigned i = 0; i < FILES; i++) {
		ledger_retire(&ledger, lists[i]);
		is_there[i] = false;
		check(&ledger, files, is_there);
		ledger_restore(&ledger, lists[i]);
		is_there[i] = true;
		check(&ledger, files, is_there);
	}
	ledger_list_free(&ledger, lists[0]);
	is_there[0] = false;
	check(&ledger, files, is_there);
	ledger_list_free(&ledger, lists[1]);
	ledger_list_free(&ledger, lists[2]);
	assert_int_equal(ledger.used, 0);
	ledger_deinit(&ledger);
}

static void an_object_is_added_once_and_the_other_file_is_told(void **state)
{
	(void)state;
	char name[32];
	char first_path[] = "1", second_path[] = "2";
	struct folder_file first = {.path = first_path}, second = {.path = second_path};
	struct object object = service(7, name, sizeof(name));
	struct ledger_list *other;
	struct ledger ledger;
	ledger_init(&ledger);
	struct ledger_list *a = ledger_list_new(&ledger, &first);
	struct ledger_list *b = ledger_list_new(&ledger, &second);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(ledger_add(&ledger, a, &object, &other), ERR_NONE);
	assert_null(other);
	assert_int_equal(ledger_add(&ledger, a, &object, &other), ERR_EXISTS);
	assert_int_equal(ledger_add(&ledger, b, &object, &other), ERR_NONE);
	assert_ptr_equal(other, a);
	ledger_deinit(&ledger);
}

static void a_list_is_read_in_the_order_of_its_making(void **state)
{
	(void)state;
	char path[] = "1";
	struct folder_file file = {.path = path};
	const struct object objects[] = {
		{.kind = OBJECT_POD, .ns = "b", .name = "x"},
		{.kind = OBJECT_NAMESPACE, .ns = "", .name = "y"},
		{.kind = OBJECT_SLICE, .ns = "a", .name = "z"},
	};
	struct ledger_list *other;
	struct ledger ledger;
	ledger_init(&ledger);
	struct ledger_list *list = ledger_list_new(&ledger, &file);
	assert_non_null(list);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			ledger_add(&ledger, list, &objects[i], &other), ERR_NONE);
	ledger_list_trim(list);
	struct ledger_entry entry;
	uint32_t offset = 0;
	for (size_t i = 0; i < 3; i++) {
		assert_true(ledger_list_next(list, &offset, &entry));
		assert_int_equal(entry.kind, objects[i].kind);
		assert_string_equal(entry.ns, objects[i].ns);
		assert_string_equal(entry.name, objects[i].name);
	}
	assert_false(ledger_list_next(list, &offset, &entry));
	ledger_deinit(&ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_file_by_path_counts_while_files_come_and_go),
		cmocka_unit_test(an_object_is_added_once_and_the_other_file_is_told),
		cmocka_unit_test(a_list_is_read_in_the_order_of_its_making),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
