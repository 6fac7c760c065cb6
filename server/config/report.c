/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/report.h"

#include <stdarg.h>
#include <stdio.h>

enum { REPORT_SIZE = 2048 };

void report_error(struct diag_list *problems, const struct corefile_place *place,
	const char *format, ...)
{
	char text[REPORT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	diag_add(problems, SEVERITY_ERROR, place->file, place->line, place->column, "%s",
		text);
}
