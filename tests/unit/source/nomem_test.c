/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/failing_malloc.h"
#include "zones/source/manifest.h"

/* No recording here: it would allocate too. */

enum { OBJECTS = 4 };

struct counting_sink {
	unsigned seen; /* a bit for each namespace */
	unsigned commits;
};

static void count_upsert(void *context, const struct object *object)
{
	struct counting_sink *counting = context;
	counting->seen |= 1u << (object->name[0] - 'a');
}

static void count_remove(
	void *context, enum object_kind kind, const char *ns, const char *name)
{
	struct counting_sink *counting = context;
	(void)kind;
	(void)ns;
	counting->seen &= ~(1u << (name[0] - 'a'));
}

static void count_commit(void *context)
{
	((struct counting_sink *)context)->commits++;
}

static void count_synced(void *context, bool is_synced)
{
	(void)context;
	(void)is_synced;
}

static void count_report(void *context, const struct diag_list *problems)
{
	(void)context;
	(void)problems;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define YAML(name)                                                                       \
	"{apiVersion: v1, kind: Namespace, metadata: &m {name: " name                    \
	", labels: {a: b}}}\n"                                                           \
	"---\n"

/* Loads with the n-th allocation failing, then once more with all that is needed. False:
 * there was no n-th allocation. */
static bool load_twice(size_t n)
{
	static const char *const folders[] = {"m"};
	struct counting_sink counting = {0};
	const struct source_sink sink = {
		.context = &counting,
		.upsert = count_upsert,
		.remove = count_remove,
		.commit = count_commit,
		.synced = count_synced,
		.report = count_report,
	};
	failing_malloc_arm(n);
	struct manifest_source *source = manifest_source_new(folders, 1, &sink);
	enum err err = source ? manifest_source_load(source) : ERR_NOMEM;
	bool has_failed = failing_malloc_disarm();
	if (!source)
		return has_failed;
	if (err) {
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(counting.commits, 0);
		assert_int_equal(manifest_source_load(source), ERR_NONE);
	}
	assert_int_equal(counting.seen, (1u << OBJECTS) - 1);
	assert_int_equal(counting.commits, 1);
	manifest_source_free(source);
	return has_failed;
}

static void each_allocation_may_fail_once_and_nothing_is_lost(void **state)
{
	(void)state;
	char folder[] = "/tmp/nomem_test.XXXXXX";
	char *here = getcwd(NULL, 0);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("m", 0755), 0);
	assert_int_equal(mkdir("m/sub", 0755), 0);
	write_file("m/1.yaml", YAML("a") YAML("b") YAML("Invalid"));
	write_file("m/2.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\","
			       "\"metadata\": {\"name\": \"c\"}}");
	write_file("m/3.json", "{\"broken");
	write_file("m/sub/4.yaml", YAML("d") YAML("a"));
	size_t n = 1;
	while (load_twice(n))
		n++;
	assert_true(n > OBJECTS);
	unlink("m/1.yaml");
	unlink("m/2.json");
	unlink("m/3.json");
	unlink("m/sub/4.yaml");
	rmdir("m/sub");
	rmdir("m");
	assert_int_equal(chdir(here), 0);
	rmdir(folder);
	free(here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_may_fail_once_and_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
