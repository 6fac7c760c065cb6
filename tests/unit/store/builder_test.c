/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "tests/support/failing_malloc.h"
#include "zones/store/store_write.h"

struct fixture {
	struct store *store;
	struct answer_builder *builder;
	struct targets_builder *targets;
};

static struct dname name_of(const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return name;
}

static int setup(void **state)
{
	static const struct hash_key key = {3, 4};
	static struct fixture fixture;
	const struct store_zone zone = {.name = name_of("c.l"), .ttl_s = 5};
	fixture.store = store_new(&key, &zone, 1);
	fixture.builder = answer_builder_new(fixture.store);
	fixture.targets = targets_builder_new();
	*state = &fixture;
	return !fixture.store || !fixture.builder || !fixture.targets;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	answer_builder_free(fixture->builder);
	targets_builder_free(fixture->targets);
	store_free(fixture->store);
	return 0;
}

static void add_targets(struct fixture *fixture, uint8_t last)
{
	const uint8_t ipv4[] = {10, 0, 0, 1, 10, 0, 0, last};
	uint8_t ipv6[16] = {0xfd, [15] = last};
	targets_reset(fixture->targets);
	targets_add(
		fixture->targets, "one", 3, &(struct target_addresses){ipv4, 2, ipv6, 1});
	targets_add(
		fixture->targets, "", 0, &(struct target_addresses){ipv4, 0, ipv6, 0});
	targets_add(fixture->targets, "three", 5,
		&(struct target_addresses){ipv4, 0, ipv6, 1});
}

static struct targets *make_targets(
	struct fixture *fixture, uint8_t last, const struct targets *previous)
{
	add_targets(fixture, last);
	struct targets *targets = targets_finish(fixture->targets, previous);
	assert_non_null(targets);
	return targets;
}

