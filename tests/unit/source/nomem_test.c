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
	unsigned fails_at; /* this call has no memory, counted from 1; 0: none */
};

static bool counting_fails(struct counting_sink *counting)
{
	return counting->fails_at && !--counting->fails_at;
}

static enum err count_upsert(void *context, const struct object *object)
{
	struct counting_sink *counting = context;
	if (counting_fails(counting))
		return ERR_NOMEM;
	counting->seen |= 1u << (object->name[0] - 'a');
	return ERR_NONE;
}

static enum err count_remove(
	void *context, enum object_kind kind, const char *ns, const char *name)
{
	struct counting_sink *counting = context;
	(void)kind;
	(void)ns;
	if (counting_fails(counting))
		return ERR_NOMEM;
	counting->seen &= ~(1u << (name[0] - 'a'));
	return ERR_NONE;
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

static const char *const folders[] = {"m"};

static struct source_sink counting_sink(struct counting_sink *counting)
{
	return (struct source_sink){
		.context = counting,
		.upsert = count_upsert,
		.remove = count_remove,
		.commit = count_commit,
		.synced = count_synced,
		.report = count_report,
	};
}

/* Loads with the n-th allocation failing, then once more with all that is needed. False:
 * there was no n-th allocation. */
static bool load_twice(size_t n)
{
	struct counting_sink counting = {0};
	const struct source_sink sink = counting_sink(&counting);
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

static char *here;
static char folder[] = "/tmp/nomem_test.XXXXXX";

static int files_make(void **state)
{
	(void)state;
	here = getcwd(NULL, 0);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("m", 0755), 0);
	assert_int_equal(mkdir("m/sub", 0755), 0);
	write_file("m/1.yaml", YAML("a") YAML("b") YAML("Invalid"));
	write_file("m/2.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\","
			       "\"metadata\": {\"name\": \"c\"}}");
	write_file("m/3.json", "{\"broken");
	write_file("m/sub/4.yaml", YAML("d") YAML("a"));
	return 0;
}

static int files_remove(void **state)
{
	(void)state;
	unlink("m/1.yaml");
	unlink("m/2.json");
	unlink("m/3.json");
	unlink("m/sub/4.yaml");
	rmdir("m/sub");
	rmdir("m");
	assert_int_equal(chdir(here), 0);
	rmdir(folder);
	free(here);
	return 0;
}

static void each_allocation_may_fail_once_and_nothing_is_lost(void **state)
{
	(void)state;
	size_t n = 1;
	while (load_twice(n))
		n++;
	assert_true(n > OBJECTS);
}

static enum err load_failing(
	struct manifest_source *source, struct counting_sink *counting, unsigned fails_at)
{
	counting->fails_at = fails_at;
	enum err err = manifest_source_load(source);
	bool has_failed = fails_at && !counting->fails_at;
	counting->fails_at = 0;
	assert_int_equal(err, has_failed ? ERR_NOMEM : ERR_NONE);
	return err;
}

/* Then everything is delivered once more, and what was to go goes. */
static void what_the_sink_has_no_memory_for_comes_again(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= OBJECTS; n++) {
		struct counting_sink counting = {0};
		const struct source_sink sink = counting_sink(&counting);
		struct manifest_source *source = manifest_source_new(folders, 1, &sink);
		assert_non_null(source);
		assert_int_equal(load_failing(source, &counting, n), ERR_NOMEM);
		assert_int_equal(load_failing(source, &counting, 0), ERR_NONE);
		assert_int_equal(counting.seen, (1u << OBJECTS) - 1);
		manifest_source_free(source);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_may_fail_once_and_nothing_is_lost),
		cmocka_unit_test(what_the_sink_has_no_memory_for_comes_again),
	};
	return cmocka_run_group_tests(tests, files_make, files_remove);
}
