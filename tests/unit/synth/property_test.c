/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/draw.h"
#include "tests/unit/synth/rig.h"

/*
 * What is in the store may depend only on what objects there are, never on how they came
 * and went: after each batch of random changes it is what a fresh registry, synth and
 * store make of the objects that are left.
 */

enum { OBJECTS_MAX = 200, LINE_SIZE = 400, BATCHES = 300 };

/* The objects that are there, each as its line. */
struct world {
	uint64_t random;
	char lines[OBJECTS_MAX][LINE_SIZE];
	size_t count;
};

static unsigned draw(struct world *world, unsigned below)
{
	/* Knuth's multiplicative generator: the same on every machine. */
	return draw_below(&world->random, below);
}

static const char *pick(struct world *world, const char *const *texts, unsigned count)
{
	return texts[draw(world, count)];
}

#define PICK(world, array) pick(world, array, sizeof(array) / sizeof((array)[0]))

static const char *const NAMESPACES[] = {"a", "b", "default"};
static const char *const SERVICES[] = {"web", "db", "x"};
static const char *const SLICES[] = {"s1", "s2", "s3", "s4"};
static const char *const PODS[] = {"p1", "p2", "p3", "p4"};
static const char *const CLUSTER_IPS[] = {
	"", "", "10.0.0.5", "10.0.0.6", "10.0.0.7,fd00::7", "fd00::8", "10.1.0.1"};
static const char *const ENDPOINTS[] = {"10.1.0.1", "10.1.0.2", "!10.1.0.3", "10.1.0.3",
	"10.1.0.1,fd00::1", "fd00::2@h1", "10.1.0.2@h1", "10.1.0.4@h2", "fd00::@h2",
	"10.0.0.5", "10.1.0.4#p1", "fd00::"};
static const char *const PORTS[] = {"p=http:80", "p=http:80", "p=http:81", "p=:80",
	"p=dns/udp:53", "p=dns:53", "p=none:-1", "p=http/sctp:9"};
static const char *const SERVICE_PORTS[] = {"p=http:80", "p=http:80>web",
	"p=http:81>8081", "p=:80", "p=dns/udp:53", "p=dns:53"};
static const char *const POD_IPS[] = {
	"10.1.0.1", "10.1.0.2", "10.1.0.3 fd00::3", "fd00::1", ""};
static const char *const LABELS[] = {"app:web", "app:db", "tier:x"};

static const char *const OUTSIDE[] = {
	"1.2.3.4", "1.2.3.5", "fd01::1", "lb.example", "web.a.svc.c.l", "10.1.0.1"};

/* A "a b c" of up to `most` picks in front of which stands `prefix`. */
static void append_some(struct world *world, FILE *out, const char *prefix,
	const char *const *texts, unsigned count, unsigned most)
{
	for (unsigned i = draw(world, most + 1); i; i--)
		fprintf(out, " %s%s", prefix, pick(world, texts, count));
}

#define APPEND(world, out, prefix, array, most)                                          \
	append_some(world, out, prefix, array, sizeof(array) / sizeof((array)[0]), most)

static void draw_namespace(struct world *world, FILE *out)
{
	fprintf(out, "namespace %s", PICK(world, NAMESPACES));
}

static void draw_service(struct world *world, FILE *out)
{
	static const char *const policies[] = {
		"", "", " prefer", " require v6 v4", " v6"};
	fprintf(out, "service %s/%s", PICK(world, NAMESPACES), PICK(world, SERVICES));
	unsigned kind = draw(world, 8);
	if (kind == 0) {
		fprintf(out, " e=%s", draw(world, 2) ? "example.com" : "web.a.svc.c.l");
		return;
	}
	char addresses[64];
	snprintf(addresses, sizeof(addresses), " %s", PICK(world, CLUSTER_IPS));
	for (char *at = addresses; *at; at++)
		if (*at == ',')
			*at = ' ';
	fputs(kind < 4 ? " headless" : addresses, out);
	fputs(PICK(world, policies), out);
	fputs(draw(world, 4) ? "" : " publish", out);
	APPEND(world, out, "s=", LABELS, 2);
	APPEND(world, out, "", SERVICE_PORTS, 3);
	APPEND(world, out, "x=", OUTSIDE, 3 * draw(world, 2));
}

static void draw_subset(struct world *world, FILE *out)
{
	APPEND(world, out, "", PORTS, 2);
	APPEND(world, out, "", ENDPOINTS, 4);
}

static void draw_slice(struct world *world, FILE *out)
{
	fprintf(out, "slice %s/%s of=%s", PICK(world, NAMESPACES), PICK(world, SLICES),
		PICK(world, SERVICES));
	draw_subset(world, out);
}

