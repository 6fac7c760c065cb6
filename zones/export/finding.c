/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/finding.h"

#include <stdarg.h>
#include <stdio.h>
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
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	char *text = length < 0 ? NULL : arena_alloc(list->arena, (size_t)length + 1);
	if (!text) {
		list->has_failed = true;
		return "";
	}
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}
