/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "server/base/arena.h"
#include "tests/support/failing_malloc.h"

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 256);
	unsigned char *pieces[200];
	for (unsigned i = 0; i < 200; i++) {
		size_t size = i % 50;
		pieces[i] = arena_alloc(&arena, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		memset(pieces[i], (int)i, size);
	}
	for (unsigned i = 0; i < 200; i++)
		for (size_t k = 0; k < i % 50; k++)
			assert_int_equal(pieces[i][k], i);
	arena_deinit(&arena);
}

static void a_piece_larger_than_a_block_is_whole(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64);
	char *small = arena_alloc(&arena, 16), *large = arena_alloc(&arena, 100000);
	assert_non_null(small);
	assert_non_null(large);
	memset(large, 'x', 100000);
	char *next = arena_alloc(&arena, 16);
	assert_non_null(next);
	memset(next, 'y', 16);
	assert_int_equal(large[99999], 'x');
	arena_deinit(&arena);
}

static void a_reset_arena_uses_its_largest_block_again(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 64);
	arena_reset(&arena);
	assert_non_null(arena_alloc(&arena, 10));
	assert_non_null(arena_alloc(&arena, 5000));
	assert_non_null(arena_alloc(&arena, 60));
	arena_reset(&arena);
	/* What the large block holds needs no more memory. */
	failing_malloc_arm(1);
	for (unsigned i = 0; i < 10; i++)
		assert_non_null(arena_alloc(&arena, 400));
	assert_false(failing_malloc_disarm());
	arena_reset(&arena);
	failing_malloc_arm(1);
	assert_non_null(arena_alloc(&arena, 5000));
	assert_false(failing_malloc_disarm());
	arena_deinit(&arena);
	arena_deinit(&arena);
}

static void cleared_pieces_are_zero_also_after_a_reset(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 256);
	memset(arena_alloc(&arena, 200), 0xff, 200);
	arena_reset(&arena);
	const unsigned char *zeros = arena_calloc(&arena, 20, 10);
	assert_non_null(zeros);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(zeros[i], 0);
	arena_deinit(&arena);
}

static void sizes_that_overflow_are_refused(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 256);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 40));
	assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
	assert_null(arena_calloc(&arena, SIZE_MAX, 1));
	assert_non_null(arena_calloc(&arena, 0, 8));
	assert_non_null(arena_calloc(&arena, 8, 0));
	arena_deinit(&arena);
}

static void a_copied_text_ends_in_nul(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 32);
	assert_string_equal(arena_strndup(&arena, "default/web", 7), "default");
	assert_string_equal(arena_strndup(&arena, "", 0), "");
	const char *with_nul = arena_strndup(&arena, "a\0b", 3);
	assert_memory_equal(with_nul, "a\0b", 4);
	arena_deinit(&arena);
}

static void without_memory_what_is_there_stays(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 32);
	char *text = arena_strndup(&arena, "default", 7);
	failing_malloc_arm(1);
	assert_null(arena_alloc(&arena, 100));
	assert_true(failing_malloc_disarm());
	assert_string_equal(text, "default");
	assert_non_null(arena_alloc(&arena, 100));
	arena_deinit(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
		cmocka_unit_test(a_piece_larger_than_a_block_is_whole),
		cmocka_unit_test(a_reset_arena_uses_its_largest_block_again),
		cmocka_unit_test(cleared_pieces_are_zero_also_after_a_reset),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(a_copied_text_ends_in_nul),
		cmocka_unit_test(without_memory_what_is_there_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
