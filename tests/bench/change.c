/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/change.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDED   "{\"type\":\"ADDED\""
#define ADDRESS "\"addresses\":[\""

enum {
	STEP = 7919, /* a prime: neighbours in time are not neighbours in memory */
	NUMBERS = 1 << 20,
	BASE = 208,
	ADDRESS_MAX = 16,
};

/* A piece of text that is not ended by a zero. */
struct span {
	const char *at, *end;
};

/* The value of a member whose text this is up to and with its opening quote. */
static struct span value_find(struct span text, const char *key, bool is_last)
{
	struct span found = {text.end, text.end};
	size_t key_length = strlen(key);
	for (const char *at = text.at; at && at < text.end;) {
		at = memmem(at, (size_t)(text.end - at), key, key_length);
		if (!at)
			break;
		at += key_length;
		const char *end = memchr(at, '"', (size_t)(text.end - at));
		found = (struct span){at, end ? end : text.end};
		if (!is_last)
			break;
	}
	return found;
}

bool changes_init(struct changes *changes, const char *text, size_t size)
{
	const char *end = text + size;
	size_t lines = 0;
	*changes = (struct changes){.next_address = 0};
	for (const char *at = text; at && at < end; lines++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : end;
	}
	changes->lines = calloc(lines + 1, sizeof(*changes->lines));
	if (!changes->lines || !lines)
		return false;
	changes->lines[0] = text;
	for (size_t i = 1; i <= lines; i++) {
		const char *before = changes->lines[i - 1];
		const char *newline = memchr(before, '\n', (size_t)(end - before));
		changes->lines[i] = newline ? newline + 1 : end;
	}
	changes->count = lines;
	return true;
}

void changes_deinit(struct changes *changes)
{
	free(changes->lines);
	free(changes->event);
}

static void event_reserve(struct changes *changes, size_t needed)
{
	if (needed <= changes->capacity)
		return;
	free(changes->event);
	changes->event = malloc(needed);
	changes->capacity = needed;
	if (!changes->event) {
		perror("event");
		exit(1);
	}
}

static void next_address(struct changes *changes, char *out)
{
	uint32_t number = changes->next_address++ % NUMBERS;
	snprintf(out, ADDRESS_MAX, "10.%u.%u.%u", BASE + (number >> 16),
		number >> 8 & 255, number & 255);
}

static char *put(char *to, const char *bytes, size_t length)
{
	memcpy(to, bytes, length);
	return to + length;
}

/* The event with other addresses, of which the last remains in `address`. */
static size_t event_write(
	struct changes *changes, struct span line, uint64_t version, char *address)
{
	static const char head[] = "{\"type\":\"MODIFIED\"";
	char text[32];
	struct span old = value_find(line, "\"resourceVersion\":\"", false);
	char *to = put(changes->event, head, sizeof(head) - 1);
	const char *from = line.at + sizeof(ADDED) - 1;
	to = put(to, from, (size_t)(old.at - from));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
	to = put(to, text, strlen(text));
	for (from = old.end;;) {
		struct span rest = {from, line.end};
		old = value_find(rest, ADDRESS, false);
		to = put(to, from, (size_t)(old.at - from));
		if (old.at == line.end)
			return (size_t)(to - changes->event);
		next_address(changes, address);
		to = put(to, address, strlen(address));
		from = old.end;
	}
}

/* Of a headless service the last endpoint has a name, of others its address is the name.
 */
static void name_write(struct span line, const char *address, char *out, size_t size)
{
	struct span ns = value_find(line, "\"namespace\":\"", false);
	struct span service =
		value_find(line, "\"kubernetes.io/service-name\":\"", false);
	struct span host = value_find(line, "\"hostname\":\"", true);
	char dashed[ADDRESS_MAX];
	snprintf(dashed, sizeof(dashed), "%s", address);
	for (char *c = dashed; *c; c++)
		*c = *c == '.' ? '-' : *c;
	if (host.at == host.end)
		host = (struct span){dashed, dashed + strlen(dashed)};
	snprintf(out, size, "%.*s.%.*s.%.*s.svc.cluster.local", (int)(host.end - host.at),
		host.at, (int)(service.end - service.at), service.at,
		(int)(ns.end - ns.at), ns.at);
}

void changes_next(struct changes *changes, uint64_t version, struct change *out)
{
	size_t number = changes->done++ * STEP % changes->count;
	struct span line = {changes->lines[number], changes->lines[number + 1]};
	char address[ADDRESS_MAX] = "0.0.0.0";
	/* An endpoint takes some two hundred bytes, a longer address at most six more. */
	event_reserve(changes, 2 * (size_t)(line.end - line.at) + 64);
	out->length = event_write(changes, line, version, address);
	out->event = changes->event;
	inet_pton(AF_INET, address, &out->address);
	name_write(line, address, out->name, sizeof(out->name));
}
