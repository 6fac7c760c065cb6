/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/failing_malloc.h"
#include "tests/unit/synth/rig.h"
#include "zones/store/client.h"
#include "zones/synth/clients.h"

/* A rig whose pods' addresses go to a store of clients as well. */
struct scene {
	struct rig rig;
	struct store *store;
	struct clients *clients;
};

static void scene_init(struct scene *scene)
{
	static const struct rig_options options = {
		.zones = {"c.l."}, .synth = {.ttl_s = 5, .pods = PODS_VERIFIED}};
	const struct store_zone root = {.name = {.length = 1}};
	rig_init(&scene->rig, &options);
	scene->store = store_new(&scene->rig.key, &root, 1);
	assert_non_null(scene->store);
	scene->clients = clients_new(scene->rig.registry, scene->store);
	assert_non_null(scene->clients);
}

static void scene_deinit(struct scene *scene)
{
	clients_free(scene->clients);
	store_free(scene->store);
	rig_deinit(&scene->rig);
}

/* One line as a batch, which finds no memory for the n-th time it wants some. */
static void change(struct scene *scene, const char *line, unsigned n)
{
	assert_int_equal(rig_feed(&scene->rig, line), ERR_NONE);
	assert_int_equal(
		registry_settle(scene->rig.registry, &scene->rig.problems), ERR_NONE);
	failing_malloc_arm(n);
	enum err err = clients_apply(scene->clients);
	failing_malloc_disarm();
	if (err)
		err = clients_apply(scene->clients);
	assert_int_equal(err, ERR_NONE);
	assert_int_equal(synth_apply(scene->rig.synth), ERR_NONE);
	registry_end_batch(scene->rig.registry);
	store_reclaim(scene->store);
}

static void assert_is_of(const struct scene *scene, const char *address, const char *ns)
{
	struct ipaddr ip;
	assert_int_equal(ipaddr_parse(address, &ip), ERR_NONE);
	const uint8_t *label = client_find(scene->store, &ip);
	if (!ns) {
		assert_null(label);
		return;
	}
	assert_non_null(label);
	assert_int_equal(label[0], strlen(ns));
	assert_memory_equal(label + 1, ns, label[0]);
}

static void an_address_is_a_clients_where_it_is_sure_whose(void **state)
{
	(void)state;
	static const struct {
		const char *line, *ns;
	} steps[] = {
		{"pod a/one 10.1.0.1 fd00::1", "a"},
		{"pod a/two 10.1.0.1", "a"},
		/* Given out anew before its former pods have gone. */
		{"pod b/three 10.1.0.1", NULL},
		{"-pod a/one", NULL},
		{"pod a/two 10.1.0.1 terminating", "b"},
		{"-pod a/two", "b"},
		/* In its node's network: all on that node have the address. */
		{"pod b/agent 10.1.0.1 node", NULL},
		{"-pod b/agent", "b"},
		{"pod b/three 10.1.0.1 node", NULL},
		{"pod b/three 10.1.0.1", "b"},
		{"pod b/three 10.1.0.2", NULL},
	};
	for (unsigned n = 0; n < 6; n++) {
		struct scene scene;
		scene_init(&scene);
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			change(&scene, steps[i].line, n);
			assert_is_of(&scene, "10.1.0.1", steps[i].ns);
			assert_is_of(&scene, "fd00::1", i < 3 ? "a" : NULL);
		}
		assert_is_of(&scene, "10.1.0.2", "b");
		scene_deinit(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_a_clients_where_it_is_sure_whose),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
