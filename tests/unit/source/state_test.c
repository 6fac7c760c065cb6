/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"
#include "tests/support/recording_sink.h"
#include "zones/registry/registry.h"
#include "zones/registry/selector.h"
#include "zones/source/state.h"

static const struct hash_key KEY = {1, 2};
static const char PATH[] = "state";
static const char SCOPE[] = "labels=a";

static const char *const all[] = {
	"namespace shop",
	"service shop/cart 10.96.0.1 fd00::1 prefer v4 v6 s=app:cart p=http:80>8080",
	"service shop/db headless publish p=pg/udp:5432>pg p=x/sctp:9",
	"service shop/out e=example.org.",
	"service shop/empty",
	"slice shop/cart-1 of=cart p=http:8080 10.1.0.1,10.1.0.2@cart-0#cart-0 !10.1.0.3",
	"slice shop/any of=cart p=:-1 fd00::2",
	"slice shop/none of=cart",
	"endpoints shop/db p=pg:5432 10.1.0.9#db-0 -- p=x:1 !10.1.0.8",
	"pod shop/cart-0 10.1.0.1 fd00::9 ready host=h sub=s l=app:cart p=http:8080",
	"pod shop/gone 10.1.0.7 finished",
};
enum { ALL = sizeof(all) / sizeof(all[0]) };

static char folder[64];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "%s/waymark-state-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(folder));
	return chdir(folder);
}

static int teardown(void **state)
{
	(void)state;
	unlink(PATH);
	unlink("state.new");
	return chdir("/") || rmdir(folder);
}

/* --- a registry to be saved --- */

static enum err observe(void *context, const struct registry_service *service)
{
	(void)context;
	(void)service;
	return ERR_NONE;
}

static struct registry *registry_made(
	const char *const *lines, size_t count, bool holds_imports)
{
	const struct registry_options options = {
		.key = &KEY, .keeps_pod_names = true, .holds_imports = holds_imports};
	const struct registry_observer observer = {NULL, observe};
	struct registry *registry = registry_new(&options, &observer);
	assert_non_null(registry);
	struct arena arena;
	struct diag_list problems;
	arena_init(&arena, 1024);
	diag_list_init(&problems);
	for (size_t i = 0; i < count; i++) {
		struct object object;
		object_from_text(lines[i], &arena, &object);
		assert_int_equal(registry_put(registry, &object, &problems), ERR_NONE);
	}
	diag_list_deinit(&problems);
	arena_deinit(&arena);
	return registry;
}

static struct registry *registry_of(const char *const *lines, size_t count)
{
	return registry_made(lines, count, false);
}

static enum err save_both(const struct registry *services, const struct registry *imports)
{
	const struct state_registries from = {services, imports};
	struct state_saver *saver = state_saver_new(PATH, SCOPE);
	if (!saver)
		return ERR_NOMEM;
	bool is_busy;
	enum err err = state_saver_save(saver, &from, &is_busy);
	int reason = errno;
	assert_false(is_busy);
	state_saver_free(saver);
	errno = reason;
	return err;
}

static enum err save(const struct registry *registry)
{
	return save_both(registry, NULL);
}

static void save_lines(const char *const *lines, size_t count)
{
	struct registry *registry = registry_of(lines, count);
	assert_int_equal(save(registry), ERR_NONE);
	registry_free(registry);
}

enum { PROBLEM_SIZE = 256 };

/* Loads; the text of what was wrong, "": nothing. */
static enum err load(struct recording_sink *recording, struct state_summary *summary,
	char problem[PROBLEM_SIZE])
{
	const struct source_sink sink = recording_sink_get(recording);
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = state_load(PATH, SCOPE, &sink, summary, &problems);
	snprintf(problem, PROBLEM_SIZE, "%s",
		problems.count ? problems.items[0].text : "");
	assert_true(problems.count <= 1);
	assert_int_equal(err == ERR_INVALID, problems.count == 1);
	diag_list_deinit(&problems);
	return err;
}

/* --- tests --- */

