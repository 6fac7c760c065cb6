/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Questions for the load generator and the probe: no EDNS, class IN, RD not set. */

enum { QUESTION_MAX = 12 + 255 + 4 };

/* Writes a query of id 0 into `out`, of QUESTION_MAX bytes. Returns its length, 0 for a
 * name or a type that cannot be written. */
size_t question_write(const char *name, const char *type, uint8_t *out);
