/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/diag.h"
#include "zones/registry/object.h"
#include "zones/source/document.h"

/*
 * From documents to objects. Each object is checked by itself: one that is invalid is
 * reported and left out, and so is an invalid endpoint of a slice that is valid
 * otherwise. Kinds that DNS has no use for are passed over.
 */

enum { DECODE_PROBLEMS_MAX = 200 }; /* told of one file; the rest is counted */

struct decode {
	const char *file; /* for places and origins */
	struct diag_list *problems;
	/* Called with each valid object, borrowed for the call. What it returns other
	 * than ERR_NONE ends the decoding. */
	enum err (*deliver)(void *context, const struct object *object);
	void *context;

	uint64_t objects_failed; /* counted up */
	size_t problems_told, problems_untold;

	/* Of the object at hand. */
	struct arena arena;
	struct object object;
	size_t faults;
	bool is_exhausted; /* an allocation failed */
};

void decode_init(struct decode *decode, const char *file, struct diag_list *problems);
void decode_deinit(struct decode *decode);

/* Whether one more problem may be told; counts it either way. */
bool decode_may_tell(struct decode *decode);

/* One object whose kind is known from elsewhere: an API server's list does not say it
 * again. Its names are in decode->object afterwards, valid as long as the node. The
 * same errors. */
enum err decode_one(
	struct decode *decode, const struct node *node, enum object_kind kind) MUST_CHECK;

/* All objects of a file in the order in which they stand there. ERR_NOMEM, or what
 * `deliver` returned. */
enum err decode_documents(struct decode *decode, const struct node *documents) MUST_CHECK;
