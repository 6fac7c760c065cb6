/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "server/base/arena.h"
#include "zones/source/document.h"
#include "zones/source/scalar.h"

struct yaml_anchor {
	struct yaml_anchor *next;
	const char *name;
	const struct node *node;
	size_t weight; /* values in it, aliases counted as what they stand for */
};

struct yaml {
	struct arena *arena;
	yaml_parser_t parser;
	const char *text;
	struct yaml_anchor *anchors; /* of the document, newest first */
	size_t anchor_count;
	size_t nodes;
	size_t aliased;
	unsigned depth;
	struct document_error *error;
};

static enum err yaml_value(struct yaml *yaml, yaml_event_t *event, struct node *node);

__attribute__((format(printf, 3, 4))) static enum err yaml_fail(
	struct yaml *yaml, yaml_mark_t mark, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(yaml->error->text, sizeof(yaml->error->text), format, args);
	va_end(args);
	yaml->error->line = (unsigned)mark.line + 1;
	yaml->error->column = (unsigned)mark.column + 1;
	return ERR_SYNTAX;
}

/* The reader knows only the byte where the text stops to be UTF-8. */
static yaml_mark_t yaml_mark_at(const struct yaml *yaml, size_t offset)
{
	yaml_mark_t mark = {0};
	for (size_t i = 0; i < offset; i++) {
		mark.column++;
		if (yaml->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static enum err yaml_fail_parser(struct yaml *yaml)
{
	const yaml_parser_t *parser = &yaml->parser;
	const char *problem = parser->problem ? parser->problem : "malformed";
	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		return ERR_NOMEM;
	case YAML_READER_ERROR:
		return yaml_fail(
			yaml, yaml_mark_at(yaml, parser->problem_offset), "%s", problem);
	default:
		if (parser->context)
			return yaml_fail(yaml, parser->problem_mark, "%s %s", problem,
				parser->context);
		return yaml_fail(yaml, parser->problem_mark, "%s", problem);
	}
}

static enum err yaml_next(struct yaml *yaml, yaml_event_t *event)
{
	if (!yaml_parser_parse(&yaml->parser, event))
		return yaml_fail_parser(yaml);
	return ERR_NONE;
}

/* The short name of a core tag, or NULL for any other. */
static const char *yaml_core_tag(const char *tag)
{
	static const char prefix[] = "tag:yaml.org,2002:";
	static const char *const names[] = {
		"str", "int", "float", "bool", "null", "seq", "map"};
	if (strncmp(tag, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(tag + sizeof(prefix) - 1, names[i]) == 0)
			return names[i];
	return NULL;
}

/* What a tag says of a scalar must be true of it; "!" says that it is a string. */
static enum err yaml_check_scalar_tag(
	struct yaml *yaml, const yaml_event_t *event, struct node *node)
{
	const char *tag = (const char *)event->data.scalar.tag;
	const char *name = yaml_core_tag(tag);
	bool is_good = false;
	if (strcmp(tag, "!") == 0 || (name && strcmp(name, "str") == 0))
		return ERR_NONE;
	if (!name)
		return yaml_fail(
			yaml, event->start_mark, "the tag \"%.64s\" is not known", tag);
	scalar_resolve(node->text, node->length, node);
	if (strcmp(name, "int") == 0)
		is_good = node->type == NODE_INT;
	else if (strcmp(name, "float") == 0)
		is_good = node->type == NODE_INT || node->type == NODE_FLOAT;
	else if (strcmp(name, "bool") == 0)
		is_good = node->type == NODE_BOOL;
	else if (strcmp(name, "null") == 0)
		is_good = node->type == NODE_NULL;
	if (!is_good)
		return yaml_fail(yaml, event->start_mark, "the value is no %s", name);
	return ERR_NONE;
}

static enum err yaml_scalar(struct yaml *yaml, yaml_event_t *event, struct node *node)
{
	size_t length = event->data.scalar.length;
	const char *value = (const char *)event->data.scalar.value;
	if (memchr(value, '\0', length))
		return yaml_fail(yaml, event->start_mark, "a NUL character in a string");
	char *text = arena_strndup(yaml->arena, value, length);
	if (!text)
		return ERR_NOMEM;
	node->type = NODE_STRING;
	node->text = text;
	node->length = (uint32_t)length;
	if (event->data.scalar.tag)
		return yaml_check_scalar_tag(yaml, event, node);
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		scalar_resolve(text, length, node);
	return ERR_NONE;
}

/* The alias shares the children of what it stands for. A file of a few lines can stand
 * for billions of values that way ("billion laughs"), so what aliases stand for counts
 * against a limit. */
static enum err yaml_alias(struct yaml *yaml, yaml_event_t *event, struct node *node)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct yaml_anchor *anchor = yaml->anchors;
	while (anchor && strcmp(anchor->name, name) != 0)
		anchor = anchor->next;
	if (!anchor)
		return yaml_fail(yaml, event->start_mark,
			"the alias \"%.64s\" has no anchor", name);
	yaml->nodes += anchor->weight;
	yaml->aliased += anchor->weight;
	if (yaml->aliased > DOCUMENT_ALIASED_MAX)
		return yaml_fail(yaml, event->start_mark,
			"the aliases stand for more than %d values",
			DOCUMENT_ALIASED_MAX);
	node->type = anchor->node->type;
	node->length = anchor->node->length;
	switch (node->type) {
	case NODE_NULL:
		break;
	case NODE_BOOL:
		node->boolean = anchor->node->boolean;
		break;
	case NODE_INT:
		node->integer = anchor->node->integer;
		break;
	case NODE_FLOAT:
	case NODE_STRING:
		node->text = anchor->node->text;
		break;
	case NODE_LIST:
	case NODE_MAP:
		node->first = anchor->node->first;
		break;
	}
	return ERR_NONE;
}

static struct node *yaml_node_new(struct yaml *yaml, yaml_mark_t mark)
{
	struct node *node = arena_calloc(yaml->arena, 1, sizeof(*node));
	if (node) {
		node->line = (uint32_t)mark.line + 1;
		node->column = (uint32_t)mark.column + 1;
		yaml->nodes++;
	}
	return node;
}

/* The next value as a new node. *node is NULL at the end of the collection. */
static enum err yaml_child(
	struct yaml *yaml, yaml_event_type_t end, struct node **node, bool *is_merge)
{
	yaml_event_t event;
	enum err err = yaml_next(yaml, &event);
	if (err)
		return err;
	*node = NULL;
	*is_merge = false;
	if (event.type != end) {
		*is_merge = event.type == YAML_SCALAR_EVENT &&
			    event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			    !event.data.scalar.tag &&
			    strcmp((const char *)event.data.scalar.value, "<<") == 0;
		*node = yaml_node_new(yaml, event.start_mark);
		err = *node ? yaml_value(yaml, &event, *node) : ERR_NOMEM;
	}
	yaml_event_delete(&event);
	return err;
}

static enum err yaml_list(struct yaml *yaml, struct node *list)
{
	struct node **link = &list->first;
	struct node *node;
	bool is_merge;
	list->type = NODE_LIST;
	for (;;) {
		enum err err =
			yaml_child(yaml, YAML_SEQUENCE_END_EVENT, &node, &is_merge);
		if (err || !node)
			return err;
		*link = node;
		link = &node->next;
		list->length++;
	}
}

static yaml_mark_t yaml_mark_of(const struct node *node)
{
	return (yaml_mark_t){.line = node->line - 1, .column = node->column - 1};
}

/* Keys of JSON objects are strings: kubectl writes numbers and booleans as such. */
static enum err yaml_key(struct yaml *yaml, const struct node *node, const char **key)
{
	char number[24];
	switch (node->type) {
	case NODE_STRING:
	case NODE_FLOAT:
		*key = node->text;
		return ERR_NONE;
	case NODE_BOOL:
		*key = node->boolean ? "true" : "false";
		return ERR_NONE;
	case NODE_INT: {
		int length = snprintf(
			number, sizeof(number), "%lld", (long long)node->integer);
		*key = arena_strndup(yaml->arena, number, (size_t)length);
		return *key ? ERR_NONE : ERR_NOMEM;
	}
	default:
		return yaml_fail(yaml, yaml_mark_of(node), "a key that is no string");
	}
}

/* Members of `from` that `map` does not have yet, as copies. */
static enum err yaml_merge_map(struct yaml *yaml, struct node *map,
	const struct node *from, const struct node *place)
{
	if (from->type != NODE_MAP)
		return yaml_fail(yaml, yaml_mark_of(place),
			"\"<<\" merges a map or a list of maps, nothing else");
	if (map->length + from->length > DOCUMENT_MERGED_KEYS_MAX)
		return yaml_fail(yaml, yaml_mark_of(place),
			"\"<<\" merges more than %d keys", DOCUMENT_MERGED_KEYS_MAX);
	for (const struct node *member = from->first; member; member = member->next) {
		struct node **link = &map->first;
		while (*link && strcmp((*link)->key, member->key) != 0)
			link = &(*link)->next;
		if (*link)
			continue;
		struct node *copy = arena_alloc(yaml->arena, sizeof(*copy));
		if (!copy)
			return ERR_NOMEM;
		*copy = *member;
		copy->next = NULL;
		*link = copy;
		map->length++;
	}
	return ERR_NONE;
}

static enum err yaml_merge(struct yaml *yaml, struct node *map, const struct node *merged)
{
	if (merged->type != NODE_LIST)
		return yaml_merge_map(yaml, map, merged, merged);
	for (const struct node *node = merged->first; node; node = node->next) {
		enum err err = yaml_merge_map(yaml, map, node, merged);
		if (err)
			return err;
	}
	return ERR_NONE;
}

static enum err yaml_check_duplicates(struct yaml *yaml, const struct node *map)
{
	const struct node *twice;
	enum err err = node_find_duplicate(yaml->arena, map, &twice);
	if (err || !twice)
		return err;
	return yaml_fail(
		yaml, yaml_mark_of(twice), "the key \"%.64s\" appears twice", twice->key);
}

static enum err yaml_map(struct yaml *yaml, struct node *map)
{
	struct node **link = &map->first;
	const struct node *merged = NULL;
	struct node *key, *value;
	bool is_merge, ignored;
	map->type = NODE_MAP;
	for (;;) {
		enum err err = yaml_child(yaml, YAML_MAPPING_END_EVENT, &key, &is_merge);
		if (err)
			return err;
		if (!key)
			break;
		err = yaml_child(yaml, YAML_MAPPING_END_EVENT, &value, &ignored);
		if (err)
			return err;
		if (!value)
			return yaml_fail(
				yaml, yaml_mark_of(key), "a key without a value");
		if (is_merge && merged)
			return yaml_fail(
				yaml, yaml_mark_of(key), "the key \"<<\" appears twice");
		if (is_merge) {
			merged = value;
			continue;
		}
		err = yaml_key(yaml, key, &value->key);
		if (err)
			return err;
		*link = value;
		link = &value->next;
		map->length++;
	}
	enum err err = yaml_check_duplicates(yaml, map);
	if (err || !merged)
		return err;
	return yaml_merge(yaml, map, merged);
}

static enum err yaml_collection(struct yaml *yaml, yaml_event_t *event, struct node *node)
{
	bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
	const char *tag = (const char *)(is_list ? event->data.sequence_start.tag
						 : event->data.mapping_start.tag);
	const char *name = tag ? yaml_core_tag(tag) : NULL;
	if (tag && strcmp(tag, "!") != 0 &&
		(!name || strcmp(name, is_list ? "seq" : "map") != 0))
		return yaml_fail(
			yaml, event->start_mark, "the tag \"%.64s\" is not known", tag);
	if (++yaml->depth > DOCUMENT_DEPTH_MAX)
		return yaml_fail(yaml, event->start_mark, "nested deeper than %d levels",
			DOCUMENT_DEPTH_MAX);
	enum err err = is_list ? yaml_list(yaml, node) : yaml_map(yaml, node);
	yaml->depth--;
	return err;
}

/* An anchor counts once its value is complete: a value cannot contain itself. */
static enum err yaml_add_anchor(
	struct yaml *yaml, const char *name, const struct node *node, size_t weight)
{
	if (++yaml->anchor_count > DOCUMENT_ANCHORS_MAX)
		return yaml_fail(yaml, yaml_mark_of(node), "more than %d anchors",
			DOCUMENT_ANCHORS_MAX);
	struct yaml_anchor *anchor = arena_alloc(yaml->arena, sizeof(*anchor));
	const char *copy = arena_strndup(yaml->arena, name, strlen(name));
	if (!anchor || !copy)
		return ERR_NOMEM;
	*anchor = (struct yaml_anchor){yaml->anchors, copy, node, weight};
	yaml->anchors = anchor;
	return ERR_NONE;
}

static enum err yaml_value(struct yaml *yaml, yaml_event_t *event, struct node *node)
{
	size_t before = yaml->nodes - 1;
	const yaml_char_t *anchor;
	enum err err;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return yaml_alias(yaml, event, node);
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		err = yaml_scalar(yaml, event, node);
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		err = yaml_collection(yaml, event, node);
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		err = yaml_collection(yaml, event, node);
		break;
	default:
		return yaml_fail(yaml, event->start_mark, "no value");
	}
	if (err || !anchor)
		return err;
	return yaml_add_anchor(yaml, (const char *)anchor, node, yaml->nodes - before);
}

/* One event outside of the documents or the root of one. */
static enum err yaml_top(
	struct yaml *yaml, yaml_event_t *event, struct node *list, struct node ***link)
{
	struct node *node;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		yaml->anchors = NULL;
		yaml->anchor_count = 0;
		return ERR_NONE;
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		return ERR_NONE;
	default:
		node = yaml_node_new(yaml, event->start_mark);
		if (!node)
			return ERR_NOMEM;
		**link = node;
		*link = &node->next;
		list->length++;
		return yaml_value(yaml, event, node);
	}
}

static enum err yaml_documents(struct yaml *yaml, struct node *list)
{
	struct node **link = &list->first;
	bool is_end = false;
	while (!is_end) {
		yaml_event_t event;
		enum err err = yaml_next(yaml, &event);
		if (err)
			return err;
		err = yaml_top(yaml, &event, list, &link);
		is_end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (err)
			return err;
	}
	return ERR_NONE;
}

enum err document_parse_yaml(struct arena *arena, const char *text, size_t length,
	struct node **documents, struct document_error *error)
{
	struct yaml yaml = {.arena = arena, .text = text, .error = error};
	struct node *list = arena_calloc(arena, 1, sizeof(*list));
	if (!list || !yaml_parser_initialize(&yaml.parser))
		return ERR_NOMEM;
	list->type = NODE_LIST;
	yaml_parser_set_encoding(&yaml.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&yaml.parser, (const unsigned char *)text, length);
	enum err err = yaml_documents(&yaml, list);
	yaml_parser_delete(&yaml.parser);
	if (!err)
		*documents = list;
	return err;
}
