/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/failing_malloc.h"
#include "tests/unit/plugin/cache_rig.h"

#define SOA "example. 900 IN SOA ns.example. admin.example. 1 7200 3600 1209600 "

static const struct backend an_address = {.answer = "www.example. 300 IN A 192.0.2.1"};

static struct cache_options options_default(void)
{
	return cache_options_default;
}

static struct rig *rig_with(const struct backend *backend)
{
	struct rig *rig = rig_new(&cache_options_default, 0);
	rig->backend = *backend;
	return rig;
}

static void a_reply_is_asked_for_once_and_ages(void **state)
{
	(void)state;
	struct rig *rig = rig_with(&an_address);
	rig->backend.is_authoritative = true;
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A),
		"NOERROR aa\nwww.example. 300 IN A 192.0.2.1\n");
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A),
		"NOERROR ra\nwww.example. 300 IN A 192.0.2.1\n");
	rig_wait_s(rig, 299);
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A),
		"NOERROR ra\nwww.example. 1 IN A 192.0.2.1\n");
	assert_int_equal(rig->backend.asked, 1);
	rig_wait_s(rig, 1);
	rig_ask(rig, "www.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void a_name_is_found_in_any_spelling_and_answered_in_that(void **state)
{
	(void)state;
	struct rig *rig = rig_with(&an_address);
	rig_ask(rig, "WWW.example", TYPE_A);
	assert_string_equal(rig_ask(rig, "wWw.ExAmPlE", TYPE_A),
		"NOERROR ra\nwWw.ExAmPlE. 300 IN A 192.0.2.1\n");
	assert_int_equal(rig->backend.asked, 1);
	rig_free(rig);
}

static void what_differs_in_the_question_is_kept_apart(void **state)
{
	(void)state;
	static const struct rig_question questions[] = {
		{.name = "www.example", .type = TYPE_A, .udp_size = 1232},
		{.name = "www.example", .type = TYPE_AAAA, .udp_size = 1232},
		{.name = "www.example", .type = TYPE_A, .udp_size = 1232, .has_do = true},
		{.name = "www.example", .type = TYPE_A, .udp_size = 1232, .has_cd = true},
		{.name = "ww.example", .type = TYPE_A, .udp_size = 1232},
		{.name = "www.example.example", .type = TYPE_A, .udp_size = 1232},
	};
	enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };
	struct rig *rig = rig_with(&an_address);
	rig->backend = (struct backend){.rcode = RCODE_NXDOMAIN, .authority = SOA "60"};
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < QUESTIONS; i++) {
			rig_ask_question(rig, &questions[i]);
			assert_int_equal(rig->backend.asked, round ? QUESTIONS : i + 1);
		}
	rig_free(rig);
}

/* A reply, and for how long it is kept. */
struct kept {
	const char *name;
	struct backend backend;
	uint16_t type;
	unsigned seconds; /* 0: not at all */
};

