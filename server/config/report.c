/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/report.h"

#include <stdarg.h>
#include <stdio.h>

enum { REPORT_SIZE = 2048 };

__attribute__((format(printf, 4, 0))) static void report(struct diag_list *problems,
	enum severity severity, const struct corefile_place *place, const char *format,
	va_list args)
{
	char text[REPORT_SIZE];
	vsnprintf(text, sizeof(text), format, args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	diag_add(problems, severity, place->file, place->line, place->column, "%s", text);
}

void report_error(struct diag_list *problems, const struct corefile_place *place,
	const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report(problems, SEVERITY_ERROR, place, format, args);
	va_end(args);
}

void report_warning(struct diag_list *problems, const struct corefile_place *place,
	const char *format, ...)
{
	va_list args;
	va_start(args, format);
	report(problems, SEVERITY_WARNING, place, format, args);
	va_end(args);
}