static void every_object_comes_back_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		struct recording_sink before;
		struct recording_sink after;
		recording_sink_init(&before);
		recording_sink_init(&after);
		struct arena arena;
		struct object object;
		arena_init(&arena, 1024);
		object_from_text(all[i], &arena, &object);
		object.origin.file = "-";
		object.origin.line = 0;
		const struct source_sink sink = recording_sink_get(&before);
		sink.upsert(sink.context, &object);
		save_lines(&all[i], 1);
		struct state_summary summary;
		char problem[PROBLEM_SIZE];
		assert_int_equal(load(&after, &summary, problem), ERR_NONE);
		assert_int_equal(summary.objects, 1);
		assert_string_equal(
			recording_sink_text(&after), recording_sink_text(&before));
		arena_deinit(&arena);
		recording_sink_deinit(&before);
		recording_sink_deinit(&after);
	}
}

static void a_whole_cluster_is_saved(void **state)
{
	(void)state;
	struct recording_sink recording;
	recording_sink_init(&recording);
	save_lines(all, ALL);
	struct state_summary summary;
	char problem[PROBLEM_SIZE];
	assert_int_equal(load(&recording, &summary, problem), ERR_NONE);
	assert_int_equal(recording.upserts, ALL);
	assert_int_equal(summary.objects, ALL);
	assert_true(summary.written_unix_s > 1500000000);
	recording_sink_deinit(&recording);
}

/* A slice that belongs to a Service and to a ServiceImport comes back as two halves, each
 * of which leaves the other registry as it is. */
static void imports_come_back_beside_the_services(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"service shop/derived 10.96.0.1",
		"slice shop/cart-1 of=derived import=cart cluster=n p=http:80 10.1.0.1",
		"slice shop/cart-2 import=cart p=:-1 10.1.0.2",
		"import shop/cart 10.112.0.1 fd00::1 p=http:80",
		"import shop/db headless",
	};
	static const char expected[] = "upsert Service shop/derived at -:0\n"
				       "  ClusterIP 10.96.0.1\n"
				       "upsert EndpointSlice shop/cart-1 at -:0\n"
				       "  of derived\n"
				       "  subset\n"
				       "    port \"http\" TCP 80\n"
				       "    endpoint 10.1.0.1\n"
				       "upsert ServiceImport shop/cart at -:0\n"
				       "  ClusterIP 10.112.0.1 fd00::1\n"
				       "  port \"http\" TCP 80\n"
				       "upsert EndpointSlice shop/cart-1 at -:0\n"
				       "  of unknown import cart of cluster \"n\"\n"
				       "  subset\n"
				       "    port \"http\" TCP 80\n"
				       "    endpoint 10.1.0.1\n"
				       "upsert EndpointSlice shop/cart-2 at -:0\n"
				       "  of unknown import cart of cluster \"\"\n"
				       "  subset\n"
				       "    port \"\" TCP -1\n"
				       "    endpoint 10.1.0.2\n"
				       "upsert ServiceImport shop/db at -:0\n"
				       "  ClusterIP headless\n";
	enum { LINES = sizeof(lines) / sizeof(lines[0]) };
	struct registry *services = registry_of(lines, LINES);
	struct registry *imports = registry_made(lines, LINES, true);
	assert_int_equal(save_both(services, imports), ERR_NONE);
	struct recording_sink recording;
	recording_sink_init(&recording);
	struct state_summary summary;
	char problem[PROBLEM_SIZE];
	assert_int_equal(load(&recording, &summary, problem), ERR_NONE);
	assert_string_equal(recording_sink_text(&recording), expected);
	assert_int_equal(summary.objects, recording.upserts);
	recording_sink_deinit(&recording);
	registry_free(services);
	registry_free(imports);
}

/* More than one block. */
static void many_objects_are_saved(void **state)
{
	(void)state;
	enum { MANY = 5000 };
	static char texts[MANY][64];
	static const char *lines[MANY];
	for (size_t i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "pod ns-%zu/pod-%zu 10.1.%zu.%zu",
			i % 7, i, i / 256, i % 256);
		lines[i] = texts[i];
	}
	save_lines(lines, MANY);
	struct stat file;
	assert_int_equal(stat(PATH, &file), 0);
	assert_true(file.st_size > 128 << 10);
	assert_int_equal(file.st_mode & 077, 0);
	struct recording_sink recording;
	recording_sink_init(&recording);
	struct state_summary summary;
	char problem[PROBLEM_SIZE];
	assert_int_equal(load(&recording, &summary, problem), ERR_NONE);
	assert_int_equal(recording.upserts, MANY);
	recording_sink_deinit(&recording);
}

