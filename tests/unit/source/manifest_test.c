/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "tests/support/recording_sink.h"
#include "zones/source/manifest.h"

/* The program runs in a temporary folder; "m" in it is the folder of manifests. */

enum { DEADLINE_S = 20 };

struct fixture {
	char folder[32];
	char *here;
	struct recording_sink recording;
	struct source_sink sink;
	struct event_base *base;
	struct manifest_source *source;
};

static int remove_entry(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A file that defines namespaces of these names, one letter each. */
static void write_names(const char *path, const char *letters)
{
	char text[1024] = "";
	size_t used = 0;
	for (; *letters; letters++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"{apiVersion: v1, kind: Namespace, metadata: {name: %c}}\n---\n",
			*letters);
	write_file(path, text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	strcpy(f->folder, "/tmp/manifest_test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->here = getcwd(NULL, 0);
	assert_int_equal(chdir(f->folder), 0);
	assert_int_equal(mkdir("m", 0755), 0);
	recording_sink_init(&f->recording);
	f->sink = recording_sink_get(&f->recording);
	f->base = event_base_new();
	assert_non_null(f->base);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	manifest_source_free(f->source);
	event_base_free(f->base);
	recording_sink_deinit(&f->recording);
	assert_int_equal(chdir(f->here), 0);
	remove_tree(f->folder);
	free(f->here);
	free(f);
	return 0;
}

static void start(struct fixture *f, const char *folder)
{
	f->source = manifest_source_new(&folder, 1, &f->sink);
	assert_non_null(f->source);
	assert_int_equal(manifest_source_watch(f->source, f->base), ERR_NONE);
	assert_int_equal(manifest_source_load(f->source), ERR_NONE);
	recording_sink_clear(&f->recording);
}

static void too_late(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	*(bool *)context = true;
}

/* Runs until all of this was recorded since the last call, in any order; then forgets
 * the recording and returns it, to be freed. */
static char *wait_for_all(struct fixture *f, const char *const *texts, size_t count)
{
	bool is_late = false;
	struct timeval patience = {DEADLINE_S, 0};
	struct event *deadline = evtimer_new(f->base, too_late, &is_late);
	assert_non_null(deadline);
	evtimer_add(deadline, &patience);
	for (;;) {
		const char *text = recording_sink_text(&f->recording);
		size_t found = 0;
		while (found < count && strstr(text, texts[found]))
			found++;
		if (found == count)
			break;
		if (is_late)
			fail_msg("\"%s\" never came, but:\n%s", texts[found], text);
		event_base_loop(f->base, EVLOOP_ONCE);
	}
	event_free(deadline);
	char *text = strdup(recording_sink_text(&f->recording));
	assert_non_null(text);
	recording_sink_clear(&f->recording);
	return text;
}

static char *wait_for(struct fixture *f, const char *text)
{
	return wait_for_all(f, &text, 1);
}

/* The next commit brings exactly this. */
static void expect(struct fixture *f, const char *expected)
{
	char *text = wait_for(f, "commit\n");
	assert_string_equal(text, expected);
	free(text);
}

static void a_file_written_in_place_is_read_again_and_no_other(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	write_names("m/2.yaml", "b");
	start(f, "m");
	write_names("m/2.yaml", "bc");
	expect(f, "upsert Namespace b at m/2.yaml:1\n"
		  "upsert Namespace c at m/2.yaml:3\ncommit\n");
	assert_int_equal(manifest_source_counters(f->source)->files_read, 3);
}

static void a_file_replaced_by_rename_is_read_again(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	start(f, "m");
	write_names("m/.1.yaml.tmp", "b");
	assert_int_equal(rename("m/.1.yaml.tmp", "m/1.yaml"), 0);
	expect(f, "upsert Namespace b at m/1.yaml:1\nremove Namespace a\ncommit\n");
}

static void a_deleted_file_takes_its_objects_along(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "ab");
	write_names("m/2.yaml", "c");
	start(f, "m");
	assert_int_equal(unlink("m/1.yaml"), 0);
	expect(f, "remove Namespace a\nremove Namespace b\ncommit\n");
	write_names("m/1.yaml", "a");
	expect(f, "upsert Namespace a at m/1.yaml:1\ncommit\n");
}

static void changes_of_many_files_are_one_commit_in_order_of_path(void **state)
{
	struct fixture *f = *state;
	start(f, "m");
	write_names("m/3.yaml", "c");
	write_names("m/1.yaml", "a");
	write_names("m/2.yml", "b");
	write_names("m/ignored.txt", "d");
	expect(f, "upsert Namespace a at m/1.yaml:1\nupsert Namespace b at m/2.yml:1\n"
		  "upsert Namespace c at m/3.yaml:1\ncommit\n");
}

static void a_broken_file_keeps_its_last_good_content(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "ab");
	start(f, "m");
	write_file("m/1.yaml", "apiVersion: v1\nkind: [\n");
	char *text = wait_for(f, "report m/1.yaml:3:1: error: ");
	assert_null(strstr(text, "remove"));
	assert_null(strstr(text, "commit"));
	free(text);
	assert_int_equal(manifest_source_counters(f->source)->files_failed, 1);
	write_names("m/1.yaml", "b");
	expect(f, "upsert Namespace b at m/1.yaml:1\nremove Namespace a\ncommit\n");
}

static void a_file_cut_to_nothing_keeps_its_content_until_it_is_written(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	write_names("m/2.yaml", "b");
	start(f, "m");
	FILE *file = fopen("m/1.yaml", "w");
	assert_non_null(file);
	/* Another file's change shows that the time of the first has passed. */
	for (int i = 0; i < 3; i++) {
		write_names("m/2.yaml", "b");
		expect(f, "upsert Namespace b at m/2.yaml:1\ncommit\n");
	}
	fputs("{apiVersion: v1, kind: Namespace, metadata: {name: c}}\n", file);
	fclose(file);
	expect(f, "upsert Namespace c at m/1.yaml:1\nremove Namespace a\ncommit\n");
}

static void a_writer_that_keeps_its_file_open_is_read(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	start(f, "m");
	FILE *file = fopen("m/1.yaml", "a");
	assert_non_null(file);
	fputs("{apiVersion: v1, kind: Namespace, metadata: {name: z}}\n", file);
	fflush(file);
	expect(f, "upsert Namespace a at m/1.yaml:1\nupsert Namespace z at m/1.yaml:3\n"
		  "commit\n");
	fclose(file);
}

static void a_config_map_volume_swaps_its_data(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir("m/..1", 0755), 0);
	write_names("m/..1/a.yaml", "ab");
	assert_int_equal(symlink("..1", "m/..data"), 0);
	assert_int_equal(symlink("..data/a.yaml", "m/a.yaml"), 0);
	start(f, "m");
	assert_int_equal(mkdir("m/..2", 0755), 0);
	write_names("m/..2/a.yaml", "b");
	assert_int_equal(symlink("..2", "m/..data_tmp"), 0);
	assert_int_equal(rename("m/..data_tmp", "m/..data"), 0);
	remove_tree("m/..1");
	expect(f, "upsert Namespace b at m/a.yaml:1\nremove Namespace a\ncommit\n");
}

