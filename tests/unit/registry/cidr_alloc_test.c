/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/draw.h"
#include "zones/registry/cidr_alloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- allocations that fail on request --- */

static int allocations_left = -1; /* -1: all succeed */

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static bool allocation_fails(void)
{
	if (allocations_left > 0)
		allocations_left--;
	return allocations_left == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_reallocarray(old, count, size);
}

/* --- the model: the rule of the header, computed anew from the sets each time --- */

enum { MODEL_SERVICES = 48, MODEL_ADDRESSES = 24, NOWHERE = -1 };

struct model {
	struct ipprefix prefix;
	int slots;
	bool has_service[MODEL_SERVICES];
	int reserves[MODEL_ADDRESSES]; /* of the address with this offset in the range */
	int told[MODEL_SERVICES];      /* calls of the callback since the last change */
	int place[MODEL_SERVICES];     /* slots, by the last computation */
	struct cidr_alloc *alloc;
};

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
	return draw_below(&random_state, limit);
}

static const char *service_ns(int service)
{
	static const char *const names[] = {"default", "kube-system", "a"};
	return names[service % 3];
}

static const char *service_name(int service)
{
	static char names[MODEL_SERVICES][16];
	snprintf(names[service], sizeof(names[service]), "svc-%d", service / 2);
	return names[service];
}

static uint64_t model_hash(const char *ns, const char *name)
{
	char text[600];
	snprintf(text, sizeof(text), "%s/%s", ns, name);
	uint64_t hash = 14695981039346656037U;
	for (size_t i = 0; text[i]; i++) {
		hash ^= (uint8_t)text[i];
		hash *= 1099511628211U;
	}
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdU;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53U;
	return hash ^ hash >> 33;
}

struct ranked {
	uint64_t hash;
	int service;
};

static int ranked_compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void model_place(const struct model *model, int *place)
{
	struct ranked ranked[MODEL_SERVICES];
	bool taken[256] = {false};
	size_t count = 0;
	for (int i = 2; i < MODEL_ADDRESSES; i++)
		taken[i - 2] = model->reserves[i] > 0;
	for (int i = 0; i < MODEL_SERVICES; i++) {
		place[i] = NOWHERE;
		if (!model->has_service[i])
			continue;
		ranked[count].service = i;
		ranked[count++].hash = model_hash(service_ns(i), service_name(i));
	}
	qsort(ranked, count, sizeof(ranked[0]), ranked_compare);
	for (size_t i = 0; i < count; i++) {
		for (int tried = 0; tried < model->slots; tried++) {
			uint64_t slots = (uint64_t)model->slots;
			size_t slot = (ranked[i].hash % slots + (size_t)tried) % slots;
			if (taken[slot])
				continue;
			taken[slot] = true;
			place[ranked[i].service] = (int)slot;
			break;
		}
	}
}

static struct ipaddr address_at(const struct ipprefix *prefix, int offset)
{
	struct ipaddr address = prefix->address;
	address.bytes[address.length - 1] =
		(uint8_t)(address.bytes[address.length - 1] + offset);
	return address;
}

static void model_told(void *context, const char *ns, const char *name)
{
	struct model *model = context;
	for (int i = 0; i < MODEL_SERVICES; i++) {
		if (strcmp(ns, service_ns(i)) == 0 && strcmp(name, service_name(i)) == 0)
			model->told[i]++;
	}
}

/* After a change: all stand where the model says, and exactly those were told that have
 * moved, but for `changed`. */
static void model_check(struct model *model, int changed)
{
	int place[MODEL_SERVICES];
	model_place(model, place);
	for (int i = 0; i < MODEL_SERVICES; i++) {
		struct ipaddr found;
		bool is_found = cidr_alloc_find(
			model->alloc, service_ns(i), service_name(i), &found);
		assert_int_equal(is_found, place[i] != NOWHERE);
		if (is_found) {
			struct ipaddr wanted = address_at(&model->prefix, place[i] + 2);
			assert_true(ipaddr_equal(&found, &wanted));
		}
		assert_int_equal(
			model->told[i], i != changed && place[i] != model->place[i]);
		model->told[i] = 0;
		model->place[i] = place[i];
	}
}

static void model_toggle_service(struct model *model, int service)
{
	const char *ns = service_ns(service), *name = service_name(service);
	model->has_service[service] = !model->has_service[service];
	if (model->has_service[service]) {
		enum err err = cidr_alloc_add(model->alloc, ns, name);
		int place[MODEL_SERVICES];
		model_place(model, place);
		assert_int_equal(err, place[service] == NOWHERE ? ERR_RANGE : ERR_NONE);
		assert_int_equal(cidr_alloc_add(model->alloc, ns, name), ERR_EXISTS);
	} else {
		cidr_alloc_remove(model->alloc, ns, name);
		cidr_alloc_remove(model->alloc, ns, name);
	}
	model_check(model, service);
}

