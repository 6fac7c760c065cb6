/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/log.h"
#include "zones/source/state.h"
#include "zones/source/state_format.h"

struct state_saver {
	const char *path, *scope;
	char *beside; /* where it is written before it is renamed */
	/* Of the thread that waits for the disk. */
	pthread_t thread;
	bool has_thread;
	atomic_bool is_done;
	int fd;
	struct log_limit limit;
};

/* A file on its way. */
struct writing {
	int fd;
	uint64_t sum, objects;
	struct state_buffer buffer;
	struct arena arena;
	enum err err;
};

struct state_saver *state_saver_new(const char *path, const char *scope)
{
	struct state_saver *saver = calloc(1, sizeof(*saver));
	size_t size = strlen(path) + sizeof(".new");
	char *beside = malloc(size);
	if (!saver || !beside) {
		free(saver);
		free(beside);
		return NULL;
	}
	snprintf(beside, size, "%s.new", path);
	saver->path = path;
	saver->scope = scope;
	saver->beside = beside;
	return saver;
}

static void saver_join(struct state_saver *saver)
{
	if (saver->has_thread)
		pthread_join(saver->thread, NULL);
	saver->has_thread = false;
}

void state_saver_free(struct state_saver *saver)
{
	if (!saver)
		return;
	saver_join(saver);
	free(saver->beside);
	free(saver);
}

/* --- what is in it --- */

static void write_octets(struct writing *writing, const char *octets, size_t length)
{
	while (!writing->err && length) {
		ssize_t count = write(writing->fd, octets, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			writing->err = ERR_IO;
			return;
		}
		octets += count;
		length -= (size_t)count;
	}
}

static void write_number(struct writing *writing, uint64_t value, unsigned size)
{
	char octets[8];
	for (unsigned i = 0; i < size; i++)
		octets[i] = (char)(value >> 8 * i);
	write_octets(writing, octets, size);
}

/* What has gathered, as a block; `length` is what its head says. */
static void write_block(struct writing *writing, uint32_t length)
{
	struct state_buffer *buffer = &writing->buffer;
	if (buffer->is_exhausted)
		writing->err = ERR_NOMEM;
	if (writing->err)
		return;
	writing->sum = state_sum(writing->sum, buffer->octets, buffer->length);
	write_number(writing, length, 4);
	write_number(writing, writing->sum, 8);
	write_octets(writing, buffer->octets, buffer->length);
	buffer->length = 0;
}

static void write_head(struct writing *writing, const char *scope)
{
	struct state_buffer *buffer = &writing->buffer;
	for (unsigned i = 0; i < STATE_MAGIC_SIZE; i++)
		state_put_u8(buffer, (uint8_t)STATE_MAGIC[i]);
	state_put_u32(buffer, STATE_VERSION);
	state_put_u64(buffer, (uint64_t)clock_unix_s());
	size_t length = buffer->length;
	state_put_text(buffer, scope);
	if (buffer->is_exhausted) {
		writing->err = ERR_NOMEM;
		return;
	}
	writing->sum = state_sum(0, buffer->octets, length);
	/* As it is read: octet by octet. */
	for (size_t i = length; i < buffer->length; i++)
		writing->sum = state_sum(writing->sum, &buffer->octets[i], 1);
	state_put_u64(buffer, writing->sum);
	write_octets(writing, buffer->octets, buffer->length);
	buffer->length = 0;
}

static void object_end(struct writing *writing)
{
	writing->objects++;
	if (writing->buffer.length >= STATE_BLOCK)
		write_block(writing, (uint32_t)writing->buffer.length);
}

static void write_service(struct writing *writing, enum object_kind kind,
	const struct registry_service *service)
{
	struct state_buffer *buffer = &writing->buffer;
	const char *ns = service->ns->name;
	if (service->object) {
		state_put_service(buffer, &writing->arena, kind, service);
		object_end(writing);
	}
	for (unsigned i = 0; i < service->slice_count; i++) {
		state_put_slice(buffer,
			kind == OBJECT_IMPORT ? STATE_IMPORT_SLICE : OBJECT_SLICE, ns,
			service->slices[i]);
		object_end(writing);
	}
	if (service->endpoints) {
		state_put_slice(buffer, OBJECT_ENDPOINTS, ns, service->endpoints);
		object_end(writing);
	}
}

