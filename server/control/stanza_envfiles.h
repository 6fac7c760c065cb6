/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "server/config/directive.h"
#include "zones/export/env_render.h"

/* The directive envfiles: its options' table and how they are read. Control thread only.
 */

extern const struct directive_row envfiles_rows[];

void envfiles_check_mode(
	const struct corefile_directive *option, struct diag_list *problems);

struct envfiles_options {
	char *path;
	mode_t mode;
	struct env_options render;
	const char **namespaces; /* the Corefile's */
	size_t namespace_count;  /* 0: all */
};

/* ERR_NOMEM; to be freed also then. */
enum err stanza_read_envfiles(const struct corefile_directive *directive,
	struct envfiles_options *out) MUST_CHECK;
void envfiles_options_deinit(struct envfiles_options *options);
