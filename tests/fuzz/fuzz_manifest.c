/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "zones/source/content.h"
#include "zones/source/decode.h"

/* The first byte chooses the format, the rest is a file of manifests. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err ignore_object(void *context, const struct object *object)
{
	(void)context;
	(void)object;
	return ERR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	const char *name = data[0] % 2 ? "fuzz.json" : "fuzz.yaml";
	struct diag_list problems;
	struct content content;
	struct decode decode;
	diag_list_init(&problems);
	content_init(&content);
	decode_init(&decode, name, &problems);
	decode.deliver = ignore_object;
	enum err err = content_parse(
		&content, name, (const char *)data + 1, size - 1, &problems);
	if (!err)
		err = decode_documents(&decode, content.documents);
	/* What is refused has been reported. */
	if (err == ERR_INVALID && !problems.count)
		abort();
	decode_deinit(&decode);
	content_deinit(&content);
	diag_list_deinit(&problems);
	return 0;
}
