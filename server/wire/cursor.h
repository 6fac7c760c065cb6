/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A cursor over bytes from the wire. The first read behind the end sets has_failed and
 * every later one returns 0: read everything, check once.
 */

struct cursor {
	const uint8_t *at, *end;
	bool has_failed;
};

static inline struct cursor cursor_init(const uint8_t *bytes, size_t length)
{
	return (struct cursor){.at = bytes, .end = bytes + length};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static inline void cursor_skip(struct cursor *cursor, size_t count)
{
	if (cursor_left(cursor) < count) {
		cursor->has_failed = true;
		cursor->at = cursor->end;
		return;
	}
	cursor->at += count;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *at = cursor->at;
	cursor_skip(cursor, 1);
	return cursor->has_failed ? 0 : at[0];
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
	const uint8_t *at = cursor->at;
	cursor_skip(cursor, 2);
	return cursor->has_failed ? 0 : (uint16_t)(at[0] << 8 | at[1]);
}
