/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed_ns == b->changed_ns;
}

static void read_identity(const struct stat *st, struct file_identity *out)
{
	out->device = st->st_dev;
	out->inode = st->st_ino;
	out->size = (uint64_t)st->st_size;
	out->changed_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

enum err file_identify(const char *path, struct file_identity *out)
{
	struct stat st;
	if (stat(path, &st))
		return ERR_IO;
	read_identity(&st, out);
	return ERR_NONE;
}

/* 0, or what errno is to be. */
static int judge(const struct stat *st, size_t max)
{
	if (S_ISDIR(st->st_mode))
		return EISDIR;
	if (!S_ISREG(st->st_mode))
		return EINVAL;
	return (uint64_t)st->st_size > max ? EFBIG : 0;
}

/* At most `size` octets: what is appended meanwhile has another identity. */
static enum err read_all(int fd, char *out, size_t size, size_t *length)
{
	size_t used = 0;
	while (used < size) {
		ssize_t got = read(fd, out + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (!got)
			break;
		used += (size_t)got;
	}
	out[used] = '\0';
	*length = used;
	return ERR_NONE;
}

static enum err load(
	int fd, size_t max, char **text, size_t *length, struct file_identity *identity)
{
	struct stat st;
	int failure = fstat(fd, &st) ? errno : judge(&st, max);
	if (failure) {
		errno = failure;
		return ERR_IO;
	}
	char *out = malloc((size_t)st.st_size + 1);
	if (!out)
		return ERR_NOMEM;
	enum err err = read_all(fd, out, (size_t)st.st_size, length);
	if (err) {
		failure = errno;
		free(out);
		errno = failure;
		return err;
	}
	read_identity(&st, identity);
	*text = out;
	return ERR_NONE;
}

enum err file_load(const char *path, size_t max, char **text, size_t *length,
	struct file_identity *identity)
{
	/* Without O_NONBLOCK a FIFO of that name would hold us for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return ERR_IO;
	enum err err = load(fd, max, text, length, identity);
	int failure = errno;
	close(fd);
	errno = failure;
	return err;
}
