/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* The monotonic clock. Any thread may call; nothing fails. */

int64_t clock_now_ns(void);
int64_t clock_now_ms(void);

/* Time since 1970, for serials, texts and what others have dated only. */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void);
