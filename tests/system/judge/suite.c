/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <ldns/ldns.h>

#include "tests/system/judge/suite.h"

enum err suite_load(const char *path, struct suite *suite)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		fprintf(stderr, "%s:%d:%d: %s\n", path, error.line, error.column,
			error.text);
		return ERR_SYNTAX;
	}
	const char *name = json_string_value(json_object_get(root, "suite"));
	const char *kind = json_string_value(json_object_get(root, "kind"));
	if (!name || !kind || strcmp(kind, "dns") != 0) {
		fprintf(stderr, "%s: not a suite of kind \"dns\"\n", path);
		json_decref(root);
		return ERR_SYNTAX;
	}
	snprintf(suite->name, sizeof(suite->name), "%s", name);
	suite->root = root;
	return ERR_NONE;
}

void suite_deinit(struct suite *suite)
{
	json_decref(suite->root);
	suite->root = NULL;
}

size_t suite_case_count(const struct suite *suite)
{
	return json_array_size(json_object_get(suite->root, "queries"));
}

/* The case's own value of `key` where it has one, else the suite's. */
static json_t *config_get(const struct suite *suite, json_t *query, const char *key)
{
	json_t *own = json_object_get(json_object_get(query, "config"), key);
	return own ? own : json_object_get(json_object_get(suite->root, "config"), key);
}

static json_t *field_get(const struct suite *suite, json_t *query, const char *key)
{
	json_t *own = json_object_get(query, key);
	return own ? own : json_object_get(suite->root, key);
}

static void case_get_expected(
	const struct suite *suite, json_t *query, struct suite_case *out)
{
	static const char *const names[3] = {"answer", "authority", "additional"};
	for (size_t i = 0; i < 3; i++)
		out->sections[i] = json_object_get(query, names[i]);
	const char *order = json_string_value(field_get(suite, query, "order"));
	const char *transport = json_string_value(json_object_get(query, "transport"));
	json_t *ede = json_object_get(query, "ede");
	json_t *edns = json_object_get(query, "edns");
	out->rcode = json_string_value(json_object_get(query, "rcode"));
	out->has_aa = json_is_true(json_object_get(query, "aa"));
	out->has_tc = json_is_true(json_object_get(query, "tc"));
	out->is_sequence = order && strcmp(order, "sequence") == 0;
	if (transport)
		out->over_tcp = strcmp(transport, "tcp") == 0 ? SUITE_YES : SUITE_NO;
	if (edns)
		out->with_edns = json_is_true(edns) ? SUITE_YES : SUITE_NO;
	out->ede = ede ? (int)json_integer_value(ede) : -1;
	out->ignore = json_object_get(query, "ignore");
}

enum err suite_case_get(const struct suite *suite, size_t i, struct suite_case *out)
{
	json_t *query = json_array_get(json_object_get(suite->root, "queries"), i);
	*out = (struct suite_case){
		.setup.corefile = json_string_value(config_get(suite, query, "corefile")),
		.setup.is_synced = !json_is_false(config_get(suite, query, "synced")),
		.setup.local_ips = config_get(suite, query, "local_ips"),
		.setup.manifests = field_get(suite, query, "manifests"),
		.qname = json_string_value(json_object_get(query, "qname")),
		.qtype = json_string_value(json_object_get(query, "qtype")),
	};
	case_get_expected(suite, query, out);
	if (!out->setup.corefile || !out->qname || !out->qtype || !out->rcode)
		return ERR_SYNTAX;
	out->type = (uint16_t)ldns_get_rr_type_by_name(out->qtype);
	return out->type ? ERR_NONE : ERR_SYNTAX;
}

bool suite_setup_equal(const struct suite_setup *a, const struct suite_setup *b)
{
	return a->corefile == b->corefile && a->is_synced == b->is_synced &&
	       a->local_ips == b->local_ips && a->manifests == b->manifests;
}
