/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/synth/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "tests/support/failing_malloc.h"
#include "tests/support/object_text.h"

/* --- making one --- */

static enum err before_change(void *context, const struct registry_service *service)
{
	struct rig *rig = context;
	return synth_before_change(rig->synth, service);
}

static size_t read_addresses(struct arena *arena, const char *const *texts, size_t max,
	const struct ipaddr **out)
{
	struct ipaddr *addresses = arena_calloc(arena, max, sizeof(*addresses));
	size_t count = 0;
	for (; count < max && texts[count]; count++)
		assert_int_equal(ipaddr_parse(texts[count], &addresses[count]), ERR_NONE);
	*out = addresses;
	return count;
}

static void make_store(struct rig *rig, const struct rig_options *options)
{
	struct store_zone zones[RIG_ZONES_MAX] = {0};
	unsigned count = 0;
	for (; count < RIG_ZONES_MAX && options->zones[count]; count++) {
		enum err err = dname_from_text(options->zones[count], &zones[count].name);
		assert_int_equal(err, ERR_NONE);
		zones[count].ttl_s = options->synth.ttl_s;
		zones[count].is_multicluster =
			options->multicluster &&
			strcmp(options->multicluster, options->zones[count]) == 0;
		if (options->synth.external) {
			const char *apex = options->synth.external->apex;
			zones[count].apex_label[0] = (uint8_t)strlen(apex);
			memcpy(zones[count].apex_label + 1, apex, strlen(apex));
		}
	}
	rig->primary = zones[0].name;
	rig->store = store_new(&rig->key, zones, count);
	assert_non_null(rig->store);
}

static void make_registry(struct rig *rig, const struct rig_options *options)
{
	struct ipprefix *cidrs = arena_calloc(&rig->arena, 2, sizeof(*cidrs));
	const char **namespaces =
		arena_calloc(&rig->arena, 4, sizeof(options->namespaces[0]));
	struct registry_options registry = {
		.key = &rig->key,
		.service_cidrs = cidrs,
		.namespaces = namespaces,
		.keeps_pod_names = options->synth.uses_pod_names,
		.ignores_endpoints = options->ignores_endpoints,
		.keeps_external = options->synth.external,
		.holds_imports = options->synth.serves_imports,
	};
	for (size_t i = 0; i < 2 && options->service_cidrs[i]; i++) {
		enum err err = ipprefix_parse(options->service_cidrs[i], &cidrs[i]);
		assert_int_equal(err, ERR_NONE);
		registry.service_cidr_count++;
	}
	for (size_t i = 0; i < 4 && options->namespaces[i]; i++)
		namespaces[registry.namespace_count++] = options->namespaces[i];
	for (unsigned i = 0; i < store_zone_count(rig->store); i++)
		registry.indexes_endpoints |=
			synth_is_reverse(&store_zone(rig->store, i)->name);
	const struct registry_observer observer = {rig, before_change};
	rig->registry = registry_new(&registry, &observer);
	assert_non_null(rig->registry);
}

void rig_init(struct rig *rig, const struct rig_options *options)
{
	*rig = (struct rig){.key = {1, 2}};
	arena_init(&rig->arena, 4096);
	diag_list_init(&rig->problems);
	make_store(rig, options);
	make_registry(rig, options);
	struct synth_options synth = options->synth;
	synth.primary = &rig->primary;
	synth.own_address_count = read_addresses(
		&rig->arena, options->own_addresses, 4, &synth.own_addresses);
	rig->synth = synth_new(&synth, rig->registry, rig->store);
	assert_non_null(rig->synth);
}

void rig_deinit(struct rig *rig)
{
	synth_free(rig->synth);
	registry_free(rig->registry);
	store_free(rig->store);
	diag_list_deinit(&rig->problems);
	arena_deinit(&rig->arena);
}

/* --- feeding it --- */

static void rig_arm(struct rig *rig)
{
	if (rig->fail_at)
		failing_malloc_arm(rig->fail_at);
}

static void rig_disarm(struct rig *rig, enum err err)
{
	bool has_failed = rig->fail_at && failing_malloc_disarm();
	rig->fail_at = 0;
	assert_true(err == ERR_NONE || (has_failed && err == ERR_NOMEM));
}

