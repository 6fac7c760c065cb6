/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/split.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/scan.h"

enum { BUFFER_MIN = 4096 };

void split_init(struct split *split, bool is_list, const struct split_sink *sink)
{
	*split = (struct split){
		.sink = *sink,
		.is_list = is_list,
		.place = is_list ? SPLIT_BEFORE : SPLIT_BETWEEN,
	};
}

void split_deinit(struct split *split)
{
	free(split->object.text);
	free(split->envelope.text);
	split->object = split->envelope = (struct split_buffer){NULL, 0, 0};
}

bool split_is_complete(const struct split *split)
{
	return split->place == (split->is_list ? SPLIT_BEFORE : SPLIT_BETWEEN);
}

static enum err buffer_add(struct split_buffer *buffer, const char *bytes, size_t length)
{
	if (length > SPLIT_OBJECT_MAX - buffer->used)
		return ERR_RANGE;
	size_t needed = buffer->used + length + 1;
	if (needed > buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_MIN;
		while (capacity < needed)
			capacity *= 2;
		char *text = realloc(buffer->text, capacity);
		if (!text)
			return ERR_NOMEM;
		buffer->text = text;
		buffer->capacity = capacity;
	}
	memcpy(buffer->text + buffer->used, bytes, length);
	buffer->used += length;
	buffer->text[buffer->used] = '\0';
	return ERR_NONE;
}

static void buffer_clear(struct split_buffer *buffer)
{
	buffer->used = 0;
	if (buffer->capacity <= SPLIT_KEEP)
		return;
	free(buffer->text);
	*buffer = (struct split_buffer){NULL, 0, 0};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Inside a string: goes on to the byte behind its end, or to `end`. */
static const char *scan_string(struct split *split, const char *at, const char *end)
{
	if (split->is_escaped && at < end) {
		split->is_escaped = false;
		at++;
	}
	while ((at = scan_plain(at, end)) < end) {
		char c = *at++;
		if (c == '"') {
			split->is_string = false;
			return at;
		}
		if (c == '\\' && at == end)
			split->is_escaped = true;
		else if (c == '\\')
			at++;
	}
	return at;
}

/* Goes on to the byte behind the object's end, or behind a list that is a member of the
 * outermost object, or to `end`. */
static const char *split_scan(struct split *split, const char *at, const char *end)
{
	bool stops_at_list = split->place == SPLIT_ENVELOPE;
	unsigned depth = split->depth;
	while (at < end) {
		if (split->is_string) {
			at = scan_string(split, at, end);
			continue;
		}
		char c = *at++;
		if (c == '"') {
			split->is_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
			if (c == '[' && depth == 2 && stops_at_list)
				break;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			break;
		}
	}
	split->depth = depth;
	return at;
}

/* Is the list that was just opened the member "items"? */
static bool envelope_opens_items(const struct split_buffer *envelope)
{
	static const char key[] = "\"items\"";
	const char *text = envelope->text;
	size_t length = envelope->used - 1;
	while (length && is_space(text[length - 1]))
		length--;
	if (!length || text[--length] != ':')
		return false;
	while (length && is_space(text[length - 1]))
		length--;
	size_t wanted = sizeof(key) - 1;
	return length > wanted && memcmp(text + length - wanted, key, wanted) == 0 &&
	       text[length - wanted - 1] != '\\';
}

static enum err split_end(struct split *split)
{
	struct split_buffer *buffer = &split->object;
	enum err (*deliver)(void *, char *, size_t) = split->sink.object;
	if (split->place == SPLIT_ENVELOPE) {
		buffer = &split->envelope;
		deliver = split->sink.envelope;
		split->place = SPLIT_BEFORE;
	} else {
		split->place = SPLIT_BETWEEN;
	}
	enum err err = deliver(split->sink.context, buffer->text, buffer->used);
	buffer_clear(buffer);
	return err;
}

static enum err split_inside(struct split *split, const char **at, const char *end)
{
	struct split_buffer *buffer =
		split->place == SPLIT_ENVELOPE ? &split->envelope : &split->object;
	const char *start = *at;
	*at = split_scan(split, start, end);
	enum err err = buffer_add(buffer, start, (size_t)(*at - start));
	if (err || split->is_string)
		return err;
	if (split->depth == 0)
		return split_end(split);
	if (split->place == SPLIT_ENVELOPE && (*at)[-1] == '[' && split->depth == 2 &&
		envelope_opens_items(buffer)) {
		split->place = SPLIT_BETWEEN;
		split->depth = 0;
	}
	return ERR_NONE;
}

/* Between objects: blanks, in a list commas, and its end. */
static enum err split_outside(struct split *split, const char **at)
{
	char c = *(*at)++;
	bool is_item = split->is_list && split->place == SPLIT_BETWEEN;
	if (is_space(c) || (c == ',' && is_item))
		return ERR_NONE;
	if (c == ']' && is_item) {
		split->place = SPLIT_ENVELOPE;
		split->depth = 1;
		return buffer_add(&split->envelope, &c, 1);
	}
	if (c != '{')
		return ERR_SYNTAX;
	split->place = split->place == SPLIT_BEFORE ? SPLIT_ENVELOPE : SPLIT_OBJECT;
	split->depth = 1;
	return buffer_add(
		split->place == SPLIT_ENVELOPE ? &split->envelope : &split->object, &c,
		1);
}

enum err split_feed(struct split *split, const char *bytes, size_t length)
{
	const char *at = bytes, *end = bytes + length;
	enum err err = ERR_NONE;
	while (at < end && !err)
		err = split->place == SPLIT_OBJECT || split->place == SPLIT_ENVELOPE
			      ? split_inside(split, &at, end)
			      : split_outside(split, &at);
	return err;
}