static void model_change_address(struct model *model, int offset)
{
	struct ipaddr address = address_at(&model->prefix, offset);
	if (random_below(2)) {
		model->reserves[offset]++;
		assert_int_equal(cidr_alloc_reserve(model->alloc, &address), ERR_NONE);
	} else {
		model->reserves[offset] -= model->reserves[offset] > 0;
		cidr_alloc_release(model->alloc, &address);
	}
	model_check(model, -1);
}

static void model_init(struct model *model, const char *prefix, int slots)
{
	memset(model, 0, sizeof(*model));
	assert_int_equal(ipprefix_parse(prefix, &model->prefix), ERR_NONE);
	model->slots = slots;
	for (int i = 0; i < MODEL_SERVICES; i++)
		model->place[i] = NOWHERE;
	model->alloc = cidr_alloc_new(&model->prefix, model_told, model);
	assert_non_null(model->alloc);
}

static void every_history_ends_in_the_layout_of_its_sets(void **state)
{
	(void)state;
	static const struct {
		const char *prefix;
		int slots;
	} cases[] = {
		{"10.0.0.32/32", 0},
		{"10.0.0.32/31", 0},
		{"10.0.0.32/30", 1},
		{"10.0.0.32/29", 5},
		{"10.0.0.32/28", 13},
		{"10.0.0.32/27", 29},
		{"10.0.0.64/26", 61},
		{"10.0.1.0/24", 253},
		{"fd00::10/128", 0},
		{"fd00::10/127", 0},
		{"fd00::10/126", 2},
		{"fd00::10/124", 14},
		{"fd00::20/123", 30},
		{"fd00::/120", 254},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct model model;
		random_state = i;
		model_init(&model, cases[i].prefix, cases[i].slots);
		for (int step = 0; step < 1500; step++) {
			if (random_below(4))
				model_toggle_service(
					&model, (int)random_below(MODEL_SERVICES));
			else
				model_change_address(
					&model, (int)random_below(MODEL_ADDRESSES));
		}
		cidr_alloc_free(model.alloc);
	}
}

static void all_orders_of_arrival_give_the_same_addresses(void **state)
{
	(void)state;
	enum { SERVICES = 3000, ORDERS = 4 };
	struct ipprefix prefix;
	struct ipaddr *first = calloc(SERVICES, sizeof(*first));
	int *order = calloc(SERVICES, sizeof(*order));
	assert_int_equal(ipprefix_parse("10.96.0.0/20", &prefix), ERR_NONE);
	for (int i = 0; i < SERVICES; i++)
		order[i] = i;
	for (int round = 0; round < ORDERS; round++) {
		struct cidr_alloc *alloc = cidr_alloc_new(&prefix, NULL, NULL);
		for (unsigned i = SERVICES - 1; i > 0; i--) {
			unsigned j = random_below(i + 1);
			int swap = order[i];
			order[i] = order[j];
			order[j] = swap;
		}
		for (int i = 0; i < SERVICES; i++) {
			char name[16];
			snprintf(name, sizeof(name), "s%d", order[i]);
			assert_int_equal(cidr_alloc_add(alloc, "ns", name), ERR_NONE);
		}
		for (int i = 0; i < SERVICES; i++) {
			char name[16];
			struct ipaddr address;
			snprintf(name, sizeof(name), "s%d", i);
			assert_true(cidr_alloc_find(alloc, "ns", name, &address));
			if (round == 0)
				first[i] = address;
			assert_true(ipaddr_equal(&first[i], &address));
		}
		cidr_alloc_free(alloc);
	}
	free(first);
	free(order);
}

static void addresses_are_the_same_in_every_version(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *ns, *name, *address;
	} cases[] = {
		{"10.96.0.0/12", "default", "web", "10.107.198.39"},
		{"10.96.0.0/12", "kube-system", "kube-dns", "10.99.88.103"},
		{"10.0.0.0/24", "default", "web", "10.0.0.68"},
		{"10.0.0.0/30", "default", "web", "10.0.0.2"},
		{"0.0.0.0/0", "default", "web", "214.191.186.163"},
		{"fd00:10:96::/112", "default", "web", "fd00:10:96::3058"},
		{"fd00::/64", "default", "web", "fd00::d280:faee"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ipprefix prefix;
		struct ipaddr address;
		char text[IPADDR_TEXT_SIZE];
		assert_int_equal(ipprefix_parse(cases[i].prefix, &prefix), ERR_NONE);
		struct cidr_alloc *alloc = cidr_alloc_new(&prefix, NULL, NULL);
		assert_int_equal(
			cidr_alloc_add(alloc, cases[i].ns, cases[i].name), ERR_NONE);
		assert_true(cidr_alloc_find(alloc, cases[i].ns, cases[i].name, &address));
		assert_string_equal(ipaddr_format(&address, text), cases[i].address);
		assert_false(
			cidr_alloc_find(alloc, cases[i].name, cases[i].ns, &address));
		cidr_alloc_free(alloc);
	}
}