static void put_srv(struct fixture *fixture, const char *text, struct targets *targets)
{
	static const uint16_t ports[] = {80, 443, 8080};
	static const uint8_t address[] = {10, 0, 0, 1};
	struct dname name = name_of(text);
	answer_begin(fixture->builder, &name, 0);
	answer_add(fixture->builder, TYPE_A, 5, address, sizeof(address));
	answer_begin_srv(fixture->builder, targets, 33, 5, 4);
	answer_add_srv_group(fixture->builder, 0, 2, true, ports, 3);
	answer_add_srv_group(fixture->builder, 2, 1, false, ports + 1, 2);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static const struct srv_data *get_srv(const struct fixture *fixture, const char *text)
{
	struct dname name = name_of(text);
	const struct answer_set *set = store_find_name(fixture->store, &name);
	assert_non_null(set);
	const struct rrset *rrset = answer_set_find(set, TYPE_SRV);
	assert_non_null(rrset);
	assert_int_equal(rrset->count, 2);
	return (const void *)rrset->data;
}

static void take(struct fixture *fixture, const char *text)
{
	struct dname name = name_of(text);
	assert_int_equal(store_remove(fixture->store, &name), ERR_NONE);
}

static void targets_are_read_back_as_they_were_added(void **state)
{
	struct fixture *fixture = *state;
	struct targets *targets = make_targets(fixture, 2, NULL);
	assert_int_equal(targets->count, 3);
	struct target one = targets_get(targets, 0);
	assert_memory_equal(one.label, "\3one", 4);
	assert_int_equal(one.ipv4_count, 2);
	assert_int_equal(one.ipv6_count, 1);
	assert_memory_equal(one.ipv4, "\x0a\0\0\1\x0a\0\0\2", 8);
	assert_int_equal(one.ipv6[0], 0xfd);
	struct target two = targets_get(targets, 1);
	assert_int_equal(two.label[0], 0);
	assert_int_equal(two.ipv4_count + two.ipv6_count, 0);
	struct target three = targets_get(targets, 2);
	assert_memory_equal(three.label, "\5three", 6);
	assert_int_equal(three.ipv6[15], 2);
	targets_unref(targets);
}

static void equal_targets_are_the_same_table(void **state)
{
	struct fixture *fixture = *state;
	struct targets *first = make_targets(fixture, 2, NULL);
	assert_int_equal(first->references, 1);
	struct targets *same = make_targets(fixture, 2, first);
	assert_ptr_equal(same, first);
	assert_int_equal(first->references, 2);
	struct targets *other = make_targets(fixture, 3, first);
	assert_ptr_not_equal(other, first);
	assert_int_equal(other->references, 1);
	targets_unref(same);
	targets_unref(first);
	targets_unref(other);
	targets_unref(NULL);
}

static void an_answer_set_keeps_its_srv_groups_and_weight(void **state)
{
	struct fixture *fixture = *state;
	struct targets *targets = make_targets(fixture, 2, NULL);
	put_srv(fixture, "web.c.l", targets);
	const struct srv_data *data = get_srv(fixture, "web.c.l");
	assert_ptr_equal(data->targets, targets);
	assert_int_equal(data->weight, 33);
	assert_int_equal(data->ttl_s, 5);
	assert_int_equal(data->skip, 4);
	const struct srv_group *group = (const void *)(data + 1);
	assert_int_equal(group->target_count, 2);
	assert_int_equal(group->port_count, 3);
	assert_int_equal(group->ports[2], 8080);
	group = srv_group_next(group);
	assert_int_equal(group->first, 2);
	assert_false(group->has_additional);
	assert_int_equal(group->port_count, 2);
	assert_int_equal(group->ports[1], 8080);
	targets_unref(targets);
}

static void a_set_holds_its_targets_until_it_is_freed(void **state)
{
	struct fixture *fixture = *state;
	struct targets *targets = make_targets(fixture, 2, NULL);
	put_srv(fixture, "web.c.l", targets);
	put_srv(fixture, "a.web.c.l", targets);
	assert_int_equal(targets->references, 3);
	put_srv(fixture, "web.c.l", targets);
	assert_int_equal(targets->references, 3);
	take(fixture, "a.web.c.l");
	assert_int_equal(targets->references, 3);
	store_reclaim(fixture->store);
	assert_int_equal(targets->references, 2);

	struct targets *next = make_targets(fixture, 9, targets);
	put_srv(fixture, "web.c.l", next);
	targets_unref(next);
	assert_ptr_equal(get_srv(fixture, "web.c.l")->targets, next);
	store_reclaim(fixture->store);
	assert_int_equal(targets->references, 1);
	targets_unref(targets);
}

static void rebuilding_equal_srv_records_publishes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct targets *targets = make_targets(fixture, 2, NULL);
	put_srv(fixture, "web.c.l", targets);
	targets_unref(targets);
	assert_true(store_commit(fixture->store));
	targets = make_targets(fixture, 2, get_srv(fixture, "web.c.l")->targets);
	put_srv(fixture, "web.c.l", targets);
	targets_unref(targets);
	assert_false(store_commit(fixture->store));
	assert_int_equal(store_retired(fixture->store), 0);
}

static void names_and_srv_of_one_target_keep_what_they_were_given(void **state)
{
	struct fixture *fixture = *state;
	static const uint16_t ports[] = {80, 443, 53};
	static const uint8_t ipv4[] = {10, 0, 0, 1, 10, 0, 0, 2}, ipv6[16] = {0xfd};
	static const char *const targets[] = {"a.web.c.l", "c.l", "web.c.l"};
	struct dname name = name_of("web.c.l"), found;
	answer_begin(fixture->builder, &name, 0);
	for (size_t i = 0; i < 3; i++) {
		struct dname target = name_of(targets[i]);
		answer_add_name(fixture->builder, TYPE_PTR, 0, &target);
	}
	answer_add_one_srv(fixture->builder, 33, 4, ports, 3,
		&(struct target_addresses){ipv4, 2, ipv6, 1});
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);

	const struct answer_set *set = store_find_name(fixture->store, &name);
	const struct rrset *ptr = answer_set_find(set, TYPE_PTR);
	assert_int_equal(ptr->form, RRSET_NAMES);
	assert_int_equal(ptr->count, 3);
	uint32_t offset = 0;
	for (size_t i = 0; i < 3; i++) {
		assert_true(names_next(fixture->store, ptr, &offset, &found));
		struct dname target = name_of(targets[i]);
		assert_true(dname_equal(&found, &target));
	}
	assert_false(names_next(fixture->store, ptr, &offset, &found));
	const struct rrset *srv = answer_set_next(set, ptr);
	assert_int_equal(srv->form, RRSET_ONE);
	assert_int_equal(srv->count, 3);
	const struct srv_one *one = (const void *)srv->data;
	assert_int_equal(one->weight, 33);
	assert_int_equal(one->skip, 4);
	assert_int_equal(one->ipv4_count, 2);
	assert_int_equal(one->ipv6_count, 1);
	assert_memory_equal(one->ports, ports, sizeof(ports));
	const uint8_t *octets = (const uint8_t *)(one->ports + 3);
	assert_memory_equal(octets, ipv4, sizeof(ipv4));
	assert_memory_equal(octets + sizeof(ipv4), ipv6, sizeof(ipv6));
	assert_int_equal(srv->size, sizeof(*one) + sizeof(ports) + 8 + 16);
	assert_null(answer_set_next(set, srv));
}

