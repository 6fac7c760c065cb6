/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

/*
 * The log: one line for each event on standard error, "TIME LEVEL text", written with a
 * single write(2) so that lines of several threads never mix. Any thread may call.
 * Texts are lower case, without a full stop, names in double quotes.
 */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Lines below `level` are not written. */
void log_init(enum log_level level);

void log_write(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

/* An error line that ends in ": " and the text of errno. */
void log_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An error line, then exit(1). Only while starting. */
noreturn void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Limits a line that repeats: one is let through each `interval_ms`, the next one says
 * how many were left out. One limit belongs to one thread.
 */
struct log_limit {
	int64_t next_ms;
	uint64_t left_out;
};

/* True when the line may be written; then *left_out says how many were not. */
bool log_limit_pass(struct log_limit *limit, int64_t interval_ms, uint64_t *left_out);
