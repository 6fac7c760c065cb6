/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/base/hash.h"
#include "server/query/plugin.h"

/* The file plugin: answers from zone files, which are read again when they change. */

/* One directive: the same file for each of its zones, which are where it begins. */
struct file_source {
	const char *path;
	const struct dname *zones; /* lower-case */
	size_t zone_count;
	int64_t reload_ms;  /* how often the file is looked at; 0: never again */
	bool falls_through; /* names that do not exist, in these zones; count 0: in all */
	const struct dname *fallthrough_zones;
	size_t fallthrough_count;
};

struct file_options {
	const struct hash_key *key; /* the process's */
	const struct file_source *sources;
	size_t count;
};

/* Reads the files. The options must outlive the instance. ERR_INVALID with problems: a
 * file cannot be read, or is no zone file; ERR_NOMEM. */
enum err file_plugin_new(const struct file_options *options, struct plugin_instance *out,
	struct diag_list *problems) MUST_CHECK;
