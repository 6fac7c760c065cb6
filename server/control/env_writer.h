/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "zones/export/env_render.h"

/*
 * Keeps the files of one folder as they should be, on a thread of its own, as a disk
 * takes its time: nobody waits for it. It is told views, and holds the last one of each
 * namespace. What cannot be written is tried again, from 100 ms on up to each 30 s; then
 * all files are looked at, as the folder may be another one.
 */

struct env_writer;

struct env_writer_options {
	const char *path; /* copied */
	mode_t mode;
	struct env_options render; /* what it points to outlives the writer */
};

struct env_writer_counters {
	uint64_t files;     /* namespaces that have one */
	uint64_t written;   /* files made or exchanged */
	uint64_t failures;  /* attempts to write or remove that failed */
	uint64_t too_large; /* namespaces without a current file for that reason */
};

/* Without a thread. NULL: no memory. */
struct env_writer *env_writer_new(const struct env_writer_options *options);
/* ERR_IO: no thread can be had. */
enum err env_writer_start(struct env_writer *writer) MUST_CHECK;
/* Writes what is to be written, unless that has failed, and ends the thread. */
void env_writer_free(struct env_writer *writer);

/* Control thread. The view is taken over, also on failure. ERR_NOMEM. */
enum err env_writer_give(struct env_writer *writer, struct env_view *view) MUST_CHECK;
/* There is no such namespace any more. */
void env_writer_remove(struct env_writer *writer, const char *ns);
/* All namespaces have been told: files made earlier for others go. */
void env_writer_settle(struct env_writer *writer);

/* Any thread. A reference; NULL: there is no such namespace. */
struct env_view *env_writer_view(struct env_writer *writer, const char *ns);
const struct env_options *env_writer_render(const struct env_writer *writer);
/* False: not all namespaces have been told yet. */
bool env_writer_is_settled(struct env_writer *writer);
/* Calls `each` for each namespace, in order of their names. */
void env_writer_each(struct env_writer *writer,
	void (*each)(void *context, const char *ns), void *context);
void env_writer_add_counters(struct env_writer *writer, struct env_writer_counters *sum);
