/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "tests/support/fixture.h"

/* A fixture of the zones cluster.local, local and the root, with a plugin that answers
 * what the store has for exactly the name and type asked, be it nothing. */
void exact_begin(struct fixture *fixture);

/* How often `part` stands in a reply's text. */
unsigned text_count(const char *text, const char *part);
bool text_starts_with(const char *text, const char *start);