/* --- damage --- */

static size_t file_read(char *out, size_t size)
{
	FILE *file = fopen(PATH, "r");
	assert_non_null(file);
	size_t length = fread(out, 1, size, file);
	fclose(file);
	return length;
}

static void file_write(const char *octets, size_t length)
{
	FILE *file = fopen(PATH, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, length, file), length);
	fclose(file);
}

static void assert_refused(const char *reason)
{
	struct recording_sink recording;
	recording_sink_init(&recording);
	struct state_summary summary;
	char problem[PROBLEM_SIZE];
	assert_int_equal(load(&recording, &summary, problem), ERR_INVALID);
	assert_string_equal(recording_sink_text(&recording), "");
	if (!strstr(problem, reason))
		fail_msg("\"%s\" does not say \"%s\"", problem, reason);
	recording_sink_deinit(&recording);
}

static void a_damaged_octet_is_seen_wherever_it_is(void **state)
{
	(void)state;
	char octets[4096];
	save_lines(all, ALL);
	size_t length = file_read(octets, sizeof(octets));
	assert_true(length > 500 && length < sizeof(octets));
	for (size_t i = 0; i < length; i++) {
		octets[i] ^= 0x10;
		file_write(octets, length);
		assert_refused("the state file is not used: ");
		octets[i] ^= 0x10;
	}
}

static void a_file_that_is_cut_off_is_seen(void **state)
{
	(void)state;
	char octets[4096];
	save_lines(all, ALL);
	size_t length = file_read(octets, sizeof(octets));
	for (size_t i = 0; i < length; i++) {
		file_write(octets, i);
		assert_refused("it is cut off");
	}
	octets[length] = 0;
	file_write(octets, length + 1);
	assert_refused("it is damaged");
}

static void another_format_is_named(void **state)
{
	(void)state;
	char octets[4096];
	save_lines(all, 1);
	size_t length = file_read(octets, sizeof(octets));
	octets[16] = 7;
	file_write(octets, length);
	assert_refused("it has format 7, this version reads format 1");
	file_write("kind: Service\nmetadata: {name: something}\n", 42);
	assert_refused("it is no state file");
}

static void other_options_are_named(void **state)
{
	(void)state;
	save_lines(all, ALL);
	struct recording_sink recording;
	recording_sink_init(&recording);
	const struct source_sink sink = recording_sink_get(&recording);
	struct state_summary summary;
	struct diag_list problems;
	diag_list_init(&problems);
	assert_int_equal(
		state_load(PATH, "labels=b", &sink, &summary, &problems), ERR_INVALID);
	assert_string_equal(problems.items[0].text,
		"the state file is not used: it was written with other options "
		"(\"labels=a\", now \"labels=b\")");
	assert_string_equal(recording_sink_text(&recording), "");
	diag_list_deinit(&problems);
	recording_sink_deinit(&recording);
}

static void no_file_is_no_problem(void **state)
{
	(void)state;
	struct recording_sink recording;
	recording_sink_init(&recording);
	struct state_summary summary;
	char problem[PROBLEM_SIZE];
	unlink(PATH);
	assert_int_equal(load(&recording, &summary, problem), ERR_NOTFOUND);
	recording_sink_deinit(&recording);
}

/* --- saving --- */

static void what_cannot_be_written_leaves_the_old_file(void **state)
{
	(void)state;
	save_lines(all, ALL);
	assert_int_equal(mkdir("state.new", 0700), 0);
	struct registry *registry = registry_of(all, 1);
	assert_int_equal(save(registry), ERR_IO);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(rmdir("state.new"), 0);
	registry_free(registry);
	struct recording_sink recording;
	recording_sink_init(&recording);
	struct state_summary summary;
	char problem[PROBLEM_SIZE];
	assert_int_equal(load(&recording, &summary, problem), ERR_NONE);
	assert_int_equal(summary.objects, ALL);
	recording_sink_deinit(&recording);
}