enum err rig_feed(struct rig *rig, const char *line)
{
	struct arena arena;
	arena_init(&arena, 1024);
	struct object object;
	bool is_removal = *line == '-';
	object_from_text(line + is_removal, &arena, &object);
	object.origin = (struct object_origin){"cluster.yaml", 1};
	enum err err = is_removal ? registry_remove(rig->registry, object.kind, object.ns,
					    object.name)
				  : registry_put(rig->registry, &object, &rig->problems);
	arena_deinit(&arena);
	return err;
}

enum err rig_settle(struct rig *rig)
{
	rig_arm(rig);
	enum err err = registry_settle(rig->registry, &rig->problems);
	if (!err)
		err = synth_apply(rig->synth);
	rig_disarm(rig, err);
	if (err)
		return err;
	registry_touched_services(rig->registry, &rig->recomputed);
	registry_end_batch(rig->registry);
	return ERR_NONE;
}

bool rig_put(struct rig *rig, const char *const *lines)
{
	for (; *lines; lines++)
		if (rig_feed(rig, *lines))
			fail_msg("%s", *lines);
	assert_int_equal(rig_settle(rig), ERR_NONE);
	return store_commit(rig->store);
}

/* --- reading it --- */

struct line {
	char *text;
	size_t owner_length;
	size_t order;
};

enum { ADDRESSES_MAX = 256 }; /* of one target */

struct lines {
	struct line *items;
	size_t count, capacity;
	const struct store *store;
	const struct answer_set *set;
	struct dname name; /* of the set */
	char owner[DNAME_TEXT_SIZE];
	bool is_inner;
};

static void add_line(struct lines *lines, const char *rest)
{
	if (lines->count == lines->capacity) {
		lines->capacity = lines->capacity * 2 + 64;
		lines->items =
			realloc(lines->items, lines->capacity * sizeof(*lines->items));
		assert_non_null(lines->items);
	}
	struct line *line = &lines->items[lines->count];
	*line = (struct line){
		.owner_length = strlen(lines->owner), .order = lines->count};
	char inner[64] = "";
	if (lines->is_inner)
		snprintf(inner, sizeof(inner), " [zone %u, %u below%s]", lines->set->zone,
			lines->set->children, lines->set->is_implied ? ", implied" : "");
	assert_true(asprintf(&line->text, "%s%s%s%s\n", lines->owner, *rest ? " " : "",
			    rest, inner) > 0);
	lines->count++;
}

/* The name at `rdata`, which may end with a pointer to the question. */
static void name_text(
	const struct dname *owner, const uint8_t *rdata, size_t length, char *out)
{
	static const uint8_t pointer[] = {0xc0, DNS_HEADER_SIZE};
	uint8_t name[2 * DNAME_MAX];
	size_t own = length < sizeof(pointer) ? 0 : length - sizeof(pointer);
	assert_true(length <= DNAME_MAX);
	memcpy(name, rdata, length);
	if (length >= sizeof(pointer) &&
		memcmp(rdata + own, pointer, sizeof(pointer)) == 0)
		memcpy(name + own, owner->bytes, owner->length);
	dname_to_text(name, out);
}

static void add_canned(struct lines *lines, const struct rrset *rrset)
{
	const uint8_t *record = rrset->data;
	unsigned count = 0;
	for (; record < rrset->data + rrset->size; record += canned_size(record)) {
		char text[DNAME_TEXT_SIZE] = "?", type[16], ttl[16] = "";
		const uint8_t *rdata = record + 12;
		size_t length = canned_size(record) - 12;
		assert_memory_equal(record, "\xc0\x0c", 2);
		assert_int_equal(record[2] << 8 | record[3], rrset->type);
		if (rrset->type == TYPE_A)
			inet_ntop(AF_INET, rdata, text, sizeof(text));
		else if (rrset->type == TYPE_AAAA)
			inet_ntop(AF_INET6, rdata, text, sizeof(text));
		else if (rrset->type == TYPE_TXT)
			snprintf(text, sizeof(text), "\"%.*s\"", rdata[0], rdata + 1);
		else
			name_text(&lines->name, rdata, length, text);
		unsigned seconds = (unsigned)record[8] << 8 | record[9];
		if (seconds != 5)
			snprintf(ttl, sizeof(ttl), "%u ", seconds);
		char line[DNAME_TEXT_SIZE + 64];
		snprintf(line, sizeof(line), "%s%s %s", ttl,
			dns_type_text(rrset->type, type), text);
		add_line(lines, line);
		count++;
	}
	assert_int_equal(count, rrset->count);
}