static void a_file_that_a_link_leads_to_is_followed(void **state)
{
	struct fixture *f = *state;
	write_names("elsewhere", "a");
	assert_int_equal(symlink("../elsewhere", "m/1.yaml"), 0);
	start(f, "m");
	write_names("elsewhere", "b");
	expect(f, "upsert Namespace b at m/1.yaml:1\nremove Namespace a\ncommit\n");
	write_names("new", "c");
	assert_int_equal(rename("new", "elsewhere"), 0);
	expect(f, "upsert Namespace c at m/1.yaml:1\nremove Namespace b\ncommit\n");
	write_names("elsewhere", "d");
	expect(f, "upsert Namespace d at m/1.yaml:1\nremove Namespace c\ncommit\n");
	assert_int_equal(unlink("m/1.yaml"), 0);
	expect(f, "remove Namespace d\ncommit\n");
}

static void what_the_next_file_cannot_take_over_stays(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	write_names("m/2.yaml", "a");
	start(f, "m");
	write_file("m/2.yaml", "{");
	free(wait_for(f, "report m/2.yaml:2:1: error: "));
	assert_int_equal(unlink("m/1.yaml"), 0);
	char *text = wait_for(f, "report m/2.yaml:2:1: error: ");
	assert_null(strstr(text, "remove"));
	free(text);
	write_names("m/2.yaml", "a");
	expect(f, "upsert Namespace a at m/2.yaml:1\ncommit\n");
}

