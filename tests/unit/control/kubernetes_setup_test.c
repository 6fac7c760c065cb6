/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/cases/config/kubernetes_setup.json: stanzas of `kubernetes` that are refused, or
 * read as what the case says. Writes TAP itself, as cases are skipped that the data says
 * cannot be run yet.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/control/plugins.h"
#include "server/control/stanza.h"
#include "zones/registry/selector.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct parsed {
	struct arena arena;
	struct corefile *corefile;
	struct diag_list problems;
	struct cluster_options cluster;
	struct kubernetes_options kubernetes;
};

static void write_corefile(const char *fragment, char *out, size_t size)
{
	snprintf(out, size, ".:53 {\n%s\n}\n", fragment);
}

static enum err parse(const char *fragment, struct parsed *out)
{
	char text[2048];
	write_corefile(fragment, text, sizeof(text));
	*out = (struct parsed){0};
	arena_init(&out->arena, 1024);
	diag_list_init(&out->problems);
	enum err err = corefile_parse(
		"Corefile", text, strlen(text), NULL, &out->corefile, &out->problems);
	if (!err)
		err = config_check(out->corefile, plugin_rows, &out->problems);
	if (!err)
		err = stanza_read_kubernetes(&out->corefile->blocks[0].directives[0],
			&out->corefile->blocks[0], &out->arena, &out->cluster,
			&out->kubernetes, &out->problems);
	return err;
}

static void parsed_deinit(struct parsed *parsed)
{
	corefile_free(parsed->corefile);
	diag_list_deinit(&parsed->problems);
	arena_deinit(&parsed->arena);
}

/* --- what a case expects --- */

static bool expect_zonal(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.serves_zones == json_is_true(value);
}

static bool expect_zone_count(const struct parsed *parsed, const json_t *value)
{
	return (json_int_t)parsed->cluster.zone_count == json_integer_value(value);
}

static bool expect_namespace_count(const struct parsed *parsed, const json_t *value)
{
	return (json_int_t)parsed->cluster.namespace_count == json_integer_value(value);
}

static bool expect_ttl(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.ttl_s == json_integer_value(value);
}

static bool expect_pod_mode(const struct parsed *parsed, const json_t *value)
{
	static const struct {
		const char *name;
		enum pod_mode zones;
		enum kubernetes_pods query;
	} modes[] = {
		{"disabled", PODS_DISABLED, KUBERNETES_PODS_DISABLED},
		{"insecure", PODS_INSECURE, KUBERNETES_PODS_INSECURE},
		{"verified", PODS_VERIFIED, KUBERNETES_PODS_VERIFIED},
	};
	for (size_t i = 0; i < LENGTH(modes); i++)
		if (strcmp(modes[i].name, json_string_value(value)) == 0)
			return parsed->cluster.pods == modes[i].zones &&
			       parsed->kubernetes.pods == modes[i].query;
	return false;
}

static struct selector *selector_of(const char *text)
{
	struct selector *selector;
	unsigned offset;
	const char *reason;
	return selector_parse(text, &selector, &offset, &reason) ? NULL : selector;
}

/* One label of each row, NULL for none. */
static const char *const label_keys[] = {"environment", "application", "istio-injection"};
static const char *const label_values[][5] = {
	{NULL, "prod", "production", "qa", "staging"},
	{NULL, "nginx", "apache", "", "x"},
	{NULL, "enabled", "disabled", "", "x"},
};

static bool selectors_agree(const struct selector *left, const struct selector *right)
{
	for (unsigned i = 0; i < 125; i++) {
		const unsigned picks[] = {i % 5, i / 5 % 5, i / 25};
		struct object_label labels[LENGTH(picks)];
		size_t count = 0;
		for (size_t k = 0; k < LENGTH(picks); k++)
			if (label_values[k][picks[k]])
				labels[count++] = (struct object_label){
					label_keys[k], label_values[k][picks[k]]};
		if (selector_matches(left, labels, count) !=
			selector_matches(right, labels, count))
			return false;
	}
	return true;
}

/* The cases spell selectors in their canonical form: compared is what they select. */
static bool expect_selector(const char *text, const json_t *value)
{
	struct selector *got = selector_of(text ? text : "");
	struct selector *wanted = selector_of(json_string_value(value));
	bool agree = got && wanted && selectors_agree(got, wanted);
	selector_free(got);
	selector_free(wanted);
	return agree;
}

static bool expect_labels(const struct parsed *parsed, const json_t *value)
{
	return expect_selector(parsed->cluster.labels, value);
}

static bool expect_namespace_labels(const struct parsed *parsed, const json_t *value)
{
	return expect_selector(parsed->cluster.namespace_labels, value);
}

/* [], or the zones, where "." may stand for all. */
static bool expect_fallthrough(const struct parsed *parsed, const json_t *value)
{
	const struct kubernetes_options *options = &parsed->kubernetes;
	const json_t *zones =
		json_is_object(value) ? json_object_get(value, "Zones") : value;
	size_t count = json_array_size(zones);
	if (options->falls_through != (count > 0))
		return false;
	if (count == 1 && strcmp(json_string_value(json_array_get(zones, 0)), ".") == 0)
		return options->fallthrough_count == 0;
	bool is_same = options->fallthrough_count == count;
	for (size_t i = 0; is_same && i < count; i++) {
		struct dname zone;
		const char *text = json_string_value(json_array_get(zones, i));
		is_same = !dname_from_text(text, &zone) &&
			  dname_equal(&options->fallthrough_zones[i], &zone);
	}
	return is_same;
}