static void add_names(struct lines *lines, const struct rrset *rrset)
{
	char text[DNAME_TEXT_SIZE], type[16], line[DNAME_TEXT_SIZE + 64];
	struct dname name;
	uint32_t offset = 0;
	unsigned count = 0;
	for (; names_next(lines->store, rrset, &offset, &name); count++) {
		dname_to_text(name.bytes, text);
		snprintf(line, sizeof(line), "%s %s", dns_type_text(rrset->type, type),
			text);
		add_line(lines, line);
	}
	assert_int_equal(count, rrset->count);
}

static void target_text(const struct dname *owner, const struct srv_data *data,
	const struct target *target, char *out)
{
	uint8_t name[2 * DNAME_MAX];
	if (target_name(target)) {
		dname_to_text(target_name(target), out);
		return;
	}
	size_t length = target->label[0] ? 1u + target->label[0] : 0;
	memcpy(name, target->label, length);
	memcpy(name + length, owner->bytes + data->skip, owner->length - data->skip);
	dname_to_text(name, out);
}

static void addresses_text(const struct target *target, FILE *out)
{
	char text[INET6_ADDRSTRLEN];
	for (unsigned i = 0; i < target->ipv4_count; i++)
		fprintf(out, " %s",
			inet_ntop(AF_INET, target->ipv4 + 4 * i, text, sizeof(text)));
	for (unsigned i = 0; i < target->ipv6_count; i++)
		fprintf(out, " %s",
			inet_ntop(AF_INET6, target->ipv6 + 16 * i, text, sizeof(text)));
}

static void add_srv_line(struct lines *lines, unsigned weight, unsigned port,
	const char *name, const struct target *addresses)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);
	assert_non_null(out);
	fprintf(out, "SRV 0 %u %u %s", weight, port, name);
	if (addresses)
		addresses_text(addresses, out);
	fclose(out);
	add_line(lines, line);
	free(line);
}

/* The addresses of one family that the set itself has. */
static unsigned own_addresses(const struct lines *lines, uint16_t type, uint8_t *out)
{
	const struct rrset *rrset = answer_set_find(lines->set, type);
	size_t length = type == TYPE_A ? 4 : 16;
	unsigned count = rrset ? rrset->count : 0;
	assert_true(count <= ADDRESSES_MAX);
	for (unsigned i = 0; i < count; i++)
		memcpy(out + i * length, rrset->data + i * (12 + length) + 12, length);
	return count;
}

static void add_one_srv(struct lines *lines, const struct rrset *rrset)
{
	const struct srv_one *one = (const void *)rrset->data;
	uint8_t ipv4[ADDRESSES_MAX * 4], ipv6[ADDRESSES_MAX * 16];
	char name[DNAME_TEXT_SIZE];
	struct target target = {.ipv4 = (const uint8_t *)(one->ports + rrset->count)};
	target.ipv6 = target.ipv4 + one->ipv4_count * 4;
	target.ipv4_count = one->ipv4_count;
	target.ipv6_count = one->ipv6_count;
	if (!one->skip) {
		assert_int_equal(one->ipv4_count + one->ipv6_count, 0);
		target.ipv4 = ipv4;
		target.ipv6 = ipv6;
		target.ipv4_count = (uint16_t)own_addresses(lines, TYPE_A, ipv4);
		target.ipv6_count = (uint16_t)own_addresses(lines, TYPE_AAAA, ipv6);
	}
	dname_to_text(lines->name.bytes + one->skip, name);
	for (unsigned i = 0; i < rrset->count; i++)
		add_srv_line(lines, one->weight, one->ports[i], name, i ? NULL : &target);
}