static void a_folder_that_appears_later_is_read(void **state)
{
	struct fixture *f = *state;
	const char *folder = "x/y/z";
	f->source = manifest_source_new(&folder, 1, &f->sink);
	assert_non_null(f->source);
	assert_int_equal(manifest_source_watch(f->source, f->base), ERR_NONE);
	assert_int_equal(manifest_source_load(f->source), ERR_NONE);
	assert_string_equal(recording_sink_text(&f->recording),
		"report x/y/z: error: cannot be read: No such file or directory\n"
		"commit\nnot synced\n");
	recording_sink_clear(&f->recording);
	assert_int_equal(mkdir("x", 0755), 0);
	assert_int_equal(mkdir("x/y", 0755), 0);
	assert_int_equal(mkdir("x/y/other", 0755), 0);
	for (int i = 0; i < 3; i++)
		event_base_loop(f->base, EVLOOP_ONCE);
	assert_int_equal(mkdir("x/y/z", 0755), 0);
	write_names("x/y/z/1.yaml", "a");
	char *text = wait_for(f, "synced\n");
	assert_string_equal(
		text, "upsert Namespace a at x/y/z/1.yaml:1\ncommit\nsynced\n");
	free(text);
	write_names("x/y/z/1.yaml", "b");
	expect(f, "upsert Namespace b at x/y/z/1.yaml:1\nremove Namespace a\ncommit\n");
}

static void a_folder_that_is_removed_may_come_back(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	start(f, "m");
	remove_tree("m");
	char *text = wait_for(f, "commit\n");
	assert_non_null(strstr(text, "remove Namespace a\n"));
	assert_null(strstr(text, "synced"));
	free(text);
	assert_int_equal(mkdir("m", 0755), 0);
	write_names("m/1.yaml", "b");
	expect(f, "upsert Namespace b at m/1.yaml:1\ncommit\n");
	write_names("m/1.yaml", "c");
	expect(f, "upsert Namespace c at m/1.yaml:1\nremove Namespace b\ncommit\n");
}

static void a_folder_replaced_by_rename_is_read_anew(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	start(f, "m");
	assert_int_equal(mkdir("new", 0755), 0);
	write_names("new/1.yaml", "b");
	assert_int_equal(rename("m", "old"), 0);
	assert_int_equal(rename("new", "m"), 0);
	expect(f, "upsert Namespace b at m/1.yaml:1\nremove Namespace a\ncommit\n");
	write_names("m/1.yaml", "c");
	expect(f, "upsert Namespace c at m/1.yaml:1\nremove Namespace b\ncommit\n");
}

static void a_link_to_a_folder_may_be_pointed_elsewhere(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkdir("other", 0755), 0);
	write_names("m/1.yaml", "a");
	write_names("other/1.yaml", "b");
	assert_int_equal(symlink("m", "link"), 0);
	start(f, "link");
	assert_int_equal(symlink("other", "link.tmp"), 0);
	assert_int_equal(rename("link.tmp", "link"), 0);
	expect(f, "upsert Namespace b at link/1.yaml:1\nremove Namespace a\ncommit\n");
	write_names("other/2.yaml", "c");
	expect(f, "upsert Namespace c at link/2.yaml:1\ncommit\n");
}

static void sub_folders_are_followed_from_their_first_moment(void **state)
{
	struct fixture *f = *state;
	start(f, "m");
	assert_int_equal(mkdir("m/a", 0755), 0);
	assert_int_equal(mkdir("m/a/b", 0755), 0);
	write_names("m/a/b/1.yaml", "p");
	expect(f, "upsert Namespace p at m/a/b/1.yaml:1\ncommit\n");
	write_names("m/a/b/1.yaml", "q");
	expect(f, "upsert Namespace q at m/a/b/1.yaml:1\nremove Namespace p\ncommit\n");
	assert_int_equal(rename("m/a", "m/A"), 0);
	expect(f, "upsert Namespace q at m/A/b/1.yaml:1\ncommit\n");
	write_names("m/A/b/1.yaml", "r");
	expect(f, "upsert Namespace r at m/A/b/1.yaml:1\nremove Namespace q\ncommit\n");
	assert_int_equal(rename("m/A", "outside"), 0);
	expect(f, "remove Namespace r\ncommit\n");
}