static void without_memory_saving_leaves_the_old_file(void **state)
{
	(void)state;
	save_lines(all, ALL);
	struct registry *registry = registry_of(all, 3);
	for (size_t n = 1;; n++) {
		failing_malloc_arm(n);
		enum err err = save(registry);
		if (!failing_malloc_disarm()) {
			assert_int_equal(err, ERR_NONE);
			break;
		}
		/* The thread, which makes the name last, does without. */
		if (!err)
			continue;
		assert_int_equal(err, ERR_NOMEM);
		assert_int_equal(access("state.new", F_OK), -1);
		struct recording_sink recording;
		recording_sink_init(&recording);
		struct state_summary summary;
		char problem[PROBLEM_SIZE];
		assert_int_equal(load(&recording, &summary, problem), ERR_NONE);
		assert_int_equal(summary.objects, ALL);
		recording_sink_deinit(&recording);
	}
	registry_free(registry);
}

static enum err ignore(void *context, const struct object *object)
{
	(void)object;
	(*(unsigned *)context)++;
	return ERR_NONE;
}

static void without_memory_loading_hands_over_nothing_or_says_so(void **state)
{
	(void)state;
	save_lines(all, ALL);
	for (size_t n = 1;; n++) {
		unsigned count = 0;
		const struct source_sink sink = {.context = &count, .upsert = ignore};
		struct state_summary summary;
		struct diag_list problems;
		diag_list_init(&problems);
		failing_malloc_arm(n);
		enum err err = state_load(PATH, SCOPE, &sink, &summary, &problems);
		bool has_failed = failing_malloc_disarm();
		diag_list_deinit(&problems);
		if (!has_failed) {
			assert_int_equal(err, ERR_NONE);
			assert_int_equal(count, ALL);
			return;
		}
		assert_int_equal(err, ERR_NOMEM);
	}
}

/* What was selected once has no labels in the file by which to be selected again. */
static void what_is_known_to_be_selected_is_let_in(void **state)
{
	(void)state;
	struct selector *selector;
	unsigned offset;
	const char *reason;
	assert_int_equal(selector_parse("a=b", &selector, &offset, &reason), ERR_NONE);
	const struct registry_options options = {
		.key = &KEY, .labels = selector, .namespace_labels = selector};
	const struct registry_observer observer = {NULL, observe};
	struct registry *registry = registry_new(&options, &observer);
	struct diag_list problems;
	diag_list_init(&problems);
	struct object ns = {.kind = OBJECT_NAMESPACE, .ns = "", .name = "shop"};
	struct object service = {.kind = OBJECT_SERVICE, .ns = "shop", .name = "cart"};
	service.service.external_name = "";
	service.service.cluster_ip_text = "";
	assert_int_equal(registry_put(registry, &ns, &problems), ERR_NONE);
	assert_int_equal(registry_put(registry, &service, &problems), ERR_NONE);
	assert_null(registry_find_service(registry, "shop", "cart"));
	ns.is_selected = service.is_selected = true;
	assert_int_equal(registry_put(registry, &ns, &problems), ERR_NONE);
	assert_int_equal(registry_put(registry, &service, &problems), ERR_NONE);
	assert_non_null(registry_find_service(registry, "shop", "cart"));
	assert_true(registry_is_exposed(registry_find_namespace(registry, "shop")));
	diag_list_deinit(&problems);
	registry_free(registry);
	selector_free(selector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_comes_back_as_it_was),
		cmocka_unit_test(a_whole_cluster_is_saved),
		cmocka_unit_test(imports_come_back_beside_the_services),
		cmocka_unit_test(many_objects_are_saved),
		cmocka_unit_test(a_damaged_octet_is_seen_wherever_it_is),
		cmocka_unit_test(a_file_that_is_cut_off_is_seen),
		cmocka_unit_test(another_format_is_named),
		cmocka_unit_test(other_options_are_named),
		cmocka_unit_test(no_file_is_no_problem),
		cmocka_unit_test(what_cannot_be_written_leaves_the_old_file),
		cmocka_unit_test(without_memory_saving_leaves_the_old_file),
		cmocka_unit_test(without_memory_loading_hands_over_nothing_or_says_so),
		cmocka_unit_test(what_is_known_to_be_selected_is_let_in),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
