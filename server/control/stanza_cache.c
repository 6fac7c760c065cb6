/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_cache.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/control/stanza_plugins.h"
#include "server/plugin/cache/cache.h"

enum {
	STALE_MS = 3600000,
	CAPACITY_MIN = 1024, /* CoreDNS's: less is as much */
	PERCENT_MIN = 10,
	PERCENT_MAX = 90,
};

const struct directive_row cache_options[] = {
	{
		.name = "success",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 3,
		.max = INT32_MAX,
		.value = "9984 3600 5",
		.help = "how many replies with the records asked for are kept, at most "
			"and at least how long, in seconds",
		.check = cache_check_kind,
	},
	{
		.name = "denial",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 3,
		.max = INT32_MAX,
		.value = "9984 1800 5",
		.help = "the same for replies that there is no such name or record",
		.check = cache_check_kind,
	},
	{
		.name = "prefetch",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 3,
		.help = "AMOUNT [PAUSE [PERCENT%]]: replies given out so often, without "
			"a pause of 1m, are renewed when 10% of their time is left",
		.check = cache_check_prefetch,
	},
	{
		.name = "serve_stale",
		.type = ARGUMENT_WORD,
		.max_arguments = 3,
		.help = "[DURATION] [immediate|verify [TIMEOUT]]: replies are given out "
			"for 1h beyond their time, at once or when there is no new one",
		.check = cache_check_stale,
	},
	{
		.name = "serve_stale_policy",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "prefer_positive",
		.help = "even a stale reply with records is preferred to one without",
	},
	{
		.name = "servfail",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = 300000,
		.value = "5s",
		.help = "how long failures are kept; 0: not at all",
	},
	{
		.name = "disable",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "success|denial [ZONE...]: these are not kept",
		.may_repeat = true,
		.check = cache_check_disable,
	},
	{
		.name = "keepttl",
		.help = "TTLs do not count down",
	},
	{.name = NULL},
};

/* --- checks --- */

static bool is_number(const struct corefile_word *word, int64_t min)
{
	int64_t value;
	return !argument_number(word, &value) && value >= min && value <= INT32_MAX;
}

/* "30"; whatever is no number is a zone. */
static bool begins_with_ttl(const struct corefile_directive *directive)
{
	int64_t value;
	return directive->argument_count &&
	       argument_number(&directive->arguments[0], &value) != ERR_SYNTAX;
}

void cache_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	size_t first = begins_with_ttl(directive);
	const struct corefile_directive *policy =
		directive_option(directive, "serve_stale_policy");
	if (first && !is_number(&directive->arguments[0], 1))
		stanza_error(problems, &directive->arguments[0],
			"\"%.100s\" for \"cache\", expected a TTL of at least 1",
			directive->arguments[0].text);
	if (directive->argument_count > first)
		stanza_check_zones("cache", directive->arguments + first,
			directive->argument_count - first, problems);
	if (policy && !directive_option(directive, "serve_stale"))
		stanza_error(problems, &policy->name,
			"serve_stale_policy needs the option \"serve_stale\"");
}

void cache_check_kind(const struct corefile_directive *option, struct diag_list *problems)
{
	if (option->argument_count > 1 && !is_number(&option->arguments[1], 1))
		stanza_error(problems, &option->arguments[1],
			"\"%.100s\" for \"%.100s\", expected a TTL of at least 1",
			option->arguments[1].text, option->name.text);
}

/* "10%"; -1: it is not. */
static int read_percent(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);
	if (end == text || strcmp(end, "%") != 0 || value < PERCENT_MIN ||
		value > PERCENT_MAX)
		return -1;
	return (int)value;
}

/* A duration that is not negative; false: it is none. */
static bool is_duration(const struct corefile_word *word)
{
	int64_t ms;
	return !argument_duration_ms(word, &ms) && ms >= 0;
}

void cache_check_prefetch(
	const struct corefile_directive *option, struct diag_list *problems)
{
	const struct corefile_word *words = option->arguments;
	if (!is_number(&words[0], 0))
		stanza_error(problems, &words[0],
			"\"%.100s\" for \"prefetch\", expected a number", words[0].text);
	if (option->argument_count > 1 && !is_duration(&words[1]))
		stanza_error(problems, &words[1],
			"\"%.100s\" for \"prefetch\", expected a duration such as 1m",
			words[1].text);
	if (option->argument_count > 2 && read_percent(words[2].text) < 0)
		stanza_error(problems, &words[2],
			"\"%.100s\" for \"prefetch\", expected a percentage from 10%% to "
			"90%%",
			words[2].text);
}

