/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void finding_list_init(struct finding_list *list, struct arena *arena)
{
	*list = (struct finding_list){.arena = arena};
}

void finding_add(struct finding_list *list, const struct finding *finding)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity * 2 + 16;
		struct finding *items =
			arena_calloc(list->arena, capacity, sizeof(*items));
		if (!items) {
			list->has_failed = true;
			return;
		}
		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *finding;
}

const char *finding_format(struct finding_list *list, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	char *copy = length < 0 ? NULL : arena_strndup(list->arena, text, (size_t)length);
	if (length >= 0)
		free(text);
	if (!copy)
		list->has_failed = true;
	return copy ? copy : "";
}
