/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/wire/dname.h"
#include "zones/export/finding.h"

/* What `waymark lookup` prints: the reply and what there is to say about it, for people
 * or as one JSON object for programs. Any thread. */

/* A name of a pod's search list, asked. */
struct lookup_step {
	struct dname name;
	const char *problem; /* why there is no reply; NULL: there is one */
	unsigned rcode, answers;
};

struct lookup_report {
	const struct dname *name;
	uint16_t type;
	const uint8_t *message;
	size_t length;       /* of the reply; 0: there is none */
	const char *problem; /* then why */
	const char *server;  /* that was asked; NULL: ourselves */
	const struct finding_list *findings;
	const char *ns; /* of the pod whose search list it was; NULL: none */
	const struct lookup_step *steps;
	size_t step_count;
};

/* ERR_SYNTAX: the message is none; ERR_NOMEM; ERR_IO: the write failed. */
enum err lookup_report_write_text(
	const struct lookup_report *report, bool has_colours, FILE *out) MUST_CHECK;
enum err lookup_report_write_json(
	const struct lookup_report *report, FILE *out) MUST_CHECK;
