/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/pattern.h"
#include "server/wire/dname.h"

/*
 * One rule of the rewrite plugin: what it matches, what it makes of a name, and what of
 * the names in the reply. Names are compared as text in lower case with a dot at the end.
 * Immutable once made; pure functions, any thread.
 */

enum rewrite_field {
	REWRITE_NAME,
	REWRITE_TYPE,
	REWRITE_CLASS,
	REWRITE_TTL,
	REWRITE_RCODE,
};

enum rewrite_match {
	REWRITE_EXACT,
	REWRITE_PREFIX,
	REWRITE_SUFFIX,
	REWRITE_SUBSTRING,
	REWRITE_REGEX,
};

/* `answer name FROM TO`, `answer value FROM TO`. */
struct rewrite_answer {
	bool is_value; /* names in rdata, not owners */
	struct pattern *pattern;
	const char *to;
};

struct rewrite_rule {
	enum rewrite_field field;
	bool goes_on; /* `continue` */
	/* Of NAME, TTL and RCODE: which names it is for. */
	enum rewrite_match match;
	const char *from;
	struct pattern *pattern; /* REWRITE_REGEX */
	/* NAME */
	const char *to;
	bool is_auto; /* names of the reply are changed back */
	const struct rewrite_answer *answers;
	size_t answer_count;
	/* TYPE, CLASS, RCODE */
	uint16_t old_number, new_number;
	/* TTL */
	uint32_t ttl_min_s, ttl_max_s;
};

/* Frees the patterns. */
void rewrite_rule_deinit(struct rewrite_rule *rule);

/* Is the rule for this name? */
bool rewrite_rule_matches(const struct rewrite_rule *rule, const char *name);

/* What a NAME rule that matches makes of the name. ERR_SYNTAX: no name. */
enum err rewrite_rule_name(
	const struct rewrite_rule *rule, const char *name, struct dname *out) MUST_CHECK;

/* A rule that has been applied: names that end in `from` end in `to` again. */
struct rewrite_change {
	const struct rewrite_rule *rule;
	struct dname from; /* in lower case */
	struct dname to;
};

/* A name of the reply, an owner or (is_value) one in rdata, as the client is to see it.
 */
void rewrite_change_name(
	const struct rewrite_change *change, bool is_value, struct dname *name);
