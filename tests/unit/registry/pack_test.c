/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/slab.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"
#include "zones/registry/pack.h"

static struct arena arena;
static const struct pack_service_options all = {.keeps_external = true};
static const struct pack_pod_options whole = {.slab = NULL};

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_deinit(&arena);
	return 0;
}

static struct object read_object(const char *text)
{
	struct object object;
	object_from_text(text, &arena, &object);
	object.origin = (struct object_origin){"a.yaml", 7};
	return object;
}

/* --- what was packed, as text again --- */

static void print_ports(FILE *out, struct pack_port_iterator ports)
{
	static const char *const protocols[] = {"", "/udp", "/sctp"};
	struct object_port port;
	while (pack_port_next(&ports, &port)) {
		fprintf(out, " p=%s%s:%d", port.name, protocols[port.protocol],
			port.port);
		if (port.target_port)
			fprintf(out, ">%d", port.target_port);
		if (*port.target_name)
			fprintf(out, ">%s", port.target_name);
	}
}

static void print_address(FILE *out, const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE];
	fputs(ipaddr_format(address, text), out);
}

static void print_service(FILE *out, const struct pack_service *service)
{
	static const char *const policies[] = {"", " prefer", " require"};
	for (unsigned i = 0; i < service->cluster_ip_count; i++) {
		fputc(' ', out);
		print_address(out, &service->cluster_ips[i]);
	}
	fputs(service->is_headless ? " headless" : "", out);
	if (service->type == SERVICE_EXTERNAL_NAME)
		fprintf(out, " e=%s", pack_service_external_name(service));
	else
		assert_string_equal(pack_service_external_name(service), "");
	fputs(service->publishes_not_ready ? " publish" : "", out);
	fputs(policies[service->ip_family_policy], out);
	for (unsigned i = 0; i < 2 && service->ip_families[i]; i++)
		fprintf(out, " v%u", service->ip_families[i]);
	struct object_label selector[8];
	pack_service_selector(service, selector);
	for (unsigned i = 0; i < service->selector_count; i++)
		fprintf(out, " s=%s:%s", selector[i].key, selector[i].value);
	print_ports(out, pack_service_ports(service));
	struct pack_external_iterator external = pack_service_external(service);
	struct ipaddr address;
	while (pack_external_next_address(&external, &address)) {
		fputs(" x=", out);
		print_address(out, &address);
	}
	const char *host;
	while ((host = pack_external_next_host(&external)))
		fprintf(out, " x=%s", host);
}

static void print_endpoint(FILE *out, const struct pack_endpoint *endpoint)
{
	fputs(endpoint->is_ready ? " " : " !", out);
	for (unsigned i = 0; i < endpoint->address_count; i++) {
		struct ipaddr address = pack_endpoint_address(endpoint, i);
		fputs(i ? "," : "", out);
		print_address(out, &address);
	}
	if (*endpoint->hostname)
		fprintf(out, "@%s", endpoint->hostname);
	if (*endpoint->pod_name)
		fprintf(out, "#%s", endpoint->pod_name);
}

static void print_slice(FILE *out, const struct pack_slice *slice)
{
	fprintf(out, " %s of=%s", pack_slice_name(slice), pack_slice_service(slice));
	if (*pack_slice_cluster(slice))
		fprintf(out, " cluster=%s", pack_slice_cluster(slice));
	struct pack_subset_iterator subsets = pack_slice_subsets(slice);
	struct pack_subset subset;
	for (unsigned i = 0; pack_subset_next(&subsets, &subset); i++) {
		fputs(i ? " --" : "", out);
		print_ports(out, subset.ports);
		struct pack_endpoint_iterator endpoints = pack_subset_endpoints(&subset);
		struct pack_endpoint endpoint;
		while (pack_endpoint_next(&endpoints, &endpoint))
			print_endpoint(out, &endpoint);
	}
}

static void print_pod(FILE *out, const struct pack_pod *pod)
{
	struct object_label labels[8];
	const char *hostname, *subdomain;
	pack_pod_read(pod, labels, &hostname, &subdomain);
	fprintf(out, " %s", pack_pod_name(pod));
	for (unsigned i = 0; i < pod->ip_count; i++) {
		struct ipaddr address = pack_pod_address(pod, i);
		fputc(' ', out);
		print_address(out, &address);
	}
	fprintf(out, "%s%s", pod->is_ready ? " ready" : "", pod->is_gone ? " gone" : "");
	fprintf(out, " host=%s sub=%s", hostname, subdomain);
	print_ports(out, pack_pod_ports(pod));
	for (unsigned i = 0; i < pod->label_count; i++)
		fprintf(out, " l=%s:%s", labels[i].key, labels[i].value);
}

