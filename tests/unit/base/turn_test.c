/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "server/base/turn.h"

static const int64_t LENGTH_NS = 200000;

static void a_turn_has_the_length_asked_for(void **state)
{
	(void)state;
	int64_t before_ns = turn_length();
	assert_int_equal(turn_set_length(LENGTH_NS), ERR_NONE);
	if (turn_length() == before_ns)
		skip(); /* before Linux 6.12 */
	assert_int_equal(turn_length(), LENGTH_NS);
	assert_int_equal(turn_set_length(2 * LENGTH_NS), ERR_NONE);
	assert_int_equal(turn_length(), 2 * LENGTH_NS);
}

static void nothing_else_changes(void **state)
{
	(void)state;
	int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	struct sched_param before, after;
	assert_int_equal(sched_getparam(0, &before), 0);
	assert_int_equal(turn_set_length(LENGTH_NS), ERR_NONE);
	assert_int_equal(sched_getparam(0, &after), 0);
	assert_int_equal(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, policy);
	assert_int_equal(after.sched_priority, before.sched_priority);
}

static void *read_length(void *context)
{
	*(int64_t *)context = turn_length();
	return NULL;
}

static void threads_made_later_have_turns_of_the_usual_length(void **state)
{
	(void)state;
	pthread_t thread;
	int64_t length_ns = LENGTH_NS;
	assert_int_equal(turn_set_length(LENGTH_NS), ERR_NONE);
	assert_int_equal(pthread_create(&thread, NULL, read_length, &length_ns), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_not_equal(length_ns, LENGTH_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_has_the_length_asked_for),
		cmocka_unit_test(nothing_else_changes),
		cmocka_unit_test(threads_made_later_have_turns_of_the_usual_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
