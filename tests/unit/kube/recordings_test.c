/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/recording_sink.h"
#include "zones/source/decode.h"
#include "zones/source/kube/resource.h"
#include "zones/source/kube/split.h"

/* What a real API server sent, tests/cases/apiserver: its lists and its streaming lists
 * are the same objects, and but for one none is refused. */

struct reading {
	struct recording_sink recording;
	struct source_sink sink;
	struct arena arena;
	struct diag_list problems;
	struct decode decode;
	const struct kube_resource *resource;
	unsigned objects, envelopes, bookmarks;
};

static enum err deliver(void *context, const struct object *object)
{
	struct reading *reading = context;
	struct object copy = *object;
	/* Lists and streams have them on other lines. */
	copy.origin.line = 0;
	return reading->sink.upsert(reading->sink.context, &copy);
}

static const struct node *parse(struct reading *reading, char *text, size_t length)
{
	struct document_error error;
	struct node *documents;
	arena_reset(&reading->arena);
	enum err err =
		document_parse_json(&reading->arena, text, length, &documents, &error);
	assert_int_equal(err, ERR_NONE);
	return documents->first;
}

static enum err take_item(void *context, char *text, size_t length)
{
	struct reading *reading = context;
	const struct node *object = parse(reading, text, length);
	reading->objects++;
	return decode_one(&reading->decode, object, reading->resource->kind);
}

static enum err take_envelope(void *context, char *text, size_t length)
{
	struct reading *reading = context;
	const struct node *list = parse(reading, text, length);
	reading->envelopes++;
	assert_non_null(node_get(node_get(list, "metadata"), "resourceVersion"));
	assert_int_equal(node_get(list, "items")->length, 0);
	return ERR_NONE;
}

static enum err take_event(void *context, char *text, size_t length)
{
	struct reading *reading = context;
	const struct node *event = parse(reading, text, length);
	if (strcmp(node_get(event, "type")->text, "BOOKMARK") == 0) {
		reading->bookmarks++;
		return ERR_NONE;
	}
	reading->objects++;
	return decode_one(
		&reading->decode, node_get(event, "object"), reading->resource->kind);
}

static void reading_init(struct reading *reading, const struct kube_resource *resource)
{
	*reading = (struct reading){.resource = resource};
	recording_sink_init(&reading->recording);
	reading->sink = recording_sink_get(&reading->recording);
	arena_init(&reading->arena, 65536);
	diag_list_init(&reading->problems);
	decode_init(&reading->decode, NULL, &reading->problems);
	reading->decode.deliver = deliver;
	reading->decode.context = reading;
}

static void reading_deinit(struct reading *reading)
{
	recording_sink_deinit(&reading->recording);
	arena_deinit(&reading->arena);
	diag_list_deinit(&reading->problems);
	decode_deinit(&reading->decode);
}

/* In pieces of `step` bytes, as they might come off the wire. */
static void read_body(struct reading *reading, const char *kind, size_t step)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], piece[2048];
	snprintf(path, sizeof(path), "%s/tests/cases/apiserver/%s/%s.body",
		srcdir ? srcdir : ".", kind, reading->resource->name);
	bool is_list = strcmp(kind, "lists") == 0;
	const struct split_sink sink = {
		reading, is_list ? take_item : take_event, take_envelope};
	struct split split;
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	split_init(&split, is_list, &sink);
	size_t length;
	while ((length = fread(piece, 1, step, file)))
		assert_int_equal(split_feed(&split, piece, length), ERR_NONE);
	assert_true(split_is_complete(&split));
	split_deinit(&split);
	fclose(file);
}

/* Of the service whose external name is an address, which no CNAME can lead to. */
static void assert_one_problem(const struct reading *reading)
{
	char text[512];
	for (size_t i = 0; i < reading->problems.count; i++) {
		diag_format(&reading->problems.items[i], text, sizeof(text));
		if (!strstr(text, "\"default/extname-ip\""))
			fail_msg("%s", text);
	}
	bool has_it = reading->resource->kind == OBJECT_SERVICE;
	assert_int_equal(reading->problems.count, has_it ? 1 : 0);
}

static void lists_and_streams_are_the_same_objects(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KUBE_RESOURCES; i++) {
		struct reading list, stream;
		/* The server that was recorded had it not. */
		if (kube_resources[i].may_be_absent)
			continue;
		reading_init(&list, &kube_resources[i]);
		reading_init(&stream, &kube_resources[i]);
		read_body(&list, "lists", 2048);
		read_body(&stream, "watchlist", 777);
		assert_one_problem(&list);
		assert_one_problem(&stream);
		assert_int_equal(list.envelopes, 1);
		assert_true(stream.bookmarks > 0);
		assert_true(list.objects > 3);
		assert_int_equal(list.objects, stream.objects);
		assert_string_equal(recording_sink_text(&list.recording),
			recording_sink_text(&stream.recording));
		reading_deinit(&list);
		reading_deinit(&stream);
	}
}

static void the_size_of_the_pieces_does_not_matter(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 2, 13, 1024};
	struct reading whole;
	reading_init(&whole, &kube_resources[1]);
	read_body(&whole, "lists", 2048);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct reading pieces;
		reading_init(&pieces, &kube_resources[1]);
		read_body(&pieces, "lists", steps[i]);
		assert_string_equal(recording_sink_text(&whole.recording),
			recording_sink_text(&pieces.recording));
		reading_deinit(&pieces);
	}
	reading_deinit(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_streams_are_the_same_objects),
		cmocka_unit_test(the_size_of_the_pieces_does_not_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
