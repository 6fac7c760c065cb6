/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "zones/source/validate.h"

enum { PATH_SIZE = 256, VALUE_SIZE = 80, REASON_SIZE = 192 };

struct field field_get(const struct field *up, const char *key)
{
	return (struct field){.up = up, .key = key, .node = node_get(up->node, key)};
}

struct field field_item(const struct field *up, size_t index, const struct node *node)
{
	return (struct field){
		.up = up,
		.index = index,
		.node = node->type == NODE_NULL ? NULL : node,
	};
}

/* Returns how much of `out` is used. A path that is too long is cut. */
static size_t field_path(const struct field *field, char *out, size_t size)
{
	if (!field->up) {
		out[0] = '\0';
		return 0;
	}
	size_t used = field_path(field->up, out, size);
	int added;
	if (field->key)
		added = snprintf(
			out + used, size - used, "%s%s", used ? "." : "", field->key);
	else
		added = snprintf(out + used, size - used, "[%zu]", field->index);
	return used + (size_t)added < size ? used + (size_t)added : size - 1;
}

/* The value as the user wrote it, cut, without what could confuse a terminal. */
static void field_value(const struct node *node, char *out, size_t size)
{
	switch (node->type) {
	case NODE_NULL:
		snprintf(out, size, "null");
		break;
	case NODE_BOOL:
		snprintf(out, size, "%s", node->boolean ? "true" : "false");
		break;
	case NODE_INT:
		snprintf(out, size, "%lld", (long long)node->integer);
		break;
	case NODE_FLOAT:
		snprintf(out, size, "%.*s", (int)(node->length < 32 ? node->length : 32),
			node->text);
		break;
	case NODE_STRING:
		snprintf(out, size, "\"%.64s%s\"", node->text,
			node->length > 64 ? "..." : "");
		break;
	case NODE_LIST:
		snprintf(out, size, "(a list)");
		break;
	case NODE_MAP:
		snprintf(out, size, "(a map)");
		break;
	}
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
}

static void field_report(struct decode *decode, const struct field *field,
	const char *value, const char *reason)
{
	const struct object *object = &decode->object;
	const struct field *place = field;
	char path[PATH_SIZE];
	decode->faults++;
	if (!decode_may_tell(decode))
		return;
	field_path(field, path, sizeof(path));
	while (!place->node && place->up)
		place = place->up;
	diag_add(decode->problems, SEVERITY_ERROR, decode->file,
		place->node ? place->node->line : 0,
		place->node ? place->node->column : 0, "%s \"%s%s%s\": %s%s%s %s",
		object_kind_name(object->kind), object->ns, *object->ns ? "/" : "",
		object->name, path, *value ? " " : "", value, reason);
}

void field_fail(struct decode *decode, const struct field *field, const char *format, ...)
{
	char value[VALUE_SIZE] = "";
	char reason[REASON_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (field->node)
		field_value(field->node, value, sizeof(value));
	field_report(decode, field, value, reason);
}

void field_fail_missing(struct decode *decode, const struct field *field)
{
	field_report(decode, field, "", "is missing");
}

const char *field_text(struct decode *decode, const struct field *field)
{
	if (!field->node)
		return "";
	if (field->node->type == NODE_STRING)
		return field->node->text;
	field_fail(decode, field, "is not a string");
	return "";
}

bool field_flag(struct decode *decode, const struct field *field, bool absent)
{
	if (!field->node)
		return absent;
	if (field->node->type == NODE_BOOL)
		return field->node->boolean;
	field_fail(decode, field, "is not true or false");
	return absent;
}

int64_t field_integer(struct decode *decode, const struct field *field, int64_t absent)
{
	if (!field->node)
		return absent;
	if (field->node->type == NODE_INT)
		return field->node->integer;
	field_fail(decode, field, "is not a whole number");
	return absent;
}

bool field_is_map(struct decode *decode, const struct field *field)
{
	if (!field->node || field->node->type == NODE_MAP)
		return true;
	field_fail(decode, field, "is not a map");
	return false;
}

size_t field_list(
	struct decode *decode, const struct field *field, const struct node **first)
{
	*first = NULL;
	if (!field->node)
		return 0;
	if (field->node->type != NODE_LIST) {
		field_fail(decode, field, "is not a list");
		return 0;
	}
	*first = field->node->first;
	return field->node->length;
}

void *field_alloc(struct decode *decode, size_t count, size_t size)
{
	if (!count)
		return NULL;
	void *memory = arena_calloc(&decode->arena, count, size);
	if (!memory)
		decode->is_exhausted = true;
	return memory;
}

size_t field_labels(struct decode *decode, const struct field *field,
	const struct object_label **labels)
{
	*labels = NULL;
	if (!field->node || !field_is_map(decode, field))
		return 0;
	struct object_label *list =
		field_alloc(decode, field->node->length, sizeof(*list));
	if (!list)
		return 0;
	size_t count = 0;
	for (const struct node *node = field->node->first; node; node = node->next) {
		struct field value = {.up = field, .key = node->key, .node = node};
		if (node->type != NODE_STRING && node->type != NODE_NULL)
			field_fail(decode, &value, "is not a string; quotes make it one");
		list[count].key = node->key;
		list[count++].value = node->type == NODE_STRING ? node->text : "";
	}
	*labels = list;
	return count;
}

const char *field_lower(struct decode *decode, const char *text)
{
	char *copy = arena_strndup(&decode->arena, text, strlen(text));
	if (!copy) {
		decode->is_exhausted = true;
		return "";
	}
	for (char *at = copy; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return copy;
}

bool field_address(
	struct decode *decode, const struct field *field, struct ipaddr *address)
{
	if (!field->node) {
		field_fail_missing(decode, field);
		return false;
	}
	size_t before = decode->faults;
	const char *text = field_text(decode, field);
	if (decode->faults != before)
		return false;
	if (ipaddr_parse(text, address)) {
		field_fail(decode, field, "is not an IP address");
		return false;
	}
	if (validate_is_mapped(address)) {
		field_fail(decode, field, "is an IPv4 address written as an IPv6 one");
		return false;
	}
	return true;
}

int32_t field_port_number(struct decode *decode, const struct field *field)
{
	if (!field->node) {
		field_fail_missing(decode, field);
		return 0;
	}
	size_t before = decode->faults;
	int64_t number = field_integer(decode, field, 0);
	if (decode->faults != before)
		return 0;
	if (number < 1 || number > 65535) {
		field_fail(decode, field, "is not a port number from 1 to 65535");
		return 0;
	}
	return (int32_t)number;
}

enum object_protocol field_protocol(struct decode *decode, const struct field *field)
{
	const char *text = field_text(decode, field);
	if (!*text || strcmp(text, "TCP") == 0)
		return PROTOCOL_TCP;
	if (strcmp(text, "UDP") == 0)
		return PROTOCOL_UDP;
	if (strcmp(text, "SCTP") == 0)
		return PROTOCOL_SCTP;
	field_fail(decode, field, "is not one of TCP, UDP, SCTP");
	return PROTOCOL_TCP;
}

const char *field_label(struct decode *decode, const struct field *field)
{
	const char *text = field_text(decode, field);
	if (*text && !validate_is_label(text))
		field_fail(decode, field, "is not a DNS label (RFC 1123)");
	return text;
}
