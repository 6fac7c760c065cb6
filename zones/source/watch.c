/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include "server/base/log.h"

enum {
	WATCH_MASK = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM |
		     IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
	WATCH_FILE_MASK =
		IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF,
	WATCH_SELF = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT,
	/* Beyond this many names a look at the whole folders is cheaper. */
	PENDING_MAX = 8192,
	/* How often a file that is still being written is put off. */
	WAITED_MAX = 10,
};

struct watch {
	int fd;
	struct event *readable;
	struct event *timer;
	struct watch_events events;
	struct watch_change *pending;
	size_t count, capacity;
	bool is_overflow;
};

static void watch_clear(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		free(watch->pending[i].name);
	watch->count = 0;
}

void watch_wake(struct watch *watch)
{
	const struct timeval gather = {.tv_usec = WATCH_GATHER_MS * 1000};
	if (!evtimer_pending(watch->timer, NULL) && evtimer_add(watch->timer, &gather))
		log_error("changes of manifests are not seen: out of memory");
}

/* What finds no place becomes a look at everything. */
static void watch_overflow(struct watch *watch)
{
	watch_clear(watch);
	watch->is_overflow = true;
}

static struct watch_change *watch_slot(struct watch *watch)
{
	if (watch->count == PENDING_MAX)
		return NULL;
	if (watch->count == watch->capacity) {
		size_t capacity = watch->capacity ? watch->capacity * 2 : 16;
		struct watch_change *pending =
			realloc(watch->pending, capacity * sizeof(*pending));
		if (!pending)
			return NULL;
		watch->pending = pending;
		watch->capacity = capacity;
	}
	return &watch->pending[watch->count];
}

/* A writer makes one event after another for one name: those need one place. */
static struct watch_change *watch_find_latest(
	struct watch *watch, int wd, const char *name, bool is_self)
{
	enum { LATEST = 4 };
	for (size_t i = 0; i < LATEST && i < watch->count; i++) {
		struct watch_change *change = &watch->pending[watch->count - 1 - i];
		if (change->wd == wd && change->is_self == is_self &&
			strcmp(change->name, name) == 0)
			return change;
	}
	return NULL;
}

static void watch_note(struct watch *watch, const struct inotify_event *event)
{
	const char *name = event->len ? event->name : "";
	bool is_self = event->mask & WATCH_SELF;
	if (event->mask & IN_Q_OVERFLOW)
		watch_overflow(watch);
	if (watch->is_overflow && !(event->mask & IN_IGNORED))
		return;
	struct watch_change *change = watch_find_latest(watch, event->wd, name, is_self);
	if (!change) {
		change = watch_slot(watch);
		char *copy = change ? strdup(name) : NULL;
		if (!copy) {
			watch_overflow(watch);
			return;
		}
		*change = (struct watch_change){
			.wd = event->wd, .is_self = is_self, .name = copy};
		change->order = (uint32_t)watch->count++;
	}
	change->is_fresh = true;
	change->is_ignored |= !!(event->mask & IN_IGNORED);
	if (event->mask & IN_MODIFY)
		change->is_open = true;
	else if (event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE))
		change->is_open = false;
}

