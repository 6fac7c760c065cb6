/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/draw.h"
#include "tests/support/failing_malloc.h"
#include "zones/registry/pod_addresses.h"

enum { ADDRESSES = 300, OWNERS = 5, STEPS = 60000 };

static const struct hash_key KEY = {7, 8};

/* How many pods of each have each address. */
struct model {
	uint32_t pods[ADDRESSES][OWNERS];
	uint64_t random;
};

static unsigned draw(struct model *model, unsigned below)
{
	return draw_below(&model->random, below);
}

/* Even ones are IPv4; an IPv6 one begins as an IPv4 one does. */
static struct ipaddr address_of(unsigned i)
{
	struct ipaddr address = {.length = i % 2 ? 16 : 4};
	address.bytes[2] = (uint8_t)(i >> 8);
	address.bytes[3] = (uint8_t)(i & 0xfe);
	return address;
}

static void assert_as_in_model(
	const struct pod_addresses *addresses, const struct model *model)
{
	for (unsigned i = 0; i < ADDRESSES; i++) {
		const struct ipaddr address = address_of(i);
		bool found[OWNERS] = {false};
		size_t position = 0;
		uint32_t whose;
		while (pod_addresses_next(addresses, &address, &position, &whose)) {
			assert_true(whose < OWNERS);
			assert_false(found[whose]);
			found[whose] = true;
		}
		for (uint32_t j = 0; j < OWNERS; j++) {
			assert_int_equal(found[j], model->pods[i][j] != 0);
			assert_int_equal(pod_addresses_count(addresses, &address, j),
				model->pods[i][j]);
		}
	}
}

static void pods_come_and_go_as_in_a_model(void **state)
{
	(void)state;
	struct model *model = calloc(1, sizeof(*model));
	struct pod_addresses addresses;
	assert_non_null(model);
	pod_addresses_init(&addresses, &KEY);
	assert_as_in_model(&addresses, model);
	for (unsigned step = 0; step < STEPS; step++) {
		/* Now more, now less. */
		unsigned wanted = step / (STEPS / 6) % 2 ? 3 : 7;
		unsigned i = draw(model, ADDRESSES);
		uint32_t whose = draw(model, OWNERS);
		const struct ipaddr address = address_of(i);
		if (draw(model, 10) < wanted) {
			assert_int_equal(
				pod_addresses_add(&addresses, &address, whose), ERR_NONE);
			model->pods[i][whose]++;
		} else if (model->pods[i][whose]) {
			pod_addresses_remove(&addresses, &address, whose);
			model->pods[i][whose]--;
		}
		if (step % (STEPS / 40) == 0)
			assert_as_in_model(&addresses, model);
	}
	assert_as_in_model(&addresses, model);
	pod_addresses_deinit(&addresses);
	free(model);
}

static void without_memory_it_is_as_before(void **state)
{
	(void)state;
	struct pod_addresses addresses;
	size_t failures = 0;
	pod_addresses_init(&addresses, &KEY);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		const struct ipaddr address = address_of(i);
		failing_malloc_arm(1);
		enum err err = pod_addresses_add(&addresses, &address, 1);
		if (failing_malloc_disarm()) {
			failures++;
			assert_int_equal(err, ERR_NOMEM);
			assert_int_equal(pod_addresses_count(&addresses, &address, 1), 0);
			err = pod_addresses_add(&addresses, &address, 1);
		}
		assert_int_equal(err, ERR_NONE);
		for (unsigned j = 0; j <= i; j++) {
			const struct ipaddr before = address_of(j);
			assert_int_equal(pod_addresses_count(&addresses, &before, 1), 1);
		}
	}
	assert_int_equal(failures, 6);
	pod_addresses_deinit(&addresses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pods_come_and_go_as_in_a_model),
		cmocka_unit_test(without_memory_it_is_as_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
