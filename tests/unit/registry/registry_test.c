/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"
#include "zones/registry/registry.h"
#include "zones/registry/selector.h"

static const struct hash_key KEY = {1, 2};

struct fixture {
	struct registry *registry;
	struct registry_options options;
	struct ipprefix cidrs[2];
	struct diag_list problems;
	unsigned observed; /* calls of the observer */
};

static enum err observe(void *context, const struct registry_service *service)
{
	struct fixture *fixture = context;
	(void)service;
	fixture->observed++;
	return ERR_NONE;
}

static struct fixture fixture_storage;

/* `options` without its key and prefixes, which are the texts. */
static struct fixture *begin(const struct registry_options *options,
	const char *first_cidr, const char *second_cidr)
{
	struct fixture *fixture = &fixture_storage;
	*fixture = (struct fixture){.options = *options};
	const char *const texts[] = {first_cidr, second_cidr};
	for (size_t i = 0; i < 2 && texts[i]; i++) {
		enum err err = ipprefix_parse(texts[i], &fixture->cidrs[i]);
		assert_int_equal(err, ERR_NONE);
		fixture->options.service_cidr_count++;
	}
	fixture->options.service_cidrs = fixture->cidrs;
	fixture->options.key = &KEY;
	diag_list_init(&fixture->problems);
	const struct registry_observer observer = {fixture, observe};
	fixture->registry = registry_new(&fixture->options, &observer);
	assert_non_null(fixture->registry);
	return fixture;
}

static struct fixture *begin_plain(void)
{
	const struct registry_options options = {.indexes_endpoints = true};
	return begin(&options, NULL, NULL);
}

static void end(struct fixture *fixture)
{
	registry_free(fixture->registry);
	diag_list_deinit(&fixture->problems);
}

static enum err feed(struct fixture *fixture, const char *line, size_t fail_at)
{
	struct arena arena;
	arena_init(&arena, 1024);
	struct object object;
	bool is_removal = *line == '-';
	object_from_text(line + is_removal, &arena, &object);
	object.origin = (struct object_origin){"a.yaml", 1};
	if (fail_at)
		failing_malloc_arm(fail_at);
	enum err err =
		is_removal ? registry_remove(fixture->registry, object.kind, object.ns,
				     object.name)
			   : registry_put(fixture->registry, &object, &fixture->problems);
	arena_deinit(&arena);
	return err;
}

static int text_compare(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;
	return strcmp(*left, *right);
}

/* Joins the texts in order; frees them. */
static char *join(char **texts, size_t count)
{
	char *joined = NULL;
	size_t size;
	FILE *out = open_memstream(&joined, &size);
	assert_non_null(out);
	if (count)
		qsort(texts, count, sizeof(*texts), text_compare);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%s%s", i ? " " : "", texts[i]);
		free(texts[i]);
	}
	fclose(out);
	return joined;
}

/* "a/web" for services, "a" for namespaces, "a/10.0.0.1" for pod addresses. */
static char *touched_text(const struct registry *registry)
{
	char *texts[100];
	size_t at = 0, count;
	struct registry_service *const *services =
		registry_touched_services(registry, &count);
	for (size_t i = 0; i < count; i++)
		assert_true(asprintf(&texts[at++], "%s/%s", services[i]->ns->name,
				    services[i]->name) > 0);
	struct registry_namespace *const *namespaces =
		registry_touched_namespaces(registry, &count);
	for (size_t i = 0; i < count; i++)
		assert_true(asprintf(&texts[at++], "%s", namespaces[i]->name) > 0);
	const struct registry_pod_address *addresses =
		registry_touched_addresses(registry, &count);
	for (size_t i = 0; i < count; i++) {
		char address[IPADDR_TEXT_SIZE];
		assert_true(asprintf(&texts[at++], "%s/%s", addresses[i].ns->name,
				    ipaddr_format(&addresses[i].address, address)) > 0);
	}
	return join(texts, at);
}

static void settle(struct fixture *fixture)
{
	assert_int_equal(
		registry_settle(fixture->registry, &fixture->problems), ERR_NONE);
}