static const struct kept kept[] = {
	{"an answer", {.answer = "x.example. 300 IN A 192.0.2.1"}, TYPE_A, 300},
	{"the lowest TTL of all sections counts",
		{.answer = "x.example. 300 IN A 192.0.2.1",
			.authority = "example. 200 IN NS ns.example.",
			.additional = "ns.example. 100 IN A 192.0.2.9"},
		TYPE_A, 100},
	{"an hour is the most", {.answer = "x.example. 86400 IN A 192.0.2.1"}, TYPE_A,
		3600},
	{"5 seconds are the least", {.answer = "x.example. 1 IN A 192.0.2.1"}, TYPE_A, 5},
	{"what must not be kept", {.answer = "x.example. 0 IN A 192.0.2.1"}, TYPE_A, 0},
	{"the end of a chain",
		{.answer = "x.example. 300 IN CNAME y.example.\n"
			   "y.example. 200 IN CNAME z.example.\n"
			   "z.example. 300 IN A 192.0.2.1"},
		TYPE_A, 200},
	{"a chain in the wrong order",
		{.answer = "z.example. 300 IN A 192.0.2.1\n"
			   "y.example. 300 IN CNAME z.example.\n"
			   "x.example. 300 IN CNAME y.example."},
		TYPE_A, 300},
	{"a chain without an end", {.answer = "x.example. 300 IN CNAME y.example."},
		TYPE_A, 0},
	{"a chain in a circle",
		{.answer = "x.example. 300 IN CNAME y.example.\n"
			   "y.example. 300 IN CNAME x.example."},
		TYPE_A, 0},
	{"a chain that ends in no data",
		{.answer = "x.example. 300 IN CNAME y.example.", .authority = SOA "60"},
		TYPE_A, 60},
	{"the alias itself", {.answer = "x.example. 300 IN CNAME y.example."}, TYPE_CNAME,
		300},
	{"any type", {.answer = "x.example. 300 IN MX 1 y.example."}, TYPE_ANY, 300},
	{"an answer to another question", {.answer = "y.example. 300 IN A 192.0.2.1"},
		TYPE_A, 0},
	{"no such name", {.rcode = RCODE_NXDOMAIN, .authority = SOA "60"}, TYPE_A, 60},
	{"no such name for long", {.rcode = RCODE_NXDOMAIN, .authority = SOA "7200"},
		TYPE_A, 900},
	{"no such name for very long",
		{.rcode = RCODE_NXDOMAIN,
			.authority = "example. 86400 IN SOA a.example. b.example. 1 2 3 "
				     "4 86400"},
		TYPE_A, 1800},
	{"no such name, without a SOA", {.rcode = RCODE_NXDOMAIN}, TYPE_A, 0},
	{"no data", {.authority = SOA "30"}, TYPE_A, 30},
	{"no data, without a SOA", {.answer = NULL}, TYPE_A, 0},
	{"a referral", {.authority = "example. 200 IN NS ns.example."}, TYPE_A, 0},
	{"a failure", {.rcode = RCODE_SERVFAIL}, TYPE_A, 5},
	{"a refusal", {.rcode = RCODE_REFUSED}, TYPE_A, 0},
	/* Others have room for all of it; without its NSEC a denial proves nothing. */
	{"a reply without the authority that had no room",
		{.answer = "x.example. 300 IN A 192.0.2.1", .has_left_out = true}, TYPE_A,
		0},
	{"a cut reply", {.answer = "x.example. 300 IN A 192.0.2.1", .is_truncated = true},
		TYPE_A, 0},
};

static void each_reply_is_kept_as_long_as_it_may_be(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		struct rig *rig = rig_with(&kept[i].backend);
		rig_ask(rig, "x.example", kept[i].type);
		if (kept[i].seconds) {
			rig_wait_s(rig, kept[i].seconds - 1);
			rig_ask(rig, "x.example", kept[i].type);
			if (rig->backend.asked != 1)
				fail_msg("%s: asked again too early", kept[i].name);
			rig_wait_s(rig, 1);
		}
		rig_ask(rig, "x.example", kept[i].type);
		if (rig->backend.asked != 2)
			fail_msg("%s: is kept too long", kept[i].name);
		rig_free(rig);
	}
}

static void records_have_one_ttl_from_the_first_reply_on(void **state)
{
	(void)state;
	struct rig *rig = rig_with(&kept[1].backend);
	static const char *const expected =
		"x.example. 100 IN A 192.0.2.1\n"
		"authority: example. 100 IN NS ns.example.\n"
		"additional: ns.example. 100 IN A 192.0.2.9\n";
	assert_string_equal(
		strchr(rig_ask(rig, "x.example", TYPE_A), '\n') + 1, expected);
	assert_string_equal(
		strchr(rig_ask(rig, "x.example", TYPE_A), '\n') + 1, expected);
	rig_free(rig);
}

static void a_cached_failure_says_that_it_is_one(void **state)
{
	(void)state;
	struct rig *rig = rig_with(&(struct backend){.rcode = RCODE_SERVFAIL});
	assert_string_equal(rig_ask(rig, "x.example", TYPE_A), "SERVFAIL\n");
	assert_string_equal(rig_ask(rig, "x.example", TYPE_A), "SERVFAIL ra ede 13\n");
	rig_free(rig);
}

static void failures_are_kept_as_long_as_the_options_say(void **state)
{
	(void)state;
	struct cache_options options = options_default();
	options.servfail_ms = 0;
	struct rig *rig = rig_new(&options, 0);
	rig->backend.rcode = RCODE_SERVFAIL;
	rig_ask(rig, "x.example", TYPE_A);
	rig_ask(rig, "x.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void the_limits_of_ttls_are_options(void **state)
{
	(void)state;
	struct cache_options options = options_default();
	options.kinds[CACHE_SUCCESS].ttl_max_s = 30;
	options.kinds[CACHE_SUCCESS].ttl_min_s = 20;
	options.kinds[CACHE_SUCCESS].keeps_zero = true;
	struct rig *rig = rig_new(&options, 0);
	rig->backend = an_address;
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A),
		"NOERROR\nwww.example. 30 IN A 192.0.2.1\n");
	rig->backend.answer = "x.example. 0 IN A 192.0.2.1";
	rig_ask(rig, "x.example", TYPE_A);
	assert_string_equal(rig_ask(rig, "x.example", TYPE_A),
		"NOERROR ra\nx.example. 20 IN A 192.0.2.1\n");
	rig_free(rig);
}

