/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * An API server behind the functions of zones/source/kube/fetch.h, which it takes the
 * place of: no socket, no allocation, and nothing happens but when the test lets it. What
 * the source waits for between two attempts is a millisecond.
 */

/* Forgets everything. */
void fake_reset(void);

/* The objects of a resource, "services", are forbidden from now on; watches end. */
void fake_forbid(const char *resource, bool is_forbidden);

/*
 * An object comes, changes or goes: `type` of the event, `rest` is JSON behind the
 * metadata: ",\"spec\":{}". Those who watch are told, unless there is to be a gap.
 */
void fake_event(const char *type, const char *resource, const char *ns, const char *name,
	const char *rest);
void fake_gap(bool is_gap);

/* Every watch ends with 410, and none may go on from what was before. */
void fake_compact(void);

/* Answers what was asked since. */
void fake_answer(void);

/* How often a list of the resource was begun. */
unsigned fake_loads(const char *resource);
