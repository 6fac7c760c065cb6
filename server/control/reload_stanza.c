/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/reload_stanza.h"

enum {
	INTERVAL_MS = 30000,
	INTERVAL_MIN_MS = 2000,
	JITTER_MS = 15000,
	JITTER_MIN_MS = 1000,
};

static void expect_duration(
	const struct corefile_word *word, const char *what, struct diag_list *problems)
{
	diag_add(problems, SEVERITY_ERROR, word->place.file, word->place.line,
		word->place.column, "\"%.100s\" is too short, expected %s", word->text,
		what);
}

void reload_stanza_check(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	const struct corefile_word *words = directive->arguments;
	int64_t ms;
	if (directive->argument_count > 0 && !argument_duration_ms(&words[0], &ms) &&
		ms < INTERVAL_MIN_MS)
		expect_duration(&words[0], "an interval of at least 2s", problems);
	if (directive->argument_count > 1 && !argument_duration_ms(&words[1], &ms) &&
		ms && ms < JITTER_MIN_MS)
		expect_duration(&words[1], "a jitter of 0 or at least 1s", problems);
}

enum err reload_stanza_read(
	const struct corefile_directive *directive, struct reload_options *out)
{
	*out = (struct reload_options){0};
	if (!directive)
		return ERR_NONE;
	int64_t interval_ms = INTERVAL_MS, jitter_ms = JITTER_MS;
	enum err err = ERR_NONE;
	if (directive->argument_count > 0)
		err = argument_duration_ms(&directive->arguments[0], &interval_ms);
	if (!err && directive->argument_count > 1)
		err = argument_duration_ms(&directive->arguments[1], &jitter_ms);
	if (err)
		return err;
	if (jitter_ms > interval_ms / 2)
		jitter_ms = interval_ms / 2;
	*out = (struct reload_options){interval_ms, jitter_ms};
	return ERR_NONE;
}
