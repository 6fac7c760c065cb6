/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/decode.h"

#include <stdio.h>
#include <string.h>

#include "zones/source/field.h"
#include "zones/source/validate.h"

enum { ARENA_BLOCK = 8192, LIST_DEPTH_MAX = 8, KIND_SIZE = 64 };

/* A list such as ServiceList says for its items what they do not say themselves. */
struct decode_list {
	const char *version, *item_kind; /* NULL: the items say it */
	unsigned depth;
};

struct decode_kind {
	const char *version, *name;
	enum object_kind kind;
};

static const struct decode_kind decode_kinds[] = {
	{"v1", "Service", OBJECT_SERVICE},
	{"discovery.k8s.io/v1", "EndpointSlice", OBJECT_SLICE},
	{"discovery.k8s.io/v1beta1", "EndpointSlice", OBJECT_SLICE},
	{"v1", "Endpoints", OBJECT_ENDPOINTS},
	{"v1", "Pod", OBJECT_POD},
	{"v1", "Namespace", OBJECT_NAMESPACE},
	{"multicluster.x-k8s.io/v1alpha1", "ServiceImport", OBJECT_IMPORT},
	{"multicluster.x-k8s.io/v1beta1", "ServiceImport", OBJECT_IMPORT},
};

void decode_init(struct decode *decode, const char *file, struct diag_list *problems)
{
	*decode = (struct decode){.file = file, .problems = problems};
	arena_init(&decode->arena, ARENA_BLOCK);
}

void decode_deinit(struct decode *decode)
{
	arena_deinit(&decode->arena);
}

bool decode_may_tell(struct decode *decode)
{
	if (decode->problems_told == DECODE_PROBLEMS_MAX) {
		decode->problems_untold++;
		return false;
	}
	decode->problems_told++;
	return true;
}

/* What has no kind has no name to be called by either: only its place. */
static void decode_fail(
	struct decode *decode, const struct node *node, const char *reason)
{
	decode->objects_failed++;
	if (decode_may_tell(decode))
		diag_add(decode->problems, SEVERITY_ERROR, decode->file, node->line,
			node->column, "%s", reason);
}

/* Name and namespace first: every later problem is told under them. */
static void decode_metadata(struct decode *decode, const struct field *object)
{
	struct object *out = &decode->object;
	bool has_namespace = out->kind != OBJECT_NAMESPACE;
	struct field metadata = field_get(object, "metadata");
	struct field name = field_get(&metadata, "name");
	struct field ns = field_get(&metadata, "namespace");
	struct field labels = field_get(&metadata, "labels");

	out->ns = has_namespace ? "default" : "";
	if (has_namespace && ns.node && ns.node->type == NODE_STRING && *ns.node->text)
		out->ns = ns.node->text;
	if (name.node && name.node->type == NODE_STRING)
		out->name = name.node->text;
	if (!field_is_map(decode, &metadata))
		return;

	bool is_label = out->kind == OBJECT_NAMESPACE || out->kind == OBJECT_SERVICE ||
			out->kind == OBJECT_IMPORT;
	const char *text = field_text(decode, &name);
	if (!name.node || (name.node->type == NODE_STRING && !*text))
		field_fail_missing(decode, &name);
	else if (*text && is_label && !validate_is_label(text))
		field_fail(decode, &name, "is not a DNS label (RFC 1123)");
	else if (*text && !validate_is_subdomain(text))
		field_fail(decode, &name, "is not a DNS name (RFC 1123)");
	if (has_namespace)
		field_label(decode, &ns);
	out->label_count = field_labels(decode, &labels, &out->labels);
}

enum err decode_one(struct decode *decode, const struct node *node, enum object_kind kind)
{
	const struct field object = {.node = node};
	bool is_wanted = true;
	arena_reset(&decode->arena);
	decode->faults = 0;
	decode->object = (struct object){
		.kind = kind,
		.ns = "",
		.name = "",
		.origin = {decode->file, node->line},
	};
	decode_metadata(decode, &object);
	switch (kind) {
	case OBJECT_SERVICE:
		decode_service(decode, &object);
		break;
	case OBJECT_SLICE:
		is_wanted = decode_slice(decode, &object);
		break;
	case OBJECT_ENDPOINTS:
		decode_endpoints(decode, &object);
		break;
	case OBJECT_POD:
		decode_pod(decode, &object);
		break;
	case OBJECT_IMPORT:
		decode_import(decode, &object);
		break;
	case OBJECT_NAMESPACE:
	case OBJECT_KINDS:
		break;
	}
	if (decode->is_exhausted)
		return ERR_NOMEM;
	if (decode->faults) {
		decode->objects_failed++;
		return ERR_NONE;
	}
	return is_wanted ? decode->deliver(decode->context, &decode->object) : ERR_NONE;
}