static void a_link_to_a_folder_above_ends(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	assert_int_equal(symlink(".", "m/loop"), 0);
	start(f, "m");
	assert_int_equal(f->recording.upserts, 1);
}

static void the_next_file_takes_over_what_the_first_has_lost(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "ab");
	write_names("m/2.yaml", "bc");
	write_names("m/3.yaml", "ab");
	start(f, "m");
	assert_int_equal(f->recording.upserts, 3);
	write_names("m/1.yaml", "a");
	char *text = wait_for(f, "commit\n");
	assert_non_null(strstr(text, "upsert Namespace b at m/2.yaml:1\n"));
	assert_null(strstr(text, "remove"));
	free(text);
	assert_int_equal(unlink("m/1.yaml"), 0);
	text = wait_for(f, "commit\n");
	assert_non_null(strstr(text, "upsert Namespace a at m/3.yaml:1\n"));
	assert_null(strstr(text, "remove"));
	free(text);
	assert_int_equal(unlink("m/2.yaml"), 0);
	assert_int_equal(unlink("m/3.yaml"), 0);
	text = wait_for(f, "commit\n");
	assert_non_null(strstr(text, "remove Namespace a\n"));
	assert_non_null(strstr(text, "remove Namespace b\n"));
	assert_non_null(strstr(text, "remove Namespace c\n"));
	free(text);
}

static void an_object_that_moves_to_another_file_is_never_gone(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	write_names("m/2.yaml", "b");
	start(f, "m");
	write_names("m/1.yaml", "b");
	write_names("m/2.yaml", "a");
	expect(f, "upsert Namespace b at m/1.yaml:1\nupsert Namespace a at m/2.yaml:1\n"
		  "commit\n");
}

static void events_that_were_lost_cost_no_change(void **state)
{
	struct fixture *f = *state;
	write_names("m/1.yaml", "a");
	start(f, "m");
	/* More events than the kernel's queue holds by default; of one file alone they
	 * would be merged. */
	int fds[2] = {open("m/1.txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0644),
		open("m/2.txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)};
	for (int i = 0; i < 20000; i++)
		assert_int_equal(write(fds[i % 2], "x", 1), 1);
	close(fds[0]);
	close(fds[1]);
	write_names("m/1.yaml", "b");
	assert_int_equal(mkdir("m/sub", 0755), 0);
	write_names("m/sub/1.yaml", "c");
	expect(f, "upsert Namespace b at m/1.yaml:1\n"
		  "upsert Namespace c at m/sub/1.yaml:1\nremove Namespace a\ncommit\n");
}

static void what_is_no_regular_file_is_reported(void **state)
{
	struct fixture *f = *state;
	const char *folder = "m";
	assert_int_equal(mkfifo("m/fifo.yaml", 0644), 0);
	f->source = manifest_source_new(&folder, 1, &f->sink);
	assert_non_null(f->source);
	assert_int_equal(manifest_source_load(f->source), ERR_NONE);
	assert_string_equal(recording_sink_text(&f->recording),
		"report m/fifo.yaml: error: is not a regular file\ncommit\nsynced\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_written_in_place_is_read_again_and_no_other),
		TEST(a_file_replaced_by_rename_is_read_again),
		TEST(a_deleted_file_takes_its_objects_along),
		TEST(changes_of_many_files_are_one_commit_in_order_of_path),
		TEST(a_broken_file_keeps_its_last_good_content),
		TEST(a_file_cut_to_nothing_keeps_its_content_until_it_is_written),
		TEST(a_writer_that_keeps_its_file_open_is_read),
		TEST(a_config_map_volume_swaps_its_data),
		TEST(a_file_that_a_link_leads_to_is_followed),
		TEST(what_the_next_file_cannot_take_over_stays),
		TEST(a_folder_that_appears_later_is_read),
		TEST(a_folder_that_is_removed_may_come_back),
		TEST(a_folder_replaced_by_rename_is_read_anew),
		TEST(a_link_to_a_folder_may_be_pointed_elsewhere),
		TEST(sub_folders_are_followed_from_their_first_moment),
		TEST(a_link_to_a_folder_above_ends),
		TEST(the_next_file_takes_over_what_the_first_has_lost),
		TEST(an_object_that_moves_to_another_file_is_never_gone),
		TEST(events_that_were_lost_cost_no_change),
		TEST(what_is_no_regular_file_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