/* CACHE_IMMEDIATE, CACHE_VERIFY or -1. */
static int read_mode(const char *text)
{
	if (strcmp(text, "immediate") == 0)
		return CACHE_IMMEDIATE;
	return strcmp(text, "verify") == 0 ? CACHE_VERIFY : -1;
}

/* The words of serve_stale, each NULL where it is not given. */
struct stale_words {
	const struct corefile_word *duration, *mode, *timeout, *surplus;
};

static struct stale_words stale_words_of(const struct corefile_directive *option)
{
	struct stale_words words = {NULL};
	const struct corefile_word *at = option->arguments;
	const struct corefile_word *end = at + option->argument_count;
	if (at < end && read_mode(at->text) < 0)
		words.duration = at++;
	if (at < end)
		words.mode = at++;
	if (at < end && words.mode && strcmp(words.mode->text, "verify") == 0)
		words.timeout = at++;
	words.surplus = at < end ? at : NULL;
	return words;
}

void cache_check_stale(
	const struct corefile_directive *option, struct diag_list *problems)
{
	struct stale_words words = stale_words_of(option);
	if (words.duration && !is_duration(words.duration))
		stanza_error(problems, words.duration,
			"\"%.100s\" for \"serve_stale\", expected a duration such as 1h, "
			"or one of immediate|verify",
			words.duration->text);
	if (words.mode && read_mode(words.mode->text) < 0)
		stanza_error(problems, words.mode,
			"\"%.100s\" for \"serve_stale\", expected one of "
			"immediate|verify",
			words.mode->text);
	else if (words.surplus)
		stanza_error(problems, words.surplus,
			"\"%.100s\" for \"serve_stale\", expected nothing behind "
			"\"immediate\" or a timeout",
			words.surplus->text);
	if (words.timeout && !is_duration(words.timeout))
		stanza_error(problems, words.timeout,
			"\"%.100s\" for \"serve_stale\", expected a timeout such as "
			"500ms",
			words.timeout->text);
}

/* CACHE_SUCCESS, CACHE_DENIAL or -1. */
static int read_kind(const char *text)
{
	if (strcmp(text, "success") == 0)
		return CACHE_SUCCESS;
	return strcmp(text, "denial") == 0 ? CACHE_DENIAL : -1;
}

void cache_check_disable(
	const struct corefile_directive *option, struct diag_list *problems)
{
	const struct corefile_word *kind = &option->arguments[0];
	if (read_kind(kind->text) < 0)
		stanza_error(problems, kind,
			"\"%.100s\" for \"disable\", expected one of success|denial",
			kind->text);
	stanza_check_zones(
		"disable", option->arguments + 1, option->argument_count - 1, problems);
}

/* --- reading what was checked --- */

static enum err read_number(const struct corefile_word *word, uint32_t *out)
{
	int64_t value = 0;
	enum err err = argument_number(word, &value);
	*out = (uint32_t)value;
	return err;
}

static enum err read_head(struct build *build, const struct corefile_directive *directive,
	struct cache_options *out)
{
	size_t first = begins_with_ttl(directive);
	struct zone_list list = {.arena = build->arena};
	uint32_t ttl_s;
	enum err err = first ? read_number(&directive->arguments[0], &ttl_s) : ERR_NONE;
	for (unsigned kind = 0; !err && first && kind < CACHE_KINDS; kind++)
		out->kinds[kind].ttl_max_s = ttl_s;
	if (!err && directive->argument_count > first)
		err = zone_list_read(&list, directive->arguments + first,
			directive->argument_count - first);
	out->zones = list.zones;
	out->zone_count = list.count;
	return err;
}

static enum err read_kind_option(
	const struct corefile_directive *option, struct cache_limits *out)
{
	uint32_t numbers[3] = {0, out->ttl_max_s, out->ttl_min_s};
	for (size_t i = 0; i < option->argument_count; i++) {
		enum err err = read_number(&option->arguments[i], &numbers[i]);
		if (err)
			return err;
	}
	out->capacity = numbers[0] < CAPACITY_MIN ? CAPACITY_MIN : numbers[0];
	out->ttl_max_s = numbers[1];
	out->ttl_min_s = numbers[2];
	out->keeps_zero = option->argument_count > 2;
	return ERR_NONE;
}

static enum err read_prefetch(
	const struct corefile_directive *option, struct cache_options *out)
{
	const struct corefile_word *words = option->arguments;
	int64_t pause_ms = 0;
	enum err err = read_number(&words[0], &out->prefetch_amount);
	if (!err && option->argument_count > 1) {
		err = argument_duration_ms(&words[1], &pause_ms);
		out->prefetch_pause_s = (uint32_t)((pause_ms + 999) / 1000);
	}
	if (option->argument_count > 2)
		out->prefetch_percent = (uint32_t)read_percent(words[2].text);
	return err;
}