/* The builder grows while it goes, which moves what was begun. */
static void a_builder_holds_many_records_of_several_types(void **state)
{
	struct fixture *fixture = *state;
	struct dname name = name_of("web.c.l");
	uint8_t bytes[16] = {0};
	answer_begin(fixture->builder, &name, 0);
	for (unsigned i = 0; i < 3000; i++) {
		bytes[2] = (uint8_t)(i >> 8);
		bytes[3] = (uint8_t)i;
		answer_add(fixture->builder, TYPE_A, 30, bytes, 4);
	}
	answer_add(fixture->builder, TYPE_AAAA, 0x01020304, bytes, 16);
	answer_add(fixture->builder, TYPE_TXT, 7, "\2hi", 3);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);

	const struct answer_set *set = store_find_name(fixture->store, &name);
	assert_int_equal(set->rrset_count, 3);
	const struct rrset *a = answer_set_find(set, TYPE_A);
	assert_int_equal(a->count, 3000);
	assert_int_equal(a->size, 3000 * 16);
	assert_memory_equal(a->data + 2999 * 16 + 12, "\0\0\x0b\xb7", 4);
	const struct rrset *aaaa = answer_set_next(set, a);
	assert_int_equal(aaaa->type, TYPE_AAAA);
	assert_memory_equal(aaaa->data, "\xc0\x0c\0\x1c\0\1\1\2\3\4\0\x10", 12);
	const struct rrset *txt = answer_set_next(set, aaaa);
	assert_memory_equal(txt->data, "\xc0\x0c\0\x10\0\1\0\0\0\7\0\3\2hi", 15);
	assert_int_equal(canned_size(txt->data), 15);
	assert_null(answer_set_next(set, txt));
}

static void memory_that_lacked_sticks_until_the_next_name(void **state)
{
	(void)state;
	struct fixture *fixture = *state;
	struct dname name = name_of("web.c.l");
	uint8_t bytes[4096] = {0};
	answer_begin(fixture->builder, &name, 0);
	failing_malloc_arm(1);
	answer_add(fixture->builder, TYPE_TXT, 5, bytes, sizeof(bytes));
	assert_true(failing_malloc_disarm());
	answer_add(fixture->builder, TYPE_A, 5, bytes, 4);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NOMEM);
	assert_null(store_find_name(fixture->store, &name));
	answer_begin(fixture->builder, &name, 0);
	answer_add(fixture->builder, TYPE_A, 5, bytes, 4);
	assert_int_equal(store_put(fixture->store, fixture->builder), ERR_NONE);
}

static void targets_without_memory_are_none(void **state)
{
	struct fixture *fixture = *state;
	struct targets *targets = NULL;
	for (size_t n = 1; !targets; n++) {
		failing_malloc_arm(n);
		add_targets(fixture, 2);
		targets = targets_finish(fixture->targets, NULL);
		assert_int_equal(failing_malloc_disarm(), !targets);
	}
	targets_unref(targets);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(targets_are_read_back_as_they_were_added),
		WITH_STORE(equal_targets_are_the_same_table),
		WITH_STORE(an_answer_set_keeps_its_srv_groups_and_weight),
		WITH_STORE(a_set_holds_its_targets_until_it_is_freed),
		WITH_STORE(rebuilding_equal_srv_records_publishes_nothing),
		WITH_STORE(names_and_srv_of_one_target_keep_what_they_were_given),
		WITH_STORE(a_builder_holds_many_records_of_several_types),
		WITH_STORE(memory_that_lacked_sticks_until_the_next_name),
		WITH_STORE(targets_without_memory_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
