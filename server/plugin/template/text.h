/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/pattern.h"
#include "server/query/query.h"

/*
 * The text of a template, in the part of Go's template language that fills in fields:
 * "{{ .Name }} 60 IN A 10.0.0.{{ .Group.last }}". Parsed once into parts, then immutable.
 */

enum template_part_kind {
	TEMPLATE_LITERAL,
	TEMPLATE_ZONE,
	TEMPLATE_NAME,
	TEMPLATE_CLASS,
	TEMPLATE_TYPE,
	TEMPLATE_REMOTE,
	TEMPLATE_GROUP,  /* what a group of the pattern has matched */
	TEMPLATE_NUMBER, /* the same, read as a number of a base */
	TEMPLATE_QUESTION_NAME,
	TEMPLATE_QUESTION_TYPE,
	TEMPLATE_QUESTION_CLASS,
	TEMPLATE_MESSAGE_ID,
};

struct template_part {
	enum template_part_kind kind;
	const char *literal;
	size_t length;         /* of the literal */
	const int16_t *groups; /* the number of the group by pattern; -1: it has none */
	uint8_t base, bits;
};

struct template_text {
	const struct template_part *parts;
	size_t count;
};

struct template_patterns {
	struct pattern *const *items;
	size_t count;
};

/* Behind how many octets of the text something is wrong, and what. */
struct template_problem {
	size_t offset;
	char text[160];
};

/* ERR_SYNTAX with `problem`; ERR_NOMEM. */
enum err template_text_parse(const char *text, const struct template_patterns *patterns,
	struct arena *arena, struct template_text *out,
	struct template_problem *problem) MUST_CHECK;

/* No field has to be filled in. */
bool template_text_is_fixed(const struct template_text *text);

/* What the fields stand for. */
struct template_values {
	const char *zone;
	const char *name; /* in lower case; what the pattern has matched */
	const char *class, *type, *remote;
	size_t pattern; /* which */
	const struct pattern_match *match;
	const struct request *request;
};

/* False: it does not fit, or a group is not there or no number. */
bool template_text_write(const struct template_text *text,
	const struct template_values *values, char *out, size_t size);
