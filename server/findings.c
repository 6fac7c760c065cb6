/* SPDX-License-Identifier: Apache-2.0 */
#include "server/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void findings_init(struct findings *findings)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool is_terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	*findings = (struct findings){
		.has_colours = is_terminal && !(no_colour && *no_colour),
	};
}

static int compare_unsigned(unsigned a, unsigned b)
{
	return a < b ? -1 : a > b;
}

/* Files in the order in which they were first spoken of: the Corefile, then imports. */
struct item {
	const struct diag *diag;
	size_t file, order;
};

static int item_compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	int order = compare_unsigned(a->diag->line, b->diag->line);
	if (!order)
		order = compare_unsigned(a->diag->column, b->diag->column);
	if (!order)
		order = a->order < b->order ? -1 : 1;
	return order;
}

static bool file_equal(const struct diag *a, const struct diag *b)
{
	if (!a->file || !b->file)
		return a->file == b->file;
	return strcmp(a->file, b->file) == 0;
}

static void print_item(struct findings *findings, const struct diag *diag)
{
	bool is_error = diag->severity == SEVERITY_ERROR;
	char place[4200];
	diag_format_place(diag, place, sizeof(place));
	if (findings->has_colours)
		fprintf(stderr, "\033[1m%s\033[0m\033[1;%dm%s:\033[0m %s\n", place,
			is_error ? 31 : 35, is_error ? "error" : "warning", diag->text);
	else
		fprintf(stderr, "%s%s: %s\n", place, is_error ? "error" : "warning",
			diag->text);
	if (is_error)
		findings->errors++;
	else
		findings->warnings++;
}

/* A list is short as a rule: parsers stop after a hundred problems. */
static void sort_items(struct item *items, const struct diag_list *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		size_t first = i;
		if (i && file_equal(items[i - 1].diag, &problems->items[i]))
			first = items[i - 1].file;
		else
			for (size_t j = 0; j < i && first == i; j++)
				if (file_equal(items[j].diag, &problems->items[i]))
					first = j;
		items[i] = (struct item){&problems->items[i], first, i};
	}
	qsort(items, problems->count, sizeof(*items), item_compare);
}

void findings_print(struct findings *findings, const struct diag_list *problems)
{
	struct item *items = calloc(problems->count + 1, sizeof(*items));
	if (items)
		sort_items(items, problems);
	for (size_t i = 0; i < problems->count; i++)
		print_item(findings, items ? items[i].diag : &problems->items[i]);
	free(items);
	if (problems->unstored)
		fprintf(stderr, "error: %zu more problems, not kept for want of memory\n",
			problems->unstored);
	findings->errors += problems->unstored;
}

const char *findings_summary(const struct findings *findings, char *out, size_t size)
{
	snprintf(out, size, "%zu error%s, %zu warning%s", findings->errors,
		findings->errors == 1 ? "" : "s", findings->warnings,
		findings->warnings == 1 ? "" : "s");
	return out;
}
