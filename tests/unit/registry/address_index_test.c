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
#include "zones/registry/address_index.h"

enum { ADDRESSES = 50, IDS = 8, STEPS = 40000 };

/* How often each pair is in the index. */
struct model {
	unsigned pairs[ADDRESSES][IDS];
	uint64_t random;
	size_t count;
};

static unsigned draw(struct model *model, unsigned below)
{
	return draw_below(&model->random, below);
}

/* Even ones are IPv4. */
static struct ipaddr address_of(unsigned i)
{
	struct ipaddr address = {.length = i % 2 ? 16 : 4};
	address.bytes[3] = (uint8_t)i;
	return address;
}

static void assert_address(
	const struct address_index *index, const struct model *model, unsigned i)
{
	unsigned found[IDS] = {0};
	const struct ipaddr address = address_of(i);
	size_t position = 0;
	uint32_t id;
	while (address_index_next(index, &address, &position, &id)) {
		assert_true(id < IDS);
		found[id]++;
	}
	assert_memory_equal(found, model->pairs[i], sizeof(found));
}

static void pairs_come_and_go_as_in_a_model(void **state)
{
	(void)state;
	static const struct hash_key key = {7, 8};
	struct model *model = calloc(1, sizeof(*model));
	assert_non_null(model);
	struct address_index index;
	address_index_init(&index, &key);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = draw(model, ADDRESSES), id = draw(model, IDS);
		const struct ipaddr address = address_of(i);
		unsigned removals = step / 10000 % 2 ? 7 : 4;
		if (draw(model, 10) < removals) {
			address_index_remove(&index, &address, id);
			model->count -= model->pairs[i][id] > 0;
			model->pairs[i][id] -= model->pairs[i][id] > 0;
		} else {
			assert_int_equal(
				address_index_add(&index, &address, id), ERR_NONE);
			model->pairs[i][id]++;
			model->count++;
		}
		assert_int_equal(index.count, model->count);
		if (step % 100 == 0)
			for (unsigned j = 0; j < ADDRESSES; j++)
				assert_address(&index, model, j);
	}
	address_index_deinit(&index);
	free(model);
}

static void an_empty_index_has_nothing(void **state)
{
	(void)state;
	static const struct hash_key key = {7, 8};
	struct address_index index;
	address_index_init(&index, &key);
	const struct ipaddr address = address_of(1);
	size_t position = 0;
	uint32_t id;
	address_index_remove(&index, &address, 1);
	assert_false(address_index_next(&index, &address, &position, &id));
	address_index_deinit(&index);
}

static void an_add_without_memory_changes_nothing(void **state)
{
	(void)state;
	static const struct hash_key key = {7, 8};
	struct address_index index;
	address_index_init(&index, &key);
	const struct ipaddr address = address_of(1);
	for (uint32_t i = 0; i < 48; i++)
		assert_int_equal(address_index_add(&index, &address, i), ERR_NONE);
	failing_malloc_arm(1);
	enum err err = address_index_add(&index, &address, 48);
	assert_true(failing_malloc_disarm());
	assert_int_equal(err, ERR_NOMEM);
	assert_int_equal(index.count, 48);
	assert_int_equal(address_index_add(&index, &address, 48), ERR_NONE);
	assert_int_equal(index.count, 49);
	address_index_deinit(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_come_and_go_as_in_a_model),
		cmocka_unit_test(an_empty_index_has_nothing),
		cmocka_unit_test(an_add_without_memory_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