/* One line as a batch; it touches this. */
static void assert_touches(
	struct fixture *fixture, const char *line, const char *expected)
{
	assert_int_equal(feed(fixture, line, 0), ERR_NONE);
	settle(fixture);
	char *text = touched_text(fixture->registry);
	if (strcmp(text, expected) != 0)
		fail_msg("%s touches \"%s\", not \"%s\"", line, text, expected);
	free(text);
	registry_end_batch(fixture->registry);
}

static void put(struct fixture *fixture, const char *line)
{
	assert_int_equal(feed(fixture, line, 0), ERR_NONE);
	settle(fixture);
	registry_end_batch(fixture->registry);
}

static struct registry_service *service_of(
	const struct fixture *fixture, const char *ns, const char *name)
{
	struct registry_service *service =
		registry_find_service(fixture->registry, ns, name);
	if (!service)
		fail_msg("%s/%s is not there", ns, name);
	return service;
}

static void print_subset(FILE *out, const struct pack_subset *subset)
{
	struct pack_port_iterator ports = subset->ports;
	struct object_port port;
	fputc('[', out);
	while (pack_port_next(&ports, &port))
		fprintf(out, "%s:%d ", port.name, port.port);
	fputc(']', out);
	struct pack_endpoint_iterator endpoints = pack_subset_endpoints(subset);
	struct pack_endpoint endpoint;
	while (pack_endpoint_next(&endpoints, &endpoint)) {
		fputs(endpoint.is_ready ? " " : " !", out);
		for (unsigned i = 0; i < endpoint.address_count; i++) {
			struct ipaddr address = pack_endpoint_address(&endpoint, i);
			char text[IPADDR_TEXT_SIZE];
			fprintf(out, "%s%s", i ? "," : "", ipaddr_format(&address, text));
		}
		fprintf(out, "%s%s", *endpoint.hostname ? "@" : "", endpoint.hostname);
		fprintf(out, "%s%s", *endpoint.pod_name ? "#" : "", endpoint.pod_name);
	}
}

