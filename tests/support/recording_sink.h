/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "zones/source/source.h"

/*
 * A sink that writes down as text what a source delivers, a line for each call and an
 * indented one for each part of an object.
 */
struct recording_sink {
	FILE *stream;
	char *text; /* what was recorded; current after recording_sink_text */
	size_t size;
	unsigned upserts, removes, commits, reports;
	bool is_synced;
};

/* No memory ends the test. */
void recording_sink_init(struct recording_sink *recording);
void recording_sink_deinit(struct recording_sink *recording);

/* A sink that records here. */
struct source_sink recording_sink_get(struct recording_sink *recording);

const char *recording_sink_text(struct recording_sink *recording);

/* Forgets what was recorded. */
void recording_sink_clear(struct recording_sink *recording);
