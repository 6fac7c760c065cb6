/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* Inside server/config: the check of one argument against the type of its row. */

/* False: adds what was expected of `word`, an argument of the directive `owner`. */
bool argument_check(const struct directive_row *row, const char *owner,
	const struct corefile_word *word, struct diag_list *problems);
