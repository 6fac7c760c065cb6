/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/base/atomic_file.h"

static char folder[] = "/tmp/waymark-test.XXXXXX";

static int folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static bool write_text(const char *path, const char *text, mode_t mode)
{
	bool was_written;
	assert_int_equal(atomic_file_write(path, text, strlen(text), mode, &was_written),
		ERR_NONE);
	return was_written;
}

static void assert_holds(const char *path, const char *text)
{
	char content[256];
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t length = read(fd, content, sizeof(content) - 1);
	assert_true(length >= 0);
	content[length] = '\0';
	close(fd);
	assert_string_equal(content, text);
}

static mode_t mode_of(const char *path)
{
	struct stat status;
	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

static ino_t inode_of(const char *path)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	return status.st_ino;
}

/* How many files in the folder have a name that ends so. */
static unsigned count_files(const char *end)
{
	unsigned count = 0;
	DIR *stream = opendir(".");
	const struct dirent *entry;
	while ((entry = readdir(stream))) {
		size_t length = strlen(entry->d_name);
		count += length >= strlen(end) &&
			 strcmp(entry->d_name + length - strlen(end), end) == 0;
	}
	closedir(stream);
	return count;
}

static void a_file_is_exchanged_whole_with_its_permissions(void **state)
{
	(void)state;
	mode_t umask_before = umask(077);
	assert_true(write_text("a", "one", 0644));
	assert_int_equal(mode_of("a"), 0644);
	ino_t first = inode_of("a");
	int reader = open("a", O_RDONLY);
	assert_true(write_text("a", "another", 0600));
	umask(umask_before);
	assert_holds("a", "another");
	assert_int_equal(mode_of("a"), 0600);
	assert_int_not_equal(inode_of("a"), first);
	char old[8] = "";
	assert_int_equal(read(reader, old, sizeof(old)), 3);
	assert_string_equal(old, "one");
	close(reader);
	assert_int_equal(count_files(".tmp"), 0);
}

static void the_same_content_leaves_the_file_untouched(void **state)
{
	(void)state;
	assert_true(write_text("b", "same", 0644));
	ino_t inode = inode_of("b");
	assert_false(write_text("b", "same", 0644));
	assert_int_equal(inode_of("b"), inode);
	assert_false(write_text("b", "same", 0640));
	assert_int_equal(mode_of("b"), 0640);
	assert_true(write_text("b", "samf", 0640));
	assert_true(write_text("b", "", 0640));
	assert_false(write_text("b", "", 0640));
}

static void a_link_stays_and_what_it_leads_to_is_exchanged(void **state)
{
	(void)state;
	assert_int_equal(mkdir("real", 0755), 0);
	write_text("real/c", "one", 0644);
	assert_int_equal(symlink("real/c", "c"), 0);
	write_text("c", "two", 0644);
	assert_holds("real/c", "two");
	struct stat status;
	assert_int_equal(lstat("c", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
}

static enum err try(const char *path)
{
	return atomic_file_write(path, "x", 1, 0644, NULL);
}

static void what_is_no_file_is_not_exchanged(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(try("fifo"), ERR_IO);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mkdir("dir", 0755), 0);
	assert_int_equal(try("dir"), ERR_IO);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(try("/dev/null"), ERR_IO);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(try("nowhere/x"), ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(try("a/x"), ERR_IO);
	assert_int_equal(errno, ENOTDIR);
}

static void a_path_may_have_no_folder_or_the_root(void **state)
{
	(void)state;
	char path[64];
	snprintf(path, sizeof(path), "%s/d", folder);
	write_text(path, "absolute", 0644);
	write_text("d", "relative", 0644);
	assert_holds(path, "relative");
}

/* A full disk: the old content stays, nothing else does. */
static void without_room_the_old_file_stays(void **state)
{
	(void)state;
	write_text("e", "old", 0644);
	pid_t child = fork();
	if (!child) {
		static char large[4096];
		const struct rlimit limit = {1024, 1024};
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		memset(large, 'x', sizeof(large));
		enum err err = atomic_file_write("e", large, sizeof(large), 0644, NULL);
		_exit(err == ERR_IO && errno == EFBIG ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_holds("e", "old");
	assert_int_equal(count_files(".tmp"), 0);
}

/* --- writers that are killed --- */

enum { REWRITES = 1000, CONTENT = 40000 };

/* Rewrites the file until somebody ends it, and counts. */
static void rewrite_forever(unsigned *rewrites)
{
	static char content[CONTENT];
	for (;; ++*rewrites) {
		memset(content, *rewrites % 2 ? 'b' : 'a', sizeof(content));
		if (atomic_file_write("killed.env", content, sizeof(content), 0644, NULL))
			_exit(1);
	}
}

static void assert_is_whole(const char *path)
{
	static char content[CONTENT + 1];
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, content, sizeof(content)), CONTENT);
	close(fd);
	for (size_t i = 1; i < CONTENT; i++)
		assert_int_equal(content[i], content[0]);
}

static void a_killed_writer_leaves_no_torn_file(void **state)
{
	(void)state;
	unsigned *rewrites = mmap(NULL, sizeof(*rewrites), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(rewrites != MAP_FAILED);
	unsigned kills = 0;
	for (; *rewrites < REWRITES; kills++) {
		pid_t child = fork();
		if (!child)
			rewrite_forever(rewrites);
		/* The first one gets as far as to have a file. */
		while (!*rewrites)
			usleep(1000);
		usleep((useconds_t)(random() % 20000));
		kill(child, SIGKILL);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_is_whole("killed.env");
		assert_int_equal(count_files(".env"), 1);
	}
	print_message("# %u rewrites, %u kills, %u leftovers\n", *rewrites, kills,
		count_files(".tmp"));
	munmap(rewrites, sizeof(*rewrites));
}

static void make_old(const char *name, time_t age_s)
{
	close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	const struct timespec times[2] = {
		{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
	assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

static bool is_there(const char *name)
{
	return access(name, F_OK) == 0;
}

static void only_old_leftovers_are_swept(void **state)
{
	(void)state;
	make_old(".x.env.AbC123.tmp", 3600);
	make_old(".y.env.AbC123.tmp", 0);
	make_old(".x.txt.AbC123.tmp", 3600);
	make_old("x.env.AbC123.tmp", 3600);
	make_old(".x.env", 3600);
	make_old("x.env", 3600);
	atomic_file_sweep(".", ".env");
	assert_false(is_there(".x.env.AbC123.tmp"));
	assert_true(is_there(".y.env.AbC123.tmp"));
	assert_true(is_there(".x.txt.AbC123.tmp"));
	assert_true(is_there("x.env.AbC123.tmp"));
	assert_true(is_there(".x.env"));
	assert_true(is_there("x.env"));
	atomic_file_sweep("nowhere", ".env");
	make_old(".z.env.AbC123.tmp", 3600);
	make_old(".zz.env.AbC123.tmp", 3600);
	atomic_file_sweep_beside("z.env");
	assert_false(is_there(".z.env.AbC123.tmp"));
	assert_true(is_there(".zz.env.AbC123.tmp"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_exchanged_whole_with_its_permissions),
		cmocka_unit_test(the_same_content_leaves_the_file_untouched),
		cmocka_unit_test(a_link_stays_and_what_it_leads_to_is_exchanged),
		cmocka_unit_test(what_is_no_file_is_not_exchanged),
		cmocka_unit_test(a_path_may_have_no_folder_or_the_root),
		cmocka_unit_test(without_room_the_old_file_stays),
		cmocka_unit_test(a_killed_writer_leaves_no_torn_file),
		cmocka_unit_test(only_old_leftovers_are_swept),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