static bool expect_endpoint_mode(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.uses_pod_names == json_is_true(value);
}

static bool expect_endpoints(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.ignores_endpoints != json_is_true(value);
}

static bool expect_ignores_empty(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.ignores_empty == json_is_true(value);
}

static bool expect_startup(const struct parsed *parsed, const json_t *value)
{
	struct corefile_word word = {.text = (char *)json_string_value(value)};
	int64_t wanted_ms;
	return !argument_duration_ms(&word, &wanted_ms) &&
	       parsed->cluster.startup_timeout_ms == wanted_ms;
}

static bool expect_qps(const struct parsed *parsed, const json_t *value)
{
	double difference = parsed->cluster.kube.qps - json_number_value(value);
	return difference > -1e-9 && difference < 1e-9;
}

static bool expect_burst(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.kube.burst == json_integer_value(value);
}

static bool expect_inflight(const struct parsed *parsed, const json_t *value)
{
	return parsed->cluster.kube.inflight == json_integer_value(value);
}

static bool expect_multicluster(const struct parsed *parsed, const json_t *value)
{
	const struct cluster_options *cluster = &parsed->cluster;
	bool is_same = cluster->multicluster_count == json_array_size(value) &&
		       cluster->kube.needs_imports == (cluster->multicluster_count > 0);
	for (size_t i = 0; is_same && i < cluster->multicluster_count; i++) {
		struct dname zone;
		const char *text = json_string_value(json_array_get(value, i));
		is_same = !dname_from_text(text, &zone) &&
			  dname_equal(&cluster->multicluster[i], &zone);
	}
	return is_same;
}

/* The first row whose table, if it names one, the case is of. */
static const struct {
	const char *key, *table;
	bool (*expect)(const struct parsed *parsed, const json_t *value);
} expectations[] = {
	{"expectedZoneCount", "", expect_zone_count},
	{"expectedNSCount", "", expect_namespace_count},
	{"expectedLabelSelector", "", expect_labels},
	{"expectedNamespaceLabelSelector", "", expect_namespace_labels},
	{"expectedPodMode", "", expect_pod_mode},
	{"expectedFallthrough", "", expect_fallthrough},
	{"expectedEndpointMode", "", expect_endpoint_mode},
	{"expectedEndpointsInit", "TestKubernetesParseIgnoreEmptyService",
		expect_ignores_empty},
	{"expectedEndpointsInit", "", expect_endpoints},
	{"expectedTTL", "", expect_ttl},
	{"expectedMulticlusterZones", "", expect_multicluster},
	{"expectedStartupTimeout", "", expect_startup},
	{"expectedQPS", "", expect_qps},
	{"expectedBurst", "", expect_burst},
	{"expectedMaxInf", "", expect_inflight},
	{"expectedZonal", "", expect_zonal},
};

static bool expect_key(
	const struct parsed *parsed, const char *id, const char *key, const json_t *value)
{
	for (size_t i = 0; i < LENGTH(expectations); i++)
		if (strcmp(expectations[i].key, key) == 0 &&
			strncmp(id, expectations[i].table,
				strlen(expectations[i].table)) == 0)
			return expectations[i].expect(parsed, value);
	return strncmp(key, "expected", 8) != 0;
}

/* NULL, or what is not as the case says. */
static const char *case_problem(json_t *item)
{
	struct parsed parsed;
	enum err err = parse(
		json_string_value(json_object_get(item, "corefile_fragment")), &parsed);
	const char *problem = NULL;
	const char *id = json_string_value(json_object_get(item, "id")), *key;
	json_t *value;
	if (json_is_true(json_object_get(item, "error")))
		problem =
			err == ERR_INVALID && parsed.problems.errors ? NULL : "accepted";
	else if (err)
		problem = "refused";
	else
		json_object_foreach(item, key,
			value) if (!problem && !expect_key(&parsed, id, key, value))
			problem = key;
	parsed_deinit(&parsed);
	return problem;
}

/* Returns whether the case did not fail. */
static bool case_run(json_t *item, size_t number)
{
	const char *id = json_string_value(json_object_get(item, "id"));
	const char *skip = json_string_value(json_object_get(item, "skip"));
	if (skip) {
		printf("ok %zu - %s # SKIP %s\n", number, id, skip);
		return true;
	}
	const char *problem = case_problem(item);
	if (problem)
		printf("not ok %zu - %s\n# not as the case says: %s\n", number, id,
			problem);
	else
		printf("ok %zu - %s\n", number, id);
	return !problem;
}

int main(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	snprintf(path, sizeof(path), "%s/tests/cases/config/kubernetes_setup.json",
		srcdir ? srcdir : ".");
	json_error_t problem;
	json_t *suite = json_load_file(path, 0, &problem);
	const json_t *queries = json_object_get(suite, "queries");
	size_t count = json_array_size(queries);
	if (!count) {
		fprintf(stderr, "%s:%d: %s\n", path, problem.line, problem.text);
		return 99;
	}
	printf("1..%zu\n", count);
	bool is_good = true;
	for (size_t i = 0; i < count; i++)
		is_good &= case_run(json_array_get(queries, i), i + 1);
	json_decref(suite);
	return is_good ? 0 : 1;
}
