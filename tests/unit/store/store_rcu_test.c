/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "server/wire/message.h"
#include "zones/store/reader.h"
#include "zones/store/store_write.h"

/*
 * Readers that never wait while the writer replaces, removes, grows and reclaims. Each
 * answer that a reader sees is one whole version of its name: `version` address records
 * that all hold the version, and an SRV set whose targets hold it too.
 */

enum { READERS = 2, NAMES = 40, ROUNDS = 100, EXTRA = 2000, VERSIONS = 9 };

struct shared {
	struct store *store;
	atomic_bool is_over;
	atomic_uint ready;
	struct dname names[NAMES];
};

struct reader {
	struct shared *shared;
	pthread_t thread;
	const char *failure; /* NULL: all was well */
	size_t found, missed;
};

static const char *check_srv(const struct answer_set *set, uint8_t version)
{
	const struct rrset *rrset = answer_set_find(set, TYPE_SRV);
	if (!rrset || rrset->count != 1)
		return "no SRV";
	const struct srv_data *data = (const void *)rrset->data;
	const struct srv_group *group = (const void *)(data + 1);
	if (data->weight != version || group->port_count != 1 ||
		group->ports[0] != version || group->target_count != version ||
		data->targets->count != version)
		return "an SRV of another version";
	for (uint32_t i = 0; i < version; i++) {
		struct target target = targets_get(data->targets, i);
		if (target.ipv4_count != 1 || target.ipv4[3] != version ||
			memcmp(target.label, "\1t", 2) != 0)
			return "a target of another version";
	}
	return NULL;
}

static const char *check_set(
	const struct store *store, const struct answer_set *set, const struct dname *name)
{
	struct dname owner;
	answer_set_owner(store, set, &owner);
	if (!dname_equal(&owner, name))
		return "another name";
	const struct rrset *rrset = answer_set_find(set, TYPE_A);
	if (!rrset)
		return "no addresses";
	uint8_t version = rrset->data[15];
	if (!version || version > VERSIONS || rrset->count != version ||
		rrset->size != version * 16u)
		return "a wrong number of addresses";
	for (unsigned i = 0; i < version; i++)
		if (rrset->data[i * 16 + 15] != version || rrset->data[i * 16 + 14] != i)
			return "an address of another version";
	return check_srv(set, version);
}

static void read_once(struct reader *reader)
{
	struct shared *shared = reader->shared;
	const struct answer_set *sets[NAMES];
	store_read_lock();
	for (unsigned i = 0; i < NAMES; i++)
		sets[i] = store_find_name(shared->store, &shared->names[i]);
	for (unsigned i = 0; i < NAMES && !reader->failure; i++) {
		if (sets[i])
			reader->failure =
				check_set(shared->store, sets[i], &shared->names[i]);
		reader->found += !!sets[i];
		reader->missed += !sets[i];
	}
	/* Name 0 is replaced and never removed. */
	if (!sets[0])
		reader->failure = "name 0 is not there";
	store_read_unlock();
}

static void *reader_run(void *context)
{
	struct reader *reader = context;
	store_reader_register();
	atomic_fetch_add(&reader->shared->ready, 1);
	while (!atomic_load(&reader->shared->is_over) && !reader->failure)
		read_once(reader);
	store_reader_unregister();
	return NULL;
}

struct writer {
	struct store *store;
	struct answer_builder *builder;
	struct targets_builder *targets;
};

static void put(struct writer *writer, const struct dname *name, uint8_t version)
{
	uint8_t address[] = {10, 0, 0, version};
	const uint16_t port = version;
	targets_reset(writer->targets);
	for (unsigned i = 0; i < version; i++)
		targets_add(writer->targets, "t", 1,
			&(struct target_addresses){address, 1, NULL, 0});
	struct targets *targets = targets_finish(writer->targets, NULL);
	assert_non_null(targets);
	answer_begin(writer->builder, name, 0);
	for (uint8_t i = 0; i < version; i++) {
		address[2] = i;
		answer_add(writer->builder, TYPE_A, 5, address, sizeof(address));
	}
	answer_begin_srv(writer->builder, targets, version, 5, 0);
	answer_add_srv_group(writer->builder, 0, version, true, &port, 1);
	assert_int_equal(store_put(writer->store, writer->builder), ERR_NONE);
	targets_unref(targets);
}

/* Grows the table, and fills it with names that are gone. */
static void churn(struct writer *writer, unsigned round)
{
	for (unsigned i = 0; i < EXTRA / ROUNDS + 1; i++) {
		char text[64];
		struct dname name;
		snprintf(text, sizeof(text), "e%u.x%u.c.l", i, round);
		assert_int_equal(dname_from_text(text, &name), ERR_NONE);
		put(writer, &name, 1);
		if (round % 3)
			assert_int_equal(store_remove(writer->store, &name), ERR_NONE);
	}
}

static void write_all(struct writer *writer, const struct shared *shared)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < NAMES; i++) {
			const struct dname *name = &shared->names[i];
			if (i && (i + round) % 5 == 0)
				assert_int_equal(
					store_remove(writer->store, name), ERR_NONE);
			else
				put(writer, name, (uint8_t)(1 + (i + round) % VERSIONS));
		}
		churn(writer, round);
		store_commit(writer->store);
		if (round % 2)
			store_reclaim(writer->store);
		sched_yield();
	}
}

static void readers_see_whole_versions_while_the_writer_writes(void **state)
{
	(void)state;
	static const struct hash_key key = {5, 6};
	static struct shared shared;
	struct store_zone zone = {.ttl_s = 5};
	assert_int_equal(dname_from_text("c.l", &zone.name), ERR_NONE);
	shared.store = store_new(&key, &zone, 1);
	struct writer writer = {
		shared.store, answer_builder_new(shared.store), targets_builder_new()};
	assert_true(writer.store && writer.builder && writer.targets);
	for (unsigned i = 0; i < NAMES; i++) {
		char text[64];
		snprintf(text, sizeof(text), "n%u.c.l", i);
		assert_int_equal(dname_from_text(text, &shared.names[i]), ERR_NONE);
	}
	put(&writer, &shared.names[0], 1);
	struct reader readers[READERS] = {0};
	for (unsigned i = 0; i < READERS; i++) {
		readers[i].shared = &shared;
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]),
			0);
	}
	while (atomic_load(&shared.ready) < READERS)
		sched_yield();
	write_all(&writer, &shared);
	atomic_store(&shared.is_over, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		if (readers[i].failure)
			fail_msg("reader %u saw %s", i, readers[i].failure);
		assert_true(readers[i].found > 0);
	}
	answer_builder_free(writer.builder);
	targets_builder_free(writer.targets);
	store_free(shared.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_see_whole_versions_while_the_writer_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
