/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/dname.h"

/*
 * Which of many names is the longest that another one is in; what that costs does not
 * grow with their number. Made once, then immutable; any thread.
 */

struct dname_index;

/* Of `count` items, at most 65535, each `stride` octets and with a struct dname in lower
 * case at its start, longest first, no two alike. They stay the caller's, at their place.
 * NULL: no memory. */
struct dname_index *dname_index_new(const void *items, size_t stride, size_t count);
void dname_index_free(struct dname_index *index); /* NULL is fine */

/* The item whose name is equal to lower-case `name` or the nearest above it; -1: none. */
int dname_index_find(const struct dname_index *index, const struct dname *name);
