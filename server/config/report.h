/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/corefile.h"

/* Inside server/config: a problem at the place of a word. Control characters, which a
 * quoted word may bring, become '?', so that a problem stays one line. Words of a file
 * are printed with %.100s, so that what is said of them is not cut off. */
void report_error(struct diag_list *problems, const struct corefile_place *place,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_warning(struct diag_list *problems, const struct corefile_place *place,
	const char *format, ...) __attribute__((format(printf, 3, 4)));
