/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* The monotonic clock. Any thread may call; nothing fails. */

int64_t clock_now_ns(void);
int64_t clock_now_ms(void);

/* Seconds since 1970, for serials and texts only. */
int64_t clock_unix_s(void);
