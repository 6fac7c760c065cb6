/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/arena.h"
#include "server/base/err.h"
#include "zones/registry/object.h"

/*
 * What there is to say about an answer, one finding after the other. Texts and objects
 * are borrowed: they live in the arena, the registry or forever.
 */

enum finding_kind {
	FINDING_SOURCE,   /* `subject` comes from the object */
	FINDING_LEFT_OUT, /* `subject` of the object is not in the answer */
	FINDING_REASON,   /* why the answer is what it is */
	FINDING_NEAR,     /* what may have been meant */
	FINDING_KINDS,
};

struct finding {
	enum finding_kind kind;
	const char *subject;     /* a record's data, an endpoint; NULL: none */
	const char *text;        /* NULL: none */
	const char *name;        /* a DNS name that does exist; NULL: none */
	const char *object_kind; /* "Service"; NULL: no object */
	const char *ns;          /* "" where the object has none */
	const char *object_name;
	struct object_origin origin;
};

struct finding_list {
	struct arena *arena;
	struct finding *items;
	size_t count, capacity;
	bool has_failed; /* no memory: something is missing */
};

void finding_list_init(struct finding_list *list, struct arena *arena);

void finding_add(struct finding_list *list, const struct finding *finding);

/* Text in the list's arena; "" where there is no memory. */
const char *finding_format(struct finding_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