static char *pack_text(const struct object *object)
{
	static const struct pack_slice_options options = {.keeps_pod_names = true};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	void *pack;
	struct object_origin origin;
	if (object->kind == OBJECT_SERVICE) {
		pack = pack_service_new(object, &all);
		print_service(out, pack);
		origin = ((struct pack_service *)pack)->origin;
	} else if (object->kind == OBJECT_POD) {
		pack = pack_pod_new(object, &whole);
		print_pod(out, pack);
		origin = pack_pod_origin(pack);
	} else {
		pack = pack_slice_new(object, &options);
		print_slice(out, pack);
		origin = ((struct pack_slice *)pack)->origin;
	}
	assert_string_equal(origin.file, "a.yaml");
	assert_int_equal(origin.line, 7);
	free(pack);
	fclose(out);
	return text;
}

static void what_is_packed_is_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *object, *expected;
	} cases[] = {
		{"service a/b", ""},
		{"service a/b headless publish", " headless publish"},
		{"service a/b e=x.example.com", " e=x.example.com"},
		{"service a/b 10.0.0.1 fd00::1 require v6 v4 s=k:v s=x: p=http:80>8080 "
		 "p=:53 p=dns/udp:53>dns p=x/sctp:65535",
			" 10.0.0.1 fd00::1 require v6 v4 s=k:v s=x: p=http:80>8080 p=:53 "
			"p=dns/udp:53>dns p=x/sctp:65535"},
		{"service a/b prefer v4 s=k:v", " prefer v4 s=k:v"},
		{"service a/b s=k:v p=:53 x=lb.x x=1.2.3.4 x=fd00::2",
			" s=k:v p=:53 x=1.2.3.4 x=fd00::2 x=lb.x"},
		{"slice a/b of=c", " b of=c"},
		{"slice a/b of=c p=http:80 p=:-1 10.0.0.1,fd00::1@h#p !10.0.0.2 10.0.0.3",
			" b of=c p=http:80 p=:-1 10.0.0.1,fd00::1@h#p !10.0.0.2 "
			"10.0.0.3"},
		{"endpoints a/b 10.0.0.1 -- p=http:80 10.0.0.2 -- p=x:1",
			" b of=b 10.0.0.1 -- p=http:80 10.0.0.2 -- p=x:1"},
		{"pod a/b", " b host= sub="},
		{"pod a/b 10.0.0.1 fd00::1 ready host=h sub=s p=http:80 p=x/udp:5 l=k:v "
		 "l=x:",
			" b 10.0.0.1 fd00::1 ready host=h sub=s p=http:80 p=x/udp:5 "
			"l=k:v "
			"l=x:"},
		{"pod a/b ready terminating", " b ready gone host= sub="},
		{"pod a/b finished", " b gone host= sub="},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct object object = read_object(cases[i].object);
		char *text = pack_text(&object);
		assert_string_equal(text, cases[i].expected);
		free(text);
	}
}

static bool packs_equal(const char *left_text, const char *right_text)
{
	static const struct pack_slice_options options = {.keeps_pod_names = false};
	struct object left = read_object(left_text), right = read_object(right_text);
	right.origin = (struct object_origin){"b.yaml", 99};
	void *a, *b;
	bool is_equal;
	if (left.kind == OBJECT_SERVICE) {
		a = pack_service_new(&left, &all);
		b = pack_service_new(&right, &all);
		is_equal = pack_service_equal(a, b);
	} else if (left.kind == OBJECT_POD) {
		a = pack_pod_new(&left, &whole);
		b = pack_pod_new(&right, &whole);
		is_equal = pack_pod_equal(a, b);
	} else {
		a = pack_slice_new(&left, &options);
		b = pack_slice_new(&right, &options);
		is_equal = pack_slice_equal(a, b);
	}
	free(a);
	free(b);
	return is_equal;
}