/* "slice[port:80 ] 10.0.0.1 !10.0.0.2@host; ..." */
static void assert_endpoints(const struct fixture *fixture, const char *ns,
	const char *name, const char *expected)
{
	const struct registry_service *service = service_of(fixture, ns, name);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	unsigned position = 0;
	const struct pack_slice *slice;
	while ((slice = registry_next_slice(service, &position))) {
		struct pack_subset_iterator subsets = pack_slice_subsets(slice);
		struct pack_subset subset;
		while (pack_subset_next(&subsets, &subset)) {
			fprintf(out, "%s", pack_slice_name(slice));
			print_subset(out, &subset);
			fputs("; ", out);
		}
	}
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

/* Services that have the address, "a/web b/db". */
static void assert_by_address(
	const struct fixture *fixture, const char *address_text, const char *expected)
{
	struct ipaddr address;
	assert_int_equal(ipaddr_parse(address_text, &address), ERR_NONE);
	char *texts[100];
	size_t count = 0, position = 0;
	const struct registry_service *service;
	while ((service =
			registry_next_by_address(fixture->registry, &address, &position)))
		assert_true(asprintf(&texts[count++], "%s/%s", service->ns->name,
				    service->name) > 0);
	char *text = join(texts, count);
	if (strcmp(text, expected) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", address_text, text, expected);
	free(text);
}

static void assert_cluster_ips(const struct fixture *fixture, const char *ns,
	const char *name, const char *expected)
{
	struct ipaddr ips[2];
	unsigned count = registry_cluster_ips(service_of(fixture, ns, name), ips);
	char text[128] = "";
	for (unsigned i = 0; i < count; i++) {
		char address[IPADDR_TEXT_SIZE];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			i ? " " : "", ipaddr_format(&ips[i], address));
	}
	assert_string_equal(text, expected);
}

static void assert_problem(struct fixture *fixture, const char *expected)
{
	const struct diag_list *problems = &fixture->problems;
	assert_int_equal(problems->errors, 0);
	if (!expected) {
		assert_int_equal(problems->count, 0);
	} else {
		assert_int_equal(problems->count, 1);
		assert_string_equal(problems->items[0].text, expected);
		assert_string_equal(problems->items[0].file, "a.yaml");
	}
	diag_list_deinit(&fixture->problems);
	diag_list_init(&fixture->problems);
}

/* --- what touches what --- */

static void each_change_touches_what_depends_on_it_and_no_more(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	static const struct {
		const char *line, *touched;
	} cases[] = {
		{"-service a/web", ""},
		{"-slice a/s", ""},
		{"-endpoints a/web", ""},
		{"-pod a/p", ""},
		{"-namespace a", ""},
		{"service a/web 10.0.0.1 s=app:web", "a/web"},
		{"service a/web 10.0.0.1 s=app:web", ""},
		{"service a/web 10.0.0.1 s=app:web l=x:y", ""},
		{"service a/db headless", "a/db"},
		{"service b/web 10.0.0.2", "b/web"},
		{"namespace a", "a a/db a/web"},
		{"namespace a l=x:y", ""},
		{"pod a/p 10.1.0.1 ready l=app:web", "a/10.1.0.1 a/web"},
		{"pod a/p 10.1.0.1 ready l=app:web", ""},
		{"pod a/p 10.1.0.1 l=app:web", "a/web"},
		{"pod a/q 10.1.0.1 ready", ""},
		{"pod a/p 10.1.0.2 l=app:web", "a/10.1.0.2 a/web"},
		{"pod a/q 10.1.0.3 ready", "a/10.1.0.1 a/10.1.0.3"},
		{"pod a/p 10.1.0.2 l=app:other", "a/web"},
		{"pod a/p 10.1.0.2 finished l=app:other", "a/10.1.0.2"},
		{"-pod a/p", ""},
		{"slice a/s of=web 10.1.0.9", "a/web"},
		{"slice a/s of=web 10.1.0.9", ""},
		{"pod a/r 10.1.0.4 ready l=app:web", "a/10.1.0.4"},
		{"slice a/s of=db 10.1.0.9", "a/db a/web"},
		{"endpoints a/db 10.1.0.8", "a/db"},
		{"endpoints a/db 10.1.0.8", ""},
		{"slice b/s of=late 10.1.0.9", "b/late"},
		{"-slice b/s", "b/late"},
		{"-slice a/s", "a/db"},
		{"-endpoints a/db", "a/db"},
		{"-service a/db", "a/db"},
		{"-namespace a", "a a/web"},
		{"-namespace a", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_touches(fixture, cases[i].line, cases[i].touched);
	assert_null(registry_find_service(fixture->registry, "a", "db"));
	assert_null(registry_find_service(fixture->registry, "b", "late"));
	assert_null(registry_find_service(fixture->registry, "nowhere", "late"));
	end(fixture);
}

static void a_service_is_observed_once_in_a_batch(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	assert_int_equal(feed(fixture, "service a/web 10.0.0.1", 0), ERR_NONE);
	assert_int_equal(feed(fixture, "service a/web 10.0.0.2", 0), ERR_NONE);
	assert_int_equal(feed(fixture, "slice a/s of=web 10.1.0.1", 0), ERR_NONE);
	assert_int_equal(fixture->observed, 1);
	settle(fixture);
	assert_int_equal(feed(fixture, "service a/web 10.0.0.3", 0), ERR_NONE);
	assert_int_equal(fixture->observed, 2);
	settle(fixture);
	registry_end_batch(fixture->registry);
	assert_by_address(fixture, "10.0.0.1", "");
	assert_by_address(fixture, "10.0.0.3", "a/web");
	end(fixture);
}

static void objects_are_counted(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	static const char *const lines[] = {"namespace a", "service a/x", "service a/y",
		"slice a/s of=x", "slice a/t of=x", "slice a/u of=x", "endpoints a/x",
		"import a/x", "pod a/p", "pod a/q", "-service a/y", "slice a/t of=y",
		"pod a/p ready", "-slice a/u"};
	static const size_t counts[OBJECT_KINDS] = {1, 1, 2, 1, 2, 0};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put(fixture, lines[i]);
	for (unsigned i = 0; i < OBJECT_KINDS; i++)
		assert_int_equal(registry_count(fixture->registry, (enum object_kind)i),
			counts[i]);
	end(fixture);
}

/* --- namespaces --- */

static bool is_exposed(const struct fixture *fixture, const char *name)
{
	const struct registry_namespace *ns =
		registry_find_namespace(fixture->registry, name);
	return ns && registry_is_exposed(ns);
}

static void a_namespace_is_exposed_by_its_object_list_and_labels(void **state)
{
	(void)state;
	struct selector *selector;
	unsigned offset;
	const char *reason;
	assert_int_equal(
		selector_parse("show!=no", &selector, &offset, &reason), ERR_NONE);
	static const char *const listed[] = {"a", "default", "kube-system"};
	const struct registry_options options = {
		.namespace_labels = selector, .namespaces = listed, .namespace_count = 3};
	struct fixture *fixture = begin(&options, NULL, NULL);
	put(fixture, "service a/web 10.0.0.1");
	assert_false(is_exposed(fixture, "a"));
	put(fixture, "namespace a");
	assert_true(is_exposed(fixture, "a"));
	put(fixture, "namespace b");
	assert_false(is_exposed(fixture, "b"));
	assert_touches(fixture, "namespace a l=show:no", "a a/web");
	assert_false(is_exposed(fixture, "a"));

	assert_int_equal(registry_put_builtin_namespaces(fixture->registry), ERR_NONE);
	settle(fixture);
	registry_end_batch(fixture->registry);
	assert_true(is_exposed(fixture, "default"));
	assert_true(is_exposed(fixture, "kube-system"));
	assert_false(is_exposed(fixture, "kube-public"));
	put(fixture, "namespace default l=show:no");
	assert_false(is_exposed(fixture, "default"));
	assert_touches(fixture, "-namespace default", "default");
	assert_true(is_exposed(fixture, "default"));
	end(fixture);
	selector_free(selector);
}

static void labels_filter_services_slices_and_pods_each_by_its_own(void **state)
{
	(void)state;
	struct selector *selector;
	unsigned offset;
	const char *reason;
	assert_int_equal(
		selector_parse("keep=yes", &selector, &offset, &reason), ERR_NONE);
	const struct registry_options options = {
		.labels = selector, .indexes_endpoints = true};
	struct fixture *fixture = begin(&options, NULL, NULL);
	static const struct {
		const char *line, *touched;
	} cases[] = {
		{"service a/web 10.0.0.1", ""},
		{"service a/web 10.0.0.1 l=keep:yes", "a/web"},
		{"slice a/s of=web 10.1.0.1", ""},
		{"slice a/s of=web 10.1.0.1 l=keep:yes", "a/web"},
		{"slice a/s of=web 10.1.0.1 l=keep:no", "a/web"},
		{"endpoints a/web 10.1.0.1", ""},
		{"endpoints a/web 10.1.0.1 l=keep:yes", "a/web"},
		{"endpoints a/web 10.1.0.1", "a/web"},
		{"pod a/p 10.1.0.1 ready", ""},
		{"pod a/p 10.1.0.1 ready l=keep:yes", "a/10.1.0.1"},
		{"pod a/p 10.1.0.1 ready", "a/10.1.0.1"},
		{"service a/web 10.0.0.1", "a/web"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_touches(fixture, cases[i].line, cases[i].touched);
	assert_null(registry_find_service(fixture->registry, "a", "web"));
	end(fixture);
	selector_free(selector);
}

/* --- endpoints --- */

static void slices_count_before_endpoints_and_endpoints_before_pods(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	put(fixture, "service a/web 10.0.0.1 s=app:web p=http:80");
	put(fixture, "pod a/p 10.1.0.1 ready l=app:web");
	assert_endpoints(fixture, "a", "web", "[http:80 ] 10.1.0.1; ");
	put(fixture, "endpoints a/web p=http:81 10.1.0.2");
	assert_endpoints(fixture, "a", "web", "web[http:81 ] 10.1.0.2; ");
	put(fixture, "slice a/s2 of=web p=http:82 10.1.0.3");
	put(fixture, "slice a/s1 of=web p=http:82 10.1.0.4 !10.1.0.5@h#pod");
	assert_endpoints(fixture, "a", "web",
		"s1[http:82 ] 10.1.0.4 !10.1.0.5@h; s2[http:82 ] 10.1.0.3; ");
	put(fixture, "slice a/s2 of=other 10.1.0.3");
	put(fixture, "-slice a/s1");
	assert_endpoints(fixture, "a", "web", "web[http:81 ] 10.1.0.2; ");
	assert_endpoints(fixture, "a", "other", "s2[] 10.1.0.3; ");
	put(fixture, "-endpoints a/web");
	assert_endpoints(fixture, "a", "web", "[http:80 ] 10.1.0.1; ");
	end(fixture);
}

static void pods_become_endpoints_as_the_slice_controller_makes_them(void **state)
{
	(void)state;
	static const struct {
		const char *service, *pod, *endpoints;
	} cases[] = {
		{"s=app:web p=http:80", "10.1.0.1 ready", "[http:80 ] 10.1.0.1; "},
		{"s=app:web p=http:80>8080", "10.1.0.1 ready", "[http:8080 ] 10.1.0.1; "},
		{"s=app:web p=http:80>main", "10.1.0.1 ready p=main:8081 p=x:1",
			"[http:8081 ] 10.1.0.1; "},
		{"s=app:web p=http:80>main p=:9", "10.1.0.1 ready p=main/udp:8081",
			"[:9 ] 10.1.0.1; "},
		{"s=app:web", "10.1.0.1 ready", "[] 10.1.0.1; "},
		{"s=app:web", "10.1.0.1", "[] !10.1.0.1; "},
		{"s=app:web publish", "10.1.0.1", "[] 10.1.0.1; "},
		{"s=app:web", "10.1.0.1 fd00::1 ready", "[] 10.1.0.1,fd00::1; "},
		{"s=app:web v4", "10.1.0.1 fd00::1 ready", "[] 10.1.0.1; "},
		{"s=app:web v6", "10.1.0.1 ready", ""},
		{"s=app:web v6 v4 require", "10.1.0.1 fd00::1 ready",
			"[] 10.1.0.1,fd00::1; "},
		{"s=app:web v6 prefer", "10.1.0.1 fd00::1 ready",
			"[] 10.1.0.1,fd00::1; "},
		{"s=app:web", "10.1.0.1 ready terminating", ""},
		{"s=app:web publish", "10.1.0.1 ready terminating", ""},
		{"s=app:web", "10.1.0.1 ready finished", ""},
		{"s=app:web", "ready", ""},
		{"s=app:web s=tier:x", "10.1.0.1 ready", ""},
		{"s=app:web s=tier:x", "10.1.0.1 ready l=tier:x", "[] 10.1.0.1; "},
		{"", "10.1.0.1 ready", ""},
		{"s=app:web e=example.com", "10.1.0.1 ready", ""},
		{"s=app:web headless", "10.1.0.1 ready host=h sub=web",
			"[] 10.1.0.1@h; "},
		{"s=app:web headless", "10.1.0.1 ready host=h sub=other",
			"[] 10.1.0.1; "},
		{"s=app:web headless", "10.1.0.1 ready host=h", "[] 10.1.0.1; "},
		{"s=app:web headless", "10.1.0.1 ready sub=web", "[] 10.1.0.1; "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fixture = begin_plain();
		char line[200];
		snprintf(line, sizeof(line), "pod a/p %s l=app:web", cases[i].pod);
		put(fixture, line);
		put(fixture, "pod b/p 10.1.0.9 ready l=app:web");
		snprintf(line, sizeof(line), "service a/web %s", cases[i].service);
		put(fixture, line);
		assert_endpoints(fixture, "a", "web", cases[i].endpoints);
		end(fixture);
	}
}

static void endpoints_of_pods_are_in_the_order_of_their_names(void **state)
{
	(void)state;
	const struct registry_options options = {.keeps_pod_names = true};
	struct fixture *fixture = begin(&options, NULL, NULL);
	put(fixture, "service a/web s=app:web");
	put(fixture, "pod a/b 10.1.0.2 ready l=app:web");
	put(fixture, "pod a/c 10.1.0.1 ready l=app:web");
	put(fixture, "pod a/a 10.1.0.3 ready l=app:web");
	put(fixture, "pod a/aa 10.1.0.4 ready l=app:x");
	assert_endpoints(
		fixture, "a", "web", "[] 10.1.0.3#a; [] 10.1.0.2#b; [] 10.1.0.1#c; ");
	end(fixture);
}

static void with_noendpoints_there_are_none(void **state)
{
	(void)state;
	const struct registry_options options = {
		.ignores_endpoints = true, .indexes_endpoints = true};
	struct fixture *fixture = begin(&options, NULL, NULL);
	put(fixture, "service a/web s=app:web");
	assert_touches(fixture, "slice a/s of=web 10.1.0.1", "");
	assert_touches(fixture, "endpoints a/web 10.1.0.1", "");
	assert_touches(fixture, "pod a/p 10.1.0.1 ready l=app:web", "a/10.1.0.1");
	assert_endpoints(fixture, "a", "web", "");
	end(fixture);
}

static void a_pod_address_is_there_as_long_as_a_living_pod_has_it(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	static const struct {
		const char *line;
		bool has;
	} cases[] = {
		{"pod b/p 10.1.0.1", false},
		{"pod a/p 10.1.0.1", true},
		{"pod a/q 10.1.0.1 10.1.0.1", true},
		{"-pod a/p", true},
		{"pod a/q 10.1.0.1 terminating", false},
		{"pod a/q 10.1.0.1 ready", true},
		{"pod a/q 10.1.0.2 ready", false},
	};
	struct ipaddr address;
	assert_int_equal(ipaddr_parse("10.1.0.1", &address), ERR_NONE);
	put(fixture, "namespace a");
	const struct registry_namespace *ns =
		registry_find_namespace(fixture->registry, "a");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(fixture, cases[i].line);
		if (registry_has_pod_address(fixture->registry, ns, &address) !=
			cases[i].has)
			fail_msg("%s", cases[i].line);
	}
	end(fixture);
}

/* --- addresses --- */

static void services_are_found_by_every_address_that_they_have(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	put(fixture, "service a/web 10.0.0.1 fd00::1");
	put(fixture, "service b/web headless");
	put(fixture, "slice a/s of=web 10.1.0.1,fd00::2 !10.1.0.2");
	put(fixture, "slice b/s of=web 10.1.0.1");
	put(fixture, "slice b/t of=web 10.0.0.1");
	assert_by_address(fixture, "10.0.0.1", "a/web b/web");
	assert_by_address(fixture, "fd00::1", "a/web");
	assert_by_address(fixture, "10.1.0.1", "a/web b/web");
	assert_by_address(fixture, "10.1.0.9", "");
	put(fixture, "slice a/s of=web 10.1.0.3");
	assert_by_address(fixture, "10.1.0.1", "b/web");
	assert_by_address(fixture, "10.1.0.3", "a/web");
	put(fixture, "-slice b/s");
	put(fixture, "-slice b/t");
	put(fixture, "-service b/web");
	assert_by_address(fixture, "10.1.0.1", "");
	assert_by_address(fixture, "10.0.0.1", "a/web");
	put(fixture, "-slice a/s");
	put(fixture, "-service a/web");
	assert_by_address(fixture, "10.0.0.1", "");
	end(fixture);
}

/* Services come and go among others; each finds the first free id. */
static void ids_are_used_again(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	char line[64];
	for (unsigned i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "service a/s%u 10.0.0.1", i);
		put(fixture, line);
		if (i % 3 == 2) {
			snprintf(line, sizeof(line), "-service a/s%u", i - 1);
			put(fixture, line);
		}
	}
	struct ipaddr address;
	assert_int_equal(ipaddr_parse("10.0.0.1", &address), ERR_NONE);
	size_t position = 0, count = 0;
	while (registry_next_by_address(fixture->registry, &address, &position))
		count++;
	assert_int_equal(count, registry_count(fixture->registry, OBJECT_SERVICE));
	end(fixture);
}

static void a_cluster_ip_of_two_services_is_warned_of(void **state)
{
	(void)state;
	struct fixture *fixture = begin_plain();
	put(fixture, "service a/web 10.0.0.1");
	put(fixture, "slice a/s of=db 10.0.0.1");
	assert_problem(fixture, NULL);
	put(fixture, "service b/web 10.0.0.2 10.0.0.1");
	assert_problem(fixture, "Service b/web has the cluster IP 10.0.0.1 of Service "
				"a/web; both names are answered");
	put(fixture, "service b/web 10.0.0.2");
	assert_problem(fixture, NULL);
	end(fixture);
}

/* --- service_cidr --- */

static void a_service_without_an_address_is_given_one_or_warned_of(void **state)
{
	(void)state;
	static const struct {
		const char *cidrs[2];
		const char *service, *ips, *problem;
	} cases[] = {
		{{NULL}, "service a/web", "",
			"Service a/web has no clusterIP; it is left out (the option "
			"service_cidr gives such services an address)"},
		{{NULL}, "service a/web headless", "", NULL},
		{{NULL}, "service a/web e=x.example.com", "", NULL},
		{{NULL}, "service a/web 10.0.0.9", "10.0.0.9", NULL},
		{{"10.0.0.0/30"}, "service a/web", "10.0.0.2", NULL},
		{{"10.0.0.0/30"}, "service a/web 10.0.0.9", "10.0.0.9", NULL},
		{{"10.0.0.0/30"}, "service a/web headless", "", NULL},
		{{"10.0.0.0/30", "fd00::/126"}, "service a/web v4", "10.0.0.2", NULL},
		{{"10.0.0.0/30", "fd00::/127"}, "service a/web v6", "",
			"Service a/web finds no free address in service_cidr"},
		{{"10.0.0.0/30"}, "service a/web v6", "",
			"Service a/web has no clusterIP and service_cidr has no range of "
			"its family; it is left out"},
		{{"10.0.0.0/30"}, "service a/web require", "10.0.0.2", NULL},
		{{"10.0.0.0/31"}, "service a/web", "",
			"Service a/web finds no free address in service_cidr"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct registry_options options = {0};
		struct fixture *fixture =
			begin(&options, cases[i].cidrs[0], cases[i].cidrs[1]);
		put(fixture, cases[i].service);
		assert_cluster_ips(fixture, "a", "web", cases[i].ips);
		assert_problem(fixture, cases[i].problem);
		end(fixture);
	}
}

static void families_stand_in_the_order_of_preference(void **state)
{
	(void)state;
	static const struct {
		const char *cidrs[2];
		const char *service;
		const char *families; /* of each address: 4 or 6 */
	} cases[] = {
		{{"10.0.0.0/24", "fd00::/112"}, "service a/web", "4"},
		{{"fd00::/112", "10.0.0.0/24"}, "service a/web", "6"},
		{{"10.0.0.0/24", "fd00::/112"}, "service a/web prefer", "46"},
		{{"fd00::/112", "10.0.0.0/24"}, "service a/web prefer", "64"},
		{{"10.0.0.0/24", "fd00::/112"}, "service a/web require v6 v4", "64"},
		{{"10.0.0.0/24", "fd00::/112"}, "service a/web require fd99::1", "64"},
		{{"10.0.0.0/24", "fd00::/112"}, "service a/web fd99::1", "6"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct registry_options options = {0};
		struct fixture *fixture =
			begin(&options, cases[i].cidrs[0], cases[i].cidrs[1]);
		put(fixture, cases[i].service);
		struct ipaddr ips[2];
		unsigned count =
			registry_cluster_ips(service_of(fixture, "a", "web"), ips);
		assert_int_equal(count, strlen(cases[i].families));
		for (unsigned j = 0; j < count; j++)
			assert_int_equal(
				ips[j].length == 4 ? '4' : '6', cases[i].families[j]);
		end(fixture);
	}
}

static void an_explicit_address_moves_the_service_that_was_given_it(void **state)
{
	(void)state;
	const struct registry_options options = {.indexes_endpoints = true};
	/* It has one address to give. */
	struct fixture *fixture = begin(&options, "10.0.0.0/30", NULL);
	put(fixture, "service a/web");
	assert_cluster_ips(fixture, "a", "web", "10.0.0.2");
	assert_by_address(fixture, "10.0.0.2", "a/web");
	assert_touches(fixture, "service b/db 10.0.0.2", "a/web b/db");
	assert_cluster_ips(fixture, "a", "web", "");
	assert_by_address(fixture, "10.0.0.2", "b/db");
	assert_touches(fixture, "-service b/db", "a/web b/db");
	assert_cluster_ips(fixture, "a", "web", "10.0.0.2");
	assert_by_address(fixture, "10.0.0.2", "a/web");
	end(fixture);
}

/* --- without memory --- */

/* Each line with each of its allocations failing once, then with memory. */
static void a_change_without_memory_can_be_tried_again(void **state)
{
	(void)state;
	static const char *const lines[] = {"namespace a",
		"service a/web s=app:web prefer",
		"service a/db s=app:db require p=http:80", "service b/x 10.0.0.3 fd00::3",
		"pod a/p 10.1.0.1 fd01::1 ready l=app:web",
		"pod a/p 10.1.0.2 10.1.0.1 ready", "pod a/q 10.1.0.1 ready l=app:db",
		"slice a/s of=web 10.1.0.1", "slice a/s of=db 10.1.0.2",
		"slice a/t of=new 10.1.0.2", "endpoints a/web 10.1.0.3",
		"service b/x 10.0.0.4", "service a/db headless", "-slice a/s", "-pod a/p",
		"-endpoints a/web", "-service a/web", "-namespace a", "-slice a/t",
		"-service a/db", "-service b/x", "-pod a/q"};
	const struct registry_options options = {.indexes_endpoints = true};
	struct fixture *fixture = begin(&options, "10.0.0.0/29", "fd00::/125");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		bool has_failed = true;
		for (size_t n = 1; has_failed; n++) {
			enum err err = feed(fixture, lines[i], n);
			has_failed = failing_malloc_disarm();
			assert_true(has_failed || !err);
			if (has_failed && !err)
				break; /* it could do without */
		}
		assert_int_equal(feed(fixture, lines[i], 0), ERR_NONE);
		enum err err = ERR_NOMEM;
		for (size_t n = 1; err; n++) {
			failing_malloc_arm(n);
			err = registry_settle(fixture->registry, &fixture->problems);
			failing_malloc_disarm();
		}
		registry_end_batch(fixture->registry);
	}
	for (unsigned i = 0; i < OBJECT_KINDS; i++)
		assert_int_equal(
			registry_count(fixture->registry, (enum object_kind)i), 0);
	static const char *const addresses[] = {"10.0.0.3", "10.0.0.4", "10.1.0.1",
		"10.1.0.2", "10.1.0.3", "10.0.0.2", "fd00::2", "fd00::3"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_by_address(fixture, addresses[i], "");
	/* Nothing is reserved or given any more: as in a new registry. */
	put(fixture, "service a/web prefer");
	struct ipaddr before[2], after[2];
	assert_int_equal(
		registry_cluster_ips(service_of(fixture, "a", "web"), before), 2);
	end(fixture);
	fixture = begin(&options, "10.0.0.0/29", "fd00::/125");
	put(fixture, "service a/web prefer");
	assert_int_equal(registry_cluster_ips(service_of(fixture, "a", "web"), after), 2);
	assert_true(ipaddr_equal(&before[0], &after[0]));
	assert_true(ipaddr_equal(&before[1], &after[1]));
	end(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_touches_what_depends_on_it_and_no_more),
		cmocka_unit_test(a_service_is_observed_once_in_a_batch),
		cmocka_unit_test(objects_are_counted),
		cmocka_unit_test(a_namespace_is_exposed_by_its_object_list_and_labels),
		cmocka_unit_test(labels_filter_services_slices_and_pods_each_by_its_own),
		cmocka_unit_test(slices_count_before_endpoints_and_endpoints_before_pods),
		cmocka_unit_test(
			pods_become_endpoints_as_the_slice_controller_makes_them),
		cmocka_unit_test(endpoints_of_pods_are_in_the_order_of_their_names),
		cmocka_unit_test(with_noendpoints_there_are_none),
		cmocka_unit_test(a_pod_address_is_there_as_long_as_a_living_pod_has_it),
		cmocka_unit_test(services_are_found_by_every_address_that_they_have),
		cmocka_unit_test(ids_are_used_again),
		cmocka_unit_test(a_cluster_ip_of_two_services_is_warned_of),
		cmocka_unit_test(a_service_without_an_address_is_given_one_or_warned_of),
		cmocka_unit_test(families_stand_in_the_order_of_preference),
		cmocka_unit_test(an_explicit_address_moves_the_service_that_was_given_it),
		cmocka_unit_test(a_change_without_memory_can_be_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
