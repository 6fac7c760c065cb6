/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/env_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/hash.h"
#include "server/base/log.h"
#include "zones/export/env_folder.h"

enum { RETRY_FIRST_MS = 100, RETRY_MOST_MS = 30000, LOG_INTERVAL_MS = 30000 };

struct env_file {
	char *ns;
	struct env_view *view; /* NULL: the file is to go */
	bool is_pending;
	bool is_too_large;
	uint64_t told; /* digest of the notes that were logged last; 0: none were */
};

struct env_writer {
	struct env_writer_options options;
	struct env_folder *folder; /* the thread's, as are the three below */
	bool is_open;
	int64_t retry_ms; /* 0: nothing has failed */
	struct log_limit limit;
	pthread_t thread;
	bool is_running;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	struct env_file *files; /* in order of the namespaces' names */
	size_t count, capacity;
	bool is_settled, wants_prune, is_ending;
	struct env_writer_counters counters;
};

/* --- life --- */

struct env_writer *env_writer_new(const struct env_writer_options *options)
{
	struct env_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return NULL;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	writer->options = *options;
	writer->options.path = strdup(options->path);
	if (writer->options.path)
		writer->folder = env_folder_new(
			options->path, options->render.format, options->mode);
	if (writer->folder)
		return writer;
	env_writer_free(writer);
	return NULL;
}

static void file_clear(struct env_file *file)
{
	free(file->ns);
	env_view_unref(file->view);
}

void env_writer_free(struct env_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->is_ending = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	if (writer->is_running)
		pthread_join(writer->thread, NULL);
	for (size_t i = 0; i < writer->count; i++)
		file_clear(&writer->files[i]);
	free(writer->files);
	env_folder_free(writer->folder);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	free((char *)writer->options.path);
	free(writer);
}

/* --- the table, under the lock --- */

static size_t find_place(const struct env_writer *writer, const char *ns, bool *is_there)
{
	size_t low = 0, high = writer->count;
	*is_there = false;
	while (low < high && !*is_there) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(writer->files[middle].ns, ns);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		*is_there = !order;
	}
	return high;
}

/* NULL: none. */
static struct env_file *find_file(struct env_writer *writer, const char *ns)
{
	bool is_there;
	size_t place = find_place(writer, ns, &is_there);
	return is_there ? &writer->files[place] : NULL;
}

/* NULL: no memory. */
static struct env_file *file_at(struct env_writer *writer, const char *ns)
{
	bool is_there;
	size_t place = find_place(writer, ns, &is_there);
	if (is_there)
		return &writer->files[place];
	if (writer->count == writer->capacity) {
		size_t capacity = writer->capacity * 2 + 16;
		void *grown = realloc(writer->files, capacity * sizeof(*writer->files));
		if (!grown)
			return NULL;
		writer->files = grown;
		writer->capacity = capacity;
	}
	char *copy = strdup(ns);
	if (!copy)
		return NULL;
	struct env_file *file = &writer->files[place];
	memmove(file + 1, file, (writer->count - place) * sizeof(*file));
	*file = (struct env_file){.ns = copy};
	writer->count++;
	return file;
}

static void drop_file(struct env_writer *writer, struct env_file *file)
{
	file_clear(file);
	size_t behind = (size_t)(writer->files + writer->count - (file + 1));
	memmove(file, file + 1, behind * sizeof(*file));
	writer->count--;
}

static struct env_file *next_pending(struct env_writer *writer)
{
	for (size_t i = 0; i < writer->count; i++)
		if (writer->files[i].is_pending)
			return &writer->files[i];
	return NULL;
}

static void look_at_all(struct env_writer *writer)
{
	for (size_t i = 0; i < writer->count; i++)
		writer->files[i].is_pending = true;
	writer->wants_prune = writer->is_settled;
}

/* --- what it is told --- */