static void draw_endpoints(struct world *world, FILE *out)
{
	fprintf(out, "endpoints %s/%s", PICK(world, NAMESPACES), PICK(world, SERVICES));
	for (unsigned i = draw(world, 3); i; i--) {
		draw_subset(world, out);
		fputs(" --", out);
	}
}

static void draw_pod(struct world *world, FILE *out)
{
	static const char *const states[] = {
		"", " ready", " ready", " ready finished", " ready terminating"};
	static const char *const names[] = {
		"", "", " host=h1", " host=h1 sub=web", " host=h2 sub=db"};
	static const char *const ports[] = {"", " p=web:8080", " p=web:8081"};
	fprintf(out, "pod %s/%s %s%s%s%s", PICK(world, NAMESPACES), PICK(world, PODS),
		PICK(world, POD_IPS), PICK(world, states), PICK(world, names),
		PICK(world, ports));
	APPEND(world, out, "l=", LABELS, 3);
}

static void draw_object(struct world *world, char line[LINE_SIZE])
{
	static void (*const draws[])(struct world *, FILE *) = {draw_namespace,
		draw_service, draw_service, draw_slice, draw_slice, draw_endpoints,
		draw_pod, draw_pod};
	memset(line, 0, LINE_SIZE);
	FILE *out = fmemopen(line, LINE_SIZE, "w");
	assert_non_null(out);
	draws[draw(world, sizeof(draws) / sizeof(draws[0]))](world, out);
	fclose(out);
}

/* Octets of "kind ns/name". */
static size_t identity_length(const char *line)
{
	const char *end = strchr(strchr(line, ' ') + 1, ' ');
	return end ? (size_t)(end - line) : strlen(line);
}

static char *world_find(struct world *world, const char *line)
{
	size_t length = identity_length(line);
	for (size_t i = 0; i < world->count; i++)
		if (identity_length(world->lines[i]) == length &&
			memcmp(world->lines[i], line, length) == 0)
			return world->lines[i];
	return NULL;
}

/* One random change of the world; what a rig is to be fed with goes into `line`. */
static void world_change(struct world *world, char line[LINE_SIZE])
{
	if (world->count && (draw(world, 3) == 0 || world->count > 30)) {
		char *gone = world->lines[draw(world, (unsigned)world->count)];
		snprintf(line, LINE_SIZE, "-%.*s", (int)identity_length(gone), gone);
		char *last = world->lines[--world->count];
		if (gone != last)
			memcpy(gone, last, LINE_SIZE);
		return;
	}
	draw_object(world, line);
	char *at = world_find(world, line);
	memcpy(at ? at : world->lines[world->count++], line, LINE_SIZE);
}

/* Prints where the texts differ. */
static void print_difference(const char *wanted, const char *got)
{
	while (*wanted || *got) {
		size_t left = strcspn(wanted, "\n"), right = strcspn(got, "\n");
		if (left != right || memcmp(wanted, got, left) != 0)
			print_message("wanted: %.*s\ngot:    %.*s\n", (int)left, wanted,
				(int)right, got);
		wanted += left + !!wanted[left];
		got += right + !!got[right];
	}
}

static enum absence absence_of(const struct rig *rig, const struct dname *name)
{
	uint64_t hash = store_hash(rig->store, name->bytes, name->length);
	return store_find_absence(rig->store, name->bytes, name->length, hash);
}

/* Hints are the same, but for which of several services stands for their label. */
static bool hints_agree(const struct rig *a, const struct rig *b)
{
	bool agree = true;
	for (unsigned zone = 0; zone < store_zone_count(a->store); zone++)
		for (unsigned i = 0; i < 9; i++) {
			char text[64];
			struct dname name, label;
			snprintf(text, sizeof(text), "%s.%s.svc.c.l.", SERVICES[i % 3],
				NAMESPACES[i / 3]);
			if (dname_from_text(text, &name) ||
				dname_from_text(SERVICES[i % 3], &label))
				fail();
			agree &= absence_of(a, &name) == absence_of(b, &name);
			agree &= !store_find_service(a->store, zone, label.bytes) ==
				 !store_find_service(b->store, zone, label.bytes);
		}
	return agree;
}

