/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/synth/rig.h"

static const struct rig_options OPTIONS = {
	.zones = {"c.l.", "d.l."},
	.synth = {.ttl_s = 5, .keeps_hints = true},
};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

static enum absence absence_of(const struct rig *rig, const char *text)
{
	struct dname name = name_of(text);
	uint64_t hash = store_hash(rig->store, name.bytes, name.length);
	return store_find_absence(rig->store, name.bytes, name.length, hash);
}

/* "" : none. */
static void expect_service(const struct rig *rig, const char *label, const char *owner)
{
	struct dname name = name_of(label);
	for (unsigned zone = 0; zone < 2; zone++) {
		const struct answer_set *set =
			store_find_service(rig->store, zone, name.bytes);
		assert_int_equal(set != NULL, *owner != '\0');
		if (!set)
			continue;
		struct dname wanted = name_of(owner), got;
		answer_set_owner(rig->store, set, &got);
		assert_int_equal(set->zone, zone);
		assert_memory_equal(got.bytes, wanted.bytes, wanted.length - 1);
	}
}

#define PUT(rig, ...) rig_put(rig, (const char *const[]){__VA_ARGS__, NULL})

static void a_headless_service_is_absent_until_an_endpoint_is_ready(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	PUT(&rig, "namespace a", "service a/db headless", "slice a/s of=db !10.1.0.1");
	assert_int_equal(absence_of(&rig, "db.a.svc.c.l."), ABSENCE_NOT_READY);
	assert_int_equal(absence_of(&rig, "db.a.svc.d.l."), ABSENCE_NOT_READY);
	expect_service(&rig, "db", "");
	PUT(&rig, "slice a/s of=db 10.1.0.1");
	assert_int_equal(absence_of(&rig, "db.a.svc.c.l."), ABSENCE_NONE);
	expect_service(&rig, "db", "db.a.svc");
	PUT(&rig, "slice a/s of=db !10.1.0.1");
	assert_int_equal(absence_of(&rig, "db.a.svc.c.l."), ABSENCE_NOT_READY);
	PUT(&rig, "-service a/db");
	assert_int_equal(absence_of(&rig, "db.a.svc.c.l."), ABSENCE_NONE);
	rig_deinit(&rig);
}

static void each_absence_has_its_reason(void **state)
{
	(void)state;
	struct rig_options options = OPTIONS;
	options.namespaces[0] = "a";
	options.synth.ignores_empty = true;
	struct rig rig;
	rig_init(&rig, &options);
	PUT(&rig, "namespace a", "namespace hidden", "service a/none",
		"service a/empty 10.0.0.1", "service a/out e=example.com",
		"service hidden/db headless");
	assert_int_equal(absence_of(&rig, "none.a.svc.c.l."), ABSENCE_NO_ADDRESS);
	assert_int_equal(absence_of(&rig, "empty.a.svc.c.l."), ABSENCE_NOT_READY);
	assert_int_equal(absence_of(&rig, "out.a.svc.c.l."), ABSENCE_NONE);
	assert_int_equal(absence_of(&rig, "db.hidden.svc.c.l."), ABSENCE_NONE);
	PUT(&rig, "service a/none 10.0.0.2", "slice a/s of=none 10.1.0.1");
	assert_int_equal(absence_of(&rig, "none.a.svc.c.l."), ABSENCE_NONE);
	rig_deinit(&rig);
}

static void endpoints_left_out_are_a_reason_of_their_own(void **state)
{
	(void)state;
	struct rig_options options = OPTIONS;
	options.ignores_endpoints = options.synth.ignores_endpoints = true;
	struct rig rig;
	rig_init(&rig, &options);
	PUT(&rig, "namespace a", "service a/db headless", "slice a/s of=db 10.1.0.1");
	assert_int_equal(absence_of(&rig, "db.a.svc.c.l."), ABSENCE_NO_ENDPOINTS);
	rig_deinit(&rig);
}

static void a_service_stands_for_its_label_until_it_goes(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	PUT(&rig, "namespace a", "namespace b", "service a/web 10.0.0.1 p=http:80");
	PUT(&rig, "service b/web 10.0.0.2 p=http:80");
	expect_service(&rig, "web", "web.a.svc");
	expect_service(&rig, "http", "");
	PUT(&rig, "service a/web 10.0.0.3 p=http:80");
	expect_service(&rig, "web", "web.a.svc");
	PUT(&rig, "-service a/web");
	store_reclaim(rig.store);
	expect_service(&rig, "web", "web.b.svc");
	PUT(&rig, "-namespace b");
	expect_service(&rig, "web", "");
	PUT(&rig, "namespace b");
	expect_service(&rig, "web", "web.b.svc");
	rig_deinit(&rig);
}

/* Tables grow, and slots of what has gone are used again. */
static void many_hints_come_and_go(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	PUT(&rig, "namespace a");
	for (unsigned i = 0; i < 600; i++) {
		char line[64], gone[64], name[64];
		snprintf(line, sizeof(line), "service a/s%u headless", i);
		snprintf(gone, sizeof(gone), "-service a/s%u", i - 150);
		snprintf(name, sizeof(name), "s%u.a.svc.c.l.", i - 150);
		PUT(&rig, line);
		if (i < 150)
			continue;
		assert_int_equal(absence_of(&rig, name), ABSENCE_NOT_READY);
		PUT(&rig, gone);
		assert_int_equal(absence_of(&rig, name), ABSENCE_NONE);
		if (i % 50 == 0)
			store_reclaim(rig.store);
	}
	rig_deinit(&rig);
}

static void hints_change_no_serial(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig, &OPTIONS);
	PUT(&rig, "namespace a");
	assert_false(PUT(&rig, "service a/db headless"));
	assert_false(PUT(&rig, "-service a/db"));
	rig_deinit(&rig);
}

static void without_the_option_nothing_is_kept(void **state)
{
	(void)state;
	struct rig_options options = OPTIONS;
	options.synth.keeps_hints = false;
	struct rig rig;
	rig_init(&rig, &options);
	PUT(&rig, "namespace a", "service a/db headless", "service a/web 10.0.0.1");
	assert_int_equal(absence_of(&rig, "db.a.svc.c.l."), ABSENCE_NONE);
	expect_service(&rig, "web", "");
	rig_deinit(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_headless_service_is_absent_until_an_endpoint_is_ready),
		cmocka_unit_test(each_absence_has_its_reason),
		cmocka_unit_test(endpoints_left_out_are_a_reason_of_their_own),
		cmocka_unit_test(a_service_stands_for_its_label_until_it_goes),
		cmocka_unit_test(many_hints_come_and_go),
		cmocka_unit_test(hints_change_no_serial),
		cmocka_unit_test(without_the_option_nothing_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
