/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "server/base/err.h"
#include "zones/source/source.h"

/*
 * Keeps a cluster's registry in its state file (option `state`): loads it at the start,
 * saves it now and then when an answer has changed. Control thread only.
 */

struct cluster_options;
struct keeper;
struct state_registries;

enum { KEEPER_INTERVAL_MS = 10000 };

/* Options are borrowed for its life and have a state file. NULL: no memory. */
struct keeper *keeper_new(const struct cluster_options *options);
/* Waits for what is being saved. */
void keeper_free(struct keeper *keeper);

/* What the file has goes to sink->upsert, what is wrong with it to sink->report; no file
 * is no problem. ERR_NOMEM: perhaps a part of it came. */
enum err keeper_load(struct keeper *keeper, const struct source_sink *sink) MUST_CHECK;

/* Since 1970; 0: nothing was loaded. */
int64_t keeper_loaded_unix_s(const struct keeper *keeper);

/*
 * Saves the registries if `version`, which grows with each change, is another than what
 * was saved, and unless it was saved a moment ago; with `at_once` also then. Failures are
 * logged.
 */
void keeper_save(struct keeper *keeper, const struct state_registries *from,
	uint64_t version, bool at_once);
