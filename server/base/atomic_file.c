/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY_END    ".tmp"
#define TEMPORARY_RANDOM "XXXXXX"

enum { CHUNK = 65536, STALE_S = 60 };

/* The folder of the path, malloc'ed; *name is left at what follows it. */
static char *folder_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* --- what is there --- */

static bool content_is(int fd, const char *content, size_t length)
{
	char chunk[CHUNK];
	ssize_t size;
	while ((size = read(fd, chunk, sizeof(chunk))) > 0) {
		if ((size_t)size > length || memcmp(chunk, content, (size_t)size) != 0)
			return false;
		content += size;
		length -= (size_t)size;
	}
	return size == 0 && !length;
}

/* Has the file the content? Then it has the permissions too, or *err. */
static bool file_is(
	const char *path, const void *content, size_t length, mode_t mode, enum err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	struct stat status;
	bool is = !fstat(fd, &status) && S_ISREG(status.st_mode) &&
		  (size_t)status.st_size == length && content_is(fd, content, length);
	if (is && (status.st_mode & 07777) != mode && fchmod(fd, mode))
		*err = ERR_IO;
	int saved = errno;
	close(fd);
	errno = saved;
	return is;
}

/* Where the path leads, malloc'ed. */
static enum err find_target(const char *path, char **out)
{
	struct stat status;
	bool is_there = !stat(path, &status);
	if (is_there && !S_ISREG(status.st_mode)) {
		errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
		return ERR_IO;
	}
	if (!is_there && errno != ENOENT)
		return ERR_IO;
	errno = 0;
	*out = is_there ? realpath(path, NULL) : strdup(path);
	if (*out)
		return ERR_NONE;
	return is_there && errno != ENOMEM ? ERR_IO : ERR_NOMEM;
}

/* --- writing --- */

static enum err write_all(int fd, const char *content, size_t length)
{
	while (length) {
		ssize_t size = write(fd, content, length);
		if (size < 0 && errno != EINTR)
			return ERR_IO;
		if (size > 0) {
			content += size;
			length -= (size_t)size;
		}
	}
	return ERR_NONE;
}

/* Makes the file, whole and on the disk. `path` ends as mkostemps wants it. */
static enum err write_temporary(
	char *path, const void *content, size_t length, mode_t mode)
{
	int fd = mkostemps(path, (int)strlen(TEMPORARY_END), O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	enum err err = write_all(fd, content, length);
	if (!err && (fchmod(fd, mode) || fsync(fd)))
		err = ERR_IO;
	int saved = errno;
	/* Some file systems tell only now that there is no room. */
	if (close(fd) && !err)
		err = ERR_IO;
	else
		errno = saved;
	if (err) {
		saved = errno;
		unlink(path);
		errno = saved;
	}
	return err;
}

/* So that the new name is on the disk too. */
static enum err sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	/* EINVAL: a file system without it. */
	enum err err = fsync(fd) && errno != EINVAL ? ERR_IO : ERR_NONE;
	int saved = errno;
	close(fd);
	errno = saved;
	return err;
}

static enum err exchange(
	const char *path, const void *content, size_t length, mode_t mode)
{
	const char *name;
	char *temporary = NULL, *folder = folder_of(path, &name);
	if (!folder || asprintf(&temporary, "%s/.%s." TEMPORARY_RANDOM TEMPORARY_END,
			       folder, name) < 0) {
		free(folder);
		return ERR_NOMEM;
	}
	enum err err = write_temporary(temporary, content, length, mode);
	if (!err && rename(temporary, path)) {
		err = ERR_IO;
		int saved = errno;
		unlink(temporary);
		errno = saved;
	}
	if (!err)
		err = sync_folder(folder);
	int saved = errno;
	free(temporary);
	free(folder);
	errno = saved;
	return err;
}

enum err atomic_file_write(const char *path, const void *content, size_t length,
	mode_t mode, bool *was_written)
{
	char *target = NULL;
	enum err err = find_target(path, &target);
	if (err)
		return err;
	bool is_same = file_is(target, content, length, mode, &err);
	if (!is_same)
		err = exchange(target, content, length, mode);
	if (was_written && !err)
		*was_written = !is_same;
	int saved = errno;
	free(target);
	errno = saved;
	return err;
}

/* --- sweeping --- */

/* ".NAME.XXXXXX.tmp", where NAME is `suffix` or, unless `is_whole`, ends in it? */
static bool is_temporary(const char *name, const char *suffix, bool is_whole)
{
	const size_t end = strlen("." TEMPORARY_RANDOM TEMPORARY_END);
	size_t length = strlen(name), least = 1 + strlen(suffix) + end;
	return name[0] == '.' && length >= least && (!is_whole || length == least) &&
	       memcmp(name + length - least + 1, suffix, strlen(suffix)) == 0 &&
	       name[length - end] == '.' &&
	       strcmp(name + length - strlen(TEMPORARY_END), TEMPORARY_END) == 0;
}

static void sweep(const char *folder, const char *suffix, bool is_whole)
{
	DIR *stream = opendir(folder);
	if (!stream)
		return;
	time_t now = time(NULL);
	const struct dirent *entry;
	while ((entry = readdir(stream))) {
		struct stat status;
		if (is_temporary(entry->d_name, suffix, is_whole) &&
			!fstatat(dirfd(stream), entry->d_name, &status,
				AT_SYMLINK_NOFOLLOW) &&
			S_ISREG(status.st_mode) && now - status.st_mtime > STALE_S)
			unlinkat(dirfd(stream), entry->d_name, 0);
	}
	closedir(stream);
}

void atomic_file_sweep(const char *folder, const char *suffix)
{
	sweep(folder, suffix, false);
}

void atomic_file_sweep_beside(const char *path)
{
	const char *name;
	char *folder = folder_of(path, &name);
	if (folder && *name)
		sweep(folder, name, true);
	free(folder);
}
