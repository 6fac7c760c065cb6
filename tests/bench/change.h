/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Changes of a made-up cluster: each gives all endpoints of one slice other addresses. */

struct changes {
	const char **lines; /* of the slices' streaming list, and one behind the last */
	size_t count, done;
	uint32_t next_address;
	char *event;
	size_t capacity;
};

/* A change, and by which answer it is known. The event belongs to the changes and is good
 * until the next one. */
struct change {
	const char *event;
	size_t length;
	char name[256];
	struct in_addr address;
};

/* `text`, one event a line, outlives the changes. False: there are none or no memory. */
bool changes_init(struct changes *changes, const char *text, size_t size);
void changes_deinit(struct changes *changes);

/* The slice comes round when all others have had a change. */
void changes_next(struct changes *changes, uint64_t version, struct change *out);
