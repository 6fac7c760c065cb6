/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/control/env_writer.h"

/*
 * The plugin envfiles: follows the clusters, and has the files of each folder written.
 * A change is told to the writers a moment after it was published, together with what
 * else came in that moment: answers never wait for files. Control thread only.
 */

struct corefile_directive;
struct envfiles;
struct event_base;
struct server;

/* NULL: no memory. */
struct envfiles *envfiles_new(struct event_base *base);
/* The clusters are still there. */
void envfiles_free(struct envfiles *envfiles);

/* What the server's Corefile asks for, beside what is followed. Then one of the two
 * below. ERR_NOMEM. */
enum err envfiles_prepare(
	struct envfiles *envfiles, const struct server *server) MUST_CHECK;

/* The prepared folders are followed from now on, and no others. */
void envfiles_commit(struct envfiles *envfiles);
void envfiles_cancel(struct envfiles *envfiles);

/* The writer of the directive among those prepared; NULL: none. */
struct env_writer *envfiles_prepared(
	const struct envfiles *envfiles, const struct corefile_directive *directive);

/* The sum over what is followed; returns how many folders that is. */
unsigned envfiles_count(const struct envfiles *envfiles, struct env_writer_counters *sum);
