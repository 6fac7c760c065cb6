/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/template/text.h"
#include "server/query/plugin.h"
#include "server/wire/record_text.h"

/* The template plugin: replies made of the question by rules of the Corefile. */

/* One record of a reply. */
struct template_record {
	struct template_text text;
	const struct record_text *fixed; /* where no field is to be filled in */
	const char *failure;             /* told where the text does not give a record */
};

struct template_section {
	const struct template_record *records;
	size_t count;
};

struct template_rule {
	const struct dname *zones;
	const char *const *zone_texts;
	size_t zone_count;
	uint16_t class, type;                /* CLASS_ANY, TYPE_ANY: all of them */
	struct template_patterns patterns;   /* the first that matches counts */
	struct template_section sections[3]; /* by enum reply_section */
	uint16_t rcode;
	int ede; /* EDE_NONE: none */
	const char *ede_text;
	/* A name that no pattern matches is the next rule's; zones it is limited to. */
	bool falls_through;
	const struct dname *fallthrough_zones;
	size_t fallthrough_count;
};

/* The rules and what they point to must outlive the instance, which frees the patterns,
 * also on failure. ERR_NOMEM. */
enum err template_plugin_new(const struct template_rule *rules, size_t count,
	struct plugin_instance *out) MUST_CHECK;