enum err env_writer_give(struct env_writer *writer, struct env_view *view)
{
	pthread_mutex_lock(&writer->lock);
	struct env_file *file = file_at(writer, env_view_namespace(view));
	if (file) {
		env_view_unref(file->view);
		file->view = view;
		file->is_pending = true;
		pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
	if (file)
		return ERR_NONE;
	env_view_unref(view);
	return ERR_NOMEM;
}

void env_writer_remove(struct env_writer *writer, const char *ns)
{
	pthread_mutex_lock(&writer->lock);
	struct env_file *file = find_file(writer, ns);
	if (file) {
		env_view_unref(file->view);
		file->view = NULL;
		file->is_pending = true;
		pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
}

void env_writer_settle(struct env_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->is_settled = writer->wants_prune = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
}

/* --- what it is asked --- */

struct env_view *env_writer_view(struct env_writer *writer, const char *ns)
{
	pthread_mutex_lock(&writer->lock);
	const struct env_file *file = find_file(writer, ns);
	struct env_view *view = file ? file->view : NULL;
	if (view)
		env_view_ref(view);
	pthread_mutex_unlock(&writer->lock);
	return view;
}

const struct env_options *env_writer_render(const struct env_writer *writer)
{
	return &writer->options.render;
}

bool env_writer_is_settled(struct env_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	bool is_settled = writer->is_settled;
	pthread_mutex_unlock(&writer->lock);
	return is_settled;
}

void env_writer_each(struct env_writer *writer,
	void (*each)(void *context, const char *ns), void *context)
{
	pthread_mutex_lock(&writer->lock);
	for (size_t i = 0; i < writer->count; i++)
		if (writer->files[i].view)
			each(context, writer->files[i].ns);
	pthread_mutex_unlock(&writer->lock);
}

void env_writer_add_counters(struct env_writer *writer, struct env_writer_counters *sum)
{
	pthread_mutex_lock(&writer->lock);
	sum->written += writer->counters.written;
	sum->failures += writer->counters.failures;
	for (size_t i = 0; i < writer->count; i++) {
		const struct env_file *file = &writer->files[i];
		sum->files += file->view && !file->is_pending && !file->is_too_large;
		sum->too_large += file->is_too_large;
	}
	pthread_mutex_unlock(&writer->lock);
}

/* --- the thread --- */

static const struct hash_key notes_key = {0x656e76, 0x6e6f7465};

static void log_notes(const struct env_rendering *rendering)
{
	for (const char *at = rendering->notes; *at;) {
		int length = (int)strcspn(at, "\n");
		if (rendering->is_too_large)
			log_error("%.*s; the file stays as it is", length, at);
		else
			log_warn("%.*s", length, at);
		at += length + (at[length] == '\n');
	}
}

/* Tells the notes unless they were told of this namespace last time. */
static void take_notes(
	struct env_writer *writer, const char *ns, const struct env_rendering *rendering)
{
	uint64_t digest = 0;
	if (*rendering->notes)
		digest = hash_bytes(
			&notes_key, rendering->notes, strlen(rendering->notes));
	pthread_mutex_lock(&writer->lock);
	struct env_file *file = find_file(writer, ns);
	bool is_news = file && file->told != digest;
	if (file) {
		file->told = digest;
		file->is_too_large = rendering->is_too_large;
	}
	pthread_mutex_unlock(&writer->lock);
	if (is_news)
		log_notes(rendering);
}

static enum err put_view(struct env_writer *writer, const struct env_view *view)
{
	struct env_rendering rendering;
	enum err err = env_render(view, &writer->options.render, &rendering);
	if (err)
		return err;
	const char *ns = env_view_namespace(view);
	take_notes(writer, ns, &rendering);
	bool was_written = false;
	if (!rendering.is_too_large)
		err = env_folder_put(writer->folder, ns, rendering.text, rendering.length,
			&was_written);
	int saved = errno;
	env_rendering_deinit(&rendering);
	pthread_mutex_lock(&writer->lock);
	writer->counters.written += was_written;
	pthread_mutex_unlock(&writer->lock);
	errno = saved;
	return err;
}

/* Opens the folder and says of which files there will be, so that its list is written
 * once. */
static enum err open_folder(struct env_writer *writer)
{
	bool was_open = writer->is_open;
	if (was_open && env_folder_is_same(writer->folder))
		return ERR_NONE;
	enum err err = env_folder_open(writer->folder);
	pthread_mutex_lock(&writer->lock);
	if (was_open)
		look_at_all(writer);
	for (size_t i = 0; !err && i < writer->count; i++)
		if (writer->files[i].view)
			err = env_folder_expect(writer->folder, writer->files[i].ns);
	pthread_mutex_unlock(&writer->lock);
	writer->is_open = !err;
	return err;
}

/* One file, as it should be when the work began. */
static enum err work_on(
	struct env_writer *writer, const char *ns, const struct env_view *view)
{
	enum err err = open_folder(writer);
	if (err)
		return err;
	if (view)
		return put_view(writer, view);
	err = env_folder_remove(writer->folder, ns);
	return err ? err : env_folder_sync(writer->folder);
}

static enum err prune(struct env_writer *writer)
{
	size_t removed;
	enum err err = open_folder(writer);
	if (!err)
		err = env_folder_prune(writer->folder, &removed);
	return err ? err : env_folder_sync(writer->folder);
}

/* Everything is to be looked at again later. */
static void work_failed(struct env_writer *writer, enum err err)
{
	uint64_t left_out;
	if (err == ERR_NOMEM)
		errno = ENOMEM;
	if (log_limit_pass(&writer->limit, LOG_INTERVAL_MS, &left_out))
		log_errno(
			"cannot keep the environment files in \"%s\" up to date, trying "
			"again",
			writer->options.path);
	writer->is_open = false;
	writer->retry_ms = writer->retry_ms ? writer->retry_ms * 2 : RETRY_FIRST_MS;
	if (writer->retry_ms > RETRY_MOST_MS)
		writer->retry_ms = RETRY_MOST_MS;
	pthread_mutex_lock(&writer->lock);
	writer->counters.failures++;
	look_at_all(writer);
	pthread_mutex_unlock(&writer->lock);
}

static void work_succeeded(struct env_writer *writer)
{
	if (writer->retry_ms)
		log_info("the environment files in \"%s\" can be written again",
			writer->options.path);
	writer->retry_ms = 0;
	writer->limit = (struct log_limit){0};
}

/* Under the lock, which it gives up while it works. */
static void work(struct env_writer *writer, struct env_file *file)
{
	struct env_view *view = NULL;
	char ns[256] = "";
	if (file) {
		view = file->view ? env_view_ref(file->view) : NULL;
		snprintf(ns, sizeof(ns), "%s", file->ns);
		file->is_pending = false;
	} else {
		writer->wants_prune = false;
	}
	pthread_mutex_unlock(&writer->lock);
	enum err err = file ? work_on(writer, ns, view) : prune(writer);
	if (err)
		work_failed(writer, err);
	else
		work_succeeded(writer);
	env_view_unref(view);
	pthread_mutex_lock(&writer->lock);
	file = find_file(writer, ns);
	if (!err && file && !file->view && !file->is_pending)
		drop_file(writer, file);
}

static void wait_retry(struct env_writer *writer)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += writer->retry_ms / 1000;
	until.tv_nsec += writer->retry_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!writer->is_ending &&
		!pthread_cond_timedwait(&writer->wake, &writer->lock, &until))
		;
}

static void *writer_main(void *context)
{
	struct env_writer *writer = context;
	pthread_setname_np(pthread_self(), "envfiles");
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		if (writer->retry_ms)
			wait_retry(writer);
		struct env_file *file = next_pending(writer);
		bool has_work = file || writer->wants_prune;
		if (writer->is_ending && (!has_work || writer->retry_ms))
			break;
		if (has_work)
			work(writer, file);
		else
			pthread_cond_wait(&writer->wake, &writer->lock);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

enum err env_writer_start(struct env_writer *writer)
{
	sigset_t all, before;
	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&writer->thread, NULL, writer_main, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	writer->is_running = !failure;
	errno = failure;
	return failure ? ERR_IO : ERR_NONE;
}
