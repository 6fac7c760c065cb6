/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "zones/source/source.h"

struct event_base;

/*
 * The registry as folders of Kubernetes manifests, YAML and JSON. Each file with the
 * ending .yaml, .yml or .json counts, in sub-folders too; names that begin with a dot
 * are passed over, symbolic links are followed (a ConfigMap volume is links through
 * "..data"). One object defined in two files: the file whose path sorts first counts,
 * and a warning names both.
 *
 * A file that cannot be parsed keeps its last good content in force, and so does one that
 * was emptied by a writer who has not closed it yet. An object that is invalid is left
 * out alone. Control thread only.
 */

struct manifest_source;

struct manifest_counters {
	uint64_t files_read;
	uint64_t files_failed;   /* could not be read or parsed */
	uint64_t objects_failed; /* left out as invalid */
};

/* `folders` and `sink` are copied. NULL: no memory. */
struct manifest_source *manifest_source_new(
	const char *const *folders, size_t count, const struct source_sink *sink);
void manifest_source_free(struct manifest_source *source);

/*
 * Reads everything once and delivers it, then commit and synced. A folder that does not
 * exist is reported and leaves the source unsynced. Problems with files go to
 * sink->report. ERR_NOMEM only; may be called again then.
 */
enum err manifest_source_load(struct manifest_source *source) MUST_CHECK;

/*
 * Follows the folders with inotify from now on; what changes within 50 ms is delivered
 * as one commit, but a file that its writer keeps open and goes on writing is waited for,
 * up to half a second. Folders that do not exist yet are waited for. Not seen are the far
 * ends of links that lead nowhere yet, and of links to links outside of the folders. To
 * be called before manifest_source_load, so that no change falls between the two, and
 * the base outlives the source. ERR_NOMEM, ERR_IO.
 */
enum err manifest_source_watch(
	struct manifest_source *source, struct event_base *base) MUST_CHECK;

const struct manifest_counters *manifest_source_counters(
	const struct manifest_source *source);
