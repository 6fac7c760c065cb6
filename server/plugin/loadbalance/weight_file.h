/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"
#include "server/query/weights.h"

/*
 * The text of a weight file, as CoreDNS has it: a line with a name, then lines with an
 * address of it and its weight, 1 to 255; lines that begin with '#' and empty ones do not
 * count. Control thread.
 */

struct weight_file {
	const char *path; /* as the user named it, for problems */
	const char *text;
	size_t length;
	const struct hash_key *key;
};

/* ERR_NOMEM; ERR_INVALID with a problem for each line that is wrong, up to a number. */
enum err weight_file_read(const struct weight_file *file, struct weights **out,
	struct diag_list *problems) MUST_CHECK;
