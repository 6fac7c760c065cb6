/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/diag.h"
#include "zones/source/source.h"

/*
 * The state file: the last good registry, kept for a start at which the API server does
 * not answer. It is written beside its place and renamed, and has a checksum and a
 * format version, so that it is read whole or not at all. What is in it stands in
 * state_format.h. Control thread only.
 */

struct registry;

struct state_summary {
	uint64_t objects;
	int64_t written_unix_s;
};

/*
 * Hands every object to sink->upsert and no other function of the sink. `scope` names
 * the options that decide what a registry holds; a file that was written with others is
 * refused. ERR_NOTFOUND: there is no file; ERR_INVALID: it was refused, which is in
 * `problems`, and nothing was handed over; ERR_NOMEM: perhaps some was.
 */
enum err state_load(const char *path, const char *scope, const struct source_sink *sink,
	struct state_summary *summary, struct diag_list *problems) MUST_CHECK;

struct state_saver;

struct state_registries {
	const struct registry *services;
	const struct registry *imports; /* NULL: there are none */
};

/* Both texts are borrowed for its life. NULL: no memory. */
struct state_saver *state_saver_new(const char *path, const char *scope);
/* Waits until what was saved is on the disk. */
void state_saver_free(struct state_saver *saver);

/*
 * Writes the registries as they are now. Waiting for the disk is left to a thread, which
 * also renames the file and logs what fails there; until it is done, further calls do
 * nothing and set *is_busy. ERR_IO with errno, ERR_NOMEM: the old file stays.
 */
enum err state_saver_save(struct state_saver *saver, const struct state_registries *from,
	bool *is_busy) MUST_CHECK;
