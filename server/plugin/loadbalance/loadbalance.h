/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/query/plugin.h"

/* The loadbalance plugin: sets of addresses begin at another one in each reply, or at one
 * that is chosen by the weights of a file; those in preferred networks come first. */

struct loadbalance_options {
	const struct reply_preference *preference; /* NULL: none */
	const char *weight_file;                   /* NULL: none */
	int64_t reload_ms; /* how often the file is looked at; 0: never again */
	const struct hash_key *key;
};

/* The options and what they point to must outlive the instance. Reads the weight file:
 * that it cannot be read is a warning where it is looked at again. ERR_NOMEM; ERR_INVALID
 * with `problems`. */
enum err loadbalance_plugin_new(const struct loadbalance_options *options,
	struct plugin_instance *out, struct diag_list *problems) MUST_CHECK;
