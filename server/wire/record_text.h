/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"
#include "server/wire/dname.h"

/*
 * One record in presentation format (RFC 1035 5.1), "www.example.org. 60 IN A 192.0.2.1":
 * parentheses, comments, quotes and escapes are understood, TTLs with units, and rdata of
 * any type as \# (RFC 3597 5). Pure functions, any thread.
 */

enum {
	RECORD_TEXT_RDATA_MAX = 4096,
	RECORD_TEXT_TTL_S = 3600, /* where the text has none */
};

struct record_text {
	struct dname owner; /* relative names are taken as absolute */
	uint16_t type, class;
	uint32_t ttl_s;
	uint16_t length;
	uint8_t rdata[RECORD_TEXT_RDATA_MAX]; /* its names uncompressed */
};

/* What is wrong, and behind which octet of the text. */
struct record_text_problem {
	const char *text; /* lower case, no full stop; static */
	size_t offset;
};

/* ERR_SYNTAX with `problem`. */
enum err record_text_parse(const char *text, struct record_text *out,
	struct record_text_problem *problem) MUST_CHECK;

/* The same up to the type: the rdata is not looked at. */
enum err record_text_parse_head(const char *text, struct record_text *out,
	struct record_text_problem *problem) MUST_CHECK;