static bool is_as_fresh(
	struct rig *rig, struct world *world, const struct rig_options *options)
{
	struct rig fresh;
	rig_init(&fresh, options);
	/* In another order than that of arrival. */
	for (size_t i = 0, at = draw(world, OBJECTS_MAX); i < world->count; i++)
		if (rig_feed(&fresh, world->lines[(at + i) % world->count]))
			fail();
	if (rig_settle(&fresh))
		fail();
	char *wanted = rig_text_inner(&fresh), *got = rig_text_inner(rig);
	bool is_same = strcmp(wanted, got) == 0 && hints_agree(&fresh, rig);
	if (!is_same) {
		print_difference(wanted, got);
		for (size_t i = 0; i < world->count; i++)
			print_message("  \"%s\",\n", world->lines[i]);
	}
	free(wanted);
	free(got);
	rig_deinit(&fresh);
	return is_same;
}

/* A change that finds no memory leaves all as it was and can be tried again. */
static void feed(
	struct rig *rig, struct world *world, const char *line, bool lacks_memory)
{
	rig->fail_at = lacks_memory ? 1 + draw(world, 12) : 0;
	while (rig_feed(rig, line))
		rig->fail_at = 0;
}

/* False: there was no memory, the batch goes on. */
static bool settle(struct rig *rig, struct world *world, bool lacks_memory)
{
	rig->fail_at = lacks_memory ? 1 + draw(world, 60) : 0;
	enum err err = rig_settle(rig);
	if (err && draw(world, 2))
		err = rig_settle(rig);
	store_commit(rig->store);
	return !err;
}

static void run_batches(
	const struct rig_options *options, uint64_t seed, bool lacks_memory)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->random = seed;
	struct rig rig;
	rig_init(&rig, options);
	for (unsigned i = 0; i < BATCHES; i++) {
		char lines[8][LINE_SIZE];
		unsigned count = 1 + draw(world, 2) * draw(world, 8);
		for (unsigned j = 0; j < count; j++) {
			world_change(world, lines[j]);
			feed(&rig, world, lines[j], lacks_memory);
		}
		if (settle(&rig, world, lacks_memory) &&
			!is_as_fresh(&rig, world, options)) {
			for (unsigned j = 0; j < count; j++)
				print_message("  batch: %s\n", lines[j]);
			fail_msg("seed %llu, batch %u", (unsigned long long)seed, i);
		}
		if (draw(world, 4) == 0)
			store_reclaim(rig.store);
	}
	rig_deinit(&rig);
	free(world);
}

static const struct synth_external HEADLESS_TOO = {"b", true}, ADDRESSES = {"dns", false};

static const struct rig_options CASES[] = {
	{
		.zones = {"c.l.", "10.in-addr.arpa.", "ip6.arpa."},
		.own_addresses = {"10.1.0.1", "fd00::9"},
		.synth = {.ttl_s = 5, .pods = PODS_VERIFIED, .keeps_hints = true},
	},
	{
		.zones = {"c.l.", "a.svc.c.l.", "web.b.svc.c.l.", "_tcp.db.b.svc.c.l.",
			"h1.db.a.svc.c.l.", "1.10.in-addr.arpa.", "10.in-addr.arpa."},
		.own_addresses = {"10.1.0.2"},
		.service_cidrs = {"10.0.0.0/28", "fd00::/124"},
		.synth = {.ttl_s = 5,
			.pods = PODS_INSECURE,
			.uses_pod_names = true,
			.ignores_empty = true,
			.keeps_hints = true},
	},
	{
		.zones = {"c.l.", "in-addr.arpa."},
		.service_cidrs = {"fd00::/125", "10.0.0.0/29"},
		.namespaces = {"a", "default"},
		.synth = {.ttl_s = 5, .keeps_hints = true},
	},
	{
		.zones = {"c.l."},
		.synth = {.ttl_s = 5, .pods = PODS_VERIFIED},
	},
	{
		.zones = {"x.", "a.x.", "in-addr.arpa.", "ip6.arpa."},
		.own_addresses = {"10.1.0.1", "fd00::9"},
		.synth = {.external = &HEADLESS_TOO, .ttl_s = 5},
	},
	{
		.zones = {"x."},
		.namespaces = {"a", "b"},
		.synth = {.external = &ADDRESSES, .ttl_s = 5, .uses_pod_names = true},
	},
};

enum { CASE_COUNT = sizeof(CASES) / sizeof(CASES[0]) };

static void any_order_of_changes_ends_in_the_same_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++)
		for (uint64_t seed = 1; seed <= 2; seed++)
			run_batches(&CASES[i], seed * 100 + i, false);
}

static void memory_that_lacks_now_and_then_changes_nothing_in_the_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASE_COUNT; i++)
		for (uint64_t seed = 1; seed <= 2; seed++)
			run_batches(&CASES[i], seed * 77 + i, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_changes_ends_in_the_same_answers),
		cmocka_unit_test(
			memory_that_lacks_now_and_then_changes_nothing_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
