/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "zones/source/kube/split.h"

/*
 * Now and then the names and versions that the API server has are compared with those
 * that we know, for what a watch has missed without a word. What differs is looked at
 * once more a little later: a change on its way to us has arrived by then. Inside
 * zones/source/kube.
 */

struct event;
struct event_base;
struct fetch;
struct reflector;

enum { COMPARE_SUSPECTS_MAX = 1024, COMPARE_PATIENCE_MS = 5000 };

struct compare_suspect {
	uint64_t id;     /* known_id */
	int64_t version; /* that we knew; -1: none */
};

struct compare {
	struct reflector *reflector;
	struct event *timer;
	struct fetch *fetch;
	struct split split;
	struct compare_suspect *suspects;
	size_t suspect_count; /* more than COMPARE_SUSPECTS_MAX: some are not kept */
	unsigned loads;       /* of the reflector, when it began */
	int status;
	struct split_buffer refusal; /* the body of a reply that is not 200 */
	bool has_list;               /* it came to its end */
};

void compare_init(struct compare *compare, struct reflector *reflector);
void compare_deinit(struct compare *compare);

/* ERR_NOMEM. */
enum err compare_attach(struct compare *compare, struct event_base *base) MUST_CHECK;