static void ttls_stay_where_that_is_wanted(void **state)
{
	(void)state;
	struct cache_options options = options_default();
	options.keeps_ttl = true;
	struct rig *rig = rig_new(&options, 0);
	rig->backend = an_address;
	rig_ask(rig, "www.example", TYPE_A);
	rig_wait_s(rig, 200);
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A),
		"NOERROR ra\nwww.example. 300 IN A 192.0.2.1\n");
	rig_wait_s(rig, 100);
	rig_ask(rig, "www.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

static void names_that_are_excepted_are_not_kept(void **state)
{
	(void)state;
	struct dname zone, other;
	assert_int_equal(dname_from_text("b.example", &zone), ERR_NONE);
	assert_int_equal(dname_from_text("org", &other), ERR_NONE);
	struct cache_options options = options_default();
	options.kinds[CACHE_SUCCESS].excepted = &zone;
	options.kinds[CACHE_SUCCESS].excepted_count = 1;
	options.kinds[CACHE_DENIAL].is_disabled = true;
	struct rig *rig = rig_new(&options, 0);
	rig->backend.answer = "a.b.example. 300 IN A 192.0.2.1\n"
			      "a.example. 300 IN A 192.0.2.1";
	rig_ask(rig, "a.b.example", TYPE_A);
	rig_ask(rig, "a.b.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 2);
	rig_ask(rig, "a.example", TYPE_A);
	rig_ask(rig, "a.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 3);
	rig->backend = (struct backend){.rcode = RCODE_NXDOMAIN, .authority = SOA "60"};
	rig_ask(rig, "no.example", TYPE_A);
	rig_ask(rig, "no.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
	options.zones = &other;
	options.zone_count = 1;
	rig = rig_new(&options, 0);
	rig->backend = an_address;
	rig_ask(rig, "www.example", TYPE_A);
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A),
		"NOERROR\nwww.example. 300 IN A 192.0.2.1\n");
	rig_free(rig);
}

static void a_query_without_rd_is_answered_but_teaches_nothing(void **state)
{
	(void)state;
	static const struct rig_question question = {
		.name = "www.example", .type = TYPE_A, .no_rd = true};
	struct rig *rig = rig_with(&an_address);
	rig_ask_question(rig, &question);
	rig_ask_question(rig, &question);
	assert_int_equal(rig->backend.asked, 2);
	rig_ask(rig, "www.example", TYPE_A);
	rig_ask_question(rig, &question);
	assert_int_equal(rig->backend.asked, 3);
	rig_free(rig);
}

static void ad_is_for_who_understands_it(void **state)
{
	(void)state;
	struct rig_question question = {.name = "www.example", .type = TYPE_A};
	struct rig *rig = rig_with(&an_address);
	rig->backend.is_authentic = true;
	rig_ask_question(rig, &question);
	assert_string_equal(rig_ask_question(rig, &question),
		"NOERROR ra\nwww.example. 300 IN A 192.0.2.1\n");
	question.has_ad = true;
	assert_string_equal(rig_ask_question(rig, &question),
		"NOERROR ra ad\nwww.example. 300 IN A 192.0.2.1\n");
	rig_free(rig);
}

/* `count` addresses of x.example, in memory of the caller's. */
static void write_addresses(char *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		out += sprintf(out, "x.example. 300 IN A 192.0.2.%u\n", i);
}

static void what_came_by_tcp_is_cut_for_udp(void **state)
{
	(void)state;
	static char addresses[100 * 40];
	struct rig_question question = {
		.name = "x.example", .type = TYPE_A, .by_tcp = true};
	write_addresses(addresses, 100);
	struct rig *rig = rig_with(&(struct backend){.answer = addresses});
	rig_ask_question(rig, &question);
	question.by_tcp = false;
	const char *text = rig_ask_question(rig, &question);
	/* (512 - 12 - 15) / 16 */
	assert_int_equal(rig->query.reply.answer_count, 30);
	assert_int_equal(strncmp(text, "NOERROR ra tc\nx.example. 300 ", 29), 0);
	question.by_tcp = true;
	rig_ask_question(rig, &question);
	assert_int_equal(rig->query.reply.answer_count, 100);
	assert_int_equal(rig->backend.asked, 1);
	rig_free(rig);
}

static enum verdict rotate(void *instance, struct query *query)
{
	query->reply.rotation = *(const uint32_t *)instance;
	return VERDICT_NEXT;
}

static void addresses_are_rotated_behind_their_alias(void **state)
{
	(void)state;
	static const struct plugin_ops ops = {.name = "rotate", .query = rotate};
	uint32_t rotation = 0;
	struct rig *rig = rig_with(
		&(struct backend){.answer = "x.example. 300 IN CNAME y.example.\n"
					    "y.example. 300 IN A 192.0.2.1\n"
					    "y.example. 300 IN A 192.0.2.2\n"
					    "y.example. 300 IN A 192.0.2.3",
			.authority = "example. 300 IN NS y.example."});
	rig->block.chain[2] = rig->block.chain[1];
	rig->block.chain[1] = rig->block.chain[0];
	rig->block.chain[0] = (struct plugin_instance){&ops, &rotation};
	rig->block.chain_length = 3;
	rig_ask(rig, "x.example", TYPE_A);
	rotation = 0x60000000;
	assert_string_equal(rig_ask(rig, "x.example", TYPE_A),
		"NOERROR ra\n"
		"x.example. 300 IN CNAME y.example.\n"
		"y.example. 300 IN A 192.0.2.2\n"
		"y.example. 300 IN A 192.0.2.3\n"
		"y.example. 300 IN A 192.0.2.1\n"
		"authority: example. 300 IN NS y.example.\n");
	rig->block.chain[0] = rig->block.chain[1];
	rig_free(rig);
}

static void a_cache_is_made_whole_or_not_at_all(void **state)
{
	(void)state;
	struct rig *rig = rig_with(&an_address);
	for (size_t n = 1;; n++) {
		struct plugin_instance instance;
		failing_malloc_arm(n);
		enum err err = cache_new(&cache_options_default, rig->pool, &instance);
		bool has_failed = failing_malloc_disarm();
		assert_int_equal(err, has_failed ? ERR_NOMEM : ERR_NONE);
		if (has_failed)
			continue;
		instance.ops->free(instance.instance);
		break;
	}
	for (size_t n = 1;; n++) {
		failing_malloc_arm(n);
		struct cache_pool *pool = cache_pool_new(CACHE_BUDGET_MIN);
		bool has_failed = failing_malloc_disarm();
		assert_int_equal(!pool, has_failed);
		cache_pool_unref(pool);
		if (!has_failed)
			break;
	}
	rig_free(rig);
}

static void without_memory_replies_are_passed_on_and_not_kept(void **state)
{
	(void)state;
	static const char *const expected = "NOERROR\nwww.example. 300 IN A 192.0.2.1\n";
	struct rig *rig = rig_with(&an_address);
	failing_malloc_arm(1);
	const char *text = rig_ask(rig, "www.example", TYPE_A);
	assert_true(failing_malloc_disarm());
	assert_string_equal(text, expected);
	assert_string_equal(rig_ask(rig, "www.example", TYPE_A), expected);
	assert_int_equal(rig->backend.asked, 2);
	rig_ask(rig, "www.example", TYPE_A);
	assert_int_equal(rig->backend.asked, 2);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_is_asked_for_once_and_ages),
		cmocka_unit_test(a_name_is_found_in_any_spelling_and_answered_in_that),
		cmocka_unit_test(what_differs_in_the_question_is_kept_apart),
		cmocka_unit_test(each_reply_is_kept_as_long_as_it_may_be),
		cmocka_unit_test(records_have_one_ttl_from_the_first_reply_on),
		cmocka_unit_test(a_cached_failure_says_that_it_is_one),
		cmocka_unit_test(failures_are_kept_as_long_as_the_options_say),
		cmocka_unit_test(the_limits_of_ttls_are_options),
		cmocka_unit_test(ttls_stay_where_that_is_wanted),
		cmocka_unit_test(names_that_are_excepted_are_not_kept),
		cmocka_unit_test(a_query_without_rd_is_answered_but_teaches_nothing),
		cmocka_unit_test(ad_is_for_who_understands_it),
		cmocka_unit_test(what_came_by_tcp_is_cut_for_udp),
		cmocka_unit_test(addresses_are_rotated_behind_their_alias),
		cmocka_unit_test(a_cache_is_made_whole_or_not_at_all),
		cmocka_unit_test(without_memory_replies_are_passed_on_and_not_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
