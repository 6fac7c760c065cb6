/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * A conformance suite: a file of tests/cases/conformance, whose README.md says what the
 * fields mean. Everything that a getter fills in is borrowed from the suite.
 */

struct json_t;

struct suite {
	struct json_t *root;
	char name[64];
};

/* What the server is started with. */
struct suite_setup {
	const char *corefile;
	bool is_synced;
	struct json_t *local_ips; /* may be NULL */
	struct json_t *manifests; /* may be NULL */
};

enum suite_choice { SUITE_BOTH, SUITE_NO, SUITE_YES };

struct suite_case {
	struct suite_setup setup;
	const char *qname, *qtype, *rcode;
	uint16_t type;
	bool has_aa, has_tc;
	bool is_sequence;                      /* the order of the records counts */
	enum suite_choice over_tcp, with_edns; /* the ways to ask it */
	int ede; /* the extended error that an EDNS reply carries (RFC 8914); -1: any */
	struct json_t *sections[3]; /* answer, authority, additional */
	struct json_t *ignore;      /* may be NULL */
};

/* ERR_IO, or ERR_SYNTAX with the place on standard error. */
enum err suite_load(const char *path, struct suite *suite) MUST_CHECK;
void suite_deinit(struct suite *suite);

size_t suite_case_count(const struct suite *suite);

/* ERR_SYNTAX: the case lacks a field. */
enum err suite_case_get(
	const struct suite *suite, size_t i, struct suite_case *out) MUST_CHECK;

/* True when a server started with `a` can answer for `b` too. */
bool suite_setup_equal(const struct suite_setup *a, const struct suite_setup *b);
