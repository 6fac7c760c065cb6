/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/kube/split.h"

/* The first byte says whether the body is a list and how large its pieces are: in one
 * piece and in several the same objects come out of it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t value;
	size_t objects;
};

static enum err add(void *context, char *text, size_t length)
{
	struct sum *sum = context;
	if (strlen(text) > length || text[length])
		abort();
	for (size_t i = 0; i < length; i++)
		sum->value = sum->value * 31 + (unsigned char)text[i];
	sum->objects++;
	/* The parser writes over it. */
	memset(text, 'x', length);
	return ERR_NONE;
}

static enum err run(
	const char *text, size_t length, bool is_list, size_t step, struct sum *sum)
{
	const struct split_sink sink = {sum, add, add};
	struct split split;
	enum err err = ERR_NONE;
	split_init(&split, is_list, &sink);
	for (size_t at = 0; at < length && !err; at += step)
		err = split_feed(
			&split, text + at, length - at < step ? length - at : step);
	if (!err && !split_is_complete(&split))
		err = ERR_NOTFOUND;
	split_deinit(&split);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	const char *text = (const char *)data + 1;
	struct sum whole = {0}, pieces = {0};
	bool is_list = data[0] & 1;
	enum err err = run(text, size - 1, is_list, size, &whole);
	if (run(text, size - 1, is_list, data[0] / 2u % 100 + 1, &pieces) != err)
		abort();
	if (whole.value != pieces.value || whole.objects != pieces.objects)
		abort();
	return 0;
}
