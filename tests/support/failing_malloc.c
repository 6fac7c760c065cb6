/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/failing_malloc.h"

#include <errno.h>

static size_t failing_malloc_left; /* allocations until the one that fails; 0: none */
static bool failing_malloc_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

void failing_malloc_arm(size_t nth)
{
	failing_malloc_left = nth;
	failing_malloc_failed = false;
}

bool failing_malloc_disarm(void)
{
	failing_malloc_left = 0;
	return failing_malloc_failed;
}

static bool failing_malloc_is_due(void)
{
	if (!failing_malloc_left || --failing_malloc_left)
		return false;
	failing_malloc_failed = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return failing_malloc_is_due() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return failing_malloc_is_due() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return failing_malloc_is_due() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	return failing_malloc_is_due() ? NULL : __real_strdup(text);
}
