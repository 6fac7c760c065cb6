/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/rewrite/rule.h"

#include <ctype.h>
#include <string.h>

void rewrite_rule_deinit(struct rewrite_rule *rule)
{
	pattern_free(rule->pattern);
	for (size_t i = 0; i < rule->answer_count; i++)
		pattern_free(rule->answers[i].pattern);
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);
	return length >= end && strcmp(text + length - end, suffix) == 0;
}

bool rewrite_rule_matches(const struct rewrite_rule *rule, const char *name)
{
	switch (rule->match) {
	case REWRITE_EXACT:
		return strcmp(name, rule->from) == 0;
	case REWRITE_PREFIX:
		return strncmp(name, rule->from, strlen(rule->from)) == 0;
	case REWRITE_SUFFIX:
		return has_suffix(name, rule->from);
	case REWRITE_SUBSTRING:
		return strstr(name, rule->from);
	default:
		return pattern_matches(rule->pattern, name);
	}
}

/* --- texts --- */

struct writer {
	size_t length;
	bool is_full;
	char text[DNAME_TEXT_SIZE];
};

static void put(struct writer *writer, const char *text, size_t length)
{
	if (length >= sizeof(writer->text) - writer->length) {
		writer->is_full = true;
		return;
	}
	memcpy(writer->text + writer->length, text, length);
	writer->length += length;
}

static enum err finish(struct writer *writer, struct dname *out)
{
	writer->text[writer->length] = '\0';
	if (writer->is_full || dname_from_text(writer->text, out))
		return ERR_SYNTAX;
	return ERR_NONE;
}

/* `to` with {N} as what group N has matched in `name`. */
static void put_groups(struct writer *writer, const char *to, const char *name,
	const struct pattern_match *match)
{
	while (*to) {
		unsigned group = 0;
		size_t digits = *to == '{' ? strspn(to + 1, "0123456789") : 0;
		for (size_t i = 1; i <= digits && group < PATTERN_GROUPS_MAX; i++)
			group = group * 10 + (unsigned)(to[i] - '0');
		if (!digits || to[1 + digits] != '}' || group >= match->count) {
			put(writer, to++, 1);
			continue;
		}
		const struct pattern_group *found = &match->groups[group];
		if (found->start != PATTERN_UNSET)
			put(writer, name + found->start, found->end - found->start);
		to += digits + 2;
	}
}

static void put_replaced(
	struct writer *writer, const char *name, const char *from, const char *to)
{
	const char *found;
	while ((found = strstr(name, from))) {
		put(writer, name, (size_t)(found - name));
		put(writer, to, strlen(to));
		name = found + strlen(from);
	}
	put(writer, name, strlen(name));
}

enum err rewrite_rule_name(
	const struct rewrite_rule *rule, const char *name, struct dname *out)
{
	struct writer writer = {.length = 0};
	size_t from = strlen(rule->from);
	struct pattern_match match;
	switch (rule->match) {
	case REWRITE_EXACT:
		put(&writer, rule->to, strlen(rule->to));
		break;
	case REWRITE_PREFIX:
		put(&writer, rule->to, strlen(rule->to));
		put(&writer, name + from, strlen(name) - from);
		break;
	case REWRITE_SUFFIX:
		put(&writer, name, strlen(name) - from);
		put(&writer, rule->to, strlen(rule->to));
		break;
	case REWRITE_SUBSTRING:
		put_replaced(&writer, name, rule->from, rule->to);
		break;
	default:
		if (pattern_find(rule->pattern, name, &match))
			put_groups(&writer, rule->to, name, &match);
		break;
	}
	return finish(&writer, out);
}

/* --- names of the reply --- */

static void lower_text(const struct dname *name, char *out)
{
	struct dname lower = {.length = name->length};
	dname_lower(lower.bytes, name->bytes, name->length);
	dname_to_text(lower.bytes, out);
}

/* What was put at the end of the question is taken off again. */
static void restore_suffix(const struct rewrite_rule *rule, struct dname *name)
{
	char text[DNAME_TEXT_SIZE];
	struct dname restored;
	lower_text(name, text);
	if (!has_suffix(text, rule->to))
		return;
	struct writer writer = {.length = 0};
	put(&writer, text, strlen(text) - strlen(rule->to));
	put(&writer, rule->from, strlen(rule->from));
	if (!finish(&writer, &restored))
		*name = restored;
}

/* The name itself, or its zone where it is below. */
static void restore_name(const struct rewrite_change *change, struct dname *name)
{
	struct dname lower = {.length = name->length};
	dname_lower(lower.bytes, name->bytes, name->length);
	if (!dname_is_within(&lower, &change->from))
		return;
	size_t own = (size_t)name->length - change->from.length;
	if (own + change->to.length > DNAME_MAX)
		return;
	memcpy(name->bytes + own, change->to.bytes, change->to.length);
	name->length = (uint8_t)(own + change->to.length);
}

static void rewrite_by_answer(const struct rewrite_answer *answer, struct dname *name)
{
	char text[DNAME_TEXT_SIZE];
	struct pattern_match match;
	struct dname changed;
	lower_text(name, text);
	if (!pattern_find(answer->pattern, text, &match))
		return;
	struct writer writer = {.length = 0};
	put_groups(&writer, answer->to, text, &match);
	if (!finish(&writer, &changed))
		*name = changed;
}

void rewrite_change_name(
	const struct rewrite_change *change, bool is_value, struct dname *name)
{
	const struct rewrite_rule *rule = change->rule;
	if (rule->field != REWRITE_NAME)
		return;
	if (rule->is_auto && rule->match == REWRITE_SUFFIX)
		restore_suffix(rule, name);
	else if (rule->is_auto)
		restore_name(change, name);
	for (size_t i = 0; i < rule->answer_count; i++)
		if (rule->answers[i].is_value == is_value)
			rewrite_by_answer(&rule->answers[i], name);
}
