/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manual.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

enum { ARGUMENTS_ANY = 255 };

static const char *const placeholders[] = {
	[ARGUMENT_WORD] = "WORD",
	[ARGUMENT_ONE_OF] = "WORD",
	[ARGUMENT_NUMBER] = "NUMBER",
	[ARGUMENT_DURATION] = "DURATION",
	[ARGUMENT_BYTES] = "BYTES",
	[ARGUMENT_ADDRESS] = "ADDRESS",
	[ARGUMENT_CIDR] = "PREFIX",
	[ARGUMENT_ZONE] = "ZONE",
	[ARGUMENT_FOLDER] = "FOLDER",
	[ARGUMENT_FILE] = "FILE",
	[ARGUMENT_LISTEN] = "ADDRESS|INTERFACE",
};

/* " PREFIX [PREFIX]", " [ZONE...]"; nothing where there is no argument. */
static void print_arguments(const struct directive_row *row, FILE *out)
{
	const char *word = row->choices ? row->choices : placeholders[row->type];
	if (row->is_ignored)
		return;
	bool is_any = row->max_arguments == ARGUMENTS_ANY;
	for (unsigned i = 0; i < row->min_arguments; i++)
		fprintf(out, " %s%s", word,
			is_any && i + 1 == row->min_arguments ? "..." : "");
	if (is_any && !row->min_arguments)
		fprintf(out, " [%s...]", word);
	for (unsigned i = row->min_arguments; !is_any && i < row->max_arguments; i++)
		fprintf(out, " [%s]", word);
}

static void print_limits(const struct directive_row *row, FILE *out)
{
	char min[32], max[32];
	if (row->type == ARGUMENT_DURATION)
		fprintf(out, "from %s to %s",
			argument_duration_text(row->min, min, sizeof(min)),
			argument_duration_text(row->max, max, sizeof(max)));
	else if (row->type == ARGUMENT_BYTES)
		fprintf(out, "from %s to %s",
			argument_bytes_text(row->min, min, sizeof(min)),
			argument_bytes_text(row->max, max, sizeof(max)));
	else
		fprintf(out, "from %" PRId64 " to %" PRId64, row->min, row->max);
}

/* What the row says besides its help, each behind `separator`. */
static void print_facts(const struct directive_row *row, const char *separator, FILE *out)
{
	bool is_number = row->type == ARGUMENT_NUMBER || row->type == ARGUMENT_DURATION ||
			 row->type == ARGUMENT_BYTES;
	if (is_number && (row->min || row->max)) {
		fputs(separator, out);
		print_limits(row, out);
	}
	if (row->value)
		fprintf(out, "%sdefault %s", separator, row->value);
	if (row->may_repeat)
		fprintf(out, "%smay be given several times", separator);
}

static const char *row_help(const struct directive_row *row)
{
	if (row->is_ignored)
		return "has no effect any more and is ignored";
	return row->help ? row->help : "";
}

/* --- text --- */

static void print_row(const struct directive_row *row, const char *indent, FILE *out)
{
	fprintf(out, "%s%s", indent, row->name);
	print_arguments(row, out);
	fprintf(out, "\n%s    %s", indent, row_help(row));
	print_facts(row, "; ", out);
	fputc('\n', out);
}

void manual_print_text(const struct directive_row *plugin, FILE *out)
{
	print_row(plugin, "", out);
	for (const struct directive_row *row = plugin->options; row && row->name; row++)
		print_row(row, "    ", out);
}

/* --- manual page --- */

/* Text in which nothing is an escape or a request of troff's. */
static void print_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\'')
			fputs("\\(aq", out);
		else
			fputc(*text, out);
	}
}

static void print_man_row(const struct directive_row *row, FILE *out)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);
	if (!memory)
		return;
	print_arguments(row, memory);
	fclose(memory);
	fputs("\\fB", out);
	print_escaped(row->name, out);
	fputs("\\fI", out);
	print_escaped(text, out);
	fputs("\\fR\n", out);
	free(text);
}

/* The help as a sentence. */
static void print_man_help(const struct directive_row *row, FILE *out)
{
	const char *help = row_help(row);
	fprintf(out, "\\&%c", toupper((unsigned char)*help));
	if (*help)
		print_escaped(help + 1, out);
	print_facts(row, "; ", out);
	fputs(".\n", out);
}

void manual_print_man(const struct directive_row *plugins, FILE *out)
{
	for (const struct directive_row *plugin = plugins; plugin->name; plugin++) {
		fputs(".SS ", out);
		print_escaped(plugin->name, out);
		fputs("\n.PP\n", out);
		print_man_row(plugin, out);
		fputs(".PP\n", out);
		print_man_help(plugin, out);
		for (const struct directive_row *row = plugin->options; row && row->name;
			row++) {
			fputs(".TP\n", out);
			print_man_row(row, out);
			print_man_help(row, out);
		}
	}
}