static void add_srv(struct lines *lines, const struct rrset *rrset)
{
	const struct srv_data *data = (const void *)rrset->data;
	const struct srv_group *group = (const void *)(data + 1);
	assert_int_equal(data->ttl_s, 5);
	for (unsigned i = 0; i < rrset->count; i++, group = srv_group_next(group)) {
		assert_true(group->port_count > 0);
		for (uint32_t j = 0; j < group->target_count; j++)
			for (uint16_t k = 0; k < group->port_count; k++) {
				struct target target =
					targets_get(data->targets, group->first + j);
				char name[DNAME_TEXT_SIZE];
				target_text(&lines->name, data, &target, name);
				bool is_first = group->has_additional && k == 0;
				add_srv_line(lines, data->weight, group->ports[k], name,
					is_first ? &target : NULL);
			}
	}
	assert_ptr_equal(group, rrset->data + rrset->size);
}

static bool add_set(void *context, const struct answer_set *set)
{
	struct lines *lines = context;
	lines->set = set;
	answer_set_owner(lines->store, set, &lines->name);
	dname_to_text(lines->name.bytes, lines->owner);
	if (!set->rrset_count)
		add_line(lines, "");
	const struct rrset *rrset = NULL;
	static void (*const adders[])(struct lines *, const struct rrset *) = {
		[RRSET_CANNED] = add_canned,
		[RRSET_TARGETS] = add_srv,
		[RRSET_ONE] = add_one_srv,
		[RRSET_NAMES] = add_names,
	};
	while ((rrset = answer_set_next(set, rrset)))
		adders[rrset->form](lines, rrset);
	return true;
}

static int line_compare(const void *a, const void *b)
{
	const struct line *left = a, *right = b;
	size_t length = left->owner_length < right->owner_length ? left->owner_length
								 : right->owner_length;
	int order = memcmp(left->text, right->text, length);
	if (!order)
		order = (left->owner_length > right->owner_length) -
			(left->owner_length < right->owner_length);
	return order ? order
		     : (left->order > right->order) - (left->order < right->order);
}

/* Names above those of pods stand in the rig's own store. */
static bool add_pod(void *context, const struct answer_set *set)
{
	return !set->rrset_count || add_set(context, set);
}

/* Names of pods have no sets; the store knows of none but these. */
static void add_pods(const struct rig *rig, struct lines *lines)
{
	struct store *pods = store_new_alike(rig->store);
	assert_non_null(pods);
	assert_int_equal(synth_list_pods(rig->registry, rig->store, pods), ERR_NONE);
	size_t before = lines->count;
	store_each(pods, add_pod, lines);
	assert_int_equal(store_size(rig->store).pods, lines->count - before);
	store_free(pods);
}

static struct lines read_lines(const struct rig *rig, bool is_inner)
{
	struct lines lines = {.store = rig->store, .is_inner = is_inner};
	store_each(rig->store, add_set, &lines);
	add_pods(rig, &lines);
	if (lines.count)
		qsort(lines.items, lines.count, sizeof(*lines.items), line_compare);
	return lines;
}

static char *join_lines(struct lines *lines, bool (*keeps)(const struct line *line))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	for (size_t i = 0; i < lines->count; i++) {
		if (!keeps || keeps(&lines->items[i]))
			fputs(lines->items[i].text, out);
		free(lines->items[i].text);
	}
	fclose(out);
	free(lines->items);
	return text;
}

char *rig_text(const struct rig *rig)
{
	struct lines lines = read_lines(rig, false);
	return join_lines(&lines, NULL);
}

char *rig_text_inner(const struct rig *rig)
{
	struct lines lines = read_lines(rig, true);
	return join_lines(&lines, NULL);
}

static bool is_special(const struct line *line)
{
	static const char *const ends[] = {" NS ns.dns."};
	bool is_empty = line->text[line->owner_length] == '\n';
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strstr(line->text, ends[i]))
			return false;
	return !is_empty && strncmp(line->text, "dns-version.", 12) != 0 &&
	       strncmp(line->text, "ns.dns.", 7) != 0;
}

void rig_expect(const struct rig *rig, const char *const *expected)
{
	struct lines lines = read_lines(rig, false);
	char *text = join_lines(&lines, is_special);
	char *wanted = NULL;
	size_t size;
	FILE *out = open_memstream(&wanted, &size);
	assert_non_null(out);
	for (; *expected; expected++)
		fprintf(out, "%s\n", *expected);
	fclose(out);
	if (strcmp(text, wanted) != 0)
		fail_msg("wanted:\n%sgot:\n%s", wanted, text);
	free(text);
	free(wanted);
}
