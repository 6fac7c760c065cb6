/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/query/router.h"
#include "tests/support/failing_malloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct hash_key key = {1, 2};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

static const char *const zones[] = {"cluster.local", "local", "svc.cluster.local",
	"10.in-addr.arpa", "1.0.10.in-addr.arpa", "a.b.c", "bb.c"};
static struct server_block blocks[COUNT(zones)], root_block;

/* In the order given or the other way round: it must not matter. */
static struct router *router_of_zones(bool is_reversed)
{
	struct router *router = router_new(&key);
	assert_non_null(router);
	for (size_t i = 0; i < COUNT(zones); i++) {
		size_t k = is_reversed ? COUNT(zones) - 1 - i : i;
		struct dname zone = name_of(zones[k]);
		assert_int_equal(router_add(router, &zone, &blocks[k]), ERR_NONE);
	}
	return router;
}

static const struct server_block *find(const struct router *router, const char *text)
{
	struct request request = {.name = name_of(text)};
	dname_lower(request.name.bytes, request.name.bytes, request.name.length);
	const struct route *route = router_find(router, &request);
	return route ? route->block : NULL;
}

static void the_longest_zone_wins(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int block;
	} cases[] = {
		{"cluster.local", 0},
		{"x.cluster.local", 0},
		{"web.default.svc.cluster.local", 2},
		{"WEB.Default.SVC.Cluster.Local", 2},
		{"xsvc.cluster.local", 0},
		{"xcluster.local", 1},
		{"local", 1},
		{"5.1.0.10.in-addr.arpa", 4},
		{"5.2.0.10.in-addr.arpa", 3},
		{"110.in-addr.arpa", -1},
		{"x.a.b.c", 5},
		{"b.c", -1},
		{"x.bb.c", 6},
		{"example", -1},
		{".", -1},
		{"cluster.local.example", -1},
	};
	for (unsigned way = 0; way < 2; way++) {
		struct router *router = router_of_zones(way);
		assert_int_equal(router_seal(router), ERR_NONE);
		for (size_t i = 0; i < COUNT(cases); i++) {
			const void *expect = NULL;
			if (cases[i].block >= 0)
				expect = &blocks[cases[i].block];
			assert_ptr_equal(find(router, cases[i].name), expect);
		}
		router_free(router);
	}
}

static void the_root_takes_what_no_other_zone_has(void **state)
{
	(void)state;
	struct router *router = router_of_zones(false);
	struct dname root = name_of(".");
	assert_int_equal(router_add(router, &root, &root_block), ERR_NONE);
	assert_int_equal(router_seal(router), ERR_NONE);
	assert_ptr_equal(find(router, "."), &root_block);
	assert_ptr_equal(find(router, "example"), &root_block);
	assert_ptr_equal(find(router, "local"), &blocks[1]);
	router_free(router);
}

static void a_zone_is_added_once(void **state)
{
	(void)state;
	struct router *router = router_of_zones(false);
	struct dname zone = name_of("cluster.local");
	assert_int_equal(router_add(router, &zone, &root_block), ERR_EXISTS);
	assert_int_equal(router_seal(router), ERR_NONE);
	assert_ptr_equal(find(router, "cluster.local"), &blocks[0]);
	router_free(router);
}

static void an_empty_router_finds_nothing(void **state)
{
	(void)state;
	struct router *router = router_new(&key);
	assert_int_equal(router_seal(router), ERR_NONE);
	assert_null(find(router, "."));
	assert_memory_equal(router_key(router), &key, sizeof(key));
	router_free(router);
	router_free(NULL);
}

static void without_memory_the_router_stays_as_it_was(void **state)
{
	(void)state;
	failing_malloc_arm(1);
	assert_null(router_new(&key));
	assert_true(failing_malloc_disarm());

	struct router *router = router_new(&key);
	unsigned failures = 0;
	for (size_t i = 0; i < COUNT(zones); i++) {
		struct dname zone = name_of(zones[i]);
		failing_malloc_arm(1);
		enum err err = router_add(router, &zone, &blocks[i]);
		if (failing_malloc_disarm()) {
			failures++;
			assert_int_equal(err, ERR_NOMEM);
			err = router_add(router, &zone, &blocks[i]);
		}
		assert_int_equal(err, ERR_NONE);
	}
	assert_true(failures >= 2);
	failing_malloc_arm(1);
	assert_int_equal(router_seal(router), ERR_NOMEM);
	assert_true(failing_malloc_disarm());
	assert_int_equal(router_seal(router), ERR_NONE);
	for (size_t i = 0; i < COUNT(zones); i++)
		assert_ptr_equal(find(router, zones[i]), &blocks[i]);
	router_free(router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_zone_wins),
		cmocka_unit_test(the_root_takes_what_no_other_zone_has),
		cmocka_unit_test(a_zone_is_added_once),
		cmocka_unit_test(an_empty_router_finds_nothing),
		cmocka_unit_test(without_memory_the_router_stays_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
