/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"

void diag_list_init(struct diag_list *list)
{
	*list = (struct diag_list){0};
}

void diag_list_deinit(struct diag_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].file);
		free(list->items[i].text);
	}
	free(list->items);
	*list = (struct diag_list){0};
}

static struct diag *diag_list_grow(struct diag_list *list)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 8;
		struct diag *items = realloc(list->items, capacity * sizeof(*items));
		if (!items)
			return NULL;
		list->items = items;
		list->capacity = capacity;
	}
	return &list->items[list->count];
}

void diag_add(struct diag_list *list, enum severity severity, const char *file,
	unsigned line, unsigned column, const char *format, ...)
{
	if (severity == SEVERITY_ERROR)
		list->errors++;

	char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	char *copy = file ? strdup(file) : NULL;
	struct diag *diag = diag_list_grow(list);
	if (length < 0 || (file && !copy) || !diag) {
		if (length >= 0)
			free(text);
		free(copy);
		list->unstored++;
		return;
	}
	*diag = (struct diag){severity, copy, line, column, text};
	list->count++;
}

void diag_format_place(const struct diag *diag, char *out, size_t size)
{
	if (!diag->file)
		snprintf(out, size, "%s", "");
	else if (!diag->line)
		snprintf(out, size, "%s: ", diag->file);
	else if (!diag->column)
		snprintf(out, size, "%s:%u: ", diag->file, diag->line);
	else
		snprintf(out, size, "%s:%u:%u: ", diag->file, diag->line, diag->column);
}

void diag_format(const struct diag *diag, char *out, size_t size)
{
	if (!size)
		return;
	diag_format_place(diag, out, size);
	size_t length = strlen(out);
	snprintf(out + length, size - length, "%s: %s",
		diag->severity == SEVERITY_ERROR ? "error" : "warning", diag->text);
}

void diag_list_log(const struct diag_list *list)
{
	char line[1024];
	for (size_t i = 0; i < list->count; i++) {
		diag_format(&list->items[i], line, sizeof(line));
		if (list->items[i].severity == SEVERITY_ERROR)
			log_error("%s", line);
		else
			log_warn("%s", line);
	}
	if (list->unstored)
		log_error(
			"%zu more problems, not kept for want of memory", list->unstored);
}
