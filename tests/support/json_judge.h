/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "zones/source/document.h"

/*
 * jansson as the judge of our JSON parser: both accept a text or both refuse it, and what
 * they accept is the same, value by value, each where its node says that it stands. Where
 * they differ on purpose the text is changed for jansson, so that all the rest of it is
 * judged too:
 *
 * - A byte order mark is skipped here: RFC 8259, section 8.1, allows it, and editors on
 *   Windows write it. jansson refuses it.
 * - A surrogate without its other half is U+FFFD here, as in Go and so for kubectl.
 *   jansson refuses it.
 * - A number that is whole and fits 64 bits is an integer, any other one stays text here,
 *   since no field that is read is one. jansson refuses what overflows.
 * - Lists and maps nest 128 levels deep here, 2048 there: what jansson accepts and is
 *   deeper than ours must be refused here.
 */

/* A text of its own, in memory of just its size, and what became of it. */
struct parsed {
	struct arena arena;
	char *text; /* overwritten by the parser */
	struct node *documents;
	struct document_error error;
	enum err err;
};

void parsed_init(struct parsed *parsed, const char *text, size_t length);
void parsed_deinit(struct parsed *parsed);

/* Fails the test `name` if jansson disagrees. True: both accept. `text` has a NUL behind
 * it. */
bool json_judge_check(const char *name, const char *text, size_t length);

/* On standard error, its unprintable bytes in hexadecimal. */
void json_judge_print(const char *text, size_t length);