static enum err read_stale(
	const struct corefile_directive *option, struct cache_options *out)
{
	struct stale_words words = stale_words_of(option);
	enum err err = ERR_NONE;
	out->stale_ms = STALE_MS;
	if (words.duration)
		err = argument_duration_ms(words.duration, &out->stale_ms);
	if (words.mode)
		out->stale_mode = (enum cache_refresh_mode)read_mode(words.mode->text);
	if (words.timeout && !err)
		err = argument_duration_ms(words.timeout, &out->verify_timeout_ms);
	return err;
}

static enum err read_servfail(
	const struct corefile_directive *option, struct cache_options *out)
{
	return argument_duration_ms(&option->arguments[0], &out->servfail_ms);
}

static enum err read_success(
	const struct corefile_directive *option, struct cache_options *out)
{
	return read_kind_option(option, &out->kinds[CACHE_SUCCESS]);
}

static enum err read_denial(
	const struct corefile_directive *option, struct cache_options *out)
{
	return read_kind_option(option, &out->kinds[CACHE_DENIAL]);
}

static enum err read_policy(
	const struct corefile_directive *option, struct cache_options *out)
{
	(void)option;
	out->prefers_positive = true;
	return ERR_NONE;
}

static enum err read_keepttl(
	const struct corefile_directive *option, struct cache_options *out)
{
	(void)option;
	out->keeps_ttl = true;
	return ERR_NONE;
}

/* Zones of several lines add up; a line without any stands for all. */
static enum err read_disabled(struct build *build,
	const struct corefile_directive *directive, struct cache_options *out)
{
	struct zone_list lists[CACHE_KINDS] = {
		{.arena = build->arena}, {.arena = build->arena}};
	for (size_t i = 0; i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		if (strcmp(option->name.text, "disable") != 0)
			continue;
		int kind = read_kind(option->arguments[0].text);
		if (option->argument_count == 1)
			out->kinds[kind].is_disabled = true;
		enum err err = zone_list_read(
			&lists[kind], option->arguments + 1, option->argument_count - 1);
		if (err)
			return err;
		out->kinds[kind].excepted = lists[kind].zones;
		out->kinds[kind].excepted_count = lists[kind].count;
	}
	return ERR_NONE;
}

static const struct {
	const char *name;
	enum err (*read)(
		const struct corefile_directive *option, struct cache_options *out);
} readers[] = {
	{"success", read_success},
	{"denial", read_denial},
	{"prefetch", read_prefetch},
	{"serve_stale", read_stale},
	{"serve_stale_policy", read_policy},
	{"servfail", read_servfail},
	{"keepttl", read_keepttl},
};

static enum err read_options(struct build *build,
	const struct corefile_directive *directive, struct cache_options *out)
{
	*out = cache_options_default;
	enum err err = read_head(build, directive, out);
	for (size_t i = 0; !err && i < sizeof(readers) / sizeof(readers[0]); i++) {
		const struct corefile_directive *option =
			directive_option(directive, readers[i].name);
		if (option)
			err = readers[i].read(option, out);
	}
	return err ? err : read_disabled(build, directive, out);
}

enum err build_cache(struct build *build, const struct corefile_directive *directive)
{
	struct cache_options options;
	struct plugin_instance instance = {NULL, NULL};
	enum err err = read_options(build, directive, &options);
	if (!err)
		err = cache_new(&options, build->cache_pool, &instance);
	if (!err)
		build_add(build, &instance);
	return err;
}

/* --- the memory of all caches --- */

static bool has_cache(const struct corefile *corefile)
{
	for (size_t i = 0; i < corefile->block_count; i++)
		if (directive_in_block(&corefile->blocks[i], "cache"))
			return true;
	return false;
}

enum err stanza_make_cache_pool(const struct corefile *corefile,
	struct cache_pool *previous, struct cache_pool **out)
{
	int64_t bytes = CACHE_BYTES;
	*out = NULL;
	for (size_t i = 0; i < corefile->block_count; i++) {
		const struct corefile_directive *directive =
			directive_in_block(&corefile->blocks[i], "cache_bytes");
		enum err err = directive
				       ? argument_bytes(&directive->arguments[0], &bytes)
				       : ERR_NONE;
		if (err)
			return err;
	}
	if (!has_cache(corefile))
		return ERR_NONE;
	if (previous && cache_pool_budget(previous) == (size_t)bytes)
		*out = cache_pool_ref(previous);
	else
		*out = cache_pool_new((size_t)bytes);
	return *out ? ERR_NONE : ERR_NOMEM;
}
