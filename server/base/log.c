/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/base/clock.h"

enum { LINE_SIZE = 2048 };

static _Atomic enum log_level lowest = LOG_LEVEL_INFO;

void log_init(enum log_level level)
{
	atomic_store_explicit(&lowest, level, memory_order_relaxed);
}

static size_t log_prefix(char *line, size_t size, enum log_level level)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	struct timespec now;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(
		line + n, size - n, ".%03ldZ %s ", now.tv_nsec / 1000000, names[level]);
	return n;
}

__attribute__((format(printf, 3, 0))) static void log_line(
	enum log_level level, const char *cause, const char *format, va_list args)
{
	char line[LINE_SIZE];
	size_t n = log_prefix(line, sizeof(line), level);
	int text = vsnprintf(line + n, sizeof(line) - n, format, args);
	if (text > 0)
		n += (size_t)text;
	if (cause && n < sizeof(line))
		n += (size_t)snprintf(line + n, sizeof(line) - n, ": %s", cause);
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	/* Names in files are other people's: no line break of theirs begins a line of
	 * ours. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	/* A log that cannot be written has nowhere to say so. */
	ssize_t written = write(STDERR_FILENO, line, n);
	(void)written;
}

void log_write(enum log_level level, const char *format, ...)
{
	if (level < atomic_load_explicit(&lowest, memory_order_relaxed))
		return;
	int saved = errno;
	va_list args;
	va_start(args, format);
	log_line(level, NULL, format, args);
	va_end(args);
	errno = saved;
}

void log_errno(const char *format, ...)
{
	int saved = errno;
	char cause[128];
	const char *text = strerror_r(saved, cause, sizeof(cause));
	va_list args;
	va_start(args, format);
	log_line(LOG_LEVEL_ERROR, text, format, args);
	va_end(args);
	errno = saved;
}

noreturn void log_fatal(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_line(LOG_LEVEL_ERROR, NULL, format, args);
	va_end(args);
	exit(EXIT_FAILURE);
}

bool log_limit_pass(struct log_limit *limit, int64_t interval_ms, uint64_t *left_out)
{
	int64_t now_ms = clock_now_ms();
	if (now_ms < limit->next_ms) {
		limit->left_out++;
		return false;
	}
	limit->next_ms = now_ms + interval_ms;
	*left_out = limit->left_out;
	limit->left_out = 0;
	return true;
}
