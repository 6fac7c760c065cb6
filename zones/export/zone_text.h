/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/err.h"

/*
 * DNS messages in wire format as text for people and other programs. Any bytes may be
 * given: ERR_SYNTAX says that they are not one whole message (also with bytes behind the
 * last record, more than one OPT, or one outside of the additional section), and then
 * nothing was written. ERR_NOMEM likewise. ERR_IO: the write to `out` failed, errno says
 * why. Any thread.
 */

/* The records of the answer, authority and additional section, but for OPT, one a line
 * in presentation format (RFC 1035 5.1), with a tab between owner, TTL, class, type and
 * data. */
enum err zone_text_write_records(
	const uint8_t *message, size_t length, FILE *out) MUST_CHECK;

/* The whole message in the layout that dig prints, from the header line on: header,
 * flags and counts, OPT, then each section that is not empty. */
enum err zone_text_write_message(
	const uint8_t *message, size_t length, FILE *out) MUST_CHECK;

/* The first Extended DNS Error of a message (RFC 8914). */
struct zone_text_error {
	bool is_present;
	uint16_t code;
	char text[256]; /* what is not printable ASCII as '.'; cut where it is longer */
};

enum err zone_text_read_error(
	const uint8_t *message, size_t length, struct zone_text_error *out) MUST_CHECK;