static const struct decode_kind *decode_find_kind(const char *version, const char *kind)
{
	for (size_t i = 0; i < sizeof(decode_kinds) / sizeof(decode_kinds[0]); i++)
		if (strcmp(decode_kinds[i].name, kind) == 0 &&
			strcmp(decode_kinds[i].version, version) == 0)
			return &decode_kinds[i];
	return NULL;
}

static enum err decode_node(
	struct decode *decode, const struct node *node, const struct decode_list *list);

/* "List" holds anything; "ServiceList" and the like hold items of a kind of ours. False:
 * no list that concerns us. */
static bool decode_is_list(
	const char *version, const char *kind, char *item_kind, struct decode_list *inner)
{
	size_t length = strlen(kind);
	if (strcmp(version, "v1") == 0 && strcmp(kind, "List") == 0)
		return true;
	if (length <= 4 || length >= KIND_SIZE || strcmp(kind + length - 4, "List") != 0)
		return false;
	memcpy(item_kind, kind, length - 4);
	item_kind[length - 4] = '\0';
	inner->version = version;
	inner->item_kind = item_kind;
	return decode_find_kind(version, item_kind) != NULL;
}

static enum err decode_items(
	struct decode *decode, const struct node *node, const struct decode_list *inner)
{
	const struct node *items = node_get(node, "items");
	if (!items)
		return ERR_NONE;
	if (items->type != NODE_LIST) {
		decode_fail(decode, items, "the items of a list are no list");
		return ERR_NONE;
	}
	if (inner->depth > LIST_DEPTH_MAX) {
		decode_fail(decode, node, "lists are nested too deep");
		return ERR_NONE;
	}
	enum err err = ERR_NONE;
	for (const struct node *item = items->first; item && !err; item = item->next)
		err = decode_node(decode, item, inner);
	return err;
}

/* A string that every object must have; NULL and a report when it does not. */
static const char *decode_type_text(struct decode *decode, const struct node *node,
	const char *key, const char *inherited)
{
	const struct node *value = node_get(node, key);
	char reason[64];
	if (!value && inherited)
		return inherited;
	if (value && value->type == NODE_STRING && *value->text)
		return value->text;
	snprintf(reason, sizeof(reason), "the object has no %s", key);
	decode_fail(decode, value ? value : node, reason);
	return NULL;
}

static enum err decode_node(
	struct decode *decode, const struct node *node, const struct decode_list *list)
{
	if (node->type == NODE_NULL)
		return ERR_NONE;
	if (node->type != NODE_MAP) {
		decode_fail(decode, node, "this is no object");
		return ERR_NONE;
	}
	const char *kind = decode_type_text(decode, node, "kind", list->item_kind);
	const char *version =
		kind ? decode_type_text(decode, node, "apiVersion", list->version) : NULL;
	if (!version)
		return ERR_NONE;
	const struct decode_kind *known = decode_find_kind(version, kind);
	if (known)
		return decode_one(decode, node, known->kind);
	char item_kind[KIND_SIZE];
	struct decode_list inner = {.depth = list->depth + 1};
	if (decode_is_list(version, kind, item_kind, &inner))
		return decode_items(decode, node, &inner);
	return ERR_NONE;
}

enum err decode_documents(struct decode *decode, const struct node *documents)
{
	const struct decode_list none = {0};
	enum err err = ERR_NONE;
	for (const struct node *node = documents->first; node && !err; node = node->next)
		err = decode_node(decode, node, &none);
	if (decode->problems_untold)
		diag_add(decode->problems, SEVERITY_ERROR, decode->file, 0, 0,
			"%zu more problems", decode->problems_untold);
	return err;
}
