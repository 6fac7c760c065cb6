/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/plugin/cache_rig.h"

/* Renewing what is about to expire, and what is given out after it has. */

#define OLD(ttl) "x.example. " ttl " IN A 192.0.2.1"
#define NEW      "x.example. 300 IN A 192.0.2.2"
#define SOA      "example. 900 IN SOA ns.example. admin.example. 1 7200 3600 1209600 60"

static const struct backend failing = {.rcode = RCODE_SERVFAIL};
static const struct backend no_such_name = {.rcode = RCODE_NXDOMAIN, .authority = SOA};

static const char *ask(struct rig *rig)
{
	return rig_ask(rig, "x.example", TYPE_A);
}

/* It has replied once, and that has expired a second ago. */
static struct rig *rig_stale(const struct cache_options *options)
{
	struct rig *rig = rig_new(options, 0);
	rig->backend.answer = OLD("300");
	ask(rig);
	rig_wait_s(rig, 301);
	rig->backend.asked = 0;
	return rig;
}

static struct cache_options options_stale(enum cache_refresh_mode mode)
{
	struct cache_options options = cache_options_default;
	options.stale_ms = 3600000;
	options.stale_mode = mode;
	return options;
}

static struct cache_options options_prefetch(void)
{
	struct cache_options options = cache_options_default;
	options.prefetch_amount = 3;
	return options;
}

static void what_is_popular_is_renewed_before_it_expires(void **state)
{
	(void)state;
	struct cache_options options = options_prefetch();
	struct rig *rig = rig_new(&options, 0);
	rig->backend.answer = OLD("300");
	for (unsigned i = 0; i < 4; i++)
		ask(rig);
	rig_wait_s(rig, 260);
	/* The pause was long: it must become popular again. */
	for (unsigned i = 0; i < 3; i++)
		ask(rig);
	assert_int_equal(rig->backend.asked, 1);
	rig_wait_s(rig, 10);
	rig->backend.answer = NEW;
	assert_string_equal(ask(rig), "NOERROR ra\nx.example. 30 IN A 192.0.2.1\n");
	assert_int_equal(rig->backend.asked, 2);
	assert_string_equal(ask(rig), "NOERROR ra\nx.example. 300 IN A 192.0.2.2\n");
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void what_is_not_popular_expires(void **state)
{
	(void)state;
	struct cache_options options = options_prefetch();
	struct rig *rig = rig_new(&options, 0);
	rig->backend.answer = OLD("300");
	ask(rig);
	rig_wait_s(rig, 290);
	ask(rig);
	ask(rig);
	assert_int_equal(rig->backend.asked, 1);
	rig_free(rig);
}

static void a_failure_replaces_nothing_that_was_to_be_renewed(void **state)
{
	(void)state;
	struct cache_options options = options_prefetch();
	struct rig *rig = rig_new(&options, 0);
	rig->backend.answer = OLD("300");
	ask(rig);
	rig_wait_s(rig, 280);
	rig->backend.rcode = RCODE_SERVFAIL;
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(
			ask(rig), "NOERROR ra\nx.example. 20 IN A 192.0.2.1\n");
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void nobody_waits_while_an_entry_is_renewed(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_IMMEDIATE);
	struct rig *rig = rig_stale(&options);
	rig->backend.suspends = true;
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(
			ask(rig), "NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.1\n");
	assert_int_equal(rig->backend.asked, 1);
	rig->backend.answer = NEW;
	rig_resume(rig);
	assert_string_equal(ask(rig), "NOERROR ra\nx.example. 300 IN A 192.0.2.2\n");
	assert_int_equal(rig->backend.asked, 1);
	rig_free(rig);
}

static void after_a_failure_the_next_attempt_is_half_a_minute_later(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_IMMEDIATE);
	struct rig *rig = rig_stale(&options);
	rig->backend = failing;
	ask(rig);
	rig_wait_s(rig, 29);
	ask(rig);
	assert_int_equal(rig->backend.asked, 1);
	rig_wait_s(rig, 1);
	assert_string_equal(ask(rig), "NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.1\n");
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void what_has_been_stale_too_long_is_of_no_use(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_IMMEDIATE);
	struct rig *rig = rig_stale(&options);
	rig->backend = failing;
	rig_wait_s(rig, 3599);
	assert_string_equal(ask(rig), "SERVFAIL\n");
	rig_free(rig);
}

static void a_stale_reply_is_the_last_resort_when_it_is_verified(void **state)
{
	(void)state;
	static const char *const stale =
		"NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.1\n";
	struct cache_options options = options_stale(CACHE_VERIFY);
	struct rig *rig = rig_stale(&options);
	rig->backend = failing;
	assert_string_equal(ask(rig), stale);
	assert_string_equal(ask(rig), stale);
	assert_int_equal(rig->backend.asked, 1);
	rig_wait_s(rig, 30);
	rig->backend = (struct backend){.rcode = RCODE_REFUSED};
	assert_string_equal(ask(rig), stale);
	rig_wait_s(rig, 30);
	rig->backend = (struct backend){.answer = NEW, .suspends = true};
	assert_string_equal(ask(rig), "");
	rig_resume(rig);
	assert_string_equal(rig->text, "NOERROR\nx.example. 300 IN A 192.0.2.2\n");
	assert_string_equal(ask(rig), "NOERROR ra\nx.example. 300 IN A 192.0.2.2\n");
	rig_free(rig);
}

