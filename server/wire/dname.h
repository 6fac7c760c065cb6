/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Domain names in wire format (RFC 1035 3.1): length octets and labels, ended by the
 * root's 0. Always uncompressed and valid once they are in a struct dname. Pure
 * functions, any thread.
 */

enum {
	DNAME_MAX = 255, /* octets, the root's included (RFC 1035 2.3.4) */
	DNAME_LABEL_MAX = 63,
	DNAME_LABELS_MAX = 127,
	DNAME_TEXT_SIZE =
		1021, /* the longest text: every octet as \DDD, the dots, the NUL */
};

struct dname {
	uint8_t length; /* 1 to 255 octets in use */
	uint8_t bytes[DNAME_MAX];
};

/*
 * From presentation format (RFC 1035 5.1: \. and \DDD are understood), relative names
 * taken as absolute, spelling kept. ERR_SYNTAX: empty label or bad escape; ERR_RANGE: a
 * label over 63 or a name over 255 octets.
 */
enum err dname_from_text(const char *text, struct dname *out) MUST_CHECK;

/* Presentation format with the final dot. Returns `out`, DNAME_TEXT_SIZE bytes. */
const char *dname_to_text(const uint8_t *name, char *out);

/* Octets of the valid name at `name`. */
size_t dname_length(const uint8_t *name);

/* Labels without the root; `offsets`, unless NULL, takes where each begins, leftmost
 * first, up to DNAME_LABELS_MAX. */
unsigned dname_labels(const uint8_t *name, uint8_t *offsets);

/* ASCII letters to lower case; the length octets are below 'A' and never change
 * (RFC 4343 3). `out` may be `name`. */
void dname_lower(uint8_t *out, const uint8_t *name, size_t length);

bool dname_equal(const struct dname *a, const struct dname *b); /* octet for octet */

/* Puts `label` (1 to 63 octets) in front. ERR_RANGE when the name grows over 255. */
enum err dname_prepend(struct dname *name, const void *label, size_t length) MUST_CHECK;

/* Is `name` equal to `zone` or below it? Both lower-case. */
bool dname_is_within(const struct dname *name, const struct dname *zone);
