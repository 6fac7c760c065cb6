/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/diag.h"
#include "zones/source/document.h"

/* The content of one file at a time, in memory that serves one file after the other. */
struct content {
	struct arena arena;
	char *text;
	size_t capacity;
	struct node *documents;
};

void content_init(struct content *content);
void content_deinit(struct content *content);

/*
 * Reads the file and parses it as its name says: .json is JSON, all else YAML, which
 * JSON may stand for. ERR_INVALID: reported. ERR_NOTFOUND. ERR_NOMEM.
 */
enum err content_load(
	struct content *content, const char *path, struct diag_list *problems) MUST_CHECK;

/* The same for a text of `length` bytes, copied. */
enum err content_parse(struct content *content, const char *path, const char *text,
	size_t length, struct diag_list *problems) MUST_CHECK;
