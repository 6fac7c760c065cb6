/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/plugin/loadbalance/weight_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = {1, 2};
	const struct weight_file file = {"fuzz", (const char *)data, size, &key};
	struct weights *weights = NULL;
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = weight_file_read(&file, &weights, &problems);
	/* What is refused has been reported. */
	if (err ? !problems.count : !weights)
		abort();
	if (weights) {
		const struct weights_name *name =
			weights_find(weights, (const uint8_t *)"\1a\1b", 5);
		if (name && !weights_get(weights, name, (const uint8_t *)"\12\0\0\2", 4))
			abort();
	}
	weights_free(weights);
	diag_list_deinit(&problems);
	return 0;
}