static void what_counts_makes_packs_differ_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		const char *left, *right;
		bool is_equal;
	} cases[] = {
		{"service a/b 10.0.0.1 p=:80", "service a/b 10.0.0.1 p=:80", true},
		{"service a/b l=x:y", "service a/b l=x:z", true},
		{"service a/b 10.0.0.1", "service a/b 10.0.0.2", false},
		{"service a/b 10.0.0.1", "service a/b 10.0.0.1 fd00::1", false},
		{"service a/b p=http:80", "service a/b p=http/udp:80", false},
		{"service a/b p=http:80", "service a/b p=http:80>x", false},
		{"service a/b headless", "service a/b", false},
		{"service a/b publish", "service a/b", false},
		{"service a/b v4", "service a/b v6", false},
		{"service a/b s=k:v", "service a/b s=k:w", false},
		{"service a/b e=x", "service a/b e=y", false},
		{"slice a/b of=c 10.0.0.1", "slice a/b of=c 10.0.0.1", true},
		{"slice a/b of=c 10.0.0.1#p", "slice a/b of=c 10.0.0.1#q", true},
		{"slice a/b of=c 10.0.0.1", "slice a/b of=d 10.0.0.1", false},
		{"slice a/b of=c 10.0.0.1", "slice a/b of=c !10.0.0.1", false},
		{"slice a/b of=c 10.0.0.1", "slice a/b of=c 10.0.0.1@h", false},
		{"slice a/b of=c 10.0.0.1 10.0.0.2", "slice a/b of=c 10.0.0.1,10.0.0.2",
			false},
		{"slice a/b of=c p=:1 10.0.0.1", "slice a/b of=c p=:-1 10.0.0.1", false},
		{"pod a/b ready", "pod a/b ready", true},
		{"pod a/b finished", "pod a/b terminating", true},
		{"pod a/b ready", "pod a/b", false},
		{"pod a/b l=x:y", "pod a/b l=x:z", false},
		{"pod a/b 10.0.0.1", "pod a/b 10.0.0.2", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (packs_equal(cases[i].left, cases[i].right) != cases[i].is_equal)
			fail_msg("%s | %s", cases[i].left, cases[i].right);
}

static void what_is_outside_is_kept_where_it_is_wanted(void **state)
{
	(void)state;
	static const struct pack_service_options none = {.keeps_external = false};
	struct object object = read_object("service a/b 10.0.0.1 p=:80 x=1.2.3.4 x=lb.x");
	struct object inside = read_object("service a/b 10.0.0.1 p=:80");
	struct pack_service *a = pack_service_new(&object, &none);
	struct pack_service *b = pack_service_new(&inside, &all);
	assert_true(pack_service_equal(a, b));
	struct pack_external_iterator external = pack_service_external(a);
	struct ipaddr address;
	assert_false(pack_external_next_address(&external, &address));
	assert_null(pack_external_next_host(&external));
	free(a);
	free(b);
}

/* A slice is kept once for its Service and once for its ServiceImport. */
static void the_owner_of_a_slice_is_the_one_that_is_wanted(void **state)
{
	(void)state;
	static const struct pack_slice_options of_services = {.is_import = false},
					       of_imports = {.is_import = true};
	static const char line[] = "slice a/b of=c import=d cluster=e 10.0.0.1";
	struct object object = read_object(line);
	struct object alone = read_object("slice a/b of=c 10.0.0.1");
	struct pack_slice *a = pack_slice_new(&object, &of_services);
	struct pack_slice *b = pack_slice_new(&alone, &of_services);
	struct pack_slice *c = pack_slice_new(&object, &of_imports);
	assert_true(pack_slice_equal(a, b));
	assert_string_equal(pack_slice_cluster(a), "");
	assert_string_equal(pack_slice_service(c), "d");
	assert_string_equal(pack_slice_cluster(c), "e");
	struct pack_subset_iterator subsets = pack_slice_subsets(c);
	struct pack_subset subset;
	assert_true(pack_subset_next(&subsets, &subset));
	struct pack_endpoint_iterator endpoints = pack_subset_endpoints(&subset);
	struct pack_endpoint endpoint;
	assert_true(pack_endpoint_next(&endpoints, &endpoint));
	const struct ipaddr address = pack_endpoint_address(&endpoint, 0);
	char text[IPADDR_TEXT_SIZE];
	assert_string_equal(ipaddr_format(&address, text), "10.0.0.1");
	object.slice.cluster = "f";
	struct pack_slice *d = pack_slice_new(&object, &of_imports);
	assert_false(pack_slice_equal(c, d));
	free(a);
	free(b);
	free(c);
	free(d);
}

static void octets_behind_an_address_do_not_count(void **state)
{
	(void)state;
	struct object object = read_object("service a/b 10.0.0.1");
	struct ipaddr address = object.service.cluster_ips[0];
	object.service.cluster_ips = &address;
	memset(address.bytes + 4, 1, 12);
	struct pack_service *a = pack_service_new(&object, &all);
	memset(address.bytes + 4, 2, 12);
	struct pack_service *b = pack_service_new(&object, &all);
	assert_true(pack_service_equal(a, b));
	free(a);
	free(b);
}

/* Where only addresses are asked for, nothing else makes pods differ or takes
 * room. */
static void a_pod_may_be_its_addresses_alone(void **state)
{
	(void)state;
	struct slab *slab = slab_new();
	assert_non_null(slab);
	const struct pack_pod_options options = {.slab = slab, .addresses_only = true};
	struct object full = read_object(
		"pod a/b 10.0.0.1 fd00::1 ready node host=h sub=s p=x:1 l=k:v");
	struct object bare = read_object("pod a/b 10.0.0.1 fd00::1 node");
	struct object other = read_object("pod a/b 10.0.0.1 fd00::1");
	bare.origin.file = NULL;
	struct pack_pod *a = pack_pod_new(&full, &options);
	struct pack_pod *b = pack_pod_new(&bare, &options);
	struct pack_pod *c = pack_pod_new(&other, &options);
	assert_true(a && b && c);
	assert_string_equal(pack_pod_name(a), "b");
	assert_true(a->is_host_network && !a->is_ready);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->label_count, 0);
	assert_false(pack_pod_equal(a, c));
	assert_string_equal(pack_pod_origin(a).file, "a.yaml");
	assert_null(pack_pod_origin(b).file);
	/* One that has no origin gets none: there is no room for it. */
	pack_pod_set_origin(b, a);
	assert_null(pack_pod_origin(b).file);
	c->hash = 7;
	other.origin.line = 8;
	struct pack_pod *d = pack_pod_new(&other, &options);
	assert_true(d && pack_pod_equal(c, d));
	pack_pod_set_origin(c, d);
	assert_int_equal(pack_pod_origin(c).line, 8);
	pack_pod_free(a, slab);
	pack_pod_free(b, slab);
	pack_pod_free(c, slab);
	pack_pod_free(d, slab);
	pack_pod_free(NULL, slab);
	slab_free(slab);
}