static void addresses_outside_of_the_slots_are_ignored(void **state)
{
	(void)state;
	static const char *const outside[] = {"10.0.0.0", "10.0.0.1", "10.0.0.3",
		"10.0.1.2", "0.0.0.2", "::ffff:10.0.0.2", "fd00::2"};
	struct ipprefix prefix;
	struct ipaddr address;
	assert_int_equal(ipprefix_parse("10.0.0.0/30", &prefix), ERR_NONE);
	struct cidr_alloc *alloc = cidr_alloc_new(&prefix, NULL, NULL);
	for (size_t i = 0; i < COUNT(outside); i++) {
		assert_int_equal(ipaddr_parse(outside[i], &address), ERR_NONE);
		assert_int_equal(cidr_alloc_reserve(alloc, &address), ERR_NONE);
	}
	assert_int_equal(cidr_alloc_add(alloc, "a", "b"), ERR_NONE);
	for (size_t i = 0; i < COUNT(outside); i++) {
		assert_int_equal(ipaddr_parse(outside[i], &address), ERR_NONE);
		cidr_alloc_release(alloc, &address);
	}
	assert_true(cidr_alloc_find(alloc, "a", "b", &address));
	assert_int_equal(address.bytes[3], 2);
	cidr_alloc_free(alloc);
}

static void of_a_large_range_only_the_first_addresses_are_slots(void **state)
{
	(void)state;
	struct ipprefix prefix;
	struct ipaddr address, again;
	assert_int_equal(ipprefix_parse("fd00::/48", &prefix), ERR_NONE);
	struct cidr_alloc *alloc = cidr_alloc_new(&prefix, NULL, NULL);
	assert_int_equal(cidr_alloc_add(alloc, "a", "b"), ERR_NONE);
	assert_true(cidr_alloc_find(alloc, "a", "b", &address));
	again = address;
	again.bytes[11] = 1;
	assert_int_equal(cidr_alloc_reserve(alloc, &again), ERR_NONE);
	assert_true(cidr_alloc_find(alloc, "a", "b", &again));
	assert_true(ipaddr_equal(&address, &again));
	assert_int_equal(cidr_alloc_reserve(alloc, &address), ERR_NONE);
	assert_true(cidr_alloc_find(alloc, "a", "b", &again));
	assert_false(ipaddr_equal(&address, &again));
	cidr_alloc_free(alloc);
}

static void reserve_with_failures(struct model *model, int offset)
{
	struct ipaddr address = address_at(&model->prefix, offset);
	enum err err = ERR_NOMEM;
	for (int left = 1; err; left++) {
		allocations_left = left;
		err = cidr_alloc_reserve(model->alloc, &address);
		allocations_left = -1;
		model->reserves[offset] += !err;
		model_check(model, -1);
	}
}

static void add_with_failures(struct model *model, int service)
{
	enum err err = ERR_NOMEM;
	for (int left = 1; err == ERR_NOMEM; left++) {
		allocations_left = left;
		err = cidr_alloc_add(
			model->alloc, service_ns(service), service_name(service));
		allocations_left = -1;
		model->has_service[service] = err != ERR_NOMEM;
		model_check(model, service);
	}
}

static void a_failed_allocation_changes_nothing(void **state)
{
	(void)state;
	struct model model;
	model_init(&model, "10.0.0.32/28", 13);
	for (int i = 0; i < MODEL_SERVICES; i++) {
		add_with_failures(&model, i);
		if (i % 4 == 0)
			reserve_with_failures(&model, 2 + i / 4);
	}
	cidr_alloc_free(model.alloc);

	struct ipprefix prefix = model.prefix;
	for (allocations_left = 1; allocations_left <= 3; allocations_left++) {
		int left = allocations_left;
		assert_null(cidr_alloc_new(&prefix, NULL, NULL));
		allocations_left = left;
	}
	allocations_left = -1;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_history_ends_in_the_layout_of_its_sets),
		cmocka_unit_test(all_orders_of_arrival_give_the_same_addresses),
		cmocka_unit_test(addresses_are_the_same_in_every_version),
		cmocka_unit_test(addresses_outside_of_the_slots_are_ignored),
		cmocka_unit_test(of_a_large_range_only_the_first_addresses_are_slots),
		cmocka_unit_test(a_failed_allocation_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