static void watch_read(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	_Alignas(struct inotify_event) char buffer[16 * 1024];
	(void)what;
	for (;;) {
		ssize_t length = read(fd, buffer, sizeof(buffer));
		if (length <= 0) {
			if (length < 0 && errno == EINTR)
				continue;
			break;
		}
		for (char *at = buffer; at < buffer + length;) {
			const struct inotify_event *event = (const void *)at;
			watch_note(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
	if (watch->count || watch->is_overflow)
		watch_wake(watch);
}

static int watch_compare(const void *a, const void *b)
{
	const struct watch_change *left = a;
	const struct watch_change *right = b;
	if (left->wd != right->wd)
		return left->wd < right->wd ? -1 : 1;
	if (left->is_self != right->is_self)
		return left->is_self ? 1 : -1;
	int names = strcmp(left->name, right->name);
	if (names)
		return names;
	return left->order < right->order ? -1 : left->order > right->order;
}

/* One change for each name; the last word on whether it is still being written. */
static size_t watch_fold(struct watch_change *changes, size_t count)
{
	size_t kept = 0;
	qsort(changes, count, sizeof(*changes), watch_compare);
	for (size_t i = 0; i < count; i++) {
		struct watch_change *last = kept ? &changes[kept - 1] : NULL;
		if (!last || last->wd != changes[i].wd ||
			last->is_self != changes[i].is_self ||
			strcmp(last->name, changes[i].name) != 0) {
			changes[kept++] = changes[i];
			continue;
		}
		last->is_open = changes[i].is_open;
		last->is_fresh |= changes[i].is_fresh;
		last->is_ignored |= changes[i].is_ignored;
		free(changes[i].name);
	}
	return kept;
}

/*
 * A file that its writer has not closed is likely to be half a file. It waits for
 * another 50 ms, again as long as more is written, but not for ever.
 */
static bool watch_must_wait(const struct watch_change *change)
{
	return change->is_open && change->is_fresh && change->waited < WAITED_MAX;
}

/* Moves those that must wait to `waiting`, and returns how many are left. */
static size_t watch_put_off(
	struct watch *watch, struct watch_change *changes, size_t count)
{
	struct watch_change *waiting = calloc(count + 1, sizeof(*waiting));
	size_t ready = 0, put_off = 0;
	for (size_t i = 0; i < count; i++) {
		if (!waiting || !watch_must_wait(&changes[i])) {
			changes[ready++] = changes[i];
			continue;
		}
		waiting[put_off] = changes[i];
		waiting[put_off].waited++;
		waiting[put_off].is_fresh = false;
		waiting[put_off].order = (uint32_t)put_off;
		put_off++;
	}
	if (!put_off) {
		free(waiting);
		return ready;
	}
	watch->pending = waiting;
	watch->count = put_off;
	watch->capacity = count + 1;
	watch_wake(watch);
	return ready;
}

static void watch_hand_over(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	struct watch_change *changes = watch->pending;
	size_t count = watch_fold(changes, watch->count);
	bool is_overflow = watch->is_overflow;
	(void)fd;
	(void)what;
	watch->pending = NULL;
	watch->count = watch->capacity = 0;
	watch->is_overflow = false;
	size_t ready = watch_put_off(watch, changes, count);
	watch->events.changed(watch->events.context, changes, ready, is_overflow);
	for (size_t i = 0; i < ready; i++)
		free(changes[i].name);
	free(changes);
}

enum err watch_open(
	struct event_base *base, const struct watch_events *events, struct watch **out)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return ERR_NOMEM;
	watch->events = *events;
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd < 0) {
		free(watch);
		return ERR_IO;
	}
	watch->readable =
		event_new(base, watch->fd, EV_READ | EV_PERSIST, watch_read, watch);
	watch->timer = evtimer_new(base, watch_hand_over, watch);
	if (!watch->readable || !watch->timer || event_add(watch->readable, NULL)) {
		watch_close(watch);
		return ERR_NOMEM;
	}
	*out = watch;
	return ERR_NONE;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->timer)
		event_free(watch->timer);
	close(watch->fd);
	watch_clear(watch);
	free(watch->pending);
	free(watch);
}

static enum err watch_add_masked(
	struct watch *watch, const char *path, uint32_t mask, int *wd)
{
	int added = inotify_add_watch(watch->fd, path, mask);
	if (added < 0)
		return ERR_IO;
	*wd = added;
	return ERR_NONE;
}

enum err watch_add(struct watch *watch, const char *path, int *wd)
{
	return watch_add_masked(watch, path, WATCH_MASK, wd);
}

enum err watch_add_file(struct watch *watch, const char *path, int *wd)
{
	return watch_add_masked(watch, path, WATCH_FILE_MASK, wd);
}

void watch_remove(struct watch *watch, int wd)
{
	inotify_rm_watch(watch->fd, wd);
}
