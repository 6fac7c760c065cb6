/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * inotify on an event base. What happens within 50 ms of the first event is handed over
 * as one set of changes, each name once. Knows nothing of files and folders but their
 * watch descriptors. One thread.
 */

struct event_base;
struct watch;

enum { WATCH_GATHER_MS = 50 };

struct watch_change {
	int wd;
	bool is_self;    /* the watched folder itself moved, went or is watched no more */
	bool is_ignored; /* the descriptor is dead */
	bool is_open;    /* written to, and not closed by the writer since */
	bool is_fresh;   /* something happened since it was put off */
	uint8_t waited;  /* how often it was put off */
	uint32_t order;
	char *name; /* in the folder; "" for the folder itself */
};

struct watch_events {
	void *context;
	/* `is_overflow`: events were lost, anything may have changed. Without a change
	 * after watch_wake. */
	void (*changed)(void *context, const struct watch_change *changes, size_t count,
		bool is_overflow);
};

/* ERR_NOMEM, ERR_IO. */
enum err watch_open(struct event_base *base, const struct watch_events *events,
	struct watch **out) MUST_CHECK;
void watch_close(struct watch *watch);

/* The descriptor of a folder, the same one for the same folder. ERR_IO. */
enum err watch_add(struct watch *watch, const char *path, int *wd) MUST_CHECK;
/* The same of a file, through links; it has no names, all that happens is of itself. */
enum err watch_add_file(struct watch *watch, const char *path, int *wd) MUST_CHECK;
void watch_remove(struct watch *watch, int wd);

/* Lets `changed` be called in 50 ms. */
void watch_wake(struct watch *watch);
