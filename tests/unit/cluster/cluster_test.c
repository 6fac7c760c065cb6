/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"
#include "zones/registry/registry.h"
#include "zones/source/manifest.h"
#include "zones/store/store_write.h"

/* --- a source that delivers what a test wants --- */

struct manifest_source {
	struct source_sink sink;
};

static struct manifest_source *fake; /* of the cluster at hand */
static const char *const *load_lines;

static void deliver(const char *const *lines)
{
	for (; *lines; lines++) {
		struct arena arena;
		arena_init(&arena, 1024);
		struct object object;
		bool is_removal = **lines == '-';
		object_from_text(*lines + is_removal, &arena, &object);
		if (is_removal)
			fake->sink.remove(
				fake->sink.context, object.kind, object.ns, object.name);
		else
			fake->sink.upsert(fake->sink.context, &object);
		arena_deinit(&arena);
	}
}

struct manifest_source *manifest_source_new(
	const char *const *folders, size_t count, const struct source_sink *sink)
{
	assert_int_equal(count, 1);
	assert_string_equal(folders[0], "folder");
	fake = calloc(1, sizeof(*fake));
	if (fake)
		fake->sink = *sink;
	return fake;
}

void manifest_source_free(struct manifest_source *source)
{
	free(source);
}

const struct manifest_counters *manifest_source_counters(
	const struct manifest_source *source)
{
	static const struct manifest_counters none;
	(void)source;
	return &none;
}

enum err manifest_source_load(struct manifest_source *source)
{
	deliver(load_lines);
	source->sink.commit(source->sink.context);
	source->sink.synced(source->sink.context, true);
	return ERR_NONE;
}

enum err manifest_source_watch(struct manifest_source *source, struct event_base *base)
{
	(void)source;
	(void)base;
	return ERR_NONE;
}

/* --- the cluster --- */

static const struct hash_key KEY = {9, 9};

static unsigned reported;

static void count_problems(void *context, const struct diag_list *problems)
{
	(void)context;
	reported += (unsigned)problems->count;
}

static struct cluster *cluster_begin(void)
{
	static const char *const folders[] = {"folder"};
	static struct dname zones[3];
	static const char *const texts[] = {"10.in-addr.arpa", "c.l", "x"};
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(dname_from_text(texts[i], &zones[i]), ERR_NONE);
	const struct cluster_options options = {
		.zones = zones,
		.zone_count = 3,
		.ttl_s = 5,
		.labels = "keep!=no",
		.manifests = folders,
		.manifest_count = 1,
	};
	const struct cluster_report report = {NULL, count_problems};
	reported = 0;
	return cluster_new(&options, &KEY, &report);
}

static const struct answer_set *get(const struct cluster *cluster, const char *text)
{
	struct dname name;
	assert_int_equal(dname_from_text(text, &name), ERR_NONE);
	return store_find_name(cluster_store(cluster), &name);
}

static void commit(void)
{
	fake->sink.commit(fake->sink.context);
}

static void what_the_source_delivers_is_answered(void **state)
{
	(void)state;
	static const char *const lines[] = {"service default/web 10.0.0.1",
		"service default/out 10.0.0.2 l=keep:no", "service default/late", NULL};
	struct cluster *cluster = cluster_begin();
	assert_non_null(cluster);
	assert_false(store_is_synced(cluster_store(cluster)));
	load_lines = lines;
	assert_int_equal(cluster_start(cluster, NULL, true), ERR_NONE);
	assert_true(store_is_synced(cluster_store(cluster)));
	assert_non_null(get(cluster, "web.default.svc.c.l"));
	assert_non_null(get(cluster, "web.default.svc.x"));
	assert_null(get(cluster, "out.default.svc.c.l"));
	assert_null(get(cluster, "late.default.svc.c.l"));
	/* The primary zone is the first that is no reverse zone. */
	const struct answer_set *set = get(cluster, "1.0.0.10.in-addr.arpa");
	assert_non_null(set);
	struct dname target;
	uint32_t offset = 0;
	assert_true(names_next(cluster_store(cluster), answer_set_find(set, TYPE_PTR),
		&offset, &target));
	assert_int_equal(target.length, 21);
	assert_memory_equal(target.bytes, "\3web\7default\3svc\1c\1l", 21);
	assert_int_equal(registry_count(cluster_registry(cluster), OBJECT_SERVICE), 2);
	assert_int_equal(reported, 1); /* of "late", which has no address */
	assert_int_equal(cluster_counters(cluster)->problems, 1);
	assert_int_equal(cluster_counters(cluster)->published, 1);

	deliver((const char *const[]){"-service default/web", NULL});
	assert_non_null(get(cluster, "web.default.svc.c.l"));
	commit();
	assert_null(get(cluster, "web.default.svc.c.l"));
	assert_int_equal(cluster_counters(cluster)->published, 2);
	commit();
	assert_int_equal(cluster_counters(cluster)->commits, 3);
	assert_int_equal(cluster_counters(cluster)->published, 2);
	cluster_reclaim(cluster);
	cluster_free(cluster);
}

static void a_batch_without_memory_is_published_later(void **state)
{
	(void)state;
	static const char *const lines[] = {NULL};
	struct cluster *cluster = cluster_begin();
	assert_non_null(cluster);
	load_lines = lines;
	assert_int_equal(cluster_start(cluster, NULL, true), ERR_NONE);
	uint64_t failed = 0;
	for (size_t n = 1;; n++) {
		const char *line =
			n % 2 ? "service default/web 10.0.0.1" : "-service default/web";
		deliver((const char *const[]){line, NULL});
		failing_malloc_arm(n);
		commit();
		bool has_failed = failing_malloc_disarm();
		/* Where no memory is no failure, the store waits for its readers. */
		bool is_left = cluster_counters(cluster)->failed > failed;
		failed = cluster_counters(cluster)->failed;
		assert_true(has_failed || !is_left);
		cluster_reclaim(cluster);
		assert_int_equal(!!get(cluster, "web.default.svc.c.l"), n % 2);
		assert_int_equal(!!get(cluster, "1.0.0.10.in-addr.arpa"), n % 2);
		if (!has_failed)
			break;
	}
	cluster_free(cluster);
}

static void without_memory_there_is_no_cluster(void **state)
{
	(void)state;
	struct cluster *cluster = NULL;
	for (size_t n = 1; !cluster; n++) {
		failing_malloc_arm(n);
		cluster = cluster_begin();
		assert_int_equal(failing_malloc_disarm(), !cluster);
	}
	cluster_free(cluster);
	cluster_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_source_delivers_is_answered),
		cmocka_unit_test(a_batch_without_memory_is_published_later),
		cmocka_unit_test(without_memory_there_is_no_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
