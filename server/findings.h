/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/diag.h"

/* Prints problems for whoever reads them now, not for a log: one line each on standard
 * error, of one list those of a file together and by line, with colours on a terminal
 * unless $NO_COLOR is set. */

struct findings {
	bool has_colours;
	size_t errors, warnings; /* printed so far */
};

void findings_init(struct findings *findings);
void findings_print(struct findings *findings, const struct diag_list *problems);

/* "2 errors, 1 warning" */
const char *findings_summary(const struct findings *findings, char *out, size_t size);