/* A manifest may hold more of something than its field can count. */
static void more_than_can_be_counted_is_left_out(void **state)
{
	(void)state;
	enum { MANY = 70000 };
	struct ipaddr *addresses = arena_calloc(&arena, MANY, sizeof(*addresses));
	struct object_label *labels = arena_calloc(&arena, MANY, sizeof(*labels));
	assert_true(addresses && labels);
	for (unsigned i = 0; i < MANY; i++) {
		addresses[i] = (struct ipaddr){4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
		labels[i] = (struct object_label){"k", "v"};
	}
	struct object object = read_object("pod a/name host=h sub=s p=x:1");
	object.pod.ips = addresses;
	object.pod.ip_count = 300;
	struct pack_pod *pod = pack_pod_new(&object, &whole);
	assert_int_equal(pod->ip_count, 255);
	assert_string_equal(pack_pod_name(pod), "name");
	free(pod);

	object.labels = labels;
	object.label_count = MANY;
	pod = pack_pod_new(&object, &whole);
	assert_int_equal(pod->label_count, 65535);
	struct pack_port_iterator ports = pack_pod_ports(pod);
	struct object_port port;
	assert_true(pack_port_next(&ports, &port));
	assert_string_equal(port.name, "x");
	free(pod);

	struct object service = read_object("service a/b s=k:v");
	service.service.selector = labels;
	service.service.selector_count = MANY;
	struct pack_service *pack = pack_service_new(&service, &all);
	assert_int_equal(pack->selector_count, 0);
	free(pack);
}

static void packing_without_memory_gives_nothing(void **state)
{
	(void)state;
	static const struct pack_slice_options options = {.keeps_pod_names = true};
	struct object service = read_object("service a/b p=:80");
	struct object slice = read_object("slice a/b of=c 10.0.0.1");
	struct object pod = read_object("pod a/b 10.0.0.1");
	failing_malloc_arm(1);
	assert_null(pack_service_new(&service, &all));
	failing_malloc_arm(1);
	assert_null(pack_slice_new(&slice, &options));
	failing_malloc_arm(1);
	assert_null(pack_pod_new(&pod, &whole));
	assert_true(failing_malloc_disarm());
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ARENA(what_is_packed_is_read_back),
		WITH_ARENA(what_counts_makes_packs_differ_and_nothing_else),
		WITH_ARENA(what_is_outside_is_kept_where_it_is_wanted),
		WITH_ARENA(the_owner_of_a_slice_is_the_one_that_is_wanted),
		WITH_ARENA(octets_behind_an_address_do_not_count),
		WITH_ARENA(a_pod_may_be_its_addresses_alone),
		WITH_ARENA(more_than_can_be_counted_is_left_out),
		WITH_ARENA(packing_without_memory_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