static void write_namespace(struct writing *writing, const struct registry_namespace *ns)
{
	struct state_buffer *buffer = &writing->buffer;
	if (ns->has_object && ns->is_selected) {
		state_put_namespace(buffer, ns);
		object_end(writing);
	}
	for (uint32_t i = 0; i < ns->service_count && !writing->err; i++)
		write_service(writing, OBJECT_SERVICE, ns->services[i]);
	const struct pack_pod *pod;
	for (size_t i = 0; !writing->err && (pod = registry_next_pod(ns, &i));) {
		state_put_pod(buffer, &writing->arena, ns->name, pod);
		object_end(writing);
	}
}

static void write_imports(struct writing *writing, const struct registry *imports)
{
	const struct registry_namespace *ns;
	for (size_t i = 0; (ns = registry_next_namespace(imports, &i));)
		for (uint32_t j = 0; j < ns->service_count && !writing->err; j++)
			write_service(writing, OBJECT_IMPORT, ns->services[j]);
}

static enum err write_registries(
	int fd, const char *scope, const struct state_registries *from)
{
	struct writing writing = {.fd = fd};
	arena_init(&writing.arena, 1024);
	write_head(&writing, scope);
	const struct registry_namespace *ns;
	for (size_t i = 0;
		!writing.err && (ns = registry_next_namespace(from->services, &i));)
		write_namespace(&writing, ns);
	if (from->imports)
		write_imports(&writing, from->imports);
	if (writing.buffer.length)
		write_block(&writing, (uint32_t)writing.buffer.length);
	state_put_u64(&writing.buffer, writing.objects);
	write_block(&writing, 0);
	arena_deinit(&writing.arena);
	free(writing.buffer.octets);
	return writing.err;
}

/* --- on to the disk --- */

/* The name is as lasting as what it names: fsync(2) says to do the folder as well. */
static int folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int result = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(folder);
	return result;
}

static void *saver_run(void *context)
{
	struct state_saver *saver = context;
	int result = fsync(saver->fd);
	if (!result)
		result = rename(saver->beside, saver->path);
	/* Not before: it holds the lock. */
	if (close(saver->fd) != 0)
		result = -1;
	if (!result)
		result = folder_sync(saver->path);
	uint64_t left_out;
	enum { TELL_EACH_MS = 600000 };
	if (result && log_limit_pass(&saver->limit, TELL_EACH_MS, &left_out))
		log_errno("cannot write the state file \"%s\"", saver->path);
	atomic_store(&saver->is_done, true);
	return NULL;
}

/*
 * Locked, as another saver may write it: that of a configuration that is on its way out,
 * or of another process. *is_busy: one does.
 */
static enum err beside_open(const char *beside, int *out, bool *is_busy)
{
	struct stat own;
	struct stat named;
	/* Names and addresses of a cluster are nobody else's business. */
	int fd = open(
		beside, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return ERR_IO;
	/* Once renamed by the one who had it, it is the state file itself. */
	*is_busy = flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &own) != 0 ||
		   stat(beside, &named) != 0 || own.st_ino != named.st_ino;
	if (!*is_busy && !ftruncate(fd, 0)) {
		*out = fd;
		return ERR_NONE;
	}
	int reason = errno;
	close(fd);
	errno = reason;
	return *is_busy ? ERR_NONE : ERR_IO;
}

enum err state_saver_save(
	struct state_saver *saver, const struct state_registries *from, bool *is_busy)
{
	*is_busy = saver->has_thread && !atomic_load(&saver->is_done);
	if (*is_busy)
		return ERR_NONE;
	saver_join(saver);
	int fd;
	enum err err = beside_open(saver->beside, &fd, is_busy);
	if (err || *is_busy)
		return err;
	err = write_registries(fd, saver->scope, from);
	if (!err) {
		saver->fd = fd;
		atomic_store(&saver->is_done, false);
		errno = pthread_create(&saver->thread, NULL, saver_run, saver);
		saver->has_thread = !errno;
		err = errno ? ERR_IO : ERR_NONE;
	}
	if (err) {
		int reason = errno;
		close(fd);
		unlink(saver->beside);
		errno = reason;
	}
	return err;
}