static struct cache_options options_timeout(void)
{
	struct cache_options options = options_stale(CACHE_VERIFY);
	options.verify_timeout_ms = 200;
	return options;
}

static void a_verification_that_takes_too_long_goes_on_by_itself(void **state)
{
	(void)state;
	struct cache_options options = options_timeout();
	struct rig *rig = rig_stale(&options);
	rig->backend = (struct backend){.answer = NEW, .suspends = true};
	assert_string_equal(ask(rig), "");
	rig_fire(rig);
	assert_string_equal(
		rig->text, "NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.1\n");
	rig->text[0] = '\0';
	rig_resume(rig);
	assert_string_equal(rig->text, "");
	assert_string_equal(ask(rig), "NOERROR ra\nx.example. 300 IN A 192.0.2.2\n");
	assert_int_equal(rig->backend.asked, 1);
	rig_free(rig);
}

static void a_verification_in_time_is_the_reply(void **state)
{
	(void)state;
	struct cache_options options = options_timeout();
	struct rig *rig = rig_stale(&options);
	rig->backend = (struct backend){.answer = NEW, .suspends = true};
	ask(rig);
	rig_resume(rig);
	assert_null(rig->timer);
	assert_string_equal(rig->text, "NOERROR\nx.example. 300 IN A 192.0.2.2\n");
	rig_wait_s(rig, 301);
	rig->backend = (struct backend){.answer = OLD("0")};
	assert_string_equal(ask(rig), "NOERROR\nx.example. 0 IN A 192.0.2.1\n");
	rig_free(rig);
}

static void a_verification_that_fails_is_no_reply(void **state)
{
	(void)state;
	static const char *const stale =
		"NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.1\n";
	struct cache_options options = options_timeout();
	struct rig *rig = rig_stale(&options);
	rig->backend = (struct backend){.rcode = RCODE_SERVFAIL, .suspends = true};
	ask(rig);
	rig_resume(rig);
	assert_null(rig->timer);
	assert_string_equal(rig->text, stale);
	assert_string_equal(ask(rig), stale);
	assert_int_equal(rig->backend.asked, 1);
	rig_wait_s(rig, 30);
	rig->backend.suspends = false;
	assert_string_equal(ask(rig), stale);
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void a_stale_denial_says_which_it_is(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_IMMEDIATE);
	struct rig *rig = rig_new(&options, 0);
	rig->backend = no_such_name;
	ask(rig);
	rig_wait_s(rig, 61);
	assert_int_equal(strncmp(ask(rig), "NXDOMAIN ra ede 19\n", 19), 0);
	rig_free(rig);
}

static void a_failure_is_never_stale(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_IMMEDIATE);
	struct rig *rig = rig_new(&options, 0);
	rig->backend = failing;
	ask(rig);
	rig_wait_s(rig, 6);
	rig->backend = (struct backend){.answer = NEW};
	assert_string_equal(ask(rig), "NOERROR\nx.example. 300 IN A 192.0.2.2\n");
	rig_free(rig);
}

static void a_denial_ends_what_was_there_before(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_VERIFY);
	struct rig *rig = rig_stale(&options);
	rig->backend = no_such_name;
	ask(rig);
	rig_wait_s(rig, 61);
	rig->backend = failing;
	assert_int_equal(strncmp(ask(rig), "NXDOMAIN ra ede 19\n", 19), 0);
	rig_free(rig);
}

static void a_stale_success_is_preferred_where_that_is_wanted(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_IMMEDIATE);
	options.prefers_positive = true;
	struct rig *rig = rig_stale(&options);
	rig->backend = no_such_name;
	ask(rig);
	rig_wait_s(rig, 10);
	assert_string_equal(ask(rig), "NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.1\n");
	rig_wait_s(rig, 3600);
	assert_int_equal(strncmp(ask(rig), "NXDOMAIN", 8), 0);
	rig_free(rig);
}

static void a_new_success_ends_a_denial(void **state)
{
	(void)state;
	struct cache_options options = options_stale(CACHE_VERIFY);
	struct rig *rig = rig_new(&options, 0);
	rig->backend = no_such_name;
	ask(rig);
	rig_wait_s(rig, 61);
	rig->backend = (struct backend){.answer = NEW};
	ask(rig);
	rig->backend = failing;
	rig_wait_s(rig, 301);
	assert_string_equal(ask(rig), "NOERROR ra ede 3\nx.example. 30 IN A 192.0.2.2\n");
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_popular_is_renewed_before_it_expires),
		cmocka_unit_test(what_is_not_popular_expires),
		cmocka_unit_test(a_failure_replaces_nothing_that_was_to_be_renewed),
		cmocka_unit_test(nobody_waits_while_an_entry_is_renewed),
		cmocka_unit_test(after_a_failure_the_next_attempt_is_half_a_minute_later),
		cmocka_unit_test(what_has_been_stale_too_long_is_of_no_use),
		cmocka_unit_test(a_stale_reply_is_the_last_resort_when_it_is_verified),
		cmocka_unit_test(a_verification_that_takes_too_long_goes_on_by_itself),
		cmocka_unit_test(a_verification_in_time_is_the_reply),
		cmocka_unit_test(a_verification_that_fails_is_no_reply),
		cmocka_unit_test(a_stale_denial_says_which_it_is),
		cmocka_unit_test(a_failure_is_never_stale),
		cmocka_unit_test(a_denial_ends_what_was_there_before),
		cmocka_unit_test(a_stale_success_is_preferred_where_that_is_wanted),
		cmocka_unit_test(a_new_success_ends_a_denial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
