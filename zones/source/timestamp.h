/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/err.h"

/* "2026-11-25T19:30:45.123Z" or with an offset (RFC 3339 5.6) as milliseconds since 1970.
 * ERR_SYNTAX. Any thread. */
enum err timestamp_parse(const char *text, int64_t *unix_ms) MUST_CHECK;
