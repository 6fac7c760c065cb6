/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/plugin/hosts/table.h"
#include "server/query/plugin.h"

/* The hosts plugin: addresses of names, and names of addresses, from a hosts file that is
 * read again when it has changed, and from the Corefile. */

struct hosts_entry {
	struct ipaddr address;
	const struct dname *names; /* in lower case */
	size_t name_count;
};

struct hosts_options {
	struct hosts_build_options build;
	const char *path;                  /* of the file */
	bool is_asked_for;                 /* they did: it is told when there is none */
	const struct hosts_entry *entries; /* of the Corefile, behind the file's */
	size_t entry_count;
	const struct dname
		*zones; /* whose names are answered; reverse names always are */
	size_t zone_count;
	int64_t reload_ms; /* how often the file is looked at; 0: never again */
	/* What is not there is the next plugin's; zones it is limited to, none: all. */
	bool falls_through;
	const struct dname *fallthrough_zones;
	size_t fallthrough_count;
	bool passes_types; /* so are other types than A, AAAA, PTR of names that are */
};

/* The options and what they point to must outlive the instance. Reads the file; what is
 * wrong with it is a warning in `problems`. ERR_NOMEM. */
enum err hosts_plugin_new(const struct hosts_options *options,
	struct plugin_instance *out, struct diag_list *problems) MUST_CHECK;
