/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A problem at the place of a word. */
#define report_error(problems, where, ...)                                               \
	diag_add((problems), SEVERITY_ERROR, (where)->file, (where)->line,               \
		(where)->column, __VA_ARGS__)
